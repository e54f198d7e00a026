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
"""Groups: the rollouts of one prompt. verl gives all of them the same uid."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch


class Groups(NamedTuple):
    """The groups of a batch. A row without a response token belongs to no group.

    Attributes:
        size: (groups,) float64, rollouts of each group; 0 if no row of the group has a response token. The last entry
            is the group of the uid None, and 0 if there is none.
        solved: (groups,) float64, correct rollouts of each group. The group accuracy p is solved/size.
        index: (bs,) int64, the group of each row: 0 to groups-1 in the order in which the uids appear. This and the
            next two are None if only the counts are known.
        alive: (bs,) bool, whether the row has a response token.
        correct: (bs,) bool, whether the row has a response token and its summed reward is above the threshold.
    """

    size: torch.Tensor
    solved: torch.Tensor
    index: torch.Tensor | None = None
    alive: torch.Tensor | None = None
    correct: torch.Tensor | None = None


def gather_groups(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Sequence[Hashable] | np.ndarray,
    reward_threshold: float = 0.5,
) -> Groups:
    """Gather the rows of a batch by uid, and decide for each row whether it is correct.

    Args:
        token_level_rewards: (bs, len), finite, any float dtype.
        response_mask: (bs, len), 1 on response tokens and 0 elsewhere, any dtype.
        index: (bs,) uids, any hashable. The rows of a group may stand apart, and groups may differ in size.
        reward_threshold: a row is correct if its summed reward is greater.

    Raises:
        TypeError: the rewards are integers or booleans.
        ValueError: `index` is not one uid per row, or a summed reward is NaN or infinite.
    """
    alive, correct = alive_and_correct(token_level_rewards, response_mask, index, reward_threshold)
    uids = index
    if not isinstance(index, np.ndarray):  # filled in place, because np.array makes a matrix of a list of tuples
        uids = np.empty(len(index), dtype=object)
        uids[:] = index
    # pandas hashes the uids: no sort, so they need not be comparable, and no Python loop over rows.
    codes, names = pd.factorize(uids)
    codes[codes < 0] = len(names)  # pandas codes None as -1; here None is one more uid
    group = torch.from_numpy(codes.astype(np.int64, copy=False)).to(correct.device)
    counts = torch.zeros(2, len(names) + 1, dtype=torch.float64, device=correct.device)
    counts.index_add_(1, group, torch.stack([alive, correct]).double())
    return Groups(counts[0], counts[1], group, alive, correct)


def alive_and_correct(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Sequence[Hashable] | np.ndarray,
    reward_threshold: float = 0.5,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return `Groups.alive` and `Groups.correct` of a batch, without hashing the uids.

    Arguments and errors are those of `gather_groups`; `index` only names a row in an error.
    """
    if not token_level_rewards.is_floating_point():
        raise TypeError(
            f"token_level_rewards: got {token_level_rewards.dtype}; expected a float dtype, because the advantages "
            "have the dtype of the rewards. Return floats from the reward function."
        )
    if len(index) != len(token_level_rewards):
        raise ValueError(f"index: got {len(index)} uids for {len(token_level_rewards)} rows; expected one uid per row.")
    alive = has_response(response_mask)
    outcome = token_level_rewards.sum(dim=1)
    broken = alive & ~torch.isfinite(outcome)
    if broken.any():
        row = int(torch.nonzero(broken)[0])
        raise ValueError(
            f"token_level_rewards, row {row} (uid {index[row]!r}): got a summed reward of {outcome[row].item()}, as in "
            f"{int(broken.sum())} of {len(outcome)} rows; expected a finite number. "
            "Return 0 or 1 from the reward function."
        )
    return alive, alive & (outcome > reward_threshold)


def has_response(response_mask: torch.Tensor) -> torch.Tensor:
    """Return for a (bs, len) mask whether each row has a response token, (bs,) bool.

    On a CPU a whole row is read only if its first token is masked, because almost every row starts with a response
    token. On an accelerator all rows are read whole, because the host would have to wait for the first tokens.
    """
    if response_mask.device.type != "cpu":
        return (response_mask != 0).any(dim=1)
    alive = response_mask[:, 0] != 0 if response_mask.shape[1] else response_mask.new_zeros(len(response_mask)).bool()
    if not alive.all():
        unsure = torch.nonzero(~alive).squeeze(1)
        alive[unsure] = (response_mask[unsure] != 0).any(dim=1)
    return alive
