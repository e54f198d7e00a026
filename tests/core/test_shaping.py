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
"""Weights of whole rollouts, after any estimator."""

import math
import statistics

import pytest
import torch
from batches import batch_of, ragged_batches
from hypothesis import given
from hypothesis import strategies as st

from asymgrpo_verl.core.groups import gather_groups
from asymgrpo_verl.core.shaping import confidence_weights, history_weights

THREE_OF_EIGHT = {"a": [1, 1, 1, 0, 0, 0, 0, 0]}
GRPO = 1.20761, -0.72457  # (r - p)/std with the unbiased std, as verl's grpo, at p = 3/8


def of_group(weights) -> tuple[float, float]:
    return tuple(one[0].item() for one in weights)


@pytest.mark.parametrize(
    "belief, scale, expected",
    [(0.5, 1.3, (1.77893, -0.83126)), (0.5, 1.5, (2.05261, -0.95914)), (0.3, 1.3, (1.45646, -1.01530))],
)
def test_ha_dw_by_hand(belief, scale, expected):
    """p = 3/8 is 1/8 harder than 0.5: correct rollouts count e^(1/8) times the scale, incorrect ones e^(-1/8) times."""
    correct, incorrect = of_group(history_weights(gather_groups(*batch_of(THREE_OF_EIGHT)), belief, scale))
    assert (correct * GRPO[0], incorrect * GRPO[1]) == pytest.approx(expected, abs=1e-4)


@given(ragged_batches(), st.floats(0, 1), st.floats(0.1, 2))
def test_ha_dw_is_its_definition(batch, belief, scale):
    groups = gather_groups(*batch)
    both = history_weights(groups, belief, scale)
    for size, solved, correct, incorrect in zip(groups.size, groups.solved, *both, strict=True):
        if size:
            p = (solved / size).item()
            for sign, weight in ((1, correct), (-1, incorrect)):
                side = math.copysign(1, p - belief) if p != belief else 0
                assert weight.item() == pytest.approx(scale * math.exp(-sign * side * abs(p - belief)))


def test_ha_dw_counts_a_correct_rollout_more_if_its_prompt_is_harder_than_the_belief():
    correct, incorrect = history_weights(gather_groups(*batch_of({"hard": [1, 0, 0, 0], "easy": [1, 1, 1, 0]})), 0.5, 1)
    assert correct[0] > 1 > correct[1] and incorrect[0] < 1 < incorrect[1]
    torch.testing.assert_close(correct[:2] * incorrect[:2], torch.ones(2, dtype=torch.float64))


@pytest.mark.parametrize("offset, expected", [(0.0, (0.68668, -0.41201)), (0.1, (0.80744, -0.48446))])
def test_codapo_by_hand(offset, expected):
    """p = 3/8, and -0.5 nats per token in all rollouts, of 1 to 3 tokens: e^-0.5 (1 - 4/64) = 0.56862."""
    rewards, _, index = batch_of(THREE_OF_EIGHT)
    mask = torch.arange(3) < torch.tensor([1, 2, 3, 1, 2, 3, 1, 2]).unsqueeze(1)
    rewards = rewards.flip(1)  # on the first token, which every rollout has
    log_probs = torch.full(mask.shape, -0.5)
    weight = confidence_weights(gather_groups(rewards, mask, index), mask, log_probs, offset)[0].item()
    assert weight == pytest.approx(math.exp(-0.5) * 15 / 16 + offset)
    assert (weight * GRPO[0], weight * GRPO[1]) == pytest.approx(expected, abs=1e-4)


@given(ragged_batches(), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_codapo_is_its_definition(batch, seed, offset):
    rewards, mask, index = batch
    groups = gather_groups(*batch)
    log_probs = -torch.rand(mask.shape, generator=torch.Generator().manual_seed(seed))
    weights = confidence_weights(groups, mask, log_probs, offset)
    for group, (size, solved) in enumerate(zip(groups.size.tolist(), groups.solved.tolist(), strict=True)):
        rows = [row for row in range(len(mask)) if groups.alive[row] and groups.index[row] == group]
        if rows:
            confidence = math.exp(statistics.mean(log_probs[row][mask[row] != 0].mean().item() for row in rows))
            expected = confidence * (1 - 4 * (1 - solved / size - 0.5) ** 2) + offset
            assert weights[group].item() == pytest.approx(expected, abs=1e-6)
            if solved in (0, size):
                assert weights[group].item() == offset
