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
"""Which of our trainers a run has: one for each trainer of verl's v1, chosen by `trainer.v1.trainer_mode`.

A run that says `+asymgrpo=METHOD`, or sets anything else that only our trainers read, may leave verl's own name in
`trainer_mode`: it gets our trainer of the same mode (`use_our_trainer`). All three do the same in one step, and a step
is everything between two weight syncs, in which the rollout servers get the policy's weights:

- `sync`, ours `asymgrpo`: generation, then training.
- `colocate_async`: rollouts that are not finished when training starts go on after it, with the new weights.
- `separate_async`: rollout servers of their own generate meanwhile, and a step has `parameter_sync_step` triggers, each
  of which samples rollouts and trains on them.
"""

from typing import Any

from omegaconf import DictConfig, OmegaConf

from asymgrpo_verl.integration.settings import TRAINER_GROUPS

MODE = "trainer.v1.trainer_mode"
# our name -> verl's name of the trainer that it extends
VERLS = {
    "asymgrpo": "sync",
    "asymgrpo_colocate_async": "colocate_async",
    "asymgrpo_separate_async": "separate_async",
}
OURS = {verls: ours for ours, verls in VERLS.items()}


def trainer_mode(config: DictConfig) -> str:
    """Return the `trainer_mode` that a run of verl's v1 trainer has: ours instead of verl's if the run needs it."""
    mode = OmegaConf.select(config, MODE)
    return OURS[mode] if mode in OURS and read_by_our_trainers(config) else mode


def read_by_our_trainers(config: DictConfig) -> list[str]:
    """Return the groups of settings that a run has and that only our trainers read; METHOD always has `diagnostics`."""
    algorithm = config.algorithm
    groups = [name for name in TRAINER_GROUPS if algorithm.get(name) is not None]
    if algorithm.adv_estimator == "asymgrpo" and OmegaConf.select(algorithm, "asymgrpo.schedule"):
        groups.append("asymgrpo.schedule")
    return groups


def use_our_trainer(config: DictConfig, task_runner: Any = None) -> None:
    """Put our trainer's name in the place of verl's, if `trainer_mode` says so, and print it.

    Args:
        task_runner: as for `other_trainer`. A run with another trainer than those of verl's v1 stays as it is.
    """
    if other_trainer(config, task_runner):
        return
    mode, ours = OmegaConf.select(config, MODE), trainer_mode(config)
    if mode != ours:
        OmegaConf.update(config, MODE, ours)
        groups = ", ".join(f"algorithm.{name}" for name in read_by_our_trainers(config))
        print(f"[asymgrpo_verl] {MODE}={ours} instead of {mode}, because only our trainers read {groups}")


def is_ours(config: DictConfig) -> bool:
    """Return whether a run has one of our trainers, if verl's entry point leaves the choice to the configuration."""
    return bool(OmegaConf.select(config, "trainer.use_v1")) and trainer_mode(config) in VERLS


def other_trainer(config: DictConfig, task_runner: Any = None) -> str | None:
    """Return how the trainer of the run is chosen, if it does not read our settings; None for one of ours.

    A task runner of verl other than TaskRunnerV1 has a trainer of its own, whatever `trainer.v1.trainer_mode` says.

    Args:
        task_runner: the class that the entry point gives to `verl.trainer.main_ppo.run_ppo`, if it is known.
    """
    runner = getattr(task_runner, "__ray_actor_class__", task_runner)
    verls = [kind for kind in getattr(runner, "__mro__", ()) if kind.__module__.startswith("verl.")]
    v1 = any(kind.__name__ == "TaskRunnerV1" for kind in verls)
    if verls and not v1:
        return verls[0].__module__
    if not v1 and not OmegaConf.select(config, "trainer.use_v1"):
        return "trainer.use_v1=False"
    mode = trainer_mode(config)
    return None if mode in VERLS else f"{MODE}={mode}"
