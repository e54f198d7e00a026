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
"""A block of runs: its logs, and its way on after a kill."""

import json

import pytest
from small_lab import BUDGET, CPU, SHAPE, TASK, base

from asymgrpo_verl.lab import training
from asymgrpo_verl.lab.methods import read
from asymgrpo_verl.lab.state import saved
from asymgrpo_verl.lab.training import Block, train
from asymgrpo_verl.runs.logs import read_metrics

METHOD = "asymgrpo:schedule.beta_pos.kind=solve_rate,schedule.beta_pos.none_solved=1,schedule.beta_pos.all_solved=0"


class Killed(BaseException):
    """Stands for a kill."""


def run(out, stop_at: int | None = None, done: int = 0):
    """Train a block of two runs; stop it after a step as a kill would."""
    block = Block(METHOD, [1, 2], out, done)
    for log in block.logs():
        log.parent.mkdir(parents=True, exist_ok=True)
    counted = 0

    def progress(count: int) -> None:
        nonlocal counted
        counted += count
        if stop_at is not None and counted == stop_at * len(block.seeds):
            raise Killed

    train(SHAPE, base(), TASK, read(METHOD, BUDGET.n), block, BUDGET, CPU, progress)
    return block


@pytest.fixture(autouse=True)
def saved_every_second_step(monkeypatch):
    monkeypatch.setattr(training, "VALIDATE_EVERY", 2)


def test_a_log_has_every_step_and_its_validations(tmp_path):
    (log, other) = run(tmp_path).logs()
    rows = read_metrics(log)
    assert [row["step"] for row in rows] == [0, 1, 2, 3, 4, 5, 6]
    assert [row["step"] for row in rows if "val-core/rules/acc/mean@8" in row] == [0, 2, 4, 6]
    assert rows[0]["val-core/rules/acc/pass@8"] >= rows[0]["val-core/rules/acc/mean@8"]
    assert log.read_bytes() != other.read_bytes(), "two seeds"


def test_runs_that_are_done_leave_no_state(tmp_path):
    assert not run(tmp_path).state.exists()


@pytest.mark.parametrize("stop_at", (1, 2, 3, 4, 5))
def test_a_killed_and_resumed_block_is_the_unbroken_one_bit_for_bit(tmp_path, stop_at):
    unbroken = run(tmp_path / "unbroken")
    with pytest.raises(Killed):
        run(tmp_path / "killed", stop_at)
    state = Block(METHOD, [1, 2], tmp_path / "killed", 0).state
    done = saved(state)[1] if state.exists() else 0
    assert done == stop_at // 2 * 2
    resumed = run(tmp_path / "killed", done=done)
    for one, other in zip(unbroken.logs(), resumed.logs(), strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_half_a_line_at_the_end_of_a_log_is_removed(tmp_path):
    with pytest.raises(Killed):
        run(tmp_path, 3)
    log = Block(METHOD, [1, 2], tmp_path, 2).logs()[0]
    with log.open("a") as file:
        file.write('{"step": 4, "da')
    run(tmp_path, done=2)
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [0, 1, 2, 3, 4, 5, 6]
