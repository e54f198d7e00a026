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
"""Ends a run that waits for a process that has died.

verl ends by itself when a call fails. But its worker sends weights to the rollout server with no time limit and without
looking whether it is there, so a server that died since the last rollout would leave the run waiting for ever.
"""

import os
import threading
import time

import ray

POLL_SECONDS = 2
PATIENCE_SECONDS = 30  # in which verl, if it notices, ends by itself and says more
FORWARD_SECONDS = 2  # Ray takes what is printed to the driver


def watch_actors() -> None:
    """Start a thread that ends this process, and with it the run, when a worker or a rollout server has died."""
    threading.Thread(target=_watch, name="watch_actors", daemon=True).start()


def _watch() -> None:
    alive = {name for name in ray.util.list_named_actors() if "WorkerDict" in name or "_server_" in name}
    while not (dead := alive - set(ray.util.list_named_actors())):
        time.sleep(POLL_SECONDS)
    time.sleep(PATIENCE_SECONDS)
    print(f"[asymgrpo_verl] {', '.join(sorted(dead))} died {PATIENCE_SECONDS} s ago, so the run ends", flush=True)
    time.sleep(FORWARD_SECONDS)
    os._exit(1)
