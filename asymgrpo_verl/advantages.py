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
"""Outcome-reward advantage estimators: one function each, on plain tensors."""

from collections.abc import Hashable, Sequence

import numpy as np
import torch

from asymgrpo_verl.curves import channel_weight
from asymgrpo_verl.groups import gather_groups


def asymgrpo(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Sequence[Hashable] | np.ndarray,
    beta_pos: float = 0.9,
    beta_neg: float = 0.4,
    flip: str = "none",
    reward_threshold: float = 0.5,
) -> torch.Tensor:
    """AsymGRPO (arXiv 2604.04894, Eq. 10): ((1-p)/p)^beta_pos if correct, else -(p/(1-p))^beta_neg.

    p is the group accuracy; the value is the same on every token of a rollout. (0, 0) is REINFORCE with +1/-1 and
    (0.5, 0.5) is GRPO with the population standard deviation. On mixed groups (1, 0) is MaxRL, (r-p)/p. A group
    whose rollouts all have one outcome, as a group of one does, weighs 0 for beta > 0 and 1 for beta = 0 (0^0 = 1); a
    flipped channel learns from it (see `channel_weight`).

    Args:
        token_level_rewards: (bs, len); a row's outcome is the sum of its rewards.
        response_mask: (bs, len), 1 on response tokens and 0 elsewhere, any dtype. A row of zeros belongs to no group.
        index: (bs,) uids of the prompts, any hashable, in any order.
        beta_pos, beta_neg: finite, >= 0.
        flip: "none", "positive" (EntDecrease flips A+) or "negative" (EntIncrease flips A-), Appendix D.
        reward_threshold: a row is correct when its outcome exceeds it; 0.5 suits rewards of 0/1 and of -1/+1.

    Returns:
        (bs, len), in the dtype of the rewards and on their device, 0 outside the mask.

    Raises:
        ValueError: an outcome is NaN or infinite, or a weight leaves the range of the rewards' dtype.
    """
    groups = gather_groups(token_level_rewards, response_mask, index, reward_threshold)
    positive = channel_weight(groups.solved, groups.size, beta_pos, flip == "positive")
    negative = -channel_weight(groups.size - groups.solved, groups.size, beta_neg, flip == "negative")
    weight = torch.where(groups.correct, positive[groups.index], negative[groups.index])
    weight = torch.where(groups.alive, weight, 0.0).to(token_level_rewards.dtype)
    return spread(weight, response_mask)


def spread(weight: torch.Tensor, response_mask: torch.Tensor) -> torch.Tensor:
    """One weight a row, (bs,), onto every response token of the row: (bs, len), 0 outside the mask, dtype of `weight`.

    Raises:
        ValueError: a weight is infinite, as when a large beta leaves the range of a half-precision dtype.
    """
    if not torch.isfinite(weight).all():
        raise ValueError(f"an advantage does not fit in {weight.dtype}: use a smaller beta or rewards in float32.")
    if response_mask.dtype == weight.dtype:
        return response_mask * weight.unsqueeze(1)
    # In place on a copy of the right dtype: twice as fast as a product of mixed dtypes.
    return response_mask.to(weight.dtype).mul_(weight.unsqueeze(1))
