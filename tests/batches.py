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

import numpy as np
import torch
from hypothesis import strategies as st


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
    sizes = draw(st.lists(st.integers(1, max_size), min_size=1, max_size=max_groups))
    index = np.array(
        draw(st.permutations([f"uid-{g}" for g, size in enumerate(sizes) for _ in range(size)])), dtype=object
    )
    rows, length = len(index), draw(st.integers(1, 5))
    outcomes = torch.tensor(draw(st.lists(st.integers(0, 1), min_size=rows, max_size=rows)))
    lengths = torch.tensor(draw(st.lists(st.integers(0, length), min_size=rows, max_size=rows)))
    mask = (torch.arange(length) < lengths.unsqueeze(1)).long()
    rewards = torch.zeros(rows, length)
    rewards[torch.arange(rows), (lengths - 1).clamp(min=0)] = outcomes.float()
    return rewards, mask, index
