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
"""The advantage estimators: one function each, from groups to the advantage of a correct and of an incorrect rollout.

`compute_advantages` is what all of them share: gather the groups, ask the estimator for two advantages per group, and
spread them over the tokens. `asymgrpo` (Eq. 10) comes first; the others are baselines. CONTRIBUTING.md says how to add
one.

In the docstrings p is the group accuracy and r is 1 for a correct rollout and 0 for an incorrect one. Groups may differ
in size. No epsilon is added anywhere, because every limit is computed exactly.
"""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import torch

from asymgrpo_verl.core.fields import choice, number
from asymgrpo_verl.core.groups import Groups, alive_and_correct, gather_groups
from asymgrpo_verl.core.registry import ESTIMATORS, Estimator, OutcomeSettings, estimator, on_declared, own_settings

# All other modules import the registry from here, because it is empty until this module has filled it.
__all__ = ["ESTIMATORS", "Estimator", "OutcomeSettings", "estimator", "on_declared", "own_settings"]


def compute_advantages(
    name: str,
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Sequence[Hashable] | np.ndarray,
    settings: OutcomeSettings,
) -> torch.Tensor:
    """Compute the advantages of a batch: the same value on every response token of a rollout, 0 on all other tokens.

    Args:
        name: of ESTIMATORS.
        token_level_rewards: (bs, len), any float dtype; a rollout is correct or incorrect by the sum of its row.
        response_mask: (bs, len), 1 on response tokens and 0 elsewhere, any dtype. A row of zeros belongs to no group.
        index: (bs,) uids of the prompts, any hashable, in any order.
        settings: of `ESTIMATORS[name].settings`.

    Returns:
        (bs, len), with the dtype and device of the rewards.

    Raises:
        TypeError: the rewards are integers or booleans.
        ValueError: a summed reward is NaN or infinite, `index` is not one uid per row, or an advantage is too large for
            the dtype of the rewards.
    """
    estimator, own = ESTIMATORS[name], own_settings(settings)
    rows = token_level_rewards, response_mask, index, settings.reward_threshold
    if estimator.uses_groups:
        groups = gather_groups(*rows)
        positive, negative = _group_advantages(name, groups, settings)
        values = per_rollout(groups, positive, negative)
    else:  # no uid is hashed, which is most of the time of `gather_groups`
        _, correct = alive_and_correct(*rows)
        positive, negative = estimator.advantages(**own)
        values = torch.full(correct.shape, negative, dtype=torch.float64, device=correct.device)
        values.masked_fill_(correct, positive)
    return spread(fitting(values, token_level_rewards.dtype, name, own), response_mask)


def _group_advantages(name: str, groups: Groups, settings: OutcomeSettings) -> tuple[torch.Tensor, torch.Tensor]:
    """Ask the estimator for the advantages of a correct and of an incorrect rollout of each group: (groups,) float64.

    Raises:
        TypeError: the function returned something else than two numbers or tensors of this shape.
    """
    estimator = ESTIMATORS[name]
    both = estimator.advantages(*([groups] if estimator.uses_groups else []), **own_settings(settings))
    if not isinstance(both, tuple | list) or len(both) != 2:
        raise TypeError(
            f"estimator {name}: got {both!r}; expected the advantages of a correct and an incorrect rollout."
        )
    size = groups.size
    pair = [torch.as_tensor(one, dtype=torch.float64, device=size.device) for one in both]
    for one in pair:
        if one.shape not in ((), size.shape):
            raise TypeError(
                f"estimator {name}: got an advantage of shape {tuple(one.shape)}; expected a number or one value per "
                f"group, shape {tuple(size.shape)}."
            )
    return pair[0].expand(size.shape), pair[1].expand(size.shape)


def per_rollout(groups: Groups, positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
    """Return the advantage of each row, (bs,): that of its group for its outcome, 0 if it has no response token."""
    values = torch.where(groups.correct, positive[groups.index], negative[groups.index])
    return torch.where(groups.alive, values, 0.0)


def fitting(values: torch.Tensor, dtype: torch.dtype, estimator: str, settings: dict[str, Any]) -> torch.Tensor:
    """Return advantages in the dtype of the rewards.

    Raises:
        ValueError: an advantage is too large for the dtype, or NaN. The error lists the settings of the estimator.
    """
    converted = values.to(dtype)
    if not torch.isfinite(converted).all():
        listed = ", ".join(f"{key}={value}" for key, value in settings.items()) or "it has none"
        raise ValueError(
            f"algorithm.{estimator}: got an advantage of {values.abs().max().item():g}; expected at most "
            f"{torch.finfo(dtype).max:g}, because the rewards are {dtype}. Use smaller settings ({listed}), or rewards "
            "in float32."
        )
    return converted


def spread(values: torch.Tensor, response_mask: torch.Tensor) -> torch.Tensor:
    """Put one value per row, (bs,), on every response token of the row: (bs, len), 0 outside the mask."""
    if response_mask.dtype == values.dtype:
        return response_mask * values.unsqueeze(1)
    # In place on a copy of the right dtype, because a product of mixed dtypes takes twice as long.
    return response_mask.to(values.dtype).mul_(values.unsqueeze(1))


def advantages_by_count(name: str, n: int, settings: OutcomeSettings) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute the advantages of a correct and of an incorrect rollout in a group of n, for 0, 1, ..., n correct.

    Returns:
        (n+1,) float64 each. The advantage of a correct rollout has no meaning at 0, that of an incorrect one at n.
        For an estimator that reads the whole batch, `a_grae` or `dgae` with a temperature, these n+1 groups are it.
    """
    solved = torch.arange(n + 1, dtype=torch.float64)
    return _group_advantages(name, Groups(size=torch.full_like(solved, n), solved=solved), settings)


def learns_from_groups_of(name: str, n: int, settings: OutcomeSettings) -> bool:
    """Return whether any rollout of a group of n has a non-zero advantage, whatever the number of correct ones."""
    positive, negative = advantages_by_count(name, n, settings)
    return bool(positive[1:].any() or negative[:-1].any())


@estimator(
    beta_pos=number(0.9, at_least=0), beta_neg=number(0.4, at_least=0), flip=choice("none", "positive", "negative")
)
def asymgrpo(groups: Groups, beta_pos: float, beta_neg: float, flip: str) -> tuple[torch.Tensor, torch.Tensor]:
    """AsymGRPO (arXiv 2604.04894, Eq. 10): ((1-p)/p)^beta_pos if correct, -(p/(1-p))^beta_neg if incorrect.

    (0, 0) is REINFORCE with +1/-1. (0.5, 0.5) is GRPO with the population standard deviation. (1, 0) is MaxRL, (r-p)/p,
    on mixed groups. In a unanimous group, such as a group of one, the advantage is 0 if the beta is > 0 and +1/-1 if it
    is 0, because 0^0 = 1. A reflected curve is not 0 there: see `reflected`.

    Args:
        beta_pos, beta_neg: exponents of A+ and A-, finite, >= 0. The defaults are the paper's main setting (Table 1).
        flip: the curve that is reflected about p = 1/2 (Appendix D): "none", "positive" (A+, EntDecrease) or
            "negative" (A-, EntIncrease).
    """
    correct, incorrect = groups.solved, groups.size - groups.solved
    positive = (incorrect / correct).pow(beta_pos)
    negative = -(correct / incorrect).pow(beta_neg)
    if flip == "positive":
        positive = reflected(correct, groups.size, beta_pos)
    if flip == "negative":
        negative = -reflected(incorrect, groups.size, beta_neg)
    return positive, negative


def reflected(members: torch.Tensor, size: torch.Tensor, beta: float) -> torch.Tensor:
    """Compute |A| of a reflected curve (Appendix D, Eq. 15-18) for a channel: the correct or the incorrect rollouts.

    With s = members/size it is f(s) = (s/(1-s))^beta, the curve ((1-s)/s)^beta reflected about s = 1/2. It is infinite
    at s = 1, where the channel is the whole group. There we extrapolate linearly from the two previous points:
    f(1) = 2 f((size-1)/size) - f((size-2)/size). In a group of two the second of these points is f(0). A group of one
    has no earlier point: f(1) is then f(0), which is 0 if beta > 0 and 1 if beta = 0, as without the reflection.

    Args:
        members: (groups,) float64, rollouts in the channel, 0 to size.
        size: (groups,) float64, rollouts in the group.
        beta: finite, >= 0.

    Returns:
        (groups,) float64, >= 0, never NaN if size > 0; infinite if a huge beta leaves the range of float64.
    """
    curve = (members / (size - members)).pow(beta)
    # f((size-2)/size) as a share of the last point, because 2 last - before_last is inf - inf if both overflow.
    last, before_last = (size - 1).pow(beta), ((size - 2).clamp(min=0) / (2 * size - 2)).pow(beta)
    continued = torch.where(size > 1, last * (2 - before_last), last)
    return torch.where(members == size, continued, curve)


@estimator()
def reinforce_pm1() -> tuple[float, float]:
    """REINFORCE without a baseline: +1 if correct, -1 if incorrect (arXiv 2604.04894, Table 1; `asymgrpo` at (0, 0)).

    It learns from unanimous groups and from groups of one.
    """
    return 1.0, -1.0


@estimator()
def psr() -> tuple[float, float]:
    """Positive Sample Reinforcement (arXiv 2506.01347): +1 if correct, 0 if incorrect.

    The authors' code drops the incorrect rollouts before the update. Here they stay with advantage 0, so their tokens
    count in the denominator of verl's token-mean loss.
    """
    return 1.0, 0.0


@estimator()
def nsr() -> tuple[float, float]:
    """Negative Sample Reinforcement (arXiv 2506.01347): 0 if correct, -1 if incorrect.

    The correct rollouts stay in the batch, as the incorrect ones do in `psr`.
    """
    return 0.0, -1.0


@estimator(lam=number(0.1, at_least=0))
def w_reinforce(lam: float) -> tuple[float, float]:
    """Weighted REINFORCE (arXiv 2506.01347): lam if correct, -1 if incorrect, which is lam * `psr` + `nsr`.

    Args:
        lam: the advantage of a correct rollout, finite, >= 0; the paper uses 0.1, and 1 is `reinforce_pm1`.
    """
    return lam, -1.0


@estimator()
def maxrl(groups: Groups) -> tuple[torch.Tensor, torch.Tensor]:
    """MaxRL (arXiv 2602.02710, Algorithm 1): (r-p)/p, which is (1-p)/p if correct and -1 if incorrect; 0 if p = 0.

    It is 0 in unanimous groups and in groups of one, and equals `asymgrpo` at (1, 0) in mixed groups. The authors' code
    adds 1e-6 to the denominator and takes 0 for the mean of a group of one; Algorithm 1 and this function do neither.
    """
    return (groups.size - groups.solved) / groups.solved, -(groups.solved > 0).double()


@estimator(k=number(5, at_least=1))
def passk_training(groups: Groups, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pass@k training, analytical (arXiv 2508.10751, Eq. 11-15): the mean over the k-subsets with the rollout.

    A subset of k rollouts passes if one of them is correct. In a group of N with N- incorrect rollouts, the share of
    subsets that fail is F = C(N-, k)/C(N, k), and q = C(N- - 1, k-1)/C(N-1, k-1) is the same share among the subsets
    that contain a given incorrect rollout. With the population standard deviation s = sqrt(F(1-F)), a correct rollout
    gets F/s and an incorrect one (F-q)/s. k = 1 is `asymgrpo` at (0.5, 0.5).

    The advantage is 0 if s = 0: in unanimous groups, with fewer than k incorrect rollouts, and so always in a group of
    k. It is also 0 in a group of fewer than k, which has no subset (the authors' code divides by zero).

    Args:
        k: rollouts drawn, >= 1 and less than the group size; else nothing is learnt. Table 1 has 5.
    """
    incorrect = groups.size - groups.solved
    others = torch.arange(1, k, device=incorrect.device)
    # q as a product of k-1 ratios: no binomial can overflow. With 1 to k-1 incorrect rollouts one of the ratios is 0.
    all_incorrect = ((incorrect.unsqueeze(1) - others) / (groups.size.unsqueeze(1) - others)).prod(dim=1)
    failure = all_incorrect * incorrect / groups.size
    deviation = (failure * (1 - failure)).sqrt()
    mixed = deviation > 0  # False for NaN too: fewer than k rollouts
    positive = torch.where(mixed, failure / deviation, 0.0)
    negative = torch.where(mixed, (failure - all_incorrect) / deviation, 0.0)
    return positive, negative


@estimator(gamma=number(0.5, at_least=0))
def f_grpo(groups: Groups, gamma: float) -> tuple[torch.Tensor, torch.Tensor]:
    """F-GRPO (arXiv 2602.06717, Eq. 11-13): (1-p)^gamma times the GRPO advantage (r-p)/std.

    It is 0 in unanimous groups and in groups of one. The paper's Eq. 3 names neither the kind of standard deviation nor
    the epsilon: here it is the population standard deviation without an epsilon, so gamma = 0 is `asymgrpo` at
    (0.5, 0.5). verl's `grpo` uses the sample standard deviation: sqrt((N-1)/N) times this in a group of N.

    Args:
        gamma: exponent of 1 - p, finite, >= 0; the paper uses 0.5 and 1.
    """
    positive, negative = asymgrpo(groups, 0.5, 0.5, "none")
    focus = (1 - groups.solved / groups.size).pow(gamma)
    return focus * positive, focus * negative


@estimator(alpha=number(1.0, above=0))
def a_grae(groups: Groups, alpha: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A-GRAE (arXiv 2602.05548) as its public code (HKU-HealthAI/A-GRAE) computes it: GRPO scaled by difficulty.

    A' = A * 0.5 * ((1-P)/(1 - sqrt(p)) + P/sqrt(p)), where A is the GRPO advantage (r-p)/std and P is the mean of p
    over the groups of the batch. A correct rollout gets A' * min(1, P/alpha), an incorrect one A'. Both are 0 in
    unanimous groups and in groups of one.

    The paper's Eq. 12 has sqrt(1-p) where the code has 1 - sqrt(p). Its Eq. 11 takes P over rollouts, which is the same
    if all groups have one size. Here the standard deviation is the population one, as in the paper's Eq. 17; the code
    uses the sample one and adds epsilons of 1e-6.

    Args:
        alpha: > 0; from this batch accuracy on, positive advantages count in full. The code uses 1 for maths, and names
            0.5 for geometry and medicine.
    """
    accuracy = groups.solved / groups.size
    batch_accuracy = accuracy.nanmean()  # NaN is 0/0: a uid without a response
    easy, hard = 1 / (1 - accuracy.sqrt()), 1 / accuracy.sqrt()
    scale = 0.5 * ((1 - batch_accuracy) * easy + batch_accuracy * hard)
    scale = torch.where((accuracy > 0) & (accuracy < 1), scale, 0.0)
    positive, negative = asymgrpo(groups, 0.5, 0.5, "none")
    return scale * positive * (batch_accuracy / alpha).clamp(max=1.0), scale * negative


@estimator(temperature=number(0.0, at_least=0))
def dgae(groups: Groups, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
    """DGAE of DGPO (arXiv 2601.20614): (r-p)/(mean |r-p|), which is 1/(2p) if correct and -1/(2(1-p)) if incorrect.

    In a mixed group of N the sum of |A| is N, whatever p is. The advantages are 0 in unanimous groups and in groups of
    one. A temperature T > 0 is the paper's weighting by difficulty (DQW): the advantages of a mixed group are
    multiplied by B exp(-p/T) / sum exp(-p/T), where the sum is over the B mixed groups of the batch.

    The paper also takes the token mean of the loss over the mixed groups only. An estimator cannot do that, because it
    gets no token counts. The authors' code (AMAP-ML/MathForge) adds 1e-4 to the sum of |r-p|. For the weight, it takes
    p = 1 for a group that is mixed by its total reward and has no correct rollout by its main reward. The paper and
    this function do neither.

    Args:
        temperature: of the weights by difficulty, finite, >= 0. 0 is off; the paper tries 1, 2, 5 and 10, and uses 2.
    """
    correct, incorrect = groups.solved, groups.size - groups.solved
    mixed = (correct > 0) & (incorrect > 0)
    weight = torch.ones_like(correct)
    if temperature > 0:
        accuracy = correct / groups.size
        # Relative to the hardest mixed group, whose exponent is then 0: the sum is >= 1 at the smallest temperature.
        hardest = torch.where(mixed, accuracy, 1.0).amin()
        share = torch.where(mixed, ((hardest - accuracy) / temperature).exp(), 0.0)
        weight = mixed.sum() * share / share.sum()
    positive = torch.where(mixed, weight * groups.size / (2 * correct), 0.0)
    negative = torch.where(mixed, -weight * groups.size / (2 * incorrect), 0.0)
    return positive, negative


@estimator(quantile=number(0.4, above=0, below=1), rule=choice("threshold", "interpolated"))
def qae(groups: Groups, quantile: float, rule: str) -> tuple[torch.Tensor, torch.Tensor]:
    """QAE (arXiv 2509.22611): (r-b)/std, where the baseline b is the K-quantile of the group's rewards, K = quantile.

    The paper's b is the smallest reward x for which the share of rewards <= x is >= K. So b = 0 if 1-p >= K, and only
    correct rollouts have an advantage then; otherwise b = 1, and only incorrect ones have. The authors' code
    interpolates linearly between the sorted rewards: b lies between 0 and 1 if K(N-1), in a group of N, falls between
    the last 0 and the first 1. The advantages are 0 in unanimous groups and in groups of one. The code gives a group of
    one its raw reward.

    The standard deviation is the population one without an epsilon, as in `f_grpo` and `a_grae`: with b = p this would
    be `asymgrpo` at (0.5, 0.5). The code uses the sample one, so its advantages are sqrt((N-1)/N) times these.

    Args:
        quantile: of the rewards, the baseline; > 0 and < 1. The paper uses 0.4, and 0.6 if the entropy collapses.
        rule: "threshold" (the paper's) or "interpolated" (the code's).
    """
    correct, incorrect = groups.solved, groups.size - groups.solved
    if rule == "threshold":
        # A quotient is rounded as the setting was, so 3/10 >= 0.3 holds; 1 - 7/10 and 0.07 * 100 are off by one bit.
        baseline = (incorrect / groups.size < quantile).double()
    else:
        last_zero, first_one = (incorrect - 1) / (groups.size - 1), incorrect / (groups.size - 1)
        baseline = ((quantile - last_zero) / (first_one - last_zero)).clamp(0.0, 1.0)
    deviation = (correct * incorrect).sqrt() / groups.size
    mixed = deviation > 0
    positive = torch.where(mixed, (1 - baseline) / deviation, 0.0)
    negative = torch.where(mixed, -baseline / deviation, 0.0)
    return positive, negative
