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
"""The curves of Eq. 7, 10 and 15-18 by hand, for 0, 1, ..., n correct rollouts of a group of n."""

import math

import pytest
import torch

from asymgrpo_verl.core.estimators import ESTIMATORS, advantages_by_count, learns_from_groups_of


def weights(size: int, beta: float, flip: bool = False) -> list[float]:
    """|A| of a correct rollout of 1, 2, ..., size; that of an incorrect rollout has to be its mirror image (Eq. 7)."""
    flips = ("positive", "negative") if flip else ("none", "none")
    settings = [ESTIMATORS["asymgrpo"].settings(beta_pos=beta, beta_neg=beta, flip=which) for which in flips]
    positive = advantages_by_count("asymgrpo", size, settings[0])[0][1:]
    negative = advantages_by_count("asymgrpo", size, settings[1])[1][:-1]
    torch.testing.assert_close(positive, -negative.flip(0), rtol=1e-14, atol=0)
    return positive.tolist()


def test_grpo_curve_at_group_size_eight():
    expected = [
        math.sqrt(7),
        math.sqrt(3),
        math.sqrt(5 / 3),
        1,
        math.sqrt(3 / 5),
        math.sqrt(1 / 3),
        math.sqrt(1 / 7),
        0,
    ]
    assert weights(8, 0.5) == pytest.approx(expected)


def test_curve_at_the_papers_betas():
    assert weights(4, 0.9) == pytest.approx([3**0.9, 1, 3**-0.9, 0])
    assert weights(4, 0.4) == pytest.approx([3**0.4, 1, 3**-0.4, 0])


def test_a_channel_that_is_the_whole_group_has_zero_advantage_unless_beta_is_zero():
    assert weights(8, 1e-6)[-1] == 0
    assert weights(8, 0.0) == [1.0] * 8


def test_flipped_curve_at_group_size_eight_ends_in_the_linear_continuation():
    mirrored = [math.sqrt(k / (8 - k)) for k in range(1, 8)]
    assert weights(8, 0.5, flip=True) == pytest.approx([*mirrored, 2 * math.sqrt(7) - math.sqrt(3)])
    assert weights(8, 0.5, flip=True)[-1] == pytest.approx(3.559, abs=1e-3)


def test_flipped_curve_steps_by_the_groups_own_size():
    assert weights(3, 0.5, flip=True) == pytest.approx(
        [math.sqrt(1 / 2), math.sqrt(2), 2 * math.sqrt(2) - math.sqrt(1 / 2)]
    )


def test_flipped_group_of_two_continues_from_its_two_points():
    assert weights(2, 0.5, flip=True) == [1.0, 2.0]
    assert weights(2, 0.0, flip=True) == [1.0, 1.0]


def test_flipped_group_of_one_has_no_step_to_continue_by():
    assert weights(1, 0.5, flip=True) == [0.0]
    assert weights(1, 0.0, flip=True) == [1.0]


def test_flipped_curve_is_infinite_not_nan_where_its_continuation_overflows():
    assert weights(8, 1e3, flip=True)[-1] == math.inf  # 2 * 7^1000 - 3^1000


@pytest.mark.parametrize("flip, order", [(False, -1), (True, 1)])
def test_curve_is_monotone_in_the_share(flip, order):
    for size in range(2, 33):
        values = torch.tensor(weights(size, 0.7, flip), dtype=torch.float64)
        assert (order * values.diff() > 0).all()


def test_a_group_of_one_teaches_nothing_unless_an_advantage_ignores_the_group():
    learn = {name for name, estimator in ESTIMATORS.items() if learns_from_groups_of(name, 1, estimator.settings())}
    assert learn == {"reinforce_pm1", "psr", "nsr", "w_reinforce"}
    for beta in ("beta_pos", "beta_neg"):
        assert learns_from_groups_of("asymgrpo", 1, ESTIMATORS["asymgrpo"].settings(**{beta: 0.0}))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_learns_from_groups_of_eight(name):
    assert learns_from_groups_of(name, 8, ESTIMATORS[name].settings())


def test_passk_training_learns_nothing_from_groups_of_k_or_fewer():
    settings = ESTIMATORS["passk_training"].settings(k=5)
    assert [learns_from_groups_of("passk_training", n, settings) for n in (4, 5, 6)] == [False, False, True]
