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
"""The table: means with 95% intervals, paired differences, and how many seeds a point takes."""

import math

import pytest

from asymgrpo_verl.lab.comparison import columns, estimate, quantile, report, seeds_for, steps_to, within


@pytest.mark.parametrize(
    "freedom, expected", [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (15, 2.131), (22, 2.074), (1000, 1.962)]
)
def test_the_quantile_is_that_of_the_printed_tables_of_students_t(freedom, expected):
    assert quantile(0.95, freedom) == pytest.approx(expected, abs=5e-4)
    assert within(expected, freedom) == pytest.approx(0.95, abs=1e-4)


def test_an_interval_is_that_of_students_t():
    mean, half = estimate([1.0, 2.0, 3.0, math.nan])
    assert mean == 2 and half == pytest.approx(4.303 / 3**0.5, rel=1e-4)


def test_one_seed_has_no_interval():
    assert estimate([0.5]) == (0.5, math.inf) and math.isnan(estimate([math.nan]).mean)


def test_the_seeds_for_a_point_give_an_interval_of_a_point():
    differences = [0.0, 0.02, 0.04]  # standard deviation 0.02
    seeds = seeds_for(differences)
    assert quantile(0.95, seeds - 1) * 0.02 / seeds**0.5 <= 0.01
    assert quantile(0.95, seeds - 2) * 0.02 / (seeds - 1) ** 0.5 > 0.01
    assert seeds_for([0.1]) is None


def log(scores: list[float], accuracy: float) -> list[dict]:
    rows = [{"step": 0, "val-core/facts/acc/mean@8": 0.1}]
    rows += [{"step": step, "critic/score/mean": score} for step, score in enumerate(scores, 1)]
    rows[-1]["val-core/facts/acc/mean@8"] = accuracy
    return rows


def test_the_steps_to_an_accuracy_are_those_of_the_mean_of_twenty_steps():
    assert steps_to(log([0.0] * 30 + [1.0] * 30, 1), 0.5) == 40
    assert steps_to(log([0.0] * 60, 1), 0.5) == 60, "it never gets there"


def test_the_report_pairs_the_seeds():
    logs = {"grpo": [log([0.1] * 30, a) for a in (0.2, 0.6)], "mine": [log([0.1] * 30, a) for a in (0.3, 0.7)]}
    text = report(logs, columns("facts", 0.5))
    assert "| grpo | 0.400 ± 2.541 | – |" in text  # 0.2 * 12.706
    assert "| mine - grpo | +0.100 ± 0.000 |" in text
    assert "An interval of ±0.01 for the accuracy of mine - grpo takes 2 seeds." in text
