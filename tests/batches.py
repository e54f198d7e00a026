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
"""Batches for the tests: hypothesis strategies and a shorthand for batches written by hand."""

from dataclasses import fields

import numpy as np
import torch
from hypothesis import strategies as st

from asymgrpo_verl.core.estimators import ESTIMATORS, compute_advantages


def batch_of(groups: dict[object, list[int]], length: int = 3):
    """Groups of 0/1 outcomes, row after row -> (rewards, response_mask, index); the reward sits on the last token."""
    outcomes = [outcome for group in groups.values() for outcome in group]
    rewards = torch.zeros(len(outcomes), length)
    rewards[:, -1] = torch.tensor(outcomes, dtype=rewards.dtype)
    index = np.empty(len(outcomes), dtype=object)
    index[:] = [uid for uid, group in groups.items() for _ in group]
    return rewards, torch.ones(len(outcomes), length, dtype=torch.long), index


@st.composite
def ragged_batches(draw, max_groups: int = 6, max_size: int = 9):
    """Groups of any size in any order, with ragged responses and some rows without a response."""
    sizes, length = draw(st.lists(st.integers(1, max_size), min_size=1, max_size=max_groups)), draw(st.integers(1, 5))
    # Hypothesis draws the shape, so that it can shrink it. One seed gives the rows, because a draw per row is slow.
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    uids = np.array([f"uid-{g}" for g, size in enumerate(sizes) for _ in range(size)], dtype=object)
    index = random.permutation(uids)
    rows = len(index)
    outcomes = torch.from_numpy(random.random(rows) < random.random())
    lengths = torch.from_numpy(random.integers(0, length, rows, endpoint=True))
    mask = (torch.arange(length) < lengths.unsqueeze(1)).long()
    rewards = torch.zeros(rows, length)
    rewards[torch.arange(rows), (lengths - 1).clamp(min=0)] = outcomes.float()
    return rewards, mask, index


def means_and_variances(rewards, mask, index):
    """Per row: the mean and the population variance of the outcomes of its group's rows that have a response."""
    outcome, alive = rewards.double().sum(1), mask.any(1)
    groups = [outcome[torch.tensor((index == uid) & alive.numpy())] for uid in index]
    mean = torch.stack([g.mean() for g in groups]).nan_to_num()
    return outcome, mean, torch.stack([g.var(correction=0) if len(g) else mean[0] * 0 for g in groups])


def per_row(advantages: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The one value each row holds on its response tokens (0 for a row without any), after checking that it is one."""
    value = advantages.gather(1, (mask != 0).long().argmax(1, keepdim=True)) * mask.any(1, keepdim=True)
    assert torch.equal(advantages, value * mask)
    return value.squeeze(1)


def on_tensors(name: str):
    """The estimator `name` as a function of a batch, its own settings (in their order) and reward_threshold."""
    own = [key.name for key in fields(ESTIMATORS[name].settings) if key.name != "reward_threshold"]

    def advantages(rewards, mask, index, *values, **settings):
        given = dict(zip(own, values, strict=False)) | settings
        return compute_advantages(name, rewards, mask, index, ESTIMATORS[name].settings(**given))

    advantages.__name__ = name
    return advantages
