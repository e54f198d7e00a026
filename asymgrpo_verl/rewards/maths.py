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
"""The reward for maths answers: 1 if the last \\boxed{} of a response equals the gold answer, else 0.

    reward.custom_reward_function.path=pkg://asymgrpo_verl.rewards reward.custom_reward_function.name=compute_score

Text decides most pairs (`answers.same_by_text`); math-verify decides the others, in processes of their own (`judge`).
Any thread of any process may call it, Ray's workers and daemonic processes too.
"""

import atexit
import json
import os
import queue
import signal
import subprocess
import sys
from functools import lru_cache

from asymgrpo_verl.rewards.answers import last_boxed, same_by_text

TIME_LIMIT = 5.0  # seconds
MAX_LENGTH = 1000  # characters; the longest gold answer of the paper's datasets has 204
JUDGES = min(4, os.cpu_count())  # processes at most
CACHED_PAIRS = 1 << 16


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: dict | None = None,
    time_limit: float = TIME_LIMIT,
    **kwargs,
) -> dict:
    """verl's custom reward function.

    Args:
        data_source, extra_info, kwargs: not used; verl passes them.
        solution_str: the response, any text at all.
        ground_truth: the gold answer, LaTeX without its box; several answers as a list, in any order: 1, 2.
        time_limit: seconds that one comparison may take, reward.custom_reward_function.reward_kwargs.time_limit.

    Returns:
        score and acc: 1.0 or 0.0. pred: the answer, "" without a box, its first 1,000 characters. timed_out: 1.0 where
        the comparison did not end within the limit, or took the judge down; the score is then 0.

    Raises:
        ValueError: the gold answer is no text or empty; time_limit is no number > 0.
        RuntimeError: a judge cannot start; math-verify is missing, say.
    """
    if not isinstance(ground_truth, str) or not ground_truth.strip():
        raise ValueError(f"{data_source}: the gold answer must be text, got {ground_truth!r}; {extra_info=}")
    check_time_limit(time_limit)
    pred = last_boxed(solution_str)
    if pred is None:
        return {"score": 0.0, "acc": 0.0, "pred": "", "timed_out": 0.0}
    verdict = same_answer(ground_truth, pred, time_limit)
    return {
        "score": float(verdict is True),
        "acc": float(verdict is True),
        "pred": pred[:MAX_LENGTH],
        "timed_out": float(verdict is None),
    }


def check_time_limit(limit: float) -> None:
    """
    Raises:
        ValueError: it is no finite number of seconds > 0.
    """
    if not isinstance(limit, int | float) or not 0 < limit < float("inf"):
        raise ValueError(f"reward_kwargs.time_limit={limit!r}: allowed is a number of seconds > 0.")


def equivalent(gold: str, answer: str) -> bool:
    """Is an answer, without its box, the gold answer?"""
    return same_answer(gold, answer) is True


def same_answer(gold: str, answer: str, time_limit: float = TIME_LIMIT) -> bool | None:
    """Is an answer the gold answer? None where no judge came to a verdict."""
    gold = last_boxed(gold) or gold
    if len(gold) > MAX_LENGTH or len(answer) > MAX_LENGTH:
        return gold.strip() == answer.strip()
    return _decide(gold, answer, time_limit)


@lru_cache(maxsize=CACHED_PAIRS)
def _decide(gold: str, answer: str, time_limit: float) -> bool | None:
    verdict = same_by_text(gold, answer)
    return _ask(gold, answer, time_limit) if verdict is None else verdict


def _start_judge() -> subprocess.Popen:
    """A judge, which takes most of a second to be ready; a question may be put to it at once."""
    return subprocess.Popen(
        [sys.executable, "-m", "asymgrpo_verl.rewards.judge"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,  # a Ctrl-C is for the caller, who ends it
    )


def _stop(judge: subprocess.Popen) -> None:
    judge.kill()
    judge.wait()
    judge.stdin.close()
    judge.stdout.close()


def _ask(gold: str, answer: str, time_limit: float) -> bool | None:
    question = json.dumps([gold, answer, time_limit]).encode() + b"\n"
    reply, code = _put(question)
    if code == -signal.SIGKILL:  # neither its limit nor its memory: somebody killed it, before it was asked perhaps
        reply, code = _put(question)
    if code > 0:
        raise RuntimeError(f"asymgrpo_verl.rewards.judge did not start (exit code {code}); its error is above.")
    return reply == b"1\n" if reply else None


def _put(question: bytes) -> tuple[bytes, int]:
    """Wait for a judge that is free, and ask it: its reply, and 0; if it dies, nothing, and its exit code."""
    judge, successor = _idle.get(), None
    try:
        if judge and judge.poll() is not None:
            _stop(judge)
            judge = None
        judge = judge or _start_judge()
        reply = _exchange(judge, question)
        code = 0 if reply else judge.wait()
        if code <= 0:
            successor = judge if reply else _start_judge()
    finally:  # an interrupt comes here too, with a judge whose reply nobody will read
        if judge and judge is not successor:
            _stop(judge)
        _idle.put(successor)
    return reply, code


def _exchange(judge: subprocess.Popen, question: bytes) -> bytes:
    try:
        judge.stdin.write(question)
    except BrokenPipeError:
        return b""
    return judge.stdout.readline()


def _no_judges() -> None:
    """Places for judges; those of a process are not those of its forks."""
    global _idle
    _idle = queue.LifoQueue()  # the last one used is warm
    for _ in range(JUDGES):
        _idle.put(None)


def _stop_all() -> None:
    while not _idle.empty():
        if judge := _idle.get():
            _stop(judge)


_no_judges()
os.register_at_fork(after_in_child=_no_judges)
atexit.register(_stop_all)
