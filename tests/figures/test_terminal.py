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
"""`asymgrpo watch`: the key numbers of a run as text."""

import sys

import pytest
from console import asymgrpo as run_asymgrpo
from run_logs import write_config, write_log

from asymgrpo_verl.figures import terminal
from asymgrpo_verl.files import duration
from asymgrpo_verl.runs.run import read_run


def write(run, steps: int, total: int | None = None):
    rows = [(step, {"actor/entropy": step / 10, "timing_s/step": 30.0}) for step in range(1, steps + 1)]
    write_log(run / "metrics.jsonl", rows)
    if not (run / "hydra").exists():
        write_config(run, "grpo", total_training_steps=total)
    return run


def test_the_screen_has_step_time_left_and_the_numbers_that_the_log_has(tmp_path):
    run = write(tmp_path / "run", 40, total=100)
    now = (run / "metrics.jsonl").stat().st_mtime + 90
    head, progress, _, columns, entropy = terminal.screen(read_run(str(run)), now).split("\n")
    assert head == f"GRPO: {run}"
    assert progress == "step 40 of 100, 30.0 s a step, about 30 min left, last written 2 min ago"
    assert columns.split() == ["now", "10", "before", "all", "steps"]
    assert entropy == "entropy                    4          3  ▁▁▂▂▂▃▃▄▄▄▅▅▅▆▆▇▇▇██  nats per token"


def test_a_short_run_has_no_number_of_ten_steps_before_and_no_invented_time(tmp_path):
    log = write_log(tmp_path / "log.jsonl", [(1, {"critic/score/mean": 0.5, "actor/entropy": None})])
    text = terminal.screen(read_run(str(log)), log.stat().st_mtime)
    assert "step 1, last written 0 s ago" in text and "reward                   0.5          –  ▁" in text
    assert "entropy" not in text and "left" not in text


def test_outside_a_terminal_each_new_step_is_a_line_and_the_last_step_ends_it(tmp_path, monkeypatch, capsys):
    """The run does not exist at first; the second sleep brings no step."""
    run, lengths = tmp_path / "run", iter([1, 1, 3, 4])
    monkeypatch.setattr(terminal.time, "sleep", lambda seconds: write(run, next(lengths), total=4))
    terminal.watch(str(run), 5, once=False)
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "step 1/4; entropy 0.1; about 2 min left",
        "step 3/4; entropy 0.3; about 30 s left",
        "step 4/4; entropy 0.4; about 0 s left",
    ]
    assert said.err == f"waiting: {run}: no such file or directory.\n"


def test_in_a_terminal_the_numbers_stay_in_place_until_ctrl_c(tmp_path, monkeypatch, capsys):
    run, lengths = write(tmp_path / "run", 1), iter([2])

    def sleep(seconds):
        try:
            write(run, next(lengths))
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr(terminal.time, "sleep", sleep)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    terminal.watch(str(run), 5, once=False)
    first, second = capsys.readouterr().out.split("\033[5F\033[J")
    assert "step 1," in first and "step 2," in second


def test_once_prints_one_screen_or_one_line_of_error(tmp_path):
    done = run_asymgrpo("watch", write(tmp_path / "run", 3), "--once")
    assert done.status == 0 and "step 3, 30.0 s a step" in done.stdout
    missing = run_asymgrpo("watch", tmp_path / "nowhere", "--once")
    assert missing.status == 1 and missing.stdout == ""
    assert missing.stderr == f"asymgrpo watch: {tmp_path / 'nowhere'}: no such file or directory.\n"


@pytest.mark.parametrize(
    "seconds, text",
    [(0, "0 s"), (59, "59 s"), (90, "2 min"), (3599, "1 h 0 min"), (12_000, "3 h 20 min"), (187_200, "2 d 4 h")],
)
def test_a_duration_has_at_most_two_units(seconds, text):
    assert duration(seconds) == text


def test_a_sparkline_is_the_mean_of_equal_parts_from_the_lowest_to_the_highest():
    assert terminal.sparkline([0.0, 3.5, 7.0]) == "▁▅█" and terminal.sparkline([2.0, 2.0]) == "▁▁"
    assert terminal.sparkline([float(i) for i in range(1000)]) == terminal.sparkline([float(i) for i in range(20)])
