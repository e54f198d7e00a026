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
"""The clipped surrogate, written as its two channels (Eq. 2 and 11)."""

from collections.abc import Callable

import torch

# log pi_theta/pi_old is clamped to +-20 before it is exponentiated, as verl's `vanilla` does.
_LOG_RATIO_LIMIT = 20.0


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
) -> tuple[torch.Tensor, dict[str, float]]:
    """The PPO loss with dual clip, in which each channel meets only the bounds that can bind it.

    With w = pi_theta/pi_old: where A > 0, -A min(w, 1 + clip_high); where A < 0, |A| min(max(w, 1 - clip_low), clip_c).
    For finite advantages that is verl's `vanilla`, value and gradient, in every aggregation mode.

    Metrics, over the response tokens of this micro-batch. A token belongs to the positive or the negative channel by
    the sign of its advantage, to neither where that is 0. Except for `loss_share` and `ratio` they are shares of all
    tokens, so that the channels add up and a micro-batch may lack one. verl logs their plain mean over micro-batches,
    which is the share of the batch where those have equally many tokens (and near it with use_dynamic_bsz):
      actor/pg_clipfrac, actor/ppo_kl, actor/pg_clipfrac_lower: as `vanilla` has them.
      actor/{positive,negative}/token_frac: tokens of the channel / all tokens.
      .../clipfrac: tokens of the channel whose ratio is clipped / all tokens; both sum to actor/pg_clipfrac. Divide by
        token_frac for the rate within the channel.
      .../ppo_kl: sum of log pi_old/pi_theta over the channel / all tokens; likewise.
      .../loss_share: |loss of the channel| / (|loss of the positive| + |loss of the negative|), 0 where there is none.
      .../ratio: mean of w over the channel's tokens, 1 where there are none.

    Args:
        old_log_prob, log_prob, advantages: (bs, len).
        response_mask: (bs, len), bool.
        aggregate: (bs, len) loss matrix -> scalar; linear in its argument.
        clip_low, clip_high, clip_c: >= 0, >= 0, > 1; the ratio is held in [1 - clip_low, 1 + clip_high], or to clip_c
            where A < 0.
        rollout_is_weights: (bs, len), multiplied into the loss.

    Returns:
        The scalar loss and the metrics above, read from the device in one go.

    Raises:
        ValueError: clip_c <= 1.
    """
    if clip_c <= 1.0:
        raise ValueError(f"actor_rollout_ref.actor.clip_ratio_c: got {clip_c}; expected a number > 1.")
    response_mask = response_mask.bool()
    log_ratio = torch.where(response_mask, log_prob - old_log_prob, 0.0).clamp(-_LOG_RATIO_LIMIT, _LOG_RATIO_LIMIT)
    ratio = log_ratio.exp()
    bounded = torch.where(advantages > 0, ratio.clamp(max=1 + clip_high), ratio.clamp(1 - clip_low, clip_c))
    losses = -advantages * bounded
    if rollout_is_weights is not None:
        losses = losses * rollout_is_weights
    loss = aggregate(losses)
    with torch.no_grad():
        positive_loss = aggregate(losses.clamp(max=0.0))
        sums = _channel_sums(log_ratio, ratio, advantages, response_mask, clip_low, clip_high, clip_c)
        values = torch.cat([sums, torch.stack([positive_loss, loss.detach()]).double()]).tolist()
    return loss, _name_metrics(*values)


def _channel_sums(log_ratio, ratio, advantages, response_mask, clip_low, clip_high, clip_c) -> torch.Tensor:
    """What the metrics are made of, in one float64 vector, in the order of the arguments of `_name_metrics`."""
    positive, negative = (advantages > 0) & response_mask, (advantages < 0) & response_mask
    counts = [
        response_mask,
        positive,
        negative,
        positive & (ratio > 1 + clip_high),
        negative & (ratio < 1 - clip_low),
        negative & (ratio > clip_c),
    ]
    # No matrix product here: verl computes the loss under autocast, which would round it to bfloat16.
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
    tokens, channels = max(tokens, 1), abs(pos) + abs(all_ - pos)
    metrics = {
        "actor/pg_clipfrac": (clipped_pos + clipped_neg) / tokens,
        "actor/ppo_kl": -log_ratio / tokens,
        "actor/pg_clipfrac_lower": clipped_c / tokens,
    }
    for channel, n, clipped, kl, ratio, loss in (
        ("positive", n_pos, clipped_pos, kl_pos, ratio_pos, pos),
        ("negative", n_neg, clipped_neg, kl_neg, ratio_neg, all_ - pos),
    ):
        metrics[f"actor/{channel}/token_frac"] = n / tokens
        metrics[f"actor/{channel}/loss_share"] = abs(loss) / channels if channels else 0.0
        metrics[f"actor/{channel}/clipfrac"] = clipped / tokens
        metrics[f"actor/{channel}/ppo_kl"] = -kl / tokens
        metrics[f"actor/{channel}/ratio"] = ratio / n if n else 1.0
    return metrics
