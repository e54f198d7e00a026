# Copyright 2026 The asymgrpo_verl Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""End the run if a worker or a rollout server has died.

verl itself ends a run when a call fails. But verl's worker sends weights to the rollout server without a time limit,
and does not check that the server is alive. So if a server dies between two rollouts, verl waits for ever.
"""

import os
import threading
import time

import ray

POLL_SECONDS = 2
PATIENCE_SECONDS = 30  # If verl notices the death, it ends the run in this time, with a better message than ours.
FORWARD_SECONDS = 2  # Ray needs this time to forward what we print to the driver.


def watch_actors() -> None:
    """Start a thread that ends this process, and so the run, if a worker or a rollout server dies from now on."""
    threading.Thread(target=_watch, name="watch_actors", daemon=True).start()


def _watch() -> None:
    alive = {name for name in ray.util.list_named_actors() if "WorkerDict" in name or "_server_" in name}
    while not (dead := alive - set(ray.util.list_named_actors())):
        time.sleep(POLL_SECONDS)
    time.sleep(PATIENCE_SECONDS)
    print(f"[asymgrpo_verl] {', '.join(sorted(dead))} died {PATIENCE_SECONDS} s ago, so the run ends", flush=True)
    time.sleep(FORWARD_SECONDS)
    os._exit(1)
