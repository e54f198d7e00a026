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
"""What our trainer's own work costs in a step: reading its rollouts from a real TransferQueue, and the metrics.

`python benchmarks/diagnostics.py --updates 1 4` starts a Ray of its own on this machine.
"""

import argparse
import time

import ray
import torch
import transfer_queue as tq
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf
from tensordict import NonTensorStack, TensorDict
from transfer_queue import KVBatchMeta
from verl.trainer.ppo.v1 import get_trainer_cls

from asymgrpo_verl.core.estimators import ESTIMATORS
from asymgrpo_verl.core.schedules import Constant
from asymgrpo_verl.integration.rollouts import join, last_outputs
from asymgrpo_verl.integration.settings import DiagnosticsSettings
from asymgrpo_verl.integration.trainer import State

N = 8
FIELDS = ("response_mask", "rm_scores", "advantages", "old_log_probs", "entropy")


def trainer_of(prompts: int):
    """Return our trainer with what its own work needs; its __init__ would build a whole run."""
    with initialize_config_module("verl.trainer.config", version_base=None):
        overrides = ["+asymgrpo=asymgrpo", f"actor_rollout_ref.rollout.n={N}", f"data.train_batch_size={prompts}"]
        config = compose("ppo_trainer", overrides)
    trainer_class = get_trainer_cls("asymgrpo")
    trainer = trainer_class.__new__(trainer_class)
    trainer.config, trainer.estimator, trainer.of_policy = config, "asymgrpo", ["entropy"]
    trainer.estimator_settings, trainer.diagnostics_settings = ESTIMATORS["asymgrpo"].settings(), DiagnosticsSettings()
    trainer.schedules = {"beta_pos": Constant(), "beta_neg": Constant()}
    trainer.state, trainer.entropy_advantage, trainer.bonuses = State(), None, []
    trainer.global_steps, trainer.steps_per_epoch = 1, 100
    return trainer


def put(first: int, prompts: int, tokens: int) -> KVBatchMeta:
    """Put the rollouts of an update into the TransferQueue, of half to all of `tokens` tokens each."""
    draw, rows = torch.Generator().manual_seed(first), prompts * N
    lengths = torch.randint(tokens // 2, tokens + 1, (rows,), generator=draw).tolist()
    columns = {
        name: torch.nested.as_nested_tensor([torch.rand(length, generator=draw) for length in lengths])
        for name in FIELDS[2:]
    }
    columns["response_mask"] = torch.nested.as_nested_tensor(
        [torch.ones(length, dtype=torch.int64) for length in lengths]
    )
    rewards = [torch.zeros(length) for length in lengths]
    for row, correct in zip(rewards, torch.randint(2, (rows,), generator=draw).tolist(), strict=True):
        row[-1] = correct
    columns["rm_scores"] = torch.nested.as_nested_tensor(rewards)
    columns["extra_fields"] = NonTensorStack(*({"reward_extra_info": {"acc": bool(row[-1])}} for row in rewards))
    keys = [f"prompt{first + prompt}_{session}_0" for prompt in range(prompts) for session in range(N)]
    tags = [{"min_global_steps": 0, "max_global_steps": 0} for _ in keys]
    tq.kv_batch_put(keys=keys, partition_id="train", fields=TensorDict(columns, batch_size=rows), tags=tags)
    return KVBatchMeta(partition_id="train", keys=keys, tags=tags)


def measure(rollouts: int, tokens: int, updates: int, threads: int) -> None:
    prompts = rollouts // N // updates
    trainer = trainer_of(prompts * updates)
    batches = [put(update * prompts, prompts, tokens) for update in range(updates)]
    torch.set_num_threads(threads)
    for _ in range(2):  # the first call imports and connects
        spent, parts = {"read": 0.0, "groups": 0.0}, []
        for batch in batches:
            start = time.perf_counter()
            outputs = trainer._read_outputs(batch)
            read = time.perf_counter()
            parts.append(last_outputs(outputs, 0.5))
            spent["read"] += read - start
            spent["groups"] += time.perf_counter() - read
        start = time.perf_counter()
        step = join(parts)
        spent["join"] = time.perf_counter() - start
        start = time.perf_counter()
        trainer._diagnose(step)
        spent["metrics"] = time.perf_counter() - start
    padded = sum(getattr(step, name).nbytes for name in ("mask", "advantages", "log_probs", "entropy"))
    held = (
        padded
        if updates == 1
        else padded
        + sum(getattr(part, name).nbytes for part in parts for name in ("mask", "advantages", "log_probs", "entropy"))
    )
    times = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in spent.items())
    print(f"{updates} updates: {times}; in all {sum(spent.values()):.2f} s; holds {held / padded:.1f} padded copies")
    tq.kv_clear(keys=[key for batch in batches for key in batch.keys], partition_id="train")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollouts", type=int, default=1024)
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--updates", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    ray.init(num_cpus=16, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    with initialize_config_module("verl.trainer.config", version_base=None):
        tq.init(OmegaConf.merge(compose("ppo_trainer").transfer_queue, {"enable": True}))
    print(f"{arguments.rollouts} rollouts of {arguments.tokens // 2} to {arguments.tokens} tokens")
    for updates in arguments.updates:
        measure(arguments.rollouts, arguments.tokens, updates, arguments.threads)
    tq.close()
    ray.shutdown()


if __name__ == "__main__":
    main()
