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
"""A run that is killed and resumed has the counters, schedules and logs of a run that was not, up to sampling."""

import math
import time
from pathlib import Path

import psutil
import pytest
from tiny_run import REAL_RUN, STEPS, prepare, start_run

from asymgrpo_verl.core.schedules import Entropy, Memory, SolveRate, beta_at, observe
from asymgrpo_verl.runs.logs import read_metrics

pytestmark = REAL_RUN

KILLED_AFTER = 2  # in the middle of the first epoch
SCHEDULES = {
    "beta_pos": (0.9, Entropy(target=1.0, gain=0.3)),
    "beta_neg": (0.4, SolveRate(none_solved=1.0, all_solved=0.0, average=3)),
}
OVERRIDES = [
    "+algorithm.asymgrpo.schedule.beta_pos={kind: entropy, target: 1.0, gain: 0.3}",
    "+algorithm.asymgrpo.schedule.beta_neg={kind: solve_rate, none_solved: 1.0, all_solved: 0.0, average: 3}",
    "algorithm.diagnostics.log_prob_increment_every=2",
    "algorithm.diagnostics.gradient_share_every=2",
    "+algorithm.token_weighting={correct: entropy, incorrect: surprisal}",
]


def kill_after(step: int, run: psutil.Popen, metrics: Path) -> None:
    """SIGKILL the run and all that belongs to it, as a node dies, once it has logged the step."""
    deadline = time.monotonic() + 600
    while not any(row["step"] >= step for row in read_metrics(metrics)):
        assert run.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    family = [*run.children(recursive=True), run]
    for process in family:
        if process.is_running():
            process.kill()
    _, left = psutil.wait_procs(family, timeout=30)
    assert left == []


@pytest.fixture(scope="module")
def rows(tmp_path_factory, base_policy):
    """What the log of a run says that was killed once."""
    place = tmp_path_factory.mktemp("resume")
    prepare(place, base_policy)
    metrics = place / "out" / "metrics.jsonl"
    with (place / "killed.log").open("wb") as log:
        kill_after(KILLED_AFTER, start_run(place, log, OVERRIDES), metrics)
    with (place / "resumed.log").open("wb") as log:
        code = start_run(place, log, OVERRIDES).wait(timeout=900)
    assert code == 0, (place / "resumed.log").read_text(errors="replace")[-5000:]
    assert read_metrics(metrics)[0]["step"] == 1, "what was logged before the kill is kept"
    assert "Resuming from" in (place / "resumed.log").read_text(errors="replace")
    return read_metrics(metrics)


def test_every_step_is_there_with_the_same_keys(rows):
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    prefixes = (
        "groups/",
        "rollouts/",
        "epoch/",
        "covariance/",
        "entropy_change/",
        "gradient/",
        "asymgrpo/",
        "timing_s/",
    )
    keys = [{key for key in row if key.startswith(prefixes)} for row in rows]
    assert all(of_row == keys[0] for of_row in keys)


def test_the_counts_of_the_epoch_go_on(rows):
    assert [row["training/epoch"] for row in rows] == [0, 0, 0, 1, 1]
    assert [row["epoch/prompts"] for row in rows] == [8, 16, 24, 8, 16]
    for epoch in (rows[:3], rows[3:]):
        for name in ("all_solved", "none_solved", "mixed", "accuracy"):
            mean = sum(row[f"groups/{name}"] for row in epoch) / len(epoch)
            assert epoch[-1][f"epoch/{name}"] == pytest.approx(mean)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_resumes_with_all_that_it_has_measured(rows, name):
    """Its betas are what the schedule makes of the whole log, the steps before the kill included."""
    start, schedule = SCHEDULES[name]
    memory, betas = Memory(), []
    for row in rows:
        beta = beta_at(schedule, start, row["step"], STEPS, memory)
        assert row[f"asymgrpo/{name}"] == pytest.approx(beta)
        memory = observe(schedule, name, beta, memory, {k: math.nan if v is None else v for k, v in row.items()})
        assert row[f"asymgrpo/{name}_signal"] == pytest.approx(memory.signal)
        betas.append(beta)
    assert len(set(betas)) > 1


def test_entropy_changes_are_logged_across_the_kill(rows):
    for before, after in zip(rows, rows[1:], strict=False):
        change = after["rollouts/entropy"] - before["rollouts/entropy"]
        assert after["entropy_change/between_steps"] == pytest.approx(change)
    for row in rows:
        assert row["entropy_change/predicted"] == pytest.approx(-row["actor/lr"] * row["covariance/mean"])


def test_what_costs_a_pass_is_measured_every_so_many_steps(rows):
    for row in rows:
        measured = row["step"] % 2 == 0
        for key in ("rollouts/correct/log_prob_increment", "entropy_change/measured", "gradient/positive/norm"):
            assert (row[key] is not None) == measured
        for name in ("log_prob_increment", "gradient_share"):
            assert (row[f"timing_s/{name}"] > 0) == measured
        if measured:
            assert 0 < row["gradient/positive/share"] < 1
            increments = [row[f"rollouts/{channel}/log_prob_increment"] for channel in ("correct", "incorrect")]
            assert all(abs(increment) > 1e-4 for increment in increments), "the policy is another after the update"
