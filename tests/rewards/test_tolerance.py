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
"""Answers within the tolerance of a gold answer, as OlympiadBench means its column error."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymgrpo_verl.rewards import compute_score
from asymgrpo_verl.rewards.tolerance import tolerances, within


@pytest.mark.parametrize(
    "gold, answer, error",
    [
        ("1.46", "1.45", "0.02"),
        ("1.46", "1.44", "0.02"),
        ("31.0", "31.006", "1e-1"),
        ("1.5", "\\frac{3}{2}", 0.1),
        ("1, 2", "2.05, 0.95", "0.1"),
        ("1, 200", "201, 1.05", "0.1,5"),
        ("(1, 2)", "(1.01, 2)", 0.1),
        ("6.7\\times10^{-11}", "6.71\\times 10^{-11}", "1e-12"),
    ],
)
def test_a_number_within_the_tolerance_is_right(gold, answer, error):
    assert within(gold, answer, tolerances(error))
    assert compute_score("a", f"\\boxed{{{answer}}}", gold, {"error": error})["score"] == 1


@pytest.mark.parametrize(
    "gold, answer, error",
    [
        ("1.46", "1.49", "0.02"),
        ("31.0", "31.2", "1e-1"),
        ("(1, 2)", "(2, 1)", 0.1),
        ("1, 2", "1", 0.1),
        ("5", "5.5", "0.1,0.2"),
        ("1.46", "1.45", None),
        ("1.46", "1.45", ""),
        ("1.46", "1.45", math.nan),
    ],
)
def test_a_number_outside_the_tolerance_or_without_one_is_wrong(gold, answer, error):
    assert not within(gold, answer, tolerances(error) or [Fraction(0)])
    assert compute_score("a", f"\\boxed{{{answer}}}", gold, {"error": error})["score"] == 0


def test_an_exact_answer_is_right_whatever_the_tolerance():
    assert compute_score("a", "\\boxed{x+1}", "x+1", {"error": "0.1"})["score"] == 1


@pytest.mark.parametrize("error", ["-1", "0", "about 1", True, "0.1,", [0.1], "1/0"])
def test_a_tolerance_that_is_not_a_number_above_0_is_an_error(error):
    with pytest.raises(ValueError, match="expected a number > 0"):
        tolerances(error)
    with pytest.raises(ValueError, match=r"extra_info of a: error: got .*Check this row of the dataset"):
        compute_score("a", "\\boxed{1}", "1", {"error": error})


@given(st.integers(-999, 999), st.integers(-99, 99), st.integers(1, 99))
def test_the_tolerance_is_the_largest_absolute_difference(gold, difference, error):
    answer = str(Fraction(gold + difference, 1))
    assert within(str(gold), answer, tolerances(error)) == (abs(difference) <= error)
