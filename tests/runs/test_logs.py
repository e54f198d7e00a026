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
"""Read the metrics of a run from verl's file log and from TensorBoard's event files."""

import json
import math
import sys

import pytest
from run_logs import all_metrics, write_log

from asymgrpo_verl.runs.logs import data_sources, read_events, read_metrics, validation_accuracy
from asymgrpo_verl.runs.run import read_run


def test_a_line_that_is_still_being_written_is_left_out(tmp_path):
    path = write_log(tmp_path / "metrics.jsonl", [(0, {"a": 1}), (1, {"a": 2})])
    path.write_text(path.read_text() + '{"step": 2, "da')
    assert read_metrics(path) == [{"step": 0, "a": 1}, {"step": 1, "a": 2}]
    assert read_metrics(tmp_path / "nowhere.jsonl") == []


def test_a_line_that_was_cut_in_the_middle_of_a_letter_is_left_out(tmp_path):
    for name in ("metrics.20261123-104500.jsonl", "metrics.jsonl"):
        (tmp_path / name).write_bytes('{"step": 1, "data": {}}\n{"step": 2, "data": {"é'.encode()[:-1])
    assert read_metrics(tmp_path / "metrics.jsonl") == [{"step": 1}]


@pytest.mark.parametrize(
    "value", ["null", "NaN", "Infinity", "-Infinity", "1e400", "1e39", "-" + "9" * 400, '"a"', "[]", "{}"]
)
def test_a_value_that_is_not_a_finite_32_bit_number_is_none(tmp_path, value):
    (tmp_path / "metrics.jsonl").write_text(f'{{"step": 1, "data": {{"a": {value}, "b": -1e38, "step": 3}}}}\n')
    assert read_metrics(tmp_path / "metrics.jsonl") == [{"step": 1, "a": None, "b": -1e38}]


def test_a_damaged_line_is_skipped_if_the_caller_takes_its_message(tmp_path):
    log = tmp_path / "metrics.jsonl"
    log.write_text('{"step": 1, "data": {}}\n{"step": 2, "da{"step": 3, "data": {}}\n{"step": 4, "data": {}}\n')
    messages = []
    assert read_metrics(log, skip=messages.append) == [{"step": 1}, {"step": 4}]
    expected = 'got {"step": 2, "da{"step": 3, "data": {}}; expected a line of verl\'s file log'
    assert len(messages) == 1 and messages[0].startswith(f"{log}, line 2: {expected}")


STEPS = ["-1", "1.0", '"1"', "true", "null", "[]", "NaN", "9" * 5000, "1e400", "9007199254740992"]
DATA = ["[]", "null", "5", "[[]]", '{"\\ud800": 1}']


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        '{"step": 10}',
        "5",
        "null",
        "[]",
        "\udcff",
        "\0\0",
        "[" * 100_000,
        *(f'{{"step": {step}, "data": {{}}}}' for step in STEPS),
        *(f'{{"step": 1, "data": {data}}}' for data in DATA),
    ],
    ids=lambda line: f"{line!a:.40}",
)
def test_a_line_that_verl_does_not_write_is_an_error_with_its_number(tmp_path, line):
    log = tmp_path / "metrics.jsonl"
    log.write_text(f'{{"step": 1, "data": {{}}}}\n{line}\n', errors="surrogateescape")
    with pytest.raises(ValueError, match="metrics.jsonl, line 2: got .*; expected a line of verl's file log.*Remove"):
        read_metrics(log)


def test_the_log_from_before_a_resume_is_read_too(tmp_path):
    """The launcher keeps it under the time of the resume. A step's later values count, its other values stay."""
    write = {
        "metrics.20261123-104500.jsonl": [(1, {"a": 1}), (2, {"a": 2, "b": 2}), (3, {"a": 3})],
        "metrics.20261123-110000.jsonl": [(2, {"b": 20}), (3, {"a": 30})],
        "metrics.jsonl": [(4, {"a": 4})],
        "metrics.seed2.jsonl": [(9, {"a": 9})],
    }
    for name, rows in write.items():
        (tmp_path / name).write_text("".join(json.dumps({"step": s, "data": d}) + "\n" for s, d in rows))
    expected = [{"step": 1, "a": 1}, {"step": 2, "a": 2, "b": 20}, {"step": 3, "a": 30}, {"step": 4, "a": 4}]
    assert read_metrics(tmp_path / "metrics.jsonl") == expected
    (tmp_path / "metrics.jsonl").unlink()
    assert read_metrics(tmp_path / "metrics.jsonl") == expected[:3], "a resume that failed before it logged"


def test_if_a_step_has_two_accuracies_the_last_one_counts():
    key = "val-core/a/acc/mean@1"
    assert validation_accuracy([{"step": 1, key: 0.1}, {"step": 2}, {"step": 1, key: 0.3}], "a") == {1: 0.3}
    assert math.isnan(validation_accuracy([{"step": 1, key: None}], "a")[1])


def test_data_sources_are_those_of_the_validations():
    rows = [{"step": 0, "val-core/a/b/acc/mean@1": 0.2, "val-core/c/reward/mean@4": 0.6, "val-aux/d/acc/mean@1": 0.1}]
    assert data_sources(rows) == {"a/b", "c"}


def test_event_files_give_the_rows_of_the_file_log(tmp_path, monkeypatch):
    """verl's own loggers write both at once."""
    from verl.utils.tracking import Tracking

    monkeypatch.setenv("VERL_FILE_LOGGER_PATH", str(tmp_path / "metrics.jsonl"))
    monkeypatch.setenv("TENSORBOARD_DIR", str(tmp_path / "tensorboard"))
    tracking = Tracking("project", "experiment", ["file", "tensorboard"])
    for step, data in all_metrics(12):
        values = {key: math.nan if value is None else value for key, value in data.items()}
        tracking.log(values | {"i": math.inf}, step)
    tracking.finish()
    expected, found = read_metrics(tmp_path / "metrics.jsonl"), read_events(tmp_path / "tensorboard")
    assert [row.keys() for row in found] == [row.keys() for row in expected]
    assert found[7]["rollouts/incorrect/entropy"] is expected[7]["rollouts/incorrect/entropy"] is found[7]["i"] is None
    for row, wanted in zip(found, expected, strict=True):
        for key, value in wanted.items():
            assert row[key] is value is None or row[key] == pytest.approx(value, rel=1e-6)
    (tmp_path / "metrics.jsonl").unlink()
    assert read_run(str(tmp_path)).rows == read_run(str(tmp_path / "tensorboard")).rows == found


def test_all_event_files_of_a_resumed_run_are_read(tmp_path):
    from torch.utils.tensorboard import SummaryWriter

    for suffix, steps, value in ((".1", (1, 2, 3), 1.0), (".2", (3, 4), 2.0)):
        with SummaryWriter(str(tmp_path), filename_suffix=suffix) as writer:
            for step in steps:
                writer.add_scalar("a", value, step)
            writer.add_scalar(f"only{suffix}", value, steps[0])
    assert [row["a"] for row in read_events(tmp_path)] == [1.0, 1.0, 2.0, 2.0]
    assert read_events(tmp_path)[0]["only.1"] == 1.0 and read_events(tmp_path)[2]["only.2"] == 2.0


def test_without_the_package_tensorboard_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    (tmp_path / "events.out.tfevents.1").touch()
    monkeypatch.setitem(sys.modules, "tensorboard.backend.event_processing.event_accumulator", None)
    with pytest.raises(ValueError, match="got event files; expected the package tensorboard.*figures"):
        read_run(str(tmp_path))
