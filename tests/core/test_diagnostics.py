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
"""Diagnostics by hand and against their definitions, one rollout at a time."""

import math

import pytest
import torch
from batches import batch_of, on_tensors, ragged_batches
from hypothesis import given
from hypothesis import strategies as st

from asymgrpo_verl.core.diagnostics import (
    UPDATE_KEYS,
    EpochCounts,
    channel_metrics,
    count_epoch,
    covariance_metrics,
    displacement_metrics,
    epoch_metrics,
    group_metrics,
    update_metrics,
)
from asymgrpo_verl.core.groups import gather_groups

CHANNELS = ("correct", "incorrect")
NAMES = ("entropy", "entropy_mixed", "length", "share", "advantage_mass")

asymgrpo = on_tensors("asymgrpo")


def random_like(mask: torch.Tensor, seed: int) -> torch.Tensor:
    return torch.rand(mask.shape, generator=torch.Generator().manual_seed(seed))


def members(mask, index) -> dict:
    """uid -> rows with a response."""
    groups: dict = {}
    for row, uid in enumerate(index):
        if mask[row].any():
            groups.setdefault(uid, []).append(row)
    return groups


def mean(values) -> float:
    values = list(values)
    return sum(values) / len(values) if values else math.nan


def test_group_shares_by_hand():
    rewards, mask, index = batch_of({"a": [1, 1], "b": [0, 0, 0], "c": [1, 0, 0, 0], "d": [0]})
    assert group_metrics(gather_groups(rewards, mask, index), n=4) == pytest.approx(
        {
            "groups/all_solved": 1 / 4,
            "groups/none_solved": 2 / 4,
            "groups/mixed": 1 / 4,
            "groups/accuracy": 1.25 / 4,
            "groups/odd_size": 3 / 4,
            "groups/solved/0_of_4": 2 / 4,
            "groups/solved/1_of_4": 1 / 4,
            "groups/solved/2_of_4": 0,
            "groups/solved/3_of_4": 0,
            "groups/solved/4_of_4": 1 / 4,
        }
    )


def test_a_uid_without_any_response_is_no_group():
    rewards, mask, index = batch_of({"a": [1, 1], "b": [0, 0]})
    mask[2:] = 0
    metrics = group_metrics(gather_groups(rewards, mask, index), n=2)
    assert metrics["groups/all_solved"] == metrics["groups/solved/2_of_2"] == 1.0


def test_a_batch_without_groups_has_zero_shares():
    empty = torch.zeros(0, 2)
    assert set(group_metrics(gather_groups(empty, empty, []), n=8).values()) == {0.0}


@given(ragged_batches(), st.integers(1, 9))
def test_every_group_is_in_one_bin_of_the_histogram(batch, n):
    rewards, mask, index = batch
    groups = gather_groups(rewards, mask, index)
    metrics = group_metrics(groups, n)
    bins = [value for key, value in metrics.items() if key.startswith("groups/solved/")]
    assert len(bins) == n + 1
    assert sum(bins) == pytest.approx(1.0 if members(mask, index) else 0.0)


def test_channels_by_hand():
    rewards, mask, index = batch_of({"a": [1, 0], "b": [1, 1]})
    mask[3, 1:] = 0  # a correct response of one token
    entropy = torch.tensor([[1.0] * 3, [2.0] * 3, [3.0] * 3, [10.0, 99, 99]])
    advantages = torch.tensor([[1.0] * 3, [-2.0] * 3, [0.0] * 3, [0.5, 99, 99]])
    metrics = channel_metrics(gather_groups(rewards, mask, index), mask, advantages, entropy)
    assert metrics == pytest.approx(
        {
            "rollouts/entropy": (3 * 1 + 3 * 2 + 3 * 3 + 10) / 10,
            "rollouts/correct/entropy": (3 * 1 + 3 * 3 + 10) / 7,
            "rollouts/correct/entropy_mixed": 1,
            "rollouts/correct/length": 7 / 3,
            "rollouts/correct/share": 3 / 4,
            "rollouts/correct/advantage_mass": (3 + 0.5) / 10,
            "rollouts/incorrect/entropy": 2,
            "rollouts/incorrect/entropy_mixed": 2,
            "rollouts/incorrect/length": 3,
            "rollouts/incorrect/share": 1 / 4,
            "rollouts/incorrect/advantage_mass": 6 / 10,
        }
    )


@given(ragged_batches())
def test_channels_are_what_their_definitions_say(batch):
    rewards, mask, index = batch
    entropy, advantages = random_like(mask, 1), random_like(mask, 2) - 0.5
    metrics = channel_metrics(gather_groups(rewards, mask, index), mask, advantages, entropy)
    rows = [row for group in members(mask, index).values() for row in group]
    solved = {row: rewards[row].sum().item() > 0.5 for row in rows}
    mixed = {r for group in members(mask, index).values() if len({solved[r] for r in group}) == 2 for r in group}
    tokens = [(row, t) for row in rows for t in range(mask.shape[1]) if mask[row, t]]
    assert metrics["rollouts/entropy"] == pytest.approx(mean(entropy[r, t].item() for r, t in tokens), nan_ok=True)
    for channel, right in zip(CHANNELS, (True, False), strict=True):
        mine = [row for row in rows if solved[row] == right]
        expected = {
            "entropy": mean(entropy[r, t].item() for r, t in tokens if r in mine),
            "entropy_mixed": mean(entropy[r, t].item() for r, t in tokens if r in mine and r in mixed),
            "length": mean(mask[r].sum().item() for r in mine),
            "share": len(mine) / len(rows) if rows else 0.0,
            "advantage_mass": sum(abs(advantages[r, t].item()) for r, t in tokens if r in mine) / len(tokens)
            if tokens
            else math.nan,
        }
        assert {name: metrics[f"rollouts/{channel}/{name}"] for name in NAMES} == pytest.approx(expected, nan_ok=True)


def test_covariance_by_hand():
    """Two rollouts, log-probabilities -1 and -3 a token, advantages 1 and -1: the covariance is 1."""
    rewards, mask, index = batch_of({"a": [1, 0], "b": [1, 1]})
    log_probs = torch.tensor([[-1.0] * 3, [-3.0] * 3, [-1.0] * 3, [-5.0] * 3])
    advantages = asymgrpo(rewards, mask, index, 0.5, 0.5)
    metrics = covariance_metrics(gather_groups(rewards, mask, index), mask, advantages, log_probs, n=2)
    assert metrics == pytest.approx(
        {
            "covariance/mean": 0.5,
            "covariance/at/0_of_2": math.nan,
            "covariance/at/1_of_2": 1.0,
            "covariance/at/2_of_2": 0.0,
        },
        nan_ok=True,
    )


@given(ragged_batches())
def test_covariance_is_what_equations_12_to_14_say(batch):
    rewards, mask, index = batch
    n, log_probs = 4, -random_like(mask, 3)
    advantages = asymgrpo(rewards, mask, index, 0.9, 0.4)
    metrics = covariance_metrics(gather_groups(rewards, mask, index), mask, advantages, log_probs, n)
    found: dict[int, list[float]] = {k: [] for k in range(n + 1)}
    for rows in members(mask, index).values():
        length = [mask[r].sum().item() for r in rows]
        logp = [(log_probs[r] * mask[r]).sum().item() / size for r, size in zip(rows, length, strict=True)]
        value = [(advantages[r] * mask[r]).sum().item() / size for r, size in zip(rows, length, strict=True)]
        covariance = mean((x - mean(logp)) * (y - mean(value)) for x, y in zip(logp, value, strict=True))
        accuracy = mean(rewards[r].sum().item() > 0.5 for r in rows)
        found[math.floor(accuracy * n + 0.5)].append(covariance)
    expected = {f"covariance/at/{k}_of_{n}": mean(values) for k, values in found.items()}
    expected["covariance/mean"] = mean(value for values in found.values() for value in values)
    assert metrics == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_a_batch_without_a_response_has_the_same_keys():
    rewards, mask, index = batch_of({"a": [1, 0]})
    for there in (mask, torch.zeros_like(mask)):
        groups = gather_groups(rewards, there, index)
        assert len(channel_metrics(groups, there, rewards, rewards)) == 1 + 2 * len(NAMES)
        assert len(covariance_metrics(groups, there, rewards, rewards, n=2)) == 4


def test_an_epoch_adds_up_its_steps_and_the_next_starts_anew():
    steps = [{"a": [1, 1], "b": [0, 0], "c": [1, 0]}, {"d": [1, 1]}, {"a": [0, 1], "b": [0, 0]}]
    counts, seen = EpochCounts(0), []
    for epoch, groups in zip((0, 0, 1), steps, strict=True):
        counts = count_epoch(counts, epoch, gather_groups(*batch_of(groups)), n=2)
        seen.append(epoch_metrics(counts))
    names = ("prompts", "all_solved", "none_solved", "mixed", "accuracy")
    names += ("solved/0_of_2", "solved/1_of_2", "solved/2_of_2")
    expected = [
        (3, 1 / 3, 1 / 3, 1 / 3, 1.5 / 3, 1 / 3, 1 / 3, 1 / 3),
        (4, 2 / 4, 1 / 4, 1 / 4, 2.5 / 4, 1 / 4, 1 / 4, 2 / 4),
        (2, 0, 1 / 2, 1 / 2, 0.25, 1 / 2, 1 / 2, 0),
    ]
    for metrics, values in zip(seen, expected, strict=True):
        assert metrics == pytest.approx({f"epoch/{name}": value for name, value in zip(names, values, strict=True)})


def test_an_epoch_that_resumes_with_a_different_number_of_rollouts_starts_anew():
    groups = gather_groups(*batch_of({"a": [1, 0], "b": [1, 1]}))
    counts = count_epoch(count_epoch(EpochCounts(0), 0, groups, n=2), 0, groups, n=4)
    assert counts.prompts == 2 and counts.solved == (0, 0, 1, 0, 1)


@given(ragged_batches())
def test_an_epoch_of_one_step_is_that_step(batch):
    rewards, mask, index = batch
    groups = gather_groups(rewards, mask, index)
    epoch, step = epoch_metrics(count_epoch(EpochCounts(3), 4, groups, n=4)), group_metrics(groups, n=4)
    for name in ("all_solved", "none_solved", "mixed", "accuracy", *(f"solved/{k}_of_4" for k in range(5))):
        assert epoch[f"epoch/{name}"] == pytest.approx(step[f"groups/{name}"])
    assert epoch["epoch/prompts"] == len(members(mask, index))


@given(ragged_batches())
def test_an_updates_metrics_are_what_their_definitions_say(batch):
    rewards, mask, index = batch
    old, new, h_old, h_new = (random_like(mask, seed) for seed in range(4))
    metrics = update_metrics(gather_groups(rewards, mask, index), mask, old, new, h_old, h_new)
    assert metrics.keys() == set(UPDATE_KEYS)
    rows = [row for group in members(mask, index).values() for row in group]
    there = [(row, t) for row in rows for t in range(mask.shape[1]) if mask[row, t]]
    expected = {"entropy_change/measured": mean((h_new - h_old)[r, t].item() for r, t in there)}
    for channel, right in zip(CHANNELS, (True, False), strict=True):
        mine = [row for row in rows if (rewards[row].sum().item() > 0.5) == right]
        name = f"rollouts/{channel}/log_prob_increment"
        expected[name] = mean(((new - old)[r] * mask[r]).sum().item() for r in mine)
        expected[name + "_per_token"] = mean((new - old)[r, t].item() for r, t in there if r in mine)
    assert metrics == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_displacement_by_hand():
    """Of the three correct rollouts of a, with increments of 0.4, -0.1 and -0.6 nats, two fell, by 0.7 nats in all."""
    rewards, mask, index = batch_of({"a": [1, 1, 1, 0], "solved": [1, 1, 1, 1], "unsolved": [0, 0]}, length=2)
    increment = torch.tensor([0.4, -0.1, -0.6, -9.0, -1.0, -1.0, -1.0, 1.0, -9.0, -9.0])
    old = torch.full(mask.shape, -1.0)
    new = old + torch.stack([increment + 5, torch.full_like(increment, -5.0)], 1)  # the sum over the tokens counts
    metrics = displacement_metrics(gather_groups(rewards, mask, index), mask, old, new, n=4)
    nan = math.nan
    by_accuracy = {"share": [nan, nan, nan, 2 / 3, 3 / 4], "fall": [nan, nan, nan, 0.7 / 3, 3 / 4]}
    expected = {"displacement/share": 2 / 3, "displacement/fall": 0.7 / 3} | {
        f"displacement/{name}_at/{k}_of_4": value
        for name, values in by_accuracy.items()
        for k, value in enumerate(values)
    }
    assert metrics == pytest.approx(expected, abs=1e-5, nan_ok=True)


@given(ragged_batches())
def test_displacement_is_what_its_definition_says(batch):
    rewards, mask, index = batch
    old, new = (random_like(mask, seed) for seed in range(2))
    falls = {}  # k of n = 4 -> the fall of each correct rollout in groups with this accuracy
    mixed = []
    for group in members(mask, index).values():
        correct = [row for row in group if rewards[row].sum().item() > 0.5]
        increments = [((new - old)[row] * mask[row]).double().sum().item() for row in correct]
        falls.setdefault(math.floor(len(correct) / len(group) * 4 + 0.5), []).extend(increments)
        mixed += increments if len(correct) < len(group) else []
    expected = {}
    for suffix, increments in [("", mixed), *((f"_at/{k}_of_4", falls.get(k, [])) for k in range(5))]:
        expected[f"displacement/share{suffix}"] = mean(float(increment < 0) for increment in increments)
        expected[f"displacement/fall{suffix}"] = mean(max(0.0, -increment) for increment in increments)
    metrics = displacement_metrics(gather_groups(rewards, mask, index), mask, old, new, n=4)
    assert metrics == pytest.approx(expected, abs=1e-6, nan_ok=True)
