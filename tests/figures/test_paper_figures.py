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
"""The paper's figures: the betas of a run, what each figure needs, and the messages about what is missing."""

import pytest
from run_logs import asymgrpo, write_log, write_run

from asymgrpo_verl.figures.paper_figures import (
    beta_panels,
    betas_of,
    displacement_panels,
    draw_all,
    pass_panels,
    validated_sources,
)
from asymgrpo_verl.runs.methods import by_method
from asymgrpo_verl.runs.run import read_run


@pytest.mark.parametrize(
    "algorithm, expected",
    [
        ({}, (0.5, 0.5, "none")),
        ({"norm_adv_by_std_in_grpo": False}, None),
        ({"adv_estimator": "reinforce_pm1"}, (0, 0, "none")),
        ({"adv_estimator": "asymgrpo"}, (0.9, 0.4, "none")),
        (asymgrpo(0.5, 0.5, "positive"), (0.5, 0.5, "positive")),
        ({"adv_estimator": "maxrl"}, None),
    ],
)
def test_the_betas_of_a_run_are_those_of_its_configuration(tmp_path, algorithm, expected):
    assert betas_of(read_run(str(write_run(tmp_path / "run", "x", algorithm, steps=1)))) == expected


def test_the_betas_of_a_run_that_changes_them_are_those_of_its_start(tmp_path):
    run = write_run(tmp_path / "run", None, asymgrpo(0.9, 0.4), steps=1)
    write_log(run / "metrics.jsonl", [(1, {"asymgrpo/beta_pos": 0.7}), (2, {"asymgrpo/beta_pos": 0.8})])
    assert betas_of(read_run(str(run))) == (0.7, 0.4, "none")


@pytest.mark.seconds
def test_only_figures_with_data_are_drawn_and_messages_say_what_is_missing(tmp_path):
    both, one = "val-core/aime24/acc/mean@1", "val-core/amc23/acc/mean@1"
    log = write_log(tmp_path / "GRPO.jsonl", [(0, {both: 0.5, one: 0.1}), (10, {both: 0.7}), (20, {both: 0.3})])
    other = write_log(tmp_path / "other.jsonl", [(0, {both: 0.5}), (20, {both: 0.4})])
    figures, messages = draw_all(by_method([read_run(str(log)), read_run(str(other))])[0])
    assert [figure.name for figure in figures] == ["figure2", "figure4", "figure5"]
    assert "s_t = 0.7 s_(t-1) + 0.3 v_t" in figures[0].caption
    assert "Smoothed: average validation accuracy" in figures[0].caption
    average = "the average validation accuracy is over aime24, because only some runs were validated on amc23"
    assert messages[0] == average
    assert messages[1].startswith("figure1 skipped: no run's configuration has betas, and no run has covariance/at/")
    assert messages[2].startswith("figure2 lacks panels: no run has rollouts/entropy or actor/entropy, ")
    assert messages[3] == (
        "figure3 skipped: it compares GRPO with reflected curves (EntIncrease, EntDecrease), and the runs are of GRPO, "
        "other"
    )
    assert "figure5 lacks other in some panels: its log does not have val-core/amc23/acc/mean@1" in messages


def test_data_sources_of_all_runs_and_of_some_runs_are_told_apart(tmp_path):
    rows = {"x": ("b", "aime25", "a", "aime24"), "y": ("aime24", "a"), "z": ()}
    logs = [
        write_log(tmp_path / f"{name}.jsonl", [(0, {f"val-core/{source}/acc/mean@1": 0.5 for source in sources})])
        for name, sources in rows.items()
    ]
    methods, _ = by_method([read_run(str(log)) for log in logs])
    assert validated_sources(methods) == (["aime24", "a"], ["aime25", "b"]), "the paper's first; z was not validated"


def test_the_betas_have_panels_only_if_a_run_changes_them(tmp_path):
    def panels(betas):
        rows = [(i, {"asymgrpo/beta_pos": b, "asymgrpo/beta_neg": 0.4}) for i, b in enumerate(betas, 1)]
        return beta_panels(by_method([read_run(str(write_log(tmp_path / "a.jsonl", rows)))])[0])

    assert panels([0.9, 0.9]) == []
    assert [panel.needs for panel in panels([0.9, 0.5])] == ["asymgrpo/beta_pos", "asymgrpo/beta_neg"]


def test_the_displacement_has_panels_only_if_a_run_has_measured_it(tmp_path):
    """Half of the groups of step 5, a quarter of those of step 10, have 1 of 2 rollouts correct."""
    old = by_method([read_run(str(write_log(tmp_path / "old.jsonl", [(1, {"groups/mixed": 1.0})])))])[0]
    assert displacement_panels(old) == []
    at = {"displacement/share_at/1_of_2": 0.2, "displacement/share": 0.2, "groups/solved/1_of_2": 0.5}
    later = {"displacement/share_at/1_of_2": 0.8, "displacement/share": 0.8, "groups/solved/1_of_2": 0.25}
    rows = [(1, {"displacement/share": None}), (5, at), (10, later)]
    methods = by_method([read_run(str(write_log(tmp_path / "new.jsonl", rows)))])[0]
    by_step, _, by_accuracy = displacement_panels(methods)
    log = methods[0].runs[0].rows
    assert {step: share for step, share in by_step.read(log).items() if step > 1} == {5: 20, 10: 80}
    assert by_accuracy.read(log) == {0.5: pytest.approx(40)}


def test_pass_at_n_has_a_panel_per_data_source_with_its_standard_error(tmp_path):
    rows = [(0, {"val-core/a/acc/mean@1": 0.5}), (5, {"val-core/a/acc/mean@1": 0.5, "val-core/b/acc/mean@4": 0.5})]
    assert pass_panels(by_method([read_run(str(write_log(tmp_path / "old.jsonl", rows)))])[0], ["a", "b"]) == []
    several = {"val-core/b/acc/pass@4/mean": 0.8, "val-core/b/acc/pass@4/se": 0.1, "val-aux/b/acc/pass@2/mean": 0.6}
    methods = by_method([read_run(str(write_log(tmp_path / "new.jsonl", [*rows, (10, several)])))])[0]
    (panel,) = pass_panels(methods, ["a", "b"])
    log = methods[0].runs[0].rows
    assert (panel.title, panel.read(log), panel.error(log)) == ("b", {10: 80}, {10: 10})
