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
"""Outcome-reward advantage estimators: one function each, on plain tensors.

All take (token_level_rewards, response_mask, index, <own parameter>, reward_threshold): `asymgrpo` describes these, the
result and the errors; the others describe only what is their own. p is the group accuracy, r a row's outcome as 1 or 0.
Groups may have different sizes, and a row without a response belongs to none. No epsilon stands in for an exact limit.
"""

from collections.abc import Hashable, Sequence

import numpy as np
import torch

from asymgrpo_verl.core.curves import channel_weight
from asymgrpo_verl.core.groups import Groups, gather_groups, judge_rows


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
    return spread_channels(groups, positive, negative, response_mask, token_level_rewards.dtype)


def reinforce_pm1(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Sequence[Hashable] | np.ndarray,
    reward_threshold: float = 0.5,
) -> torch.Tensor:
    """REINFORCE without a baseline: +1 if correct, else -1 (arXiv 2604.04894, Table 1; `asymgrpo` at (0, 0)).

    Groups play no part: unanimous groups and groups of one weigh as much as any other.
    """
    return spread_outcomes(token_level_rewards, response_mask, index, 1.0, -1.0, reward_threshold)


def psr(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Sequence[Hashable] | np.ndarray,
    reward_threshold: float = 0.5,
) -> torch.Tensor:
    """Positive Sample Reinforcement (arXiv 2506.01347): +1 if correct, else 0. Groups play no part.

    The authors' code drops the incorrect rows before the update. Here they stay, with weight 0, and their tokens count
    in the denominator of verl's token-mean loss.
    """
    return spread_outcomes(token_level_rewards, response_mask, index, 1.0, 0.0, reward_threshold)


def nsr(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Sequence[Hashable] | np.ndarray,
    reward_threshold: float = 0.5,
) -> torch.Tensor:
    """Negative Sample Reinforcement (arXiv 2506.01347): 0 if correct, else -1. Groups play no part.

    The correct rows stay in the batch, as the incorrect ones do in `psr`.
    """
    return spread_outcomes(token_level_rewards, response_mask, index, 0.0, -1.0, reward_threshold)


def w_reinforce(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Sequence[Hashable] | np.ndarray,
    lam: float = 0.1,
    reward_threshold: float = 0.5,
) -> torch.Tensor:
    """Weighted REINFORCE (arXiv 2506.01347): lam if correct, else -1, that is lam * `psr` + `nsr`.

    Groups play no part. lam is finite, >= 0; 0.1 is the paper's, 1 is `reinforce_pm1`.
    """
    return spread_outcomes(token_level_rewards, response_mask, index, lam, -1.0, reward_threshold)


def maxrl(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Sequence[Hashable] | np.ndarray,
    reward_threshold: float = 0.5,
) -> torch.Tensor:
    """MaxRL (arXiv 2602.02710, Algorithm 1): (r-p)/p, that is (1-p)/p if correct, else -1; 0 where p = 0.

    Unanimous groups and groups of one weigh 0. The authors' code adds 1e-6 to the denominator and takes the mean of a
    group of one for 0; Algorithm 1 does neither, nor does this. On mixed groups it is `asymgrpo` at (1, 0).
    """
    groups = gather_groups(token_level_rewards, response_mask, index, reward_threshold)
    positive = channel_weight(groups.solved, groups.size, 1.0)
    negative = -(groups.solved > 0).double()
    return spread_channels(groups, positive, negative, response_mask, token_level_rewards.dtype)


def passk_training(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Sequence[Hashable] | np.ndarray,
    k: int = 5,
    reward_threshold: float = 0.5,
) -> torch.Tensor:
    """Pass@k training, analytical (arXiv 2508.10751, Eq. 11-15): a row's mean advantage over the k-subsets it is in.

    A subset of k rollouts passes if one of them is correct. In a group of N, N- of them incorrect, the share of subsets
    that fail is F = C(N-, k)/C(N, k), and q = C(N- - 1, k-1)/C(N-1, k-1) of those with a given incorrect rollout. With
    the population standard deviation s = sqrt(F(1-F)), correct rows get F/s and incorrect ones (F-q)/s.

    A group weighs 0 where s = 0: if unanimous, or with fewer than k incorrect rollouts, and so always with k rollouts,
    which are one subset. With fewer than k there is none, and it weighs 0 too (the authors' code divides by zero).
    k = 1 is `asymgrpo` at (0.5, 0.5).

    Args:
        k: >= 1; nothing is learned where it is not below the rollouts per prompt.
    """
    groups = gather_groups(token_level_rewards, response_mask, index, reward_threshold)
    incorrect = groups.size - groups.solved
    others = torch.arange(1, k, device=incorrect.device)
    # q as a product of k-1 ratios: no binomial to overflow. With 1 to k-1 incorrect rollouts one of the ratios is 0.
    all_incorrect = ((incorrect.unsqueeze(1) - others) / (groups.size.unsqueeze(1) - others)).prod(dim=1)
    failure = all_incorrect * incorrect / groups.size
    deviation = (failure * (1 - failure)).sqrt()
    mixed = deviation > 0  # false for NaN too: fewer than k rollouts
    positive = torch.where(mixed, failure / deviation, 0.0)
    negative = torch.where(mixed, (failure - all_incorrect) / deviation, 0.0)
    return spread_channels(groups, positive, negative, response_mask, token_level_rewards.dtype)


def f_grpo(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Sequence[Hashable] | np.ndarray,
    gamma: float = 0.5,
    reward_threshold: float = 0.5,
) -> torch.Tensor:
    """F-GRPO (arXiv 2602.06717, Eq. 11-13): (1-p)^gamma times the GRPO advantage (r-p)/std.

    Unanimous groups and groups of one weigh 0, as in GRPO. The paper's Eq. 3 says neither which standard deviation nor
    which epsilon: here it is the population one without an epsilon, as in `asymgrpo` at (0.5, 0.5), which is gamma = 0.
    verl's own `grpo` takes the sample one: sqrt((N-1)/N) times this in a group of N.

    Args:
        gamma: finite, >= 0; the paper uses 0.5 and 1.
    """
    groups = gather_groups(token_level_rewards, response_mask, index, reward_threshold)
    focus = (1 - groups.solved / groups.size).pow(gamma)
    positive = focus * channel_weight(groups.solved, groups.size, 0.5)
    negative = -focus * channel_weight(groups.size - groups.solved, groups.size, 0.5)
    return spread_channels(groups, positive, negative, response_mask, token_level_rewards.dtype)


def a_grae(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Sequence[Hashable] | np.ndarray,
    alpha: float = 1.0,
    reward_threshold: float = 0.5,
) -> torch.Tensor:
    """A-GRAE (arXiv 2602.05548) as its public code (HKU-HealthAI/A-GRAE) has it: GRPO weighed by difficulty.

    A' = A * 0.5 * ((1-P)/(1 - sqrt(p)) + P/sqrt(p)), where A is the GRPO advantage (r-p)/std and P the mean of p over
    the groups of the batch. Correct rows get A' * min(1, P/alpha), incorrect ones A'. Unanimous groups and groups of
    one weigh 0.

    The paper's Eq. 12 has sqrt(1-p) where the code has 1 - sqrt(p). Its Eq. 11 takes P over rollouts, which is the same
    where groups are of one size. Here the standard deviation is the population one, as in the paper's Eq. 17; the code
    takes the sample one and adds epsilons of 1e-6.

    Args:
        alpha: > 0; 1 for maths in the code, which names 0.5 for geometry and medicine.
    """
    groups = gather_groups(token_level_rewards, response_mask, index, reward_threshold)
    accuracy = groups.solved / groups.size
    batch_accuracy = accuracy.nanmean()  # 0/0 is a uid without a response
    easy, hard = 1 / (1 - accuracy.sqrt()), 1 / accuracy.sqrt()
    scale = 0.5 * ((1 - batch_accuracy) * easy + batch_accuracy * hard)
    scale = torch.where((accuracy > 0) & (accuracy < 1), scale, 0.0)
    positive = scale * channel_weight(groups.solved, groups.size, 0.5) * (batch_accuracy / alpha).clamp(max=1.0)
    negative = -scale * channel_weight(groups.size - groups.solved, groups.size, 0.5)
    return spread_channels(groups, positive, negative, response_mask, token_level_rewards.dtype)


def add_entropy(advantages: torch.Tensor, entropy: torch.Tensor, alpha: float, kappa: float) -> torch.Tensor:
    """The entropy advantage (arXiv 2506.14758): A_t + min(alpha H_t, |A_t|/kappa), for the advantages of any estimator.

    Where A_t is 0, as on masked tokens and in silent groups, it stays 0; with kappa > 1 no advantage changes its sign.

    Args:
        advantages: (bs, len).
        entropy: (bs, len), H_t in nats of the policy that drew the token; no gradient flows through it.
        alpha: >= 0.
        kappa: > 1.
    """
    return advantages + torch.minimum(alpha * entropy.detach(), advantages.abs() / kappa)


def spread_channels(
    groups: Groups, positive: torch.Tensor, negative: torch.Tensor, response_mask: torch.Tensor, dtype: torch.dtype
) -> torch.Tensor:
    """What the correct and the incorrect rows of each group weigh, (groups,) each, onto their tokens: (bs, len).

    `positive` may hold anything where a group has no correct row, `negative` where it has no incorrect one.
    """
    weight = torch.where(groups.correct, positive[groups.index], negative[groups.index])
    return spread(torch.where(groups.alive, weight, 0.0).to(dtype), response_mask)


def spread_outcomes(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Sequence[Hashable] | np.ndarray,
    positive: float,
    negative: float,
    reward_threshold: float,
) -> torch.Tensor:
    """One weight for every correct row, another for every incorrect one, onto their tokens: (bs, len)."""
    _, correct = judge_rows(token_level_rewards, response_mask, index, reward_threshold)
    weight = torch.where(correct, token_level_rewards.new_tensor(positive), token_level_rewards.new_tensor(negative))
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
