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
"""The runs that `asymgrpo figures` is given: labels, seeds, and logs of TensorBoard."""

import math

import pytest
from run_logs import all_metrics, asymgrpo, write_log, write_run

from asymgrpo_verl.figures.paper_figures import exponents
from asymgrpo_verl.runs.comparison import by_method, differing, read_run
from asymgrpo_verl.runs.logs import read_events, read_metrics

NAN = math.nan


def test_a_run_is_named_by_its_label_its_method_its_experiment_or_its_path(tmp_path):
    run = write_run(tmp_path / "one", "clip_higher", steps=1)
    assert read_run(str(run)).label == "GRPO + Clip-higher"
    assert read_run(f"beta_neg = 0.75={run}").label == "beta_neg = 0.75"
    assert read_run(f"asymgrpo={run}").label == "AsymGRPO", "a METHOD is a row of Table 1"
    assert read_run(f"my own={run}").label == "my own"
    (run / "hydra" / ".hydra" / "overrides.yaml").write_text("[]")
    assert read_run(str(run)).label == "one", "trainer.experiment_name"
    log = write_log(tmp_path / "project" / "a=b.jsonl", all_metrics(1))
    assert read_run(str(log)).label == "a=b" and read_run(str(log)).config == {}
    assert read_run(str(write_log(tmp_path / "run7" / "metrics.jsonl", all_metrics(1)).parent)).label == "run7"


def test_runs_that_differ_in_seed_and_place_are_seeds_of_one_method(tmp_path):
    runs = [read_run(str(write_run(tmp_path / f"s{seed}", "grpo", seed=seed, steps=2))) for seed in (1, 2)]
    methods, remarks = by_method(runs)
    assert [(method.name, len(method.seeds)) for method in methods] == [("GRPO", 2)] and remarks == []
    assert differing(runs) == ["data.seed"]


def test_what_is_not_known_of_seeds_is_said(tmp_path):
    logs = [write_log(tmp_path / f"{i}.jsonl", all_metrics(steps)) for i, steps in enumerate((2, 4))]
    _, remarks = by_method([read_run(f"GRPO={log}") for log in logs])
    assert "taken for seeds of one method" in remarks[0] and str(logs[0]) in remarks[0]
    assert remarks[1] == "GRPO: its seeds end at steps 2, 4; drawn are the steps that all have"


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
def test_the_exponents_of_a_run_are_those_of_its_configuration(tmp_path, algorithm, expected):
    assert exponents(read_run(str(write_run(tmp_path / "run", "x", algorithm, steps=1)))) == expected


def test_event_files_give_the_rows_of_the_file_log(tmp_path, monkeypatch):
    """Both written by verl's own loggers, at once."""
    from verl.utils.tracking import Tracking

    monkeypatch.setenv("VERL_FILE_LOGGER_PATH", str(tmp_path / "metrics.jsonl"))
    monkeypatch.setenv("TENSORBOARD_DIR", str(tmp_path / "tensorboard"))
    tracking = Tracking("project", "experiment", ["file", "tensorboard"])
    for step, data in all_metrics(12):
        tracking.log({key: NAN if value is None else value for key, value in data.items()} | {"i": math.inf}, step)
    tracking.finish()
    expected, found = read_metrics(tmp_path / "metrics.jsonl"), read_events(tmp_path / "tensorboard")
    assert [row.keys() for row in found] == [row.keys() for row in expected]
    assert found[7]["rollouts/incorrect/entropy"] is expected[7]["rollouts/incorrect/entropy"] is found[7]["i"] is None
    for row, wanted in zip(found, expected, strict=True):
        for key, value in wanted.items():
            assert row[key] is value is None or row[key] == pytest.approx(value, rel=1e-6)
    (tmp_path / "metrics.jsonl").unlink()
    assert read_run(str(tmp_path)).rows == read_run(str(tmp_path / "tensorboard")).rows == found


def test_a_run_that_went_on_has_several_event_files(tmp_path):
    from torch.utils.tensorboard import SummaryWriter

    for suffix, steps, value in ((".1", (1, 2, 3), 1.0), (".2", (3, 4), 2.0)):
        with SummaryWriter(str(tmp_path), filename_suffix=suffix) as writer:
            for step in steps:
                writer.add_scalar("a", value, step)
            writer.add_scalar(f"only{suffix}", value, steps[0])
    assert [row["a"] for row in read_events(tmp_path)] == [1.0, 1.0, 2.0, 2.0]
    assert read_events(tmp_path)[0]["only.1"] == 1.0 and read_events(tmp_path)[2]["only.2"] == 2.0
