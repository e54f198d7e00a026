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
"""Our estimators and losses beside verl's own, on the same inputs, in one process: medians of interleaved calls."""

import argparse
import itertools
import random
import statistics
import time
import uuid
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from omegaconf import OmegaConf
from verl.trainer.ppo.core_algos import get_adv_estimator_fn, get_policy_loss_fn
from verl.workers.config import FSDPActorConfig

from asymgrpo_verl.core.estimators import ESTIMATORS
from asymgrpo_verl.core.losses import repo_r_advantages
from asymgrpo_verl.integration.capabilities import POLICY_LOSSES

SIZES = ((1024, 512, 8), (1024, 4096, 8), (8192, 512, 8), (8192, 2048, 16))
MASK_DTYPES = (torch.float32, torch.int64)  # verl's trainer passes int64
LOSS_SIZES = ((64, 512), (64, 4096), (256, 2048))


def medians(calls: dict[str, Callable], repeats: int) -> dict[str, float]:
    """Median milliseconds of each call. The calls take turns in random order, so that a noisy moment hits all."""
    times = {name: [] for name in calls}
    for _ in range(repeats + 2):
        for name, call in random.sample(list(calls.items()), len(calls)):
            start = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(spent[2:]) for name, spent in times.items()}


def rollouts(rows: int, length: int, group: int, mask_dtype: torch.dtype):
    """Rewards, mask and uuid strings, in random order."""
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, length + 1, (rows, 1), generator=generator)
    mask = (torch.arange(length) < lengths).to(mask_dtype)
    rewards = torch.zeros(rows, length)
    rewards.scatter_(1, lengths - 1, torch.randint(0, 2, (rows, 1), generator=generator).float())
    uids = np.repeat(np.array([str(uuid.uuid4()) for _ in range(rows // group)], dtype=object), group)
    return rewards, mask, uids[torch.randperm(rows, generator=generator).numpy()]


def floor(rewards: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """What every outcome estimator must do at least: read the rewards, write the advantages."""
    return rewards.sum(dim=1, keepdim=True) * mask


def compare_estimators(repeats: int) -> None:
    """All of ours with their default settings; every figure of a row of both tables is from the same turns."""
    config = OmegaConf.create({})
    measured = {}
    for (rows, length, group), mask_dtype in itertools.product(SIZES, MASK_DTYPES):
        rewards, mask, uids = rollouts(rows, length, group, mask_dtype)
        calls = {"floor": partial(floor, rewards, mask)}
        for name in ("grpo", "grpo_vectorized", *ESTIMATORS):
            estimator = get_adv_estimator_fn(name)
            calls[name] = partial(estimator, token_level_rewards=rewards, response_mask=mask, index=uids, config=config)
        measured[f"{rows} x {length}, {group}, {str(mask_dtype)[6:]}"] = medians(calls, repeats)

    print(
        "| rows x tokens, group, mask | grpo | grpo_vectorized | asymgrpo | floor | grpo/ours | grpo_vectorized/ours |"
    )
    print("|---|---|---|---|---|---|---|")
    for size, ms in measured.items():
        print(
            f"| {size} | {ms['grpo']:.1f} ms | {ms['grpo_vectorized']:.2f} | {ms['asymgrpo']:.2f} "
            f"| {ms['floor']:.2f} | {ms['grpo'] / ms['asymgrpo']:.1f} | {ms['grpo_vectorized'] / ms['asymgrpo']:.2f} |"
        )

    others = [name for name in ESTIMATORS if name != "asymgrpo"]
    print(f"\n| grpo/ours, grpo_vectorized/ours | {' | '.join(others)} |")
    print("|---" * (len(others) + 1) + "|")
    for size, ms in measured.items():
        ratios = [f"{ms['grpo'] / ms[name]:.1f}, {ms['grpo_vectorized'] / ms[name]:.2f}" for name in others]
        print(f"| {size} | {' | '.join(ratios)} |")


def step(policy_loss: Callable, inputs: dict) -> None:
    inputs["log_prob"].grad = None
    loss, _ = policy_loss(**inputs)
    loss.backward()


def repo_r(**inputs) -> tuple[torch.Tensor, dict]:
    """Compute the loss `asymgrpo` with REPO-R's advantages."""
    moved = repo_r_advantages(inputs["advantages"], inputs["log_prob"], zeta=0.01)
    return get_policy_loss_fn("asymgrpo")(**inputs | {"advantages": moved})


def compare_losses(repeats: int) -> None:
    ours = (*POLICY_LOSSES, "repo_r")
    ratios = " | ".join(f"vanilla/{name}" for name in ours)
    print(f"\n| rows x tokens, forward + backward | vanilla | {' | '.join(ours)} | {ratios} |")
    print("|---" * (2 + 2 * len(ours)) + "|")
    config = FSDPActorConfig(strategy="fsdp2", rollout_n=8, ppo_micro_batch_size_per_gpu=1)
    for rows, length in LOSS_SIZES:
        generator = torch.Generator().manual_seed(0)
        old = -torch.rand(rows, length, generator=generator)
        new = (old + 0.2 * torch.randn(rows, length, generator=generator)).requires_grad_()
        advantages = torch.randn(rows, 1, generator=generator).expand(rows, length).contiguous()
        mask = torch.arange(length) < torch.randint(1, length + 1, (rows, 1), generator=generator)
        inputs = dict(old_log_prob=old, log_prob=new, advantages=advantages, response_mask=mask, config=config)
        calls = {name: partial(step, get_policy_loss_fn(name), inputs) for name in ("vanilla", *POLICY_LOSSES)}
        ms = medians(calls | {"repo_r": partial(step, repo_r, inputs)}, repeats)
        times = " | ".join(f"{ms[name]:.2f}" for name in ours)
        ratios = " | ".join(f"{ms['vanilla'] / ms[name]:.2f}" for name in ours)
        print(f"| {rows} x {length} | {ms['vanilla']:.2f} ms | {times} | {ratios} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(f"torch {torch.__version__}, {args.threads} thread(s), median of {args.repeats}\n")
    compare_estimators(args.repeats)
    compare_losses(args.repeats)
