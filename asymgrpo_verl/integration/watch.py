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
import re
import threading
import time
from collections.abc import Callable, Iterable

import ray

POLL_SECONDS = 2
PATIENCE_SECONDS = 30  # If verl notices the death, it ends the run in this time, with a better message than ours.
FORWARD_SECONDS = 2  # Ray needs this time to forward what we print to the driver.
# verl names a worker PREFIX + class + _BUNDLE:RANK, with the class WorkerDict in 0.9.1 and FusedWorker after it, and a
# rollout server ENGINE_server_REPLICA_NODE. A user's own actor, such as a sandbox of a reward, may end at any time.
KINDS = {
    "worker": re.compile(r".*Worker\w*_\d+:\d+"),
    "rollout server": re.compile(r"(vllm|sglang|trtllm)_(.*_)?server_.*"),
}


def watch_actors() -> None:
    """Start a thread that ends this process, and so the run, if a worker or a rollout server dies from now on."""
    threading.Thread(target=_watch, name="watch_actors", daemon=True).start()


def own_actors(actors: Iterable[tuple[str, str]], job: str) -> dict[str, set[str]]:
    """Return kind -> names of the workers and of the rollout servers of one Ray job, which is one run.

    Args:
        actors: (name, id of the job that made it) of the actors in the namespace, which several runs may share.
    """
    mine = [name for name, of in actors if of == job]
    return {kind: {name for name in mine if pattern.fullmatch(name)} for kind, pattern in KINDS.items()}


def wait_for_death(
    watched: set[str], alive: Callable[[], Iterable[str]], sleep: Callable[[float], None] = time.sleep
) -> set[str]:
    """Return the names of `watched` that are not alive, once they have been missing for PATIENCE_SECONDS.

    Args:
        alive: returns the names of the actors that are alive; any error means that Ray's GCS did not answer.
        sleep: waits for a number of seconds.
    """
    while True:
        if watched - _ask(alive, sleep):
            sleep(PATIENCE_SECONDS)
            if dead := watched - _ask(alive, sleep):  # not if a GCS that was restarted knew no names for a moment
                return dead
        sleep(POLL_SECONDS)


def _ask(alive: Callable[[], Iterable[str]], sleep: Callable[[float], None]) -> set[str]:
    """Return the answer of `alive`; ask until there is one. If the GCS is gone for good, Ray ends the process."""
    failures = 0
    while True:
        try:
            return set(alive())
        except Exception as error:  # because Ray raises many types for one cause: a call that did not reach the GCS
            failures += 1
            if failures * POLL_SECONDS == PATIENCE_SECONDS:
                _print(f"Ray has not said for {PATIENCE_SECONDS} s which actors live ({error}); we go on asking")
            sleep(POLL_SECONDS)


def _actors_of_jobs() -> list[tuple[str, str]]:
    """Return (name, id of its job) of each actor in this namespace."""
    actors = []
    for name in ray.util.list_named_actors():
        try:
            actors.append((name, ray.get_actor(name)._actor_id.job_id.hex()))
        except ValueError:  # it ended after it was listed
            continue
    return actors


def _watch() -> None:
    actors = _ask(_actors_of_jobs, time.sleep)
    own = own_actors(actors, ray.get_runtime_context().get_job_id())
    if missing := [kind for kind, names in own.items() if not names]:
        _print(
            f"found no {' and no '.join(missing)} of this run among {len(actors)} named actors, so we cannot end the "
            "run if one dies"
        )
    watched = set().union(*own.values())
    dead = wait_for_death(watched, ray.util.list_named_actors)
    _print(f"{', '.join(sorted(dead))} died {PATIENCE_SECONDS} s ago, so the run ends")
    time.sleep(FORWARD_SECONDS)
    os._exit(1)


def _print(message: str) -> None:
    print(f"[asymgrpo_verl] {message}", flush=True)
