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
"""Score a response to a maths problem: 1 if its last \\boxed{} equals the gold answer, else 0.

    reward.custom_reward_function.path=pkg://asymgrpo_verl.rewards reward.custom_reward_function.name=compute_score

Most pairs of answers are decided without sympy (`answers.verdict_by_text`). An answer checker, which is a process that
runs math-verify, compares the others (`checkers`). Any thread of any process may call these functions, also in Ray's
workers and in daemonic processes.
"""

from functools import lru_cache

from asymgrpo_verl.rewards.answers import last_boxed, question_for_math, verdict_by_text
from asymgrpo_verl.rewards.verdicts import Verdict

TIME_LIMIT = 5.0  # seconds
MAX_LENGTH = 1000  # characters; the longest gold answer of the paper's datasets has 204
CACHED_PAIRS = 1 << 16
TIMED_OUT = "the answer checker came to no verdict within its limits"


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: dict | None = None,
    time_limit: float = TIME_LIMIT,
    **kwargs,
) -> dict:
    """Return the reward of a response. verl calls this as its custom reward function.

    Args:
        data_source, extra_info: used only in error messages.
        solution_str: the response, which may be any text.
        ground_truth: the gold answer, LaTeX without its box. Several answers are a list in any order: 1, 2.
        time_limit: seconds that one comparison may take; reward.custom_reward_function.reward_kwargs.time_limit. The
            wait for a free answer checker, or for a new one to start, does not count.
        kwargs: ignored; verl passes more arguments.

    Returns:
        score and acc: 1.0 if correct, else 0.0. pred: the first 1,000 characters of the answer, "" without a box.
        timed_out: 1.0 if the comparison exceeded its time limit or ended the answer checker, else 0.0; the score is
        then 0.
        undecided: 1.0 if no rule reads the two answers and math-verify cannot compare them either, else 0.0; the score
        is then 0.

    Raises:
        ValueError: the gold answer is no text or is empty; time_limit is not a finite number > 0.
        RuntimeError: an answer checker cannot start, for example because math-verify is missing.
    """
    if not isinstance(ground_truth, str) or not ground_truth.strip():
        raise ValueError(
            f"ground_truth of {data_source}: got {ground_truth!r}; expected a non-empty text. Check this row of the "
            f"dataset: {extra_info=}."
        )
    if not isinstance(time_limit, int | float) or not 0 < time_limit < float("inf"):
        raise ValueError(
            f"reward.custom_reward_function.reward_kwargs.time_limit: got {time_limit!r}; expected a number > 0."
        )
    pred, verdict = verdict_on(solution_str, ground_truth, time_limit)
    return {
        "score": float(verdict.same is True),
        "acc": float(verdict.same is True),
        "pred": (pred or "")[:MAX_LENGTH],
        "timed_out": float(verdict.why == TIMED_OUT),
        "undecided": float(verdict.same is None and verdict.why != TIMED_OUT),
    }


def verdict_on(response: str, gold: str, time_limit: float = TIME_LIMIT) -> tuple[str | None, Verdict]:
    """Return the answer in a response, None without a box, and the verdict on it."""
    answer = last_boxed(response)
    return answer, Verdict(False, "the response has no box") if answer is None else explain(gold, answer, time_limit)


def equivalent(gold: str, answer: str) -> bool:
    """Return whether an answer, without its box, certainly equals the gold answer."""
    return explain(gold, answer).same is True


def same_answer(gold: str, answer: str, time_limit: float = TIME_LIMIT) -> bool | None:
    """Return whether an answer equals the gold answer, or None if the answer checker timed out. Undecided is False."""
    verdict = explain(gold, answer, time_limit)
    return None if verdict.why == TIMED_OUT else verdict.same is True


def explain(gold: str, answer: str, time_limit: float = TIME_LIMIT) -> Verdict:
    """Return whether an answer, without its box, equals the gold answer, None if undecided or timed out; and why.

    If one of the two has more than MAX_LENGTH characters, they are equal only as texts.
    """
    gold = last_boxed(gold) or gold
    if len(gold) > MAX_LENGTH or len(answer) > MAX_LENGTH:
        return Verdict(gold.strip() == answer.strip(), f"more than {MAX_LENGTH} characters are compared only as text")
    return decide(gold, answer, time_limit)


@lru_cache(maxsize=CACHED_PAIRS)
def decide(gold: str, answer: str, time_limit: float) -> Verdict:
    """Compare two answers by `answers.verdict_by_text`; if it cannot decide, ask an answer checker. Cached."""
    verdict = verdict_by_text(gold, answer)
    if verdict.same is not None or (question := question_for_math(gold, answer)) is None:
        return verdict
    # Imported here because the import registers hooks for fork and exit, so only a process that asks has them.
    from asymgrpo_verl.rewards.checkers import UNDECIDED, ask

    reply = ask(*question, time_limit)
    if reply == UNDECIDED:
        return Verdict(None, f"{verdict.why}, and math-verify cannot compare them")
    return Verdict(reply, TIMED_OUT if reply is None else f"{verdict.why}, so math-verify compares them")
