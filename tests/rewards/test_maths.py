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
"""rewards: right verdicts, on labelled pairs and on real gold answers, and none of them can do harm."""

import csv
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from places import SHARED, TEST_DATA

from asymgrpo_verl.rewards import judge
from asymgrpo_verl.rewards import maths as rewards
from asymgrpo_verl.rewards.answers import last_boxed
from asymgrpo_verl.rewards.maths import MAX_LENGTH, compute_score, equivalent, same_answer

PAIRS = sorted(TEST_DATA.glob("answer_pairs*.tsv"))
DATASETS = SHARED / "data"
HANG = "(x+y+z+1)^{60}"
RESULT = {"score", "acc", "pred", "timed_out"}


@pytest.mark.parametrize("file", PAIRS, ids=lambda path: path.stem)
def test_labelled_pairs_are_decided_as_labelled_but_for_the_known_errors(file):
    with file.open(newline="") as lines:
        pairs = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(pairs) >= 300
    with ThreadPoolExecutor(4) as threads:
        verdicts = list(threads.map(lambda pair: equivalent(pair["gold"], pair["answer"]), pairs))
    wrong = [pair for pair, verdict in zip(pairs, verdicts, strict=True) if verdict != (pair["same"] == "1")]
    assert wrong == [pair for pair in pairs if pair["known_error"] == "1"]


def test_the_reward_of_a_response():
    assert compute_score("math", r"so it is $\boxed{\frac{2}{4}}$.", r"\frac{1}{2}") == {
        "score": 1.0,
        "acc": 1.0,
        "pred": r"\frac{2}{4}",
        "timed_out": 0.0,
    }
    assert compute_score("math", "it is 5", "5") == {"score": 0.0, "acc": 0.0, "pred": "", "timed_out": 0.0}
    assert compute_score("math", r"\boxed{5} no \boxed{6}", "5")["score"] == 0.0
    assert compute_score("math", r"\boxed{5}", "5", extra_info={"index": 0}, reward_router_address=None)["score"] == 1.0


@pytest.mark.parametrize("gold", ["", " ", None, 5, ["5"]])
def test_a_gold_answer_that_is_none_is_an_error(gold):
    with pytest.raises(ValueError, match="the gold answer must be text, got"):
        compute_score("math", r"\boxed{5}", gold, extra_info={"index": 3})


@pytest.mark.parametrize("limit", [0, -1, float("nan"), float("inf"), "5", None])
def test_a_time_limit_that_is_none_is_an_error(limit):
    with pytest.raises(ValueError, match="reward_kwargs.time_limit=.*allowed is a number of seconds > 0"):
        compute_score("math", r"\boxed{5}", "5", time_limit=limit)


def real_golds() -> dict[str, list[str]]:
    def lines(name):
        return [json.loads(line) for line in (DATASETS / name).read_text(encoding="utf-8").splitlines()]

    math = [
        last_boxed(row["ground_truth"]["solution"])
        for row in pq.read_table(DATASETS / "math_train" / "train.parquet")["reward_model"].to_pylist()
    ]
    aime25 = pq.read_table(DATASETS / "aime2025" / "test.parquet")["reward_model"].to_pylist()
    return {
        "math": [gold for gold in math if gold],
        "math500": [row["answer"] for row in lines("math500/test.jsonl")],
        "aime24": [str(row["answer"]) for row in lines("aime2024/test.jsonl")],
        "aime25": [row["ground_truth"]["target"] for row in aime25],
        "amc23": [str(row["answer"]) for row in lines("amc2023/test.jsonl")],
        "olympiadbench": [row["final_answer"][0] for row in lines("olympiadbench/test_675.jsonl")],
        "gsm8k": [row["answer"].split("####")[1].strip() for row in lines("gsm8k/train.jsonl")],
    }


real_files = pytest.mark.skipif(not DATASETS.is_dir(), reason="the real datasets are not here")

# Golds of other rows that are accepted, each truly equal: (gold, other).
EQUAL = {
    "math": {
        (r"-\frac{1}{2}", r"-\frac12"),
        ("18", r"18\%"),
        (r"18\%", "18"),
        ("2", r"2 \text{ euros}"),
        (r"2 \text{ euros}", "2"),
        ("25", r"25\%"),
        ("3", "3:1"),
        ("3", "k=3"),
        (r"32\text{ square cm}", "32"),
        (r"3\text{ cm}", "3"),
        (r"60^\circ", "60"),
        ("8", "K=8"),
        (r"9^\circ", "9"),
        (r"\dfrac23", r"\$\dfrac23 \approx \$0.67"),
        (r"\dfrac{27}{4}", r"\frac{27}{4}"),
        (r"\frac16", r"\frac{1}{6}"),
        (r"\frac{1}{4}", "1:4"),
        (r"\frac{3}{2}", r"\frac32"),
        (r"\frac{6}{11}", r"\dfrac{6}{11}"),
        ("x = 12", "12"),
        ("x = 2", "2"),
    },
    "math500": {
        ("x=5", "5"),
    },
    "olympiadbench": {
        ("1", "$f(x)=1$"),
    },
    "gsm8k": {
        ("20,000", "20000"),
        ("3,000", "3000"),
    },
}


@real_files
def test_every_real_gold_answer_is_itself():
    for name, golds in real_golds().items():
        assert [gold for gold in golds if not equivalent(gold, gold)] == [], name


@real_files
@pytest.mark.slow
@pytest.mark.parametrize("name", ["math", "math500", "aime24", "aime25", "amc23", "olympiadbench", "gsm8k"])
def test_no_other_rows_gold_answer_is_accepted_but_the_equal_ones(name):
    golds, draw = real_golds()[name], random.Random(0)
    pairs = [(gold, other) for gold in golds for other in draw.sample(golds, 10) if gold != other]
    with ThreadPoolExecutor(4) as threads:
        verdicts = list(threads.map(lambda pair: same_answer(*pair), pairs))
    assert None not in verdicts
    assert {pair for pair, verdict in zip(pairs, verdicts, strict=True) if verdict} == EQUAL.get(name, set())


def test_code_in_an_answer_is_not_run(tmp_path):
    sentinel = tmp_path / "ran"
    for answer in (
        f"__import__('os').system('touch {sentinel}')",
        rf"\text{{__import__('os').system('touch {sentinel}')}}",
        f"open('{sentinel}','w')",
        rf"\operatorname{{exec}}(open('{sentinel}','w'))",
        rf"f(\text{{eval(open('{sentinel}','w'))}})",
    ):
        assert not equivalent("5", answer)
        assert not equivalent(r"\{1, x\}", answer)
    assert not sentinel.exists()


@pytest.mark.parametrize(
    "attempt",
    [
        "__import__('os').system('true')",
        "__import__('subprocess').run(['true'])",
        "__import__('socket').create_connection(('127.0.0.1', 9))",
        "open('{place}', 'w')",
        "__import__('os').fork()",
        "__import__('sympy').sympify('().__class__')",
    ],
)
def test_a_judge_is_confined(attempt, tmp_path):
    code = f"from asymgrpo_verl.rewards import judge; judge._confine(); {attempt.format(place=tmp_path / 'ran')}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode != 0 and "PermissionError" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_takes_for_ever_is_given_up_in_time_and_others_go_on():
    equivalent("x+1", "1+x")  # a warm judge
    start = time.perf_counter()
    result = compute_score("math", rf"\boxed{{{HANG}}}", "x+7", time_limit=1.0)
    assert time.perf_counter() - start < 2
    assert result["score"] == 0.0 and result["timed_out"] == 1.0 and set(result) == RESULT
    assert equivalent("x+2", "2+x")


@pytest.mark.parametrize(
    "answer",
    [
        "10^{10^{10^{10}}}",
        "{" * 400 + "1" + "}" * 400,
        "(" * 400 + "1" + ")" * 400,
        r"\frac{1}{" * 100 + "2" + "}" * 100,
        r"\sqrt{" * 100 + "2" + "}" * 100,
        "9" * 10**6,
        "9" * 900 + "!",
        r"\sum_{n=1}^{10^{9}} n^{n}",
        r"\int_0^1 x^{x^{x^x}} dx",
        "(x+y+z+1)^{60}",
        "{{{",
        "}}}",
        r"\frac{}{}",
        r"\begin{pmatrix}",
        "\\",
        "\x00\x01\x1b[31m",
        "答案是五",
        "٣",
        "\ud800",
        "a" * 999,
        r"\left" * 150,
    ],
    ids=lambda answer: ascii(answer[:20]),
)
def test_a_hostile_answer_scores_zero_within_its_limit(answer):
    equivalent("x+1", "1+x")
    start = time.perf_counter()
    assert same_answer("x+7", answer, time_limit=1.0) in (False, None)
    assert time.perf_counter() - start < 3  # its limit, and the start of a judge where the one before has just died
    result = compute_score("math", rf"\boxed{{{answer}}}", "x+7", time_limit=1.0)
    assert result["score"] == 0.0 and len(result["pred"]) <= MAX_LENGTH


def test_the_limit_holds_where_the_caller_ignores_or_blocks_its_signal():
    code = (
        "import signal, time; from asymgrpo_verl.rewards.maths import same_answer;"
        "signal.signal(signal.SIGALRM, signal.SIG_IGN); signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM});"
        f"print(same_answer('x+7', '{HANG}', 0.5))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20).stdout == "None\n"


def test_a_judge_that_somebody_killed_is_replaced_and_the_pair_asked_again():
    for number in range(10):
        assert equivalent("x+1", f"1+x+{number}-{number}")
        for judge_process in [place for place in rewards._idle.queue if place]:
            os.kill(judge_process.pid, signal.SIGKILL)
        assert equivalent("x+3", f"3+x+{number}-{number}")


def test_an_interrupted_call_leaves_no_judge_behind():
    def interrupt(number, frame):
        raise InterruptedError

    equivalent("x+1", "1+x")
    before = set(os.listdir("/proc/self/fd"))
    handler = signal.signal(signal.SIGALRM, interrupt)
    try:
        for number in range(3):
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(InterruptedError):
                same_answer("x+7", f"{HANG}+{number}")
    finally:
        signal.signal(signal.SIGALRM, handler)
    assert equivalent("x+2", "2+x")
    assert len(os.listdir("/proc/self/fd")) <= len(before) and rewards._idle.qsize() == rewards.JUDGES


def _score(number: int) -> float:
    return compute_score("math", rf"\boxed{{{number}+x}}", f"x+{number}")["score"]


@pytest.mark.parametrize("daemon", [False, True])
def test_forks_have_judges_of_their_own(daemon):
    assert _score(1) == 1.0
    context = multiprocessing.get_context("fork")
    scores = context.Array("d", 2)

    def work(place):
        scores[place] = _score(100 + place)

    forks = [context.Process(target=work, args=(place,), daemon=daemon) for place in range(2)]
    for fork in forks:
        fork.start()
    for fork in forks:
        fork.join(60)
    assert list(scores) == [1.0, 1.0] and _score(2) == 1.0


def test_many_threads_get_their_own_verdicts():
    with ThreadPoolExecutor(16) as threads:
        right = [threads.submit(equivalent, f"x+{n}", f"{n}+x") for n in range(200, 260)]
        wrong = [threads.submit(equivalent, f"x+{n}", f"{n + 1}+x") for n in range(200, 260)]
    assert all(done.result() for done in right) and not any(done.result() for done in wrong)


def test_judges_end_with_the_process_that_asked_them():
    code = (
        "import asymgrpo_verl.rewards.maths as r, os; r.equivalent('x+1', '1+x'); "
        "print([j.pid for j in r._idle.queue if j][0], flush=True); os._exit(1)"
    )
    pid = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_judge_that_cannot_start_is_an_error(monkeypatch):
    monkeypatch.setattr(rewards, "sys", type("sys", (), {"executable": "/bin/false", "path": []}))
    monkeypatch.setattr(rewards, "_idle", rewards.queue.LifoQueue())
    rewards._idle.put(None)
    with pytest.raises(RuntimeError, match="did not start"):
        same_answer("x+1", "1+x+0")
    assert rewards._idle.get_nowait() is None  # its place is free again


def test_the_same_pair_is_judged_once():
    def ask(*pair):
        start = time.perf_counter()
        same_answer(*pair)
        return time.perf_counter() - start

    pair = (r"\sqrt{5+2\sqrt{6}}", rf"\sqrt{{2}}+\sqrt{{3}}+{random.random()}")
    first = ask(*pair)
    assert min(ask(*pair) for _ in range(5)) < first / 10


@pytest.mark.parametrize("gold, answer", [("x<3", "(-\\infty,3)"), ("(1,2)", "1<x<2"), ("10\\%", "\\frac{1}{10}")])
def test_what_the_judge_adds_to_math_verify(gold, answer):
    assert judge.same_by_math(gold, answer)
