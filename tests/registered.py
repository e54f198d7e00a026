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
"""What verl's registries compute under the names of the recipe on seeded batches, whoever registered them."""

import numpy as np
import torch
from verl.trainer.ppo.core_algos import get_adv_estimator_fn, get_policy_loss_fn
from verl.workers.config import FSDPActorConfig

BATCHES = 60
AGGREGATIONS = ("token-mean", "token-sum", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm")
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
SETTINGS = [
    *(
        {"beta_pos": p, "beta_neg": n, "flip": f}
        for p, n in ((0.9, 0.4), (0, 0), (0.5, 2))
        for f in ("none", "negative")
    ),
    *({"flip": "positive", "reward_threshold": threshold} for threshold in (-1, 0.5, 1)),
    *(
        {key: value}
        for key in ("beta_pos", "beta_neg")
        for value in (-1, -0.0, 1e300, float("inf"), float("nan"), 10**400)
    ),
    *({key: "0.5"} for key in ("beta_pos", "beta_neg", "flip", "reward_threshold")),
    {"reward_threshold": float("inf")},
    {"reward_threshold": True},
    {"flip": None},
    {"beta": 1},
    {},
    None,
]


def batch(seed: int) -> dict:
    """Return groups of 1 to 9 rollouts in any order, about a third of them unanimous, some rows without a response."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 9, random.integers(1, 7), endpoint=True)
    p = random.choice([0, 0.2, 0.5, 0.8, 1], len(sizes))
    order = random.permutation(int(sizes.sum()))
    index = np.array([f"uid-{group}" for group in np.repeat(np.arange(len(sizes)), sizes)], dtype=object)[order]
    correct = random.random(len(order)) < np.repeat(p, sizes)[order]
    lengths = torch.from_numpy(random.integers(0, 5, len(order), endpoint=True))
    rewards = torch.zeros(len(order), 5, dtype=DTYPES[seed % len(DTYPES)])
    rewards[torch.arange(len(order)), (lengths - 1).clamp(min=0)] = torch.from_numpy(correct).to(rewards.dtype)
    mask = torch.arange(5) < lengths.unsqueeze(1)
    mask = mask.to((torch.int64, rewards.dtype, torch.bool)[seed % 3])
    return {"token_level_rewards": rewards, "response_mask": mask, "index": index}


def advantages(seed: int, settings: dict | None) -> torch.Tensor | None:
    """Return the advantages of a batch, None if the settings are refused."""
    try:
        return get_adv_estimator_fn("asymgrpo")(**batch(seed), config={"asymgrpo": settings})[0]
    except (TypeError, ValueError):
        return None


def loss(name: str, seed: int) -> dict:
    """Return the policy loss `name`, its gradient in log_prob and its metrics."""
    generator = torch.Generator().manual_seed(seed)
    old, noise = (torch.randn(6, 9, generator=generator) for _ in range(2))
    log_prob = (old + 0.5 * noise).requires_grad_()
    config = FSDPActorConfig(
        strategy="fsdp2", rollout_n=8, ppo_micro_batch_size_per_gpu=1, clip_ratio_high=(0.2, None)[seed % 2]
    )
    value, metrics = get_policy_loss_fn(name)(
        old_log_prob=old,
        log_prob=log_prob,
        advantages=torch.randint(-2, 3, (6, 1), generator=generator) * torch.ones(1, 9),
        response_mask=torch.rand(6, 9, generator=generator) < 0.8,
        loss_agg_mode=AGGREGATIONS[seed % len(AGGREGATIONS)],
        config=config,
        rollout_is_weights=torch.rand(6, 9, generator=generator) if seed % 3 else None,
    )
    value.backward()
    return {"loss": value.detach(), "gradient": log_prob.grad, "metrics": metrics}


def compute() -> dict[str, list]:
    """Return all of it: the same in every process with the same estimator and loss."""
    pairs = [(seed, settings) for seed in range(BATCHES) for settings in SETTINGS]
    losses = [loss(name, seed) for name in ("asymgrpo", "up") for seed in range(BATCHES)]
    return {"advantages": [advantages(*pair) for pair in pairs], "losses": losses}
