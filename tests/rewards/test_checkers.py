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
"""Answer checkers: they are confined, keep their time limit, and are replaced when they die. No answer does harm."""

import itertools
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from places import ROOT

from asymgrpo_verl.rewards import checkers
from asymgrpo_verl.rewards.checker import same_by_math
from asymgrpo_verl.rewards.checker_process import QUESTIONS
from asymgrpo_verl.rewards.maths import CACHED_PAIRS, MAX_LENGTH, compute_score, equivalent, same_answer

sys.path.insert(0, str(ROOT / "benchmarks"))
from hostile_answers import hostile_answer  # noqa: E402

pytestmark = pytest.mark.checker

HANG = r"\int \frac{x^{60}+1}{x^7+x+1} dx"  # math-verify needs far more than the time limits of these tests
LIMIT = 0.5  # seconds
ENOUGH = 1e6  # a batch limit that no test spends
SLACK = 10.0  # seconds that a call may take beyond its limit on a busy machine, because limits are processor time
RESULT = {"score", "acc", "pred", "timed_out", "undecided"}

_numbers = itertools.count()


def new_question() -> tuple[str, str]:
    """Return two equal answers that no checker has compared yet."""
    number = next(_numbers)
    return rf"\int_0^1 x dx+{number}", rf"{number}+\int_0^1 x dx"


def ask(gold: str, answer: str) -> bool | str | None:
    """Ask a checker, also about a pair that text could decide."""
    return checkers.ask(gold, answer, 1.0, ENOUGH)


def use_a_checker() -> None:
    """Return when the checker that gets the next question is ready, because the first one that starts takes seconds."""
    assert ask(*new_question())


def running() -> list[psutil.Process]:
    """Return the processes that this process's checkers consist of: their starter, and two for each checker."""
    children = [(child, child.as_dict(["cmdline"])["cmdline"]) for child in psutil.Process().children(recursive=True)]
    return [child for child, command in children if command and "asymgrpo_verl.rewards.checker_process" in command]


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


def test_a_confined_process_can_neither_write_nor_start_processes_nor_connect_nor_evaluate_text(tmp_path):
    attempts = [
        "__import__('os').system('true')",
        "__import__('subprocess').run(['true'])",
        "__import__('socket').create_connection(('127.0.0.1', 9))",
        f"open('{tmp_path / 'ran'}', 'w')",
        "__import__('os').fork()",
        "__import__('sympy').sympify('().__class__')",
    ]
    code = f"""
from asymgrpo_verl.rewards.checker_process import confine, forbid_evaluation
forbid_evaluation()
confine()
for attempt in {attempts}:
    try:
        eval(attempt)
    except PermissionError:
        print(attempt)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines() == attempts, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_exceeds_the_limit_is_given_up_in_time_and_the_next_one_gets_a_verdict():
    use_a_checker()
    start = time.perf_counter()
    result = compute_score("math", rf"\boxed{{{HANG}}}", "x+7", time_limit=LIMIT, batch_limit=ENOUGH)
    assert LIMIT <= time.perf_counter() - start < LIMIT + SLACK
    assert result["score"] == 0.0 and result["timed_out"] == 1.0 and set(result) == RESULT
    assert ask(*new_question())


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
    use_a_checker()
    start = time.perf_counter()
    assert same_answer("x+7", answer, LIMIT, ENOUGH) in (False, None)
    assert time.perf_counter() - start < LIMIT + SLACK
    result = compute_score("math", rf"\boxed{{{answer}}}", "x+7", time_limit=LIMIT)
    assert result["score"] == 0.0 and len(result["pred"]) <= MAX_LENGTH


def test_the_limit_holds_even_if_the_caller_ignores_and_blocks_its_signal():
    code = (
        "import signal; from asymgrpo_verl.rewards.maths import same_answer;"
        "signal.signal(signal.SIGPROF, signal.SIG_IGN); signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPROF});"
        f"print(same_answer('x+7', {HANG!r}, {LIMIT}))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120).stdout == "None\n"


def test_a_checker_that_was_killed_before_its_question_is_replaced():
    use_a_checker()
    for checker in running():
        checker.kill()
    assert ask(*new_question())


def test_a_question_is_asked_again_if_its_checker_was_killed():
    use_a_checker()
    stopped = running()
    for checker in stopped:
        checker.suspend()  # it gets the question and does not answer
    with ThreadPoolExecutor(1) as thread:
        verdict = thread.submit(ask, *new_question())
        while not verdict.running():
            time.sleep(0.01)
        time.sleep(0.1)
        for checker in stopped:
            checker.kill()
        assert verdict.result()


def test_an_interrupted_call_leaves_no_checker_behind():
    def interrupt(number, frame):
        raise InterruptedError

    use_a_checker()
    before = set(os.listdir("/proc/self/fd"))
    handler = signal.signal(signal.SIGALRM, interrupt)
    try:
        for number in range(checkers.CHECKERS + 1):  # one more than there are places: each interrupt frees its place
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(InterruptedError):
                same_answer("x+7", f"{HANG}+{number}", 2.0, ENOUGH)
    finally:
        signal.signal(signal.SIGALRM, handler)
    assert ask(*new_question())
    time.sleep(0.2)  # a checker stops a moment after its channel has closed
    assert len(os.listdir("/proc/self/fd")) <= len(before) and len(running()) <= 1 + 2 * checkers.CHECKERS


def test_forks_start_checkers_of_their_own():
    use_a_checker()
    context = multiprocessing.get_context("fork")
    verdicts = context.Array("i", 2)
    questions = [new_question(), new_question()]

    def work(place):
        verdicts[place] = ask(*questions[place])

    forks = [context.Process(target=work, args=(place,), daemon=place == 1) for place in range(2)]
    for fork in forks:
        fork.start()
    for fork in forks:
        fork.join(60)
    assert list(verdicts) == [1, 1] and ask(*new_question())


def test_each_of_many_threads_gets_the_verdict_on_its_own_question():
    with ThreadPoolExecutor(16) as threads:
        correct = [threads.submit(ask, f"x+{n}", f"{n}+x") for n in range(200, 260)]
        incorrect = [threads.submit(ask, f"x+{n}", f"{n + 1}+x") for n in range(200, 260)]
    assert all(done.result() for done in correct) and not any(done.result() for done in incorrect)


def test_a_checker_ends_with_the_process_that_asked_it():
    code = (
        "import os, psutil; from asymgrpo_verl.rewards.checkers import ask; ask('x+1', '1+x', 1.0, 3.0);"
        "print(*(child.pid for child in psutil.Process().children(recursive=True)), flush=True); os._exit(1)"
    )
    pids = [
        int(pid) for pid in subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()
    ]
    assert len(pids) == 3
    deadline = time.monotonic() + 5
    for pid in pids:
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_checker_that_cannot_start_is_an_error_and_its_place_stays_free(monkeypatch):
    use_a_checker()
    checkers.stop_all()
    assert running() == []
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/bin/false")
        for _ in range(checkers.CHECKERS + 1):  # one more than there are places
            with pytest.raises(RuntimeError, match="rewards.checker_process: got exit code 1 at its start; expected"):
                ask(*new_question())
    assert ask(*new_question())


def test_a_pair_is_compared_once(monkeypatch):
    asked, pair = [], ("x+7", f"{HANG}+7")
    monkeypatch.setattr(checkers, "ask", lambda *question: asked.append(question))
    assert [same_answer(*pair) for _ in range(5)] == [None] * 5
    assert len(asked) == 1


def test_hard_comparisons_share_a_limit_and_ordinary_ones_keep_their_verdict():
    use_a_checker()
    before = processor_seconds()
    with ThreadPoolExecutor(6) as threads:
        hard = [threads.submit(same_answer, "x+7", f"{HANG}+{number}", 1.0, 1.5) for number in range(40)]
        ordinary = [threads.submit(ask, *new_question()) for _ in range(20)]
    assert [done.result() for done in hard] == [None] * 40 and all(done.result() for done in ordinary)
    # 1.5 seconds that they share, and for each the 0.05 seconds that every comparison has, and a new worker
    assert processor_seconds() - before < 1.5 + 40 * (checkers.EASY + 0.1) + 1


def test_a_batch_of_hostile_answers_is_done_in_time_and_none_gets_a_wrong_verdict():
    use_a_checker()
    draw = random.Random(7)
    batch = [(draw.choice(["42", r"\frac{1}{2}", "x+7", "y=2x"]), hostile_answer(draw)) for _ in range(300)]
    before = processor_seconds() + time.process_time()
    with ThreadPoolExecutor(6) as threads:
        verdicts = list(threads.map(lambda pair: same_answer(*pair), batch))
    assert processor_seconds() + time.process_time() - before < 20
    accepted = [pair for pair, verdict in zip(batch, verdicts, strict=True) if verdict]
    visible = {("".join(filter(str.isprintable, answer)), gold) for gold, answer in accepted}
    assert visible <= {("42", "42"), (r"\frac{1}{2}", r"\frac{1}{2}"), ("x+7", "x+7"), ("7+x", "x+7")}
    assert 0 < verdicts.count(None) < len(batch)


def processor_seconds() -> float:
    """Return what the checkers have used. A checker counts the workers that have ended."""
    times = [process.cpu_times() for process in running()]
    return sum(spent.user + spent.system + spent.children_user + spent.children_system for spent in times)


def test_a_spent_limit_comes_back(monkeypatch):
    monkeypatch.setattr(checkers, "_spent", 0.0)
    monkeypatch.setattr(checkers, "_counted_at", time.monotonic())
    limits = [checkers._reserve(1.0, 3.0) for _ in range(4)]
    assert limits == pytest.approx([1.0, 1.0, 0.55, 0.3], abs=0.02)  # half of 3, 2.05, 1.1 and 0.6, at most 1
    checkers._give_back(1.0, 0.01)  # an easy comparison gives back all that was reserved for it
    assert checkers._spent == pytest.approx(0.95 + 0.5 + 0.25, abs=0.02)
    assert checkers._reserve(0.02, 3.0) == 0.02
    for _ in range(50):
        checkers._reserve(1.0, 3.0)
    assert checkers._reserve(1.0, 3.0) == pytest.approx(checkers.EASY, abs=0.02)
    monkeypatch.setattr(checkers, "_counted_at", time.monotonic() - checkers.WINDOW)
    assert checkers._reserve(1.0, 3.0) == 1.0


def test_a_worker_is_replaced_after_many_questions_so_that_memory_stays_flat():
    use_a_checker()
    before = {process.pid for process in running()}
    memory = sum(process.memory_full_info().pss for process in running())
    for number in range(QUESTIONS + 1):
        assert checkers.ask(f"x+{number}", f"{number}+x", 1.0, ENOUGH)
    assert len({process.pid for process in running()} - before) == 1
    assert sum(process.memory_full_info().pss for process in running()) < memory + 30 * 2**20


def test_the_memory_of_the_caches_is_bounded():
    def compare(numbers: range) -> int:
        for number in numbers:
            assert same_answer("7" * 500, f"{number:0500d}") is False
        return psutil.Process().memory_info().rss

    first = compare(range(CACHED_PAIRS))
    assert compare(range(CACHED_PAIRS, 4 * CACHED_PAIRS)) < first + 30 * 2**20


def test_a_long_number_is_compared_as_a_number_and_another_long_text_is_given_up():
    assert same_answer("42", "0" * 10**5 + "42." + "0" * 10**5) is True
    assert same_answer("42", "42." + "0" * 10**5 + "1") is False
    assert same_answer("42", "9" * 10**5) is False
    assert same_answer("42", "1+" * 5000 + "1") is None
    assert compute_score("math", rf"\boxed{{{'x' * 2000}}}", "42")["timed_out"] == 1.0


@pytest.mark.parametrize("mark", ["\u200b", "\u200d", "\u2060", "\ufeff", "\u200e", "\u00ad"])
def test_characters_without_width_change_nothing(mark):
    assert same_answer("x+42", f"{mark}x+{mark}4{mark * 10**5}2") is True
    assert same_answer("42", f"4{mark}3") is False


def test_an_answer_that_is_shown_in_another_order_is_given_up():
    assert same_answer("42", "\u202e24") is None


@pytest.mark.parametrize("gold, answer", [("x<3", "(-\\infty,3)"), ("(1,2)", "1<x<2")])
def test_pairs_that_math_verify_alone_refuses(gold, answer):
    assert same_by_math(gold, answer)
