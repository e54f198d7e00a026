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
"""How `asymgrpo evaluate` says how far it is."""

import sys

from asymgrpo_verl.evaluation import progress as module
from asymgrpo_verl.evaluation.progress import progress


def seconds_each(monkeypatch, seconds: float) -> None:
    """Let each item take `seconds`: the clock is read at the start and once per line."""
    clock = iter(range(1000))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock) * seconds)


def test_outside_a_terminal_each_tenth_is_a_line_with_an_estimate(monkeypatch, capsys):
    seconds_each(monkeypatch, 20)  # 2 items a line, so an item takes 10 seconds
    assert list(progress(iter(range(20)), "scoring", "response", 20)) == [*range(20)]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "scoring: 2 of 20 responses, about 3 min left"
    assert lines[-2:] == ["scoring: 18 of 20 responses, about 20 s left", "scoring: 20 of 20 responses"]
    assert len(lines) == 10


def test_a_resumed_work_counts_what_was_done_and_estimates_without_it(monkeypatch, capsys):
    seconds_each(monkeypatch, 10)
    assert list(progress("ab", "generating", "prompt", 10, done=8)) == ["a", "b"]
    assert capsys.readouterr().err.splitlines() == [
        "generating: 9 of 10 prompts, about 10 s left",
        "generating: 10 of 10 prompts",
    ]


def test_fewer_than_ten_items_are_a_line_each(monkeypatch, capsys):
    seconds_each(monkeypatch, 10)
    list(progress("abc", "scoring", "response", 3))
    assert [line.split(",")[0] for line in capsys.readouterr().err.splitlines()] == [
        f"scoring: {count} of 3 responses" for count in (1, 2, 3)
    ]


def test_short_work_is_one_line(monkeypatch, capsys):
    seconds_each(monkeypatch, 0.1)
    list(progress(iter(range(20)), "scoring", "response", 20))
    assert capsys.readouterr().err == "scoring: 20 of 20 responses\n"


def test_in_a_terminal_it_is_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert list(progress("ab", "scoring", "response", 2)) == ["a", "b"]
    assert "scoring: 100%" in capsys.readouterr().err
