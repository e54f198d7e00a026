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
"""Panels of lines over runs: styles, gaps, bands, moving averages."""

import math
from pathlib import Path

import pytest
from run_logs import write_log

from asymgrpo_verl.figures.panels import STYLES, draw_panels, styles
from asymgrpo_verl.figures.paper_figures import accuracy_panel, metric_panel
from asymgrpo_verl.paper import TABLE_1
from asymgrpo_verl.runs.methods import Method, by_method
from asymgrpo_verl.runs.run import read_run


def methods_of(*logs: Path, label: str = "GRPO") -> list[Method]:
    return by_method([read_run(f"{label}={log}") for log in logs])[0]


def test_a_method_has_the_same_style_in_every_figure():
    trained = {row.name for row in TABLE_1} - {"Qwen3-4B"}
    assert STYLES.keys() == trained and len({style[:2] for style in STYLES.values()}) == len(trained)
    assert styles(["mine"])["mine"] == styles(["GRPO", "MaxRL", "mine"])["mine"]
    names = [*trained, *(f"beta_neg = 0.{i}" for i in range(15))]
    assert len({style[:2] for style in styles(names).values()}) == len(names)
    assert len(styles([f"run {i}" for i in range(50)])) == 50


def test_a_line_has_gaps_and_a_point_between_two_gaps_has_a_marker(tmp_path):
    values = [1.0, 2.0, None, 4.0, None, 6.0, 7.0]
    log = write_log(tmp_path / "a.jsonl", [(i, {"a": value}) for i, value in enumerate(values, 1)])
    figure, messages = draw_panels([metric_panel("a", "a", "unit")], methods_of(log))
    drawn, alone = figure.axes[0].lines
    assert messages == [] and list(drawn.get_xdata()) == [1, 2, 3, 4, 5, 6, 7]
    assert [x for x, y in zip(*drawn.get_data(), strict=True) if math.isnan(y)] == [3, 5]
    assert (list(alone.get_xdata()), list(alone.get_ydata())) == ([4], [4.0])


def test_a_smoothed_panel_has_the_moving_average_and_the_values_faintly(tmp_path):
    key = "val-core/aime24/acc/mean@1"
    log = write_log(tmp_path / "a.jsonl", [(0, {key: 0.5}), (10, {key: 0.7}), (20, {key: 0.3})])
    figure, _ = draw_panels([accuracy_panel(["aime24"], "AIME24")], methods_of(log))
    raw, average, _ = figure.axes[0].lines
    assert list(raw.get_ydata()) == pytest.approx([50, 70, 30]) and raw.get_alpha() < 1
    assert list(average.get_ydata()) == pytest.approx([50, 56, 48.2])


def test_the_band_is_from_the_lowest_to_the_highest_run(tmp_path):
    logs = [write_log(tmp_path / f"{i}.jsonl", [(1, {"a": i}), (2, {"a": 3 * i})]) for i in (0, 1, 5)]
    figure, _ = draw_panels([metric_panel("a", "a", "")], methods_of(*logs))
    assert list(figure.axes[0].lines[0].get_ydata()) == [2, 6]
    corners = figure.axes[0].collections[0].get_paths()[0].vertices
    assert {tuple(corner) for corner in corners.tolist()} == {(1, 0), (1, 5), (2, 0), (2, 15)}


def test_messages_name_the_panels_without_data_and_the_methods_that_a_panel_lacks(tmp_path):
    one = methods_of(write_log(tmp_path / "1.jsonl", [(1, {"a": 1, "b": 1})]), label="one")
    two = methods_of(*[write_log(tmp_path / f"{i}.jsonl", [(1, {"a": 1})]) for i in (2, 3)], label="two")
    panels = [metric_panel(key, key, "") for key in "abc"]
    figure, messages = draw_panels(panels, one + two)
    assert [axes.get_title() for axes in figure.axes[:2]] == ["(a) a", "(b) b"]
    assert messages == [
        "lacks panels: no run has c",
        "lacks two in some panels: the logs of its 2 runs do not all have b",
    ]
    assert draw_panels(panels[2:], one) == (None, ["no run has c"])
