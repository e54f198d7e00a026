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
"""Compute losses and gradients on one rank and on two: a module that spawned processes can import by name."""

import os
import socket
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import torch
import torch.multiprocessing
from omegaconf import OmegaConf
from places import RECIPES
from tensordict import TensorDict

from asymgrpo_verl.core.estimators import ESTIMATORS

PROMPTS, N, MAX_LENGTH = 5, 4, 12
ROWS = PROMPTS * N
AGGREGATIONS = ("token-mean", "token-sum", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm")
# estimator, actor.policy_loss.loss_mode, actor.loss_agg_mode
CHANNEL_CASES = [*product(["asymgrpo"], ["asymgrpo"], AGGREGATIONS)]
CASES = [
    *CHANNEL_CASES,
    *product(["asymgrpo"], ["vanilla"], AGGREGATIONS),
    *product([*(name for name in ESTIMATORS if name != "asymgrpo"), "grpo"], ["asymgrpo"], ["token-mean"]),
    ("grpo", "up", "token-mean"),
    ("grpo", "vanilla", "token-mean"),
]


def draw_batch() -> dict:
    """Rollouts of random tokens: ragged, groups from none to all correct, one rollout without a response token left."""
    draw = torch.Generator().manual_seed(0)
    prompts = [torch.randint(256, (int(n),), generator=draw) for n in torch.randint(3, 9, (PROMPTS,), generator=draw)]
    lengths = torch.randint(1, MAX_LENGTH + 1, (ROWS,), generator=draw).tolist()
    solved = [group for group in range(PROMPTS) for _ in range(N)]  # group g has g of its N rollouts correct
    masks = [torch.ones(length, dtype=torch.long) for length in lengths]
    masks[6].zero_()  # as verl's rollout correction leaves a rejected rollout, and as it pads a batch
    return {
        "uid": np.array([f"prompt-{row // N}" for row in range(ROWS)], dtype=object),
        "prompts": [prompts[row // N] for row in range(ROWS)],
        "responses": [torch.randint(256, (length,), generator=draw) for length in lengths],
        "response_mask": masks,
        "correct": [row % N < solved[row] for row in range(ROWS)],
        # what the policy has moved by since: ratios within the clip range, beyond it, and beyond the dual clip's
        "moved": [torch.randn(length, generator=draw) * 0.6 for length in lengths],
    }


def rows_of(batch: dict, rows: list[int]) -> dict:
    return {name: column[rows] if name == "uid" else [column[row] for row in rows] for name, column in batch.items()}


def split_as_verl(batch: dict, ranks: int) -> list[list[int]]:
    """The rows that verl's trainer gives each rank: as many, and about as much work."""
    from verl.utils.seqlen_balancing import calculate_workload, get_seqlen_balanced_partitions

    lengths = torch.tensor([len(p) + len(r) for p, r in zip(batch["prompts"], batch["responses"], strict=True)])
    return get_seqlen_balanced_partitions(calculate_workload(lengths), k_partitions=ranks, equal_size=True)


def compute_advantages(batch: dict, estimator: str) -> list[torch.Tensor]:
    """verl's advantages of the whole batch, in the order of its rows, as its trainer computes them before the split."""
    from verl import DataProto
    from verl.trainer.config import AlgoConfig
    from verl.trainer.ppo.ray_trainer import compute_advantage

    pad = partial(torch.nn.utils.rnn.pad_sequence, batch_first=True)
    mask = pad(batch["response_mask"])
    rewards = torch.zeros(mask.shape)
    last = [len(response) - 1 for response in batch["responses"]]
    rewards[torch.arange(len(rewards)), last] = torch.tensor(batch["correct"]).float()
    fields = {"token_level_rewards": rewards, "response_mask": mask}
    data = DataProto.from_dict(fields, non_tensors={"uid": batch["uid"]})
    config = OmegaConf.create(asdict(AlgoConfig(adv_estimator=estimator)) | {"passk_training": {"k": 2}})
    data = compute_advantage(data, adv_estimator=estimator, num_repeat=N, config=config)
    return [row[: len(m)] for row, m in zip(data.batch["advantages"], batch["response_mask"], strict=True)]


def worker_input(batch: dict, advantages: list[torch.Tensor], old_log_probs: list[torch.Tensor]) -> TensorDict:
    """What verl's trainer sends a worker of these rows."""
    from verl.utils import tensordict_utils as tu

    nested = partial(torch.nested.as_nested_tensor, layout=torch.jagged)
    ids = [torch.cat(row) for row in zip(batch["prompts"], batch["responses"], strict=True)]
    fields = {
        **{name: nested(batch[name]) for name in ("prompts", "responses", "response_mask")},
        "loss_mask": nested(batch["response_mask"]),
        "input_ids": nested(ids),
        "position_ids": nested([torch.arange(len(row)) for row in ids]),
        "advantages": nested(advantages),
        "old_log_probs": nested(old_log_probs),
    }
    data = TensorDict(fields, batch_size=len(ids))
    sizes = {"global_batch_size": ROWS, "mini_batch_size": ROWS}
    tu.assign_non_tensor(data, **sizes, epochs=1, seed=0, temperature=1.0, calculate_entropy=False, compute_loss=True)
    return data


def compose_config(model: str):
    """The recipe's configuration on a CPU: dynamic micro-batches, of which a rank has several."""
    from hydra import compose, initialize_config_dir

    overrides = [
        "+asymgrpo=asymgrpo",
        "+device=cpu",
        f"actor_rollout_ref.model.path='{model}'",
        f"actor_rollout_ref.rollout.n={N}",
        f"actor_rollout_ref.actor.ppo_mini_batch_size={PROMPTS}",
        "actor_rollout_ref.actor.ppo_max_token_len_per_gpu=64",
        "actor_rollout_ref.actor.optim.lr=0",  # every case starts from the same weights
        "actor_rollout_ref.actor.grad_clip=1e9",
        f"actor_rollout_ref.actor.loss_scale_factor={MAX_LENGTH}",  # else that of each micro-batch's longest response
    ]
    with initialize_config_dir(str(RECIPES / "asymgrpo" / "config"), version_base=None):
        return compose("asymgrpo_trainer", overrides=overrides).actor_rollout_ref


def run_rank(rank: int, ranks: int, port: int, model: Path, place: Path, batches: list, advantages: dict) -> None:
    """One rank's part of every case. Rank 0 saves what came out: {case: (loss, gradients, channel norms)}."""
    from verl.utils.config import omega_conf_to_dataclass
    from verl.workers.utils.losses import ppo_loss

    from asymgrpo_verl.integration.worker import ActorWorker

    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    config = compose_config(str(model))
    worker = ActorWorker(config, role="actor")
    worker.init_model()
    engine, gradients, outcomes = worker.actor.engine, {}, {}

    def keep_gradients(optimizer, args, kwargs) -> None:
        gradients.update((name, p.grad.full_tensor().clone()) for name, p in engine.module.named_parameters())

    engine.optimizer.register_step_pre_hook(keep_gradients)
    batch = batches[rank]
    nothing = [torch.zeros(len(mask)) for mask in batch["response_mask"]]
    log_probs = worker.compute_log_prob(worker_input(batch, nothing, nothing))["log_probs"].unbind()
    starts = [len(prompt) - 1 for prompt in batch["prompts"]]
    log_probs = [row[s : s + len(m)] for row, s, m in zip(log_probs, starts, batch["moved"], strict=True)]
    old_log_probs = [now - moved for now, moved in zip(log_probs, batch["moved"], strict=True)]
    for case in CASES:
        estimator, loss, aggregation = case
        actor = OmegaConf.merge(config.actor, {"loss_agg_mode": aggregation, "policy_loss": {"loss_mode": loss}})
        worker.set_loss_fn(partial(ppo_loss, config=omega_conf_to_dataclass(actor)))
        data = worker_input(batch, advantages[estimator][rank], old_log_probs)
        (value,) = worker.update_actor(data.clone())["metrics"]["loss"]
        norms = worker.gradient_norms_by_sign(data.clone())["metrics"] if case in CHANNEL_CASES else {}
        outcomes[case] = value, dict(gradients), norms
    if rank == 0:
        torch.save(outcomes, place / f"ranks-{ranks}.pt")
    torch.distributed.destroy_process_group()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]
