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
"""Ten optimizer steps with and without the rows of advantage 0: a module that spawned processes can import by name."""

import os
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
import torch.multiprocessing
from omegaconf import OmegaConf
from two_ranks import AGGREGATIONS, MAX_LENGTH, compose_config, free_port, worker_input

N, ROWS, MINI_BATCH, STEPS = 4, 24, 12, 10


class Case(NamedTuple):
    """One way to train.

    Attributes:
        micro: rows per micro-batch; 0 for dynamic micro-batches of at most 64 tokens.
        zero: which rows have advantage 0, see `zero_rows`.
        rollouts: "train" runs all rows; "skip" leaves out those with advantage 0; "absent" trains a batch without them.
    """

    aggregation: str = "token-mean"
    loss: str = "asymgrpo"
    micro: int = 0
    zero: str = "groups"
    rollouts: str = "skip"
    mean_over: str = "all"
    mini_batch: int = MINI_BATCH
    shuffle: bool = True
    coefficient: float | None = None  # of the entropy, with which the update computes the entropy
    coefficient_in: str = "config"  # or "batch"


LOSSES = ("up", "vanilla", "gspo", "sapo", "gpg", "cispo", "dppo_tv", "dppo_kl")
SAME_GRADIENT = [
    *(Case(aggregation) for aggregation in AGGREGATIONS),
    *(Case(aggregation, micro=3) for aggregation in ("token-mean", "seq-mean-token-mean")),
    *(Case(zero=zero, micro=micro, shuffle=False) for zero in ("rank", "mini-batch", "none") for micro in (0, 2)),
]
OTHER_LOSSES = [Case(loss=loss) for loss in LOSSES]
MEAN_OVER_NONZERO = [
    Case(aggregation, mean_over="nonzero", mini_batch=ROWS, shuffle=False)
    for aggregation in AGGREGATIONS
    if aggregation != "token-sum"
]
# Two ways in which verl itself cuts the micro-batches: as far apart as the order of summation brings the weights.
NOISE = [Case(micro=2, rollouts="train"), Case(micro=3, rollouts="train")]
# The coefficient of the entropy in the configuration, and in the batch with another one in the configuration.
COEFFICIENTS = [
    Case(rollouts="train", shuffle=False, coefficient=value, coefficient_in=place)
    for value in (0.0, 0.05)
    for place in ("config", "batch")
]
ONE_MICRO_BATCH = Case(micro=ROWS, mini_batch=ROWS, shuffle=False)


def zero_rows(kind: str, ranks: int) -> list[bool]:
    """Return for each row whether its advantage is 0. A group is four rows; the first half of the rows are rank 0's.

    "rank" leaves the first rank of two without another row, and "mini-batch" the first mini-batch without shuffling.
    """
    rows = range(ROWS)
    return {
        "groups": [row // N in (0, 3, 5) for row in rows],
        "rank": [row < ROWS // 2 + 5 for row in rows],
        "mini-batch": [row % (ROWS // ranks) < MINI_BATCH // ranks for row in rows],
        "none": [False for row in rows],
    }[kind]


def draw_rows() -> dict:
    """Draw rollouts of random tokens. One has no response token left, as verl's rollout correction leaves it."""
    draw = torch.Generator().manual_seed(1)
    lengths = torch.randint(1, MAX_LENGTH + 1, (ROWS,), generator=draw).tolist()
    prompts = [torch.randint(256, (int(n),), generator=draw) for n in torch.randint(3, 30, (ROWS,), generator=draw)]
    masks = [torch.ones(length, dtype=torch.long) for length in lengths]
    masks[6].zero_()
    return {
        "prompts": prompts,
        "responses": [torch.randint(256, (length,), generator=draw) for length in lengths],
        "response_mask": masks,
        "moved": [torch.randn(length, generator=draw) * 0.3 for length in lengths],
        "advantage": torch.randn(ROWS, generator=draw).tolist(),
    }


def run_rank(rank: int, ranks: int, port: int, model: Path, place: Path, dtype: torch.dtype, cases: list[Case]) -> None:
    """Train one rank's rows in every case, from the same weights. Rank 0 saves {case: (weights, metrics)}."""
    from verl.utils import tensordict_utils as tu
    from verl.utils.config import omega_conf_to_dataclass
    from verl.utils.torch_dtypes import PrecisionType
    from verl.workers.utils.losses import ppo_loss

    from asymgrpo_verl.integration.worker import ActorWorker

    # verl knows no float64, so its fp32 stands for it.
    PrecisionType.to_dtype = staticmethod(lambda precision: dtype)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    config = OmegaConf.merge(compose_config(str(model)), {"actor": {"optim": {"lr": 1e-3}, "grad_clip": 1.0}})
    worker = ActorWorker(config, role="actor")
    worker.init_model()
    engine = worker.actor.engine
    start = [weight.detach().to_local().clone() for weight in engine.module.parameters()]
    mine = slice(rank * ROWS // ranks, (rank + 1) * ROWS // ranks)
    rows = {name: column[mine] for name, column in draw_rows().items()}
    nothing = [torch.zeros(len(mask), dtype=dtype) for mask in rows["response_mask"]]
    log_probs = worker.compute_log_prob(worker_input(rows, nothing, nothing))["log_probs"].unbind()
    starts = [len(prompt) - 1 for prompt in rows["prompts"]]
    log_probs = [row[s : s + len(m)] for row, s, m in zip(log_probs, starts, rows["moved"], strict=True)]
    old_log_probs = [now - moved for now, moved in zip(log_probs, rows["moved"], strict=True)]
    outcomes = {}
    for case in cases:
        for weight, value in zip(engine.module.parameters(), start, strict=True):
            weight.data.to_local().copy_(value)
        engine.optimizer.state.clear()
        actor = {"loss_agg_mode": case.aggregation, "policy_loss": {"loss_mode": case.loss}}
        actor |= {"entropy_coeff": case.coefficient or 0.0 if case.coefficient_in == "config" else 0.7}
        worker.set_loss_fn(partial(ppo_loss, config=omega_conf_to_dataclass(OmegaConf.merge(config.actor, actor))))
        worker.actor.engine_config.use_dynamic_bsz = case.micro == 0
        worker.actor.engine_config.micro_batch_size_per_gpu = case.micro
        advantages = [
            torch.full((len(mask),), 0.0 if zero else advantage, dtype=dtype) * mask
            for mask, zero, advantage in zip(
                rows["response_mask"], zero_rows(case.zero, ranks)[mine], rows["advantage"], strict=True
            )
        ]
        data, mini_batch = worker_input(rows, advantages, old_log_probs), case.mini_batch
        if case.rollouts == "skip":
            tu.assign_non_tensor(data, zero_weight_mean_over=case.mean_over)
        elif case.rollouts == "absent":
            data = tu.index_select_tensor_dict(data, [row for row, values in enumerate(advantages) if values.any()])
            mini_batch = len(data)
        if case.coefficient is not None:
            tu.assign_non_tensor(data, calculate_entropy=True)
            if case.coefficient_in == "batch":
                tu.assign_non_tensor(data, entropy_coeff=case.coefficient)
        epochs = STEPS // (len(data) * ranks // mini_batch)
        sizes = {"global_batch_size": mini_batch, "mini_batch_size": mini_batch, "epochs": epochs}
        tu.assign_non_tensor(data, **sizes, dataloader_kwargs={"shuffle": case.shuffle})
        metrics = worker.update_actor(data)["metrics"]
        outcomes[case] = [weight.full_tensor().clone() for weight in engine.module.parameters()], metrics
    if rank == 0:
        torch.save(outcomes, place / f"ranks-{ranks}.pt")
    torch.distributed.destroy_process_group()


def train(ranks: int, model: Path, place: Path, dtype: torch.dtype, cases: list[Case]) -> dict:
    """Return {case: (weights after ten steps, metrics)}, computed in processes of their own."""
    args = (ranks, free_port(), model, place, dtype, cases)
    torch.multiprocessing.spawn(run_rank, args=args, nprocs=ranks)
    return torch.load(place / f"ranks-{ranks}.pt", weights_only=False)
