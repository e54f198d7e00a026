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
"""What the paper's figures plot, as functions of a batch.

A key that has nothing to report in a batch (the incorrect rollouts of a batch without any) is NaN, so that every step
has the same keys and no curve shows a zero that nobody measured.
"""

from typing import NamedTuple

import torch

from asymgrpo_verl.core.groups import Groups

CHANNELS = ("correct", "incorrect")


class EpochCounts(NamedTuple):
    """What became of the prompts of an epoch so far.

    Attributes:
        epoch: its number, from 0.
        prompts, all_solved, none_solved: how many there were, and how many with p = 1, p = 0.
        accuracy: the sum of p over them.
        solved: for k from 0 to n, how many with p nearest to k/n; empty before the first.
    """

    epoch: int
    prompts: int = 0
    all_solved: int = 0
    none_solved: int = 0
    accuracy: float = 0.0
    solved: tuple[int, ...] = ()


def count_epoch(counts: EpochCounts, epoch: int, groups: Groups, n: int) -> EpochCounts:
    """The counts with the groups of a step added; anew where `epoch` or n is not that of `counts`."""
    if epoch != counts.epoch or len(counts.solved) != n + 1:
        counts = EpochCounts(epoch, solved=(0,) * (n + 1))
    size, solved = groups.size[groups.size > 0], groups.solved[groups.size > 0]
    bins = torch.bincount(nearest_share(solved, size, n), minlength=n + 1).tolist()
    return EpochCounts(
        epoch,
        counts.prompts + len(size),
        counts.all_solved + int((solved == size).sum()),
        counts.none_solved + int((solved == 0).sum()),
        counts.accuracy + (solved / size).sum().item(),
        tuple(before + new for before, new in zip(counts.solved, bins, strict=True)),
    )


def epoch_metrics(counts: EpochCounts) -> dict[str, float]:
    """What became of the prompts of the epoch so far: at its last step, what Fig. 2 c and g plot.

    Returns:
        epoch/prompts: how many they are. epoch/all_solved, epoch/none_solved, epoch/mixed, epoch/accuracy,
        epoch/solved/k_of_n: as in `group_metrics`.
    """
    return {"epoch/prompts": counts.prompts} | _shares("epoch", counts)


def _shares(prefix: str, counts: EpochCounts) -> dict[str, float]:
    prompts = max(counts.prompts, 1)
    return {
        f"{prefix}/all_solved": counts.all_solved / prompts,
        f"{prefix}/none_solved": counts.none_solved / prompts,
        f"{prefix}/mixed": (counts.prompts - counts.all_solved - counts.none_solved) / prompts,
        f"{prefix}/accuracy": counts.accuracy / prompts,
    } | {f"{prefix}/solved/{k}_of_{len(counts.solved) - 1}": many / prompts for k, many in enumerate(counts.solved)}


def group_metrics(groups: Groups, n: int) -> dict[str, float]:
    """What became of the prompts of a batch (Fig. 2 c, g).

    Args:
        groups: see `gather_groups`.
        n: rollouts that a prompt should have.

    Returns:
        groups/all_solved: share of the prompts with p = 1; groups/none_solved: p = 0; groups/mixed: 0 < p < 1, the
        groups whose curves differ. These three add up to 1.
        groups/accuracy: mean p.
        groups/odd_size: share of the groups that have not n rollouts.
        groups/solved/k_of_n, for k from 0 to n: share of the prompts with p nearest to k/n; they add up to 1.
        0 each for a batch without a group.
    """
    size = groups.size[groups.size > 0]
    odd = (size != n).sum().item() / max(len(size), 1)
    return _shares("groups", count_epoch(EpochCounts(0), 0, groups, n)) | {"groups/odd_size": odd}


def nearest_share(solved: torch.Tensor, size: torch.Tensor, n: int) -> torch.Tensor:
    """(groups,) int64: k of the k/n nearest to each group's accuracy; k = solved where the size is n."""
    return torch.floor(solved / size * n + 0.5).long()


def _rows(groups: Groups) -> tuple[torch.Tensor, torch.Tensor]:
    """(bs,) bool each: the correct, the incorrect rollouts."""
    return groups.correct, groups.alive & ~groups.correct


def _count_tokens(response_mask: torch.Tensor) -> torch.Tensor:
    """(bs,) float64: the response tokens of each row."""
    return response_mask.sum(1, dtype=torch.float64)


def _sum_tokens(values: torch.Tensor, response_mask: torch.Tensor) -> torch.Tensor:
    """(bs,) float64: the sum over each row's response tokens."""
    return (values * response_mask).sum(1, dtype=torch.float64)


def channel_metrics(
    groups: Groups, response_mask: torch.Tensor, advantages: torch.Tensor, entropy: torch.Tensor
) -> dict[str, float]:
    """Both channels of a batch side by side: its correct and its incorrect rollouts.

    Args:
        groups: see `gather_groups`.
        response_mask, advantages, entropy: (bs, len); the entropy in nats, of the policy that drew the token.

    Returns:
        rollouts/entropy: mean over all response tokens. verl's actor/entropy is that with token-mean aggregation alone.
        rollouts/{correct,incorrect}/entropy: mean over the channel's response tokens.
        .../entropy_mixed: the same in mixed groups alone, so that both channels answer the same prompts.
        .../length: mean response tokens of a rollout.
        .../share: share of the rollouts, 0 where there are none.
        .../advantage_mass: sum of |A| over the channel's tokens / all response tokens of the batch.
    """
    tokens = _count_tokens(response_mask)
    nats, mass = (_sum_tokens(x, response_mask) for x in (entropy, advantages.abs()))
    mixed = ((0 < groups.solved) & (groups.solved < groups.size))[groups.index]
    metrics = {"rollouts/entropy": (nats[groups.alive].sum() / tokens.sum()).item()}
    for channel, rows in zip(CHANNELS, _rows(groups), strict=True):
        both = rows & mixed
        values = torch.stack(
            [
                nats[rows].sum() / tokens[rows].sum(),
                nats[both].sum() / tokens[both].sum(),
                tokens[rows].mean(),
                rows.sum() / groups.alive.sum().clamp(min=1),
                mass[rows].sum() / tokens.sum(),
            ]
        )
        names = ("entropy", "entropy_mixed", "length", "share", "advantage_mass")
        metrics |= {f"rollouts/{channel}/{name}": value for name, value in zip(names, values.tolist(), strict=True)}
    return metrics


def covariance_metrics(
    groups: Groups, response_mask: torch.Tensor, advantages: torch.Tensor, log_probs: torch.Tensor, n: int
) -> dict[str, float]:
    """The covariance that drives the entropy (Eq. 12-14), of length-normalised log-probability and advantage.

    Cov_group = mean_i (l_i - mean l)(A_i - mean A) over the rollouts i of a group, with l_i the mean of log pi(y_t)
    over the tokens of rollout i, and A_i its advantage (the mean over its tokens, where they differ).

    Args:
        log_probs: (bs, len), of the policy before the update.
        n: rollouts that a prompt should have.

    Returns:
        covariance/mean: mean of Cov_group over the groups of the batch.
        covariance/at/k_of_n, for k from 0 to n: Cov(p), its mean over the groups with p nearest to k/n (Fig. 1 c).
    """
    per_row = torch.stack([_sum_tokens(x, response_mask) for x in (log_probs, advantages)])
    per_row /= _count_tokens(response_mask).clamp(min=1)
    per_row = torch.where(groups.alive, per_row, 0.0)
    group_mean = torch.zeros(2, len(groups.size), dtype=torch.float64, device=per_row.device)
    group_mean.index_add_(1, groups.index, per_row)
    group_mean /= groups.size
    centred = torch.where(groups.alive, per_row - group_mean[:, groups.index], 0.0)
    covariance = torch.zeros_like(groups.size).index_add_(0, groups.index, centred.prod(0)) / groups.size
    there = groups.size > 0
    covariance, k = covariance[there], nearest_share(groups.solved[there], groups.size[there], n)
    by_share = torch.zeros(n + 1, dtype=torch.float64, device=per_row.device).index_add_(0, k, covariance)
    by_share /= torch.bincount(k, minlength=n + 1)
    metrics = {"covariance/mean": covariance.mean().item()}
    return metrics | {f"covariance/at/{k}_of_{n}": value for k, value in enumerate(by_share.tolist())}


def update_metrics(
    groups: Groups,
    response_mask: torch.Tensor,
    old_log_probs: torch.Tensor,
    log_probs: torch.Tensor,
    old_entropy: torch.Tensor,
    entropy: torch.Tensor,
) -> dict[str, float]:
    """What an update did to the rollouts it was made from (Fig. 2 d, h).

    Args:
        old_log_probs, old_entropy: (bs, len), before the update; log_probs, entropy: after it. Entropy in nats.

    Returns:
        rollouts/{correct,incorrect}/log_prob_increment: mean over the channel's rollouts of the sum over tokens of
        log pi_new - log pi_old, in nats.
        .../log_prob_increment_per_token: the channel's sum / its tokens.
        entropy_change/measured: mean entropy of the policy at the batch's response tokens, after minus before.
    """
    tokens = _count_tokens(response_mask)
    increment, change = (_sum_tokens(x, response_mask) for x in (log_probs - old_log_probs, entropy - old_entropy))
    metrics = {"entropy_change/measured": (change.sum() / tokens.sum()).item()}
    for channel, rows in zip(CHANNELS, _rows(groups), strict=True):
        metrics[f"rollouts/{channel}/log_prob_increment"] = increment[rows].mean().item()
        metrics[f"rollouts/{channel}/log_prob_increment_per_token"] = (
            increment[rows].sum() / tokens[rows].sum()
        ).item()
    return metrics


UPDATE_KEYS = ("entropy_change/measured",) + tuple(
    f"rollouts/{channel}/log_prob_increment{suffix}" for channel in CHANNELS for suffix in ("", "_per_token")
)
