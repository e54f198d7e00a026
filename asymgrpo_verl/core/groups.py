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
"""Groups: the rollouts of one prompt, known by their uid."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch


class Groups(NamedTuple):
    """The rows of a batch, gathered by uid. Rows without a response token belong to no group.

    Attributes:
        index: (bs,) int64, the group of each row, 0 to groups-1 in the order the uids appear.
        alive: (bs,) bool, whether the row has a response token.
        correct: (bs,) bool, whether the row has one and its outcome is above the threshold.
        size: (groups,) float64, rows of each group; 0 where every row of a uid is without a response, and in the last
            place where no uid is None.
        solved: (groups,) float64, correct rows of each group. The group accuracy p is solved/size.
    """

    index: torch.Tensor
    alive: torch.Tensor
    correct: torch.Tensor
    size: torch.Tensor
    solved: torch.Tensor


def has_response(response_mask: torch.Tensor) -> torch.Tensor:
    """(bs, len) mask -> (bs,) bool: any token at all. Reads whole rows only where the first token is masked."""
    alive = response_mask[:, 0] != 0 if response_mask.shape[1] else response_mask.new_zeros(len(response_mask)).bool()
    if not alive.all():
        unsure = torch.nonzero(~alive).squeeze(1)
        alive[unsure] = (response_mask[unsure] != 0).any(dim=1)
    return alive


def judge_rows(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Sequence[Hashable] | np.ndarray,
    reward_threshold: float = 0.5,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Whether each row has a response and whether it is correct: `Groups.alive` and `Groups.correct`.

    Arguments and errors are those of `gather_groups`; the uids are not hashed, `index` only names a row in an error.
    """
    if not token_level_rewards.is_floating_point():
        raise TypeError(f"token_level_rewards are {token_level_rewards.dtype}, which cannot hold weights: use a float.")
    if len(index) != len(token_level_rewards):
        raise ValueError(f"index has {len(index)} uids for {len(token_level_rewards)} rows; one uid a row is needed.")
    alive = has_response(response_mask)
    outcome = token_level_rewards.sum(dim=1)
    broken = torch.nonzero(alive & ~torch.isfinite(outcome)).squeeze(1).tolist()
    if broken:
        raise ValueError(
            f"the summed reward is not a finite number in {len(broken)} of {len(outcome)} rows, first in row "
            f"{broken[0]} (uid {index[broken[0]]!r}, reward {outcome[broken[0]].item()}). Return 0 or 1 from "
            "the reward function."
        )
    return alive, alive & (outcome > reward_threshold)


def gather_groups(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Sequence[Hashable] | np.ndarray,
    reward_threshold: float = 0.5,
) -> Groups:
    """Group the rows of a batch by uid and judge each by its outcome: the sum of its rewards against the threshold.

    Args:
        token_level_rewards: (bs, len), finite.
        response_mask: (bs, len), 1 on response tokens and 0 elsewhere, any dtype.
        index: (bs,) uids, any hashable; rows of a group need not be neighbours, nor groups of one size.
        reward_threshold: a row is correct when its summed reward exceeds it.

    Raises:
        TypeError: the rewards are integers or booleans.
        ValueError: `index` is not one uid a row, or an outcome is NaN or infinite.
    """
    alive, correct = judge_rows(token_level_rewards, response_mask, index, reward_threshold)
    uids = index
    if not isinstance(index, np.ndarray):  # filled in place, because np.array would make a matrix of a list of tuples
        uids = np.empty(len(index), dtype=object)
        uids[:] = index
    # pandas hashes the uids: no sort, so they need not be comparable, and no Python loop over rows.
    codes, names = pd.factorize(uids)
    codes[codes < 0] = len(names)  # how pandas codes None: one more uid
    group = torch.from_numpy(codes.astype(np.int64, copy=False)).to(correct.device)
    counts = torch.zeros(2, len(names) + 1, dtype=torch.float64, device=correct.device)
    counts.index_add_(1, group, torch.stack([alive, correct]).double())
    return Groups(group, alive, correct, size=counts[0], solved=counts[1])
