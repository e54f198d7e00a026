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
"""Check before Ray starts what an asynchronous trainer needs, because verl asserts it after minutes of starting."""

from functools import partial

from omegaconf import DictConfig, OmegaConf

from asymgrpo_verl.integration.modes import VERLS, trainer_mode

ROLLOUT = "actor_rollout_ref.rollout"


def check_mode(config: DictConfig) -> None:
    """Check the settings of a run of one of our trainers that its mode restricts, and say what corrects stale rollouts.

    Raises:
        ValueError: the mode cannot run with them.
    """
    mode = VERLS[trainer_mode(config)]
    if mode == "separate_async":
        _check_separate_async(config)
    if mode != "sync":
        _print_what_corrects(config, mode)


def _check_separate_async(config: DictConfig) -> None:
    select = partial(OmegaConf.select, config)
    batch, mini = select("data.train_batch_size"), select("actor_rollout_ref.actor.ppo_mini_batch_size")
    updates = select("trainer.v1.separate_async.parameter_sync_step")
    if batch != updates * mini:
        raise ValueError(
            f"trainer.v1.separate_async.parameter_sync_step: got {updates}; expected {batch / mini:g} = "
            f"data.train_batch_size={batch} / actor_rollout_ref.actor.ppo_mini_batch_size={mini}, because a step of "
            "separate_async trains each mini-batch once. Set one of the three."
        )
    for key in ("nnodes", "n_gpus_per_node"):
        if select(f"{ROLLOUT}.{key}") < 1:
            raise ValueError(
                f"{ROLLOUT}.{key}: got {select(f'{ROLLOUT}.{key}')}; expected 1 or more, because in separate_async the "
                "rollout servers have GPUs of their own. Set it, and leave the trainer the others."
            )
    backend, device = select(f"{ROLLOUT}.checkpoint_engine.backend"), select("trainer.device")
    if backend == "naive" or (device == "cpu") != (backend == "gloo"):
        expected = "gloo" if device == "cpu" else "one that moves weights between GPUs, such as nccl"
        raise ValueError(
            f"{ROLLOUT}.checkpoint_engine.backend: got {backend}; expected {expected}, because in separate_async the "
            f"weights go from the trainer to other processes, with trainer.device={device}. Set it."
        )
    offload = "actor_rollout_ref.actor.fsdp_config.param_offload"
    bypass = select("algorithm.rollout_correction.bypass_mode")
    if select(offload) and updates > 1 and not bypass and device != "cpu":
        raise ValueError(
            f"{offload}: got True; expected False, because verl saves the weights of a step's start without a copy if "
            "they are in the host's memory, so a step would lose all but its last mini-batch. Set it, or "
            "trainer.v1.separate_async.parameter_sync_step=1, or algorithm.rollout_correction.bypass_mode=True."
        )
    if select("reward.reward_model.enable") and not select("reward.reward_model.enable_resource_pool"):
        raise ValueError(
            "reward.reward_model.enable_resource_pool: got False; expected True, because in separate_async the rollout "
            "servers never make room for a reward model. Set it."
        )


def _print_what_corrects(config: DictConfig, mode: str) -> None:
    correction = OmegaConf.select(config, "algorithm.rollout_correction") or {}
    if not any(correction.get(key) for key in ("rollout_is", "rollout_rs", "bypass_mode")):
        print(
            f"[asymgrpo_verl] {mode}: rollouts come from older policies, and nothing corrects for it. "
            "algorithm.rollout_correction.rollout_is=token weights them; see training/off_policy/* and "
            "rollouts/*/staleness in the log"
        )
