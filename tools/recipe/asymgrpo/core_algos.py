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
"""AsymGRPO (arXiv 2604.04894): the advantages of a batch, and the policy loss with metrics for both signs of them.

In the docstrings p is the accuracy of a group: the share of correct rollouts among the rollouts of one prompt.
"""

__all__ = ["compute_advantages", "two_channel_loss"]

from collections.abc import Hashable, Sequence

import numpy as np
import torch
from asymgrpo_verl.core.estimators import asymgrpo, fitting, per_rollout, spread
from asymgrpo_verl.core.groups import gather_groups
from asymgrpo_verl.core.losses import two_channel_loss


def compute_advantages(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Sequence[Hashable] | np.ndarray,
    beta_pos: float,
    beta_neg: float,
    flip: str,
    reward_threshold: float,
) -> torch.Tensor:
    """Compute the advantages of a batch: the same value on every response token of a rollout, 0 on all other tokens.

    The first three arguments and `reward_threshold` are those of `gather_groups`, the other three those of `asymgrpo`.

    Returns:
        (bs, len), with the dtype and device of the rewards.

    Raises:
        TypeError, ValueError: as `gather_groups`, and if an advantage is too large for the dtype of the rewards.
    """
    groups = gather_groups(token_level_rewards, response_mask, index, reward_threshold)
    values = per_rollout(groups, *asymgrpo(groups, beta_pos, beta_neg, flip))
    settings = {"beta_pos": beta_pos, "beta_neg": beta_neg, "flip": flip}
    return spread(fitting(values, token_level_rewards.dtype, "asymgrpo", settings), response_mask)
