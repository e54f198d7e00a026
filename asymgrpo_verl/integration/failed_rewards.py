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
"""Count the rollouts whose reward function raised, and end the run if they are too many.

If a reward function raises, verl's agent loop logs the error and drops the rollout. In `sync` the rest of its group is
trained, so the p of the group changes; the asynchronous trainers drop the whole group and draw another prompt. The
worker of the agent loop writes the error into the TransferQueue, where our trainer finds it.
"""

import time
from collections.abc import Callable, Iterable
from functools import wraps

import transfer_queue as tq
from omegaconf import OmegaConf

from asymgrpo_verl.integration.modes import MODE, VERLS

PARTITION = "asymgrpo_failed_rewards"
KEPT = 4000  # characters of an error, from its end, because Ray's errors start with a traceback


def recording(compute_score: Callable) -> Callable:
    """Wrap verl's `AgentLoopWorker._compute_score` so that an error is recorded before it is raised again."""

    @wraps(compute_score)
    async def recorded(self, *arguments, **named):
        try:
            return await compute_score(self, *arguments, **named)
        except Exception as error:  # because a reward function may raise anything
            kwargs = named.get("kwargs", arguments[-1] if arguments else None)  # of the rollout, in verl 0.9
            if OmegaConf.select(self.config, MODE) in VERLS:
                text = f"{type(error).__name__}: {error}"[-KEPT:]
                key = f"{kwargs['uid']}_{kwargs['session_id']}"
                await tq.async_kv_put(key=key, partition_id=PARTITION, tag={"error": text, "time": time.time()})
            raise

    return recorded


def failures() -> list[str]:
    """Return the errors that nobody has taken yet, the first one first."""
    return list(_recorded().values())


def take_failures() -> list[str]:
    """Return the errors since the last call, the first one first, and remove them from the TransferQueue."""
    recorded = _recorded()
    _clear(recorded)
    return list(recorded.values())


def forget_validation() -> None:
    """Remove the errors of a validation, which has ended: those of prompts that are not in training.

    In the asynchronous modes training goes on during a validation, and its errors count.
    """
    training = {key.split("_")[0] for key in _tags("train")}
    _clear(key for key in _tags(PARTITION) if key.split("_")[0] not in training)


def _recorded() -> dict[str, str]:
    """Return key -> error, the first one first.

    The TransferQueue lists a key before it has the key's tag. The next call then has it.
    """
    tags = {key: tag for key, tag in _tags(PARTITION).items() if "error" in tag}
    return {key: tags[key]["error"] for key in sorted(tags, key=lambda key: tags[key]["time"])}


def _tags(partition: str) -> dict[str, dict]:
    return (tq.kv_list(partition_id=partition) or {}).get(partition) or {}


def _clear(keys: Iterable[str]) -> None:
    if keys := list(keys):
        tq.kv_clear(keys=keys, partition_id=PARTITION)


def failed_share(failures: list[str], rollouts: int, at_most: float) -> float:
    """Return the share of a step's rollouts whose reward failed.

    Args:
        failures: the errors of the step.
        rollouts: the step's rollouts with a reward.
        at_most: `algorithm.diagnostics.max_failed_rewards`.

    Raises:
        RuntimeError: the share is larger; the message has the first error.
    """
    share = len(failures) / max(len(failures) + rollouts, 1)
    if share > at_most:
        raise RuntimeError(
            f"reward function: got an error for {len(failures)} of {len(failures) + rollouts} rollouts of this step; "
            f"expected at most a share of {at_most:g}, because verl drops such a rollout, and its group's accuracy "
            "changes. Mend the reward function, or raise algorithm.diagnostics.max_failed_rewards. The first error:\n"
            f"{failures[0]}"
        )
    return share
