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
"""Compute what the paper's figures plot from the rollouts of a step. `core.metrics` says what each key means.

If a batch has no data for a key (such as the incorrect rollouts of a batch without any), its value is NaN. So every
step has the same keys, and no curve shows a zero that was not measured.
"""

from typing import NamedTuple

import torch

from asymgrpo_verl.core.groups import Groups

CHANNELS = ("correct", "incorrect")


class EpochCounts(NamedTuple):
    """Counts over the prompts of an epoch so far.

    Attributes:
        epoch: its number, from 0.
        prompts, all_solved, none_solved: number of prompts, of those with p = 1, of those with p = 0.
        accuracy: sum of p over the prompts.
        solved: for k from 0 to n, number of prompts with p nearest to k/n; empty before the first step.
    """

    epoch: int
    prompts: int = 0
    all_solved: int = 0
    none_solved: int = 0
    accuracy: float = 0.0
    solved: tuple[int, ...] = ()


def count_epoch(counts: EpochCounts, epoch: int, groups: Groups, n: int) -> EpochCounts:
    """Add the groups of a step to the counts; start from 0 if `epoch` or n differs from that of the counts."""
    if epoch != counts.epoch or len(counts.solved) != n + 1:
        counts = EpochCounts(epoch, solved=(0,) * (n + 1))
    filled = _where(groups.size > 0)
    size, solved = groups.size[filled], groups.solved[filled]
    bins = torch.bincount(nearest_share(solved, size, n), minlength=n + 1).double()
    sums = torch.stack([(solved == size).sum().double(), (solved == 0).sum().double(), (solved / size).sum()])
    all_solved, none_solved, accuracy, *bins = torch.cat([sums, bins]).tolist()
    return EpochCounts(
        epoch,
        counts.prompts + len(size),
        counts.all_solved + int(all_solved),
        counts.none_solved + int(none_solved),
        counts.accuracy + accuracy,
        tuple(before + int(new) for before, new in zip(counts.solved, bins, strict=True)),
    )


def epoch_metrics(counts: EpochCounts) -> dict[str, float]:
    """Compute `epoch/*` from the counts so far. At the last step of an epoch Fig. 2 c and g plot them."""
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
    """Compute `groups/*` of a batch (Fig. 2 c, g); all are 0 for a batch without a group.

    Args:
        groups: see `gather_groups`.
        n: rollouts that every prompt should have.
    """
    filled = groups.size > 0
    odd = ((filled & (groups.size != n)).sum().double() / filled.sum().double().clamp(min=1)).item()
    return _shares("groups", count_epoch(EpochCounts(0), 0, groups, n)) | {"groups/odd_size": odd}


def nearest_share(solved: torch.Tensor, size: torch.Tensor, n: int) -> torch.Tensor:
    """Return for each group the k for which k/n is nearest to its p, (groups,) int64: `solved` if the size is n."""
    return torch.floor(solved / size * n + 0.5).long()


def _where(mask: torch.Tensor) -> torch.Tensor:
    """Return the places where a (rows,) mask is true. On a GPU each index by a mask is a wait; by places it is none."""
    return torch.nonzero(mask).squeeze(1)


def _rows(groups: Groups) -> tuple[torch.Tensor, torch.Tensor]:
    """Return which rows are correct, and which are incorrect rollouts: (bs,) bool each."""
    return groups.correct, groups.alive & ~groups.correct


def _count_tokens(response_mask: torch.Tensor) -> torch.Tensor:
    """Count the response tokens of each row: (bs,) float64."""
    return response_mask.sum(1, dtype=torch.float64)


def _sum_tokens(values: torch.Tensor, response_mask: torch.Tensor) -> torch.Tensor:
    """Sum the values of each row's response tokens: (bs,) float64."""
    return (values * response_mask).sum(1, dtype=torch.float64)


def channel_metrics(
    groups: Groups, response_mask: torch.Tensor, advantages: torch.Tensor, entropy: torch.Tensor
) -> dict[str, float]:
    """Compute `rollouts/entropy`, and entropy, length, share and advantage mass of each channel.

    Args:
        groups: see `gather_groups`.
        response_mask, advantages, entropy: (bs, len); the entropy in nats, of the policy before the update.
    """
    tokens = _count_tokens(response_mask)
    nats, mass = (_sum_tokens(x, response_mask) for x in (entropy, advantages.abs()))
    mixed = ((0 < groups.solved) & (groups.solved < groups.size))[groups.index]
    metrics = {"rollouts/entropy": nats[_where(groups.alive)].sum() / tokens.sum()}
    for channel, members in zip(CHANNELS, _rows(groups), strict=True):
        rows, both = _where(members), _where(members & mixed)
        metrics |= {
            f"rollouts/{channel}/entropy": nats[rows].sum() / tokens[rows].sum(),
            f"rollouts/{channel}/entropy_mixed": nats[both].sum() / tokens[both].sum(),
            f"rollouts/{channel}/length": tokens[rows].mean(),
            f"rollouts/{channel}/share": members.sum() / groups.alive.sum().clamp(min=1),
            f"rollouts/{channel}/advantage_mass": mass[rows].sum() / tokens.sum(),
        }
    return _read(metrics)


def staleness_metrics(groups: Groups, staleness: torch.Tensor) -> dict[str, float]:
    """Compute the mean and the maximum of each channel's staleness; NaN if the channel has no rollout.

    Args:
        groups: see `gather_groups`.
        staleness: (bs,) float64, number of weight syncs from the policy that drew a rollout's first token to the step.
    """
    metrics = {}
    for channel, members in zip(CHANNELS, _rows(groups), strict=True):
        of_channel = staleness[_where(members)]
        metrics[f"rollouts/{channel}/staleness"] = of_channel.mean()
        metrics[f"rollouts/{channel}/staleness_max"] = of_channel.max() if len(of_channel) else of_channel.mean()
    return _read(metrics)


def _read(metrics: dict[str, torch.Tensor]) -> dict[str, float]:
    """Read all scalars from the device at once."""
    return dict(zip(metrics, torch.stack([*metrics.values()]).tolist(), strict=True))


def covariance_metrics(
    groups: Groups, response_mask: torch.Tensor, advantages: torch.Tensor, log_probs: torch.Tensor, n: int
) -> dict[str, float]:
    """Compute `covariance/*`: the covariance that drives the entropy (Eq. 12-14), and Cov(p) of Fig. 1 c.

    Cov_group = mean_i (l_i - mean l)(A_i - mean A) over the rollouts i of a group. l_i is the mean of log pi(y_t) over
    the tokens of rollout i, and A_i is its advantage (the mean over its tokens if they differ).

    Args:
        log_probs: (bs, len), of the policy before the update.
        n: rollouts that every prompt should have.
    """
    per_row = torch.stack([_sum_tokens(x, response_mask) for x in (log_probs, advantages)])
    per_row /= _count_tokens(response_mask).clamp(min=1)
    per_row = torch.where(groups.alive, per_row, 0.0)
    group_mean = torch.zeros(2, len(groups.size), dtype=torch.float64, device=per_row.device)
    group_mean.index_add_(1, groups.index, per_row)
    group_mean /= groups.size
    centred = torch.where(groups.alive, per_row - group_mean[:, groups.index], 0.0)
    covariance = torch.zeros_like(groups.size).index_add_(0, groups.index, centred.prod(0)) / groups.size
    filled = _where(groups.size > 0)
    covariance, k = covariance[filled], nearest_share(groups.solved[filled], groups.size[filled], n)
    by_share = torch.zeros(n + 1, dtype=torch.float64, device=per_row.device).index_add_(0, k, covariance)
    by_share /= torch.bincount(k, minlength=n + 1)
    return _read(
        {"covariance/mean": covariance.mean()} | {f"covariance/at/{k}_of_{n}": by_share[k] for k in range(n + 1)}
    )


def update_metrics(
    groups: Groups,
    response_mask: torch.Tensor,
    old_log_probs: torch.Tensor,
    log_probs: torch.Tensor,
    old_entropy: torch.Tensor,
    entropy: torch.Tensor,
) -> dict[str, float]:
    """Compute what an update did to the rollouts it learnt from (Fig. 2 d, h): the keys of UPDATE_KEYS.

    Args:
        old_log_probs, old_entropy: (bs, len), of the policy before the update; the entropy in nats.
        log_probs, entropy: (bs, len), of the policy after it.
    """
    tokens = _count_tokens(response_mask)
    increment, change = (_sum_tokens(x, response_mask) for x in (log_probs - old_log_probs, entropy - old_entropy))
    metrics = {"entropy_change/measured": change.sum() / tokens.sum()}
    for channel, members in zip(CHANNELS, _rows(groups), strict=True):
        rows = _where(members)
        metrics[f"rollouts/{channel}/log_prob_increment"] = increment[rows].mean()
        metrics[f"rollouts/{channel}/log_prob_increment_per_token"] = increment[rows].sum() / tokens[rows].sum()
    return _read(metrics)


def displacement_metrics(
    groups: Groups, response_mask: torch.Tensor, old_log_probs: torch.Tensor, log_probs: torch.Tensor, n: int
) -> dict[str, float]:
    """Compute `displacement/*`: the correct rollouts whose log-probability fell in the update (arXiv 2505.18830).

    The paper updates on one question alone, with the parameters of before, and its displacement is the mean increment.
    Here the update is that of the whole step.

    Args:
        old_log_probs, log_probs: (bs, len), of the policy before and after the update.
        n: rollouts that every prompt should have.
    """
    rows = _where(groups.correct)
    increment = _sum_tokens(log_probs - old_log_probs, response_mask)[rows]
    group = groups.index[rows]
    size, solved = groups.size[group], groups.solved[group]
    fell = torch.stack([(increment < 0).double(), (-increment).clamp(min=0), torch.ones_like(increment)])
    of_mixed, of_all = (fell * (solved < size)).sum(1), torch.zeros(3, n + 1, dtype=fell.dtype, device=fell.device)
    of_all.index_add_(1, nearest_share(solved, size, n), fell)
    values = torch.cat([of_mixed[:2] / of_mixed[2], (of_all[:2] / of_all[2]).flatten()])
    return dict(zip(displacement_keys(n), values.tolist(), strict=True))


def displacement_keys(n: int) -> tuple[str, ...]:
    """Return the keys of `displacement_metrics`."""
    names = ("share", "fall")
    by_accuracy = (f"displacement/{name}_at/{k}_of_{n}" for name in names for k in range(n + 1))
    return (*(f"displacement/{name}" for name in names), *by_accuracy)


UPDATE_KEYS = ("entropy_change/measured",) + tuple(
    f"rollouts/{channel}/log_prob_increment{suffix}" for channel in CHANNELS for suffix in ("", "_per_token")
)
