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
"""A run of each of our trainers that is killed and resumed logs what a run without a kill logs, up to sampling.

What a step logs agrees with what is computed again from its rollouts, which the run saves as text.
"""

import json
import math
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from tiny_run import PROMPTS_PER_STEP, REAL_RUN, STEPS, prepare, start_run
from transformers import AutoTokenizer

from asymgrpo_verl.core.metrics import METRICS, expand
from asymgrpo_verl.core.schedules import Entropy, Memory, SolveRate, beta_at, observe
from asymgrpo_verl.runs.logs import read_metrics

pytestmark = REAL_RUN

KILLED_AFTER = 2  # in the middle of the first epoch
N = 8
# Of separate_async: it is slow, as a judge would be, so that rollouts are in flight when a checkpoint is saved. Those
# of the first step do not wait, because the first checkpoint needs them.
SLOW_REWARD = """
import asyncio
from pathlib import Path

LATEST, calls = Path(__file__).parent / "out" / "checkpoints" / "latest_checkpointed_iteration.txt", 0

async def compute_score(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    global calls
    calls += 1
    read = lambda: LATEST.read_text() if LATEST.exists() else None
    waits, before = calls > 64 and extra_info["split"] == "train", read()
    for _ in range(100):
        if waits and read() == before:
            await asyncio.sleep(0.1)
    return float(len(solution_str) % 2)
"""
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


class Killed(NamedTuple):
    """A run that was killed once and resumed.

    Attributes:
        rows: what its log says, a dict per step.
        rollouts: (uid, score, number of tokens) of the rollouts of each step, as the run saved them.
        resumed: what the second start printed.
    """

    mode: str
    place: Path
    rows: list[dict]
    rollouts: dict[int, list[tuple[str, float, int]]]
    resumed: str


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


@pytest.fixture(scope="module", params=["sync", "colocate_async", "separate_async"])
def killed(request, tmp_path_factory, base_policy) -> Killed:
    place = tmp_path_factory.mktemp(request.param)
    prepare(place, base_policy)
    if request.param == "separate_async":
        (place / "reward.py").write_text(SLOW_REWARD)
    overrides = [*OVERRIDES, f"trainer.rollout_data_dir={place / 'rollouts'}"]
    variables = {"MODE": request.param, "TEST_FREQ": str(STEPS)}
    metrics = place / "out" / "metrics.jsonl"
    with (place / "killed.log").open("wb") as log:
        kill_after(KILLED_AFTER, start_run(place, log, overrides, **variables), metrics)
    with (place / "resumed.log").open("wb") as log:
        code = start_run(place, log, overrides, **variables).wait(timeout=900)
    resumed = (place / "resumed.log").read_text(errors="replace")
    assert code == 0, resumed[-5000:]
    rows = read_metrics(metrics)
    assert rows[0]["step"] == 1, "what was logged before the kill is kept"
    return Killed(
        request.param, place, rows, {row["step"]: saved_rollouts(place, row["step"]) for row in rows}, resumed
    )


def saved_rollouts(place: Path, step: int) -> list[tuple[str, float, int]]:
    """Return (uid, score, number of tokens) of a step's rollouts; one of random bytes may be a token longer."""
    tokenizer = AutoTokenizer.from_pretrained(place / "model")
    found = []
    for line in map(json.loads, (place / "rollouts" / f"{step}.jsonl").read_text().splitlines()):
        text = line["output"].replace("\ufffd", "?")  # a byte that is no character is one token
        with_end = len(tokenizer(text, add_special_tokens=False)["input_ids"]) + 1
        found.append((line["uid"].split("_")[0], line["score"], min(with_end, 32)))
    return found


@pytest.fixture
def rows(killed) -> list[dict]:
    return killed.rows


def test_the_second_start_resumes_with_the_prompts_that_were_in_flight(killed):
    assert "Resuming from" in killed.resumed
    if killed.mode != "sync":
        assert f"Restored {PROMPTS_PER_STEP} training prompt groups from TransferQueue" in killed.resumed
        assert "in-flight prompts for step" in killed.resumed
    checkpoint = killed.place / "out" / "checkpoints" / f"global_step_{STEPS}"
    assert (checkpoint / "asymgrpo.json").is_file()
    assert (checkpoint / "transfer_queue").exists() == (killed.mode != "sync")


def test_the_log_has_the_metrics_of_the_table(rows):
    logged = [metric for metric in METRICS if not metric.logged.startswith("with algorithm.")]  # not set in this run
    table = {key for metric in logged for key in expand(metric.key, N)}
    for row in rows:
        assert table <= row.keys()


def test_values_agree_with_the_saved_rollouts(killed):
    """The group accuracies, and from them the advantages of Eq. 10 with the betas of the step."""
    for row in killed.rows:
        rollouts = killed.rollouts[row["step"]]
        groups = defaultdict(list)
        for uid, score, _ in rollouts:
            groups[uid].append(score)
        assert {*map(len, groups.values())} == {N} and len(groups) == PROMPTS_PER_STEP
        solved = Counter(int(sum(scores)) for scores in groups.values())
        for k in range(N + 1):
            assert row[f"groups/solved/{k}_of_{N}"] == pytest.approx(solved[k] / len(groups))
        assert row["groups/all_solved"] == pytest.approx(solved[N] / len(groups))
        assert row["groups/accuracy"] == pytest.approx(sum(score for _, score, _ in rollouts) / len(rollouts))
        assert row["groups/failed_rewards"] == row["groups/multi_output"] == row["groups/odd_size"] == 0
        tokens = sum(length for *_, length in rollouts)
        for channel, reward, beta in (
            ("correct", 1, row["asymgrpo/beta_pos"]),
            ("incorrect", 0, row["asymgrpo/beta_neg"]),
        ):
            own = [(uid, length) for uid, score, length in rollouts if score == reward]
            assert row[f"rollouts/{channel}/share"] == pytest.approx(len(own) / len(rollouts))
            assert row[f"rollouts/{channel}/length"] == pytest.approx(
                sum(length for _, length in own) / len(own), rel=0.01
            )
            p = {uid: sum(scores) / N for uid, scores in groups.items()}
            odds = {
                uid: (1 - share) / share if reward else share / (1 - share) for uid, share in p.items() if 0 < share < 1
            }
            mass = sum(odds[uid] ** beta * length for uid, length in own if uid in odds)
            assert row[f"rollouts/{channel}/advantage_mass"] == pytest.approx(mass / tokens, rel=0.01)


def test_staleness_is_that_of_verl_by_channel(killed):
    for row in killed.rows:
        channels = ("correct", "incorrect")
        mean = sum(row[f"rollouts/{channel}/share"] * row[f"rollouts/{channel}/staleness"] for channel in channels)
        assert mean == pytest.approx(row["training/off_policy/trajectory_staleness_worst/mean"])
        highest = max(row[f"rollouts/{channel}/staleness_max"] for channel in channels)
        assert highest == row["training/off_policy/trajectory_staleness_worst/max"]
    staleness = [row["training/off_policy/trajectory_staleness_worst/max"] for row in killed.rows]
    assert staleness[0] == 0 and (max(staleness) > 0) == (killed.mode != "sync")


def test_rollouts_of_the_first_step_come_from_the_weights_that_were_sent(rows):
    assert rows[0]["training/rollout_probs_diff_max"] < 1e-4


def test_the_second_update_of_a_step_is_measured_against_the_policy_of_its_start(rows):
    """With the weights of now in place of the saved ones, the ratio would be 1 and ppo_kl 0."""
    for row in rows:
        assert abs(row["actor/ppo_kl"]) > 1e-6 and row["actor/positive/ratio"] != 1


def test_the_last_step_is_validated(rows):
    assert "val-core/asymgrpo/sums/reward/mean@1" in rows[-1] or "val-core/asymgrpo/sums/acc/mean@1" in rows[-1]


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
    keys = [{key for key in row if key.startswith(prefixes)} - {"timing_s/testing"} for row in rows]
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
