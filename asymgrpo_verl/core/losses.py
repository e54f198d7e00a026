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
"""The clipped policy loss, split by the sign of the advantage (Eq. 2 and 11), and REPO-R's advantages in a loss."""

import math
from collections.abc import Callable

import torch

# As in verl's `vanilla`, log pi_theta/pi_old is clamped to +-20 before exp.
_LOG_RATIO_LIMIT = 20.0
_LOWEST_LOG_PROB = -20.0


def two_channel_loss(
    old_log_prob: torch.Tensor,
    log_prob: torch.Tensor,
    advantages: torch.Tensor,
    response_mask: torch.Tensor,
    aggregate: Callable[[torch.Tensor], torch.Tensor],
    clip_low: float,
    clip_high: float,
    clip_c: float,
    rollout_is_weights: torch.Tensor | None = None,
    anchored: bool = False,
) -> tuple[torch.Tensor, dict[str, float]]:
    """Compute the PPO loss with dual clip, and metrics of the tokens with positive and with negative advantage.

    With w = pi_theta/pi_old the loss of a token is -A min(w, 1 + clip_high) if A > 0, and
    |A| min(max(w, 1 - clip_low), clip_c) if A < 0. For finite advantages this equals verl's `vanilla` in value and
    gradient, in every aggregation mode.

    `anchored` is UP-GRPO (arXiv 2607.06987, Eq. 14): if A > 0 the loss is -A pi_theta/stop(pi_theta), where no gradient
    flows through stop. Its value is -A and its gradient that of REINFORCE, -A grad log pi_theta, whatever pi_old is.
    So no token with A > 0 is clipped, clip_high has no effect, and nothing changes at w = 1.

    The metrics `actor/{positive,negative}/*` are in `core.metrics`; `actor/pg_clipfrac`, `actor/ppo_kl` and
    `actor/pg_clipfrac_lower` are as in `vanilla`. All are over the response tokens of this micro-batch. verl logs their
    plain mean over micro-batches, so each micro-batch reports every key, even if it has no token with positive or with
    negative advantage.

    Args:
        old_log_prob, log_prob, advantages: (bs, len).
        response_mask: (bs, len), bool.
        aggregate: maps a (bs, len) loss matrix to a scalar; linear in its argument.
        clip_low: >= 0; where A < 0 the ratio counts as at least 1 - clip_low.
        clip_high: >= 0; where A > 0 the ratio counts as at most 1 + clip_high.
        clip_c: > 1; where A < 0 the ratio counts as at most clip_c.
        rollout_is_weights: (bs, len), multiplied into the loss.
        anchored: whether tokens with A > 0 have UP-GRPO's loss. The metrics still have w as their ratio.

    Returns:
        The scalar loss, and the metrics, which are read from the device in one transfer.

    Raises:
        ValueError: clip_c <= 1.
    """
    if clip_c <= 1.0:
        raise ValueError(f"actor_rollout_ref.actor.clip_ratio_c: got {clip_c}; expected a number > 1.")
    response_mask = response_mask.bool()
    log_ratio = torch.where(response_mask, log_prob - old_log_prob, 0.0).clamp(-_LOG_RATIO_LIMIT, _LOG_RATIO_LIMIT)
    ratio = log_ratio.exp()
    if anchored:
        answered = torch.where(response_mask, log_prob, 0.0)
        rising, clip_high = (answered - answered.detach()).exp(), math.inf
    else:
        rising = ratio.clamp(max=1 + clip_high)
    bounded = torch.where(advantages > 0, rising, ratio.clamp(1 - clip_low, clip_c))
    losses = -advantages * bounded
    if rollout_is_weights is not None:
        losses = losses * rollout_is_weights
    loss = aggregate(losses)
    with torch.no_grad():
        positive_loss = aggregate(losses.clamp(max=0.0))
        sums = _sums_by_sign(log_ratio, ratio, advantages, response_mask, clip_low, clip_high, clip_c)
        values = torch.cat([sums, torch.stack([positive_loss, loss.detach()]).double()]).tolist()
    return loss, _name_metrics(*values)


def _sums_by_sign(log_ratio, ratio, advantages, response_mask, clip_low, clip_high, clip_c) -> torch.Tensor:
    """Sum what the metrics are made of: one float64 vector in the order of the arguments of `_name_metrics`."""
    positive, negative = (advantages > 0) & response_mask, (advantages < 0) & response_mask
    counts = [
        response_mask,
        positive,
        negative,
        positive & (ratio > 1 + clip_high),
        negative & (ratio < 1 - clip_low),
        negative & (ratio > clip_c),
    ]
    # Not as a matrix product, because verl computes the loss under autocast, which would round it to bfloat16.
    moments = [log_ratio] + [torch.where(c, x, 0.0) for c in (positive, negative) for x in (log_ratio, ratio)]
    return torch.stack([c.sum().double() for c in counts] + [m.sum().double() for m in moments])


def _name_metrics(
    tokens,
    n_pos,
    n_neg,
    clipped_pos,
    clipped_neg,
    clipped_c,
    log_ratio,
    kl_pos,
    ratio_pos,
    kl_neg,
    ratio_neg,
    pos,
    all_,
) -> dict[str, float]:
    tokens, both = max(tokens, 1), abs(pos) + abs(all_ - pos)
    metrics = {
        "actor/pg_clipfrac": (clipped_pos + clipped_neg) / tokens,
        "actor/ppo_kl": -log_ratio / tokens,
        "actor/pg_clipfrac_lower": clipped_c / tokens,
    }
    for sign, n, clipped, kl, ratio, loss in (
        ("positive", n_pos, clipped_pos, kl_pos, ratio_pos, pos),
        ("negative", n_neg, clipped_neg, kl_neg, ratio_neg, all_ - pos),
    ):
        metrics[f"actor/{sign}/token_frac"] = n / tokens
        metrics[f"actor/{sign}/loss_share"] = abs(loss) / both if both else 0.0
        metrics[f"actor/{sign}/clipfrac"] = clipped / tokens
        metrics[f"actor/{sign}/ppo_kl"] = -kl / tokens
        metrics[f"actor/{sign}/ratio"] = ratio / n if n else 1.0
    return metrics


def repo_r_advantages(advantages: torch.Tensor, log_prob: torch.Tensor, zeta: float) -> torch.Tensor:
    """Compute REPO-R's advantages (arXiv 2603.11682, Appendix D.2).

    They are A (1 - zeta log pi) if A > 0, and A (1 + zeta log pi) if A < 0. With zeta > 0 an unlikely token counts more
    if it is good, and less if it is bad, which keeps entropy; zeta < 0 does the reverse. No advantage changes its sign:
    it is 0 instead. log pi is that of the policy that trains, without a gradient, and at least -20, as in SkyRL's code.
    The paper subtracts the expectation of log pi from it; SkyRL's code and this function do not.

    Args:
        advantages, log_prob: (bs, len).
    """
    shift = zeta * log_prob.detach().clamp(min=_LOWEST_LOG_PROB)
    raised, lowered = (advantages * (1 - shift)).clamp(min=0.0), (advantages * (1 + shift)).clamp(max=0.0)
    moved = torch.where(advantages > 0, raised, lowered)
    return torch.where(advantages == 0, 0.0, moved)  # also where log_prob is no number
