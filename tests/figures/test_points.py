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
"""The points of a run and the line over runs, from the rows of a log."""

import math

import pytest

from asymgrpo_verl.figures import points

NAN = math.nan


def rows_of(key: str, values: list) -> list[dict]:
    """Return rows from step 1 with these values of `key`; "absent" leaves the key out of the row."""
    return [{"step": i} | ({} if value == "absent" else {key: value}) for i, value in enumerate(values, 1)]


def test_the_moving_average_has_the_factor_0_7_and_skips_nan():
    assert points.smoothed({0: 1.0, 10: 0.0, 20: 1.0}) == pytest.approx({0: 1.0, 10: 0.7, 20: 0.79})
    passed_over = points.smoothed({0: 1.0, 1: NAN, 2: 0.0})
    assert passed_over[2] == pytest.approx(0.7) and math.isnan(passed_over[1])


def test_a_line_is_the_mean_of_the_runs_with_the_lowest_and_the_highest():
    drawn = points.line([{1: 1.0, 2: 2.0, 3: 9.0}, {1: 3.0, 2: 6.0}, {1: 5.0, 2: 1.0, 4: 7.0}])
    assert drawn == ([1, 2], [3.0, 3.0], [1.0, 1.0], [5.0, 6.0]), "not all runs have steps 3 and 4"
    assert points.line([{1: NAN}, {1: 2.0}]).x == []


def test_a_null_in_a_metric_of_every_step_is_a_gap():
    drawn = points.line([points.logged(rows_of("a", [1.0, 2.0, None, 4.0, 5.0]), "a")])
    assert drawn.x == [1, 2, 3, 4, 5] and math.isnan(drawn.mean[2])


@pytest.mark.parametrize("between", [None, "absent"])
def test_a_metric_of_every_third_step_is_drawn_through_its_points(between):
    values = [between, between, 3.0, between, between, 6.0, between, between, 9.0]
    assert points.line([points.logged(rows_of("a", values), "a")])[:2] == ([3, 6, 9], [3.0, 6.0, 9.0])


def test_a_metric_of_every_third_step_has_a_gap_where_one_of_its_points_is_null():
    values = [None, None, 3.0, None, None, 6.0, None, None, None, None, None, 12.0]
    drawn = points.line([points.logged(rows_of("a", values), "a")])
    assert drawn.x == [3, 6, 7, 12] and math.isnan(drawn.mean[2])


def test_the_value_of_an_epoch_is_the_value_of_its_last_step_that_has_one():
    rows = [
        {"step": i, "training/epoch": e, "a": v} for i, e, v in [(1, 0, 0.1), (2, 0, 0.2), (3, 1, 0.3), (4, 1, None)]
    ]
    assert points.by_epoch(rows, "a") == {1: 0.2, 2: 0.3}


def test_the_covariance_is_the_mean_over_the_mixed_groups_of_the_first_40_steps():
    def row(step, value, share):
        ends = {"covariance/at/0_of_2": 0.0, "covariance/at/2_of_2": 0.0, "groups/solved/0_of_2": 0.5}
        return {"step": step, "covariance/at/1_of_2": value, "groups/solved/1_of_2": share} | ends

    rows = [row(1, 1.0, 0.75), row(2, 5.0, 0.25), row(3, None, 0.0), row(40, 2.0, 1.0), row(41, 100.0, 1.0)]
    assert points.covariance(rows) == pytest.approx({0.5: (0.75 * 1 + 0.25 * 5 + 2) / 2})


def test_the_average_accuracy_is_over_data_sources_at_the_steps_that_validate_all_of_them():
    rows = [{"step": 0, "val-core/a/acc/mean@1": 0.2, "val-core/b/reward/mean@4": 0.6}]
    rows += [{"step": 1, "val-core/a/acc/mean@1": 0.9}, {"step": 2, "actor/entropy": 1.0}]
    assert points.accuracy(rows, ["a", "b"]) == pytest.approx({0: 0.4})
    assert points.accuracy(rows, ["a"]) == {0: 0.2, 1: 0.9}
    assert points.last(points.accuracy(rows, ["a"])) == 0.9 and points.best({0: 0.5, 1: NAN, 2: 0.4}) == 0.5


def test_a_band_of_the_standard_error_is_around_the_mean_and_absent_where_it_is_unknown():
    drawn = points.with_error(points.line([{0: 0.5, 10: 0.6, 20: 0.7}]), {0: 0.1, 10: float("nan")})
    assert (drawn.mean, drawn.low, drawn.high) == ([0.5, 0.6, 0.7], [0.4, 0.6, 0.7], [0.6, 0.6, 0.7])
