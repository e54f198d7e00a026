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

import re
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from asymgrpo_verl.rewards.answers import last_boxed, question_for_math, verdict_by_text
from asymgrpo_verl.rewards.cost import is_too_costly
from asymgrpo_verl.rewards.tolerance import tolerances, within
from asymgrpo_verl.rewards.verdicts import UNDECIDED, Verdict

# Seconds of processor time. An ordinary comparison takes 5 milliseconds, and at most 0.2 seconds.
TIME_LIMIT = 1.0
BATCH_LIMIT = 3.0
MAX_LENGTH = 1000  # characters; the longest gold answer of the paper's datasets has 204
CACHED_PAIRS = 1 << 13  # as many as a large batch; each has at most 2 * MAX_LENGTH characters
TIMED_OUT = "the answer checker came to no verdict within its limits"
TOO_LONG = f"more than {MAX_LENGTH} characters are compared only as text and as decimal numbers"
TOO_COSTLY = "the value of one of them may be too large to write out, or its text is too deep"
REVERSED = "the answer has characters that show it in another order"
REASONS_TO_GIVE_UP = {TIMED_OUT, TOO_LONG, TOO_COSTLY, REVERSED}

_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff"))
_REVERSING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_DECIMAL = re.compile(r"([-+]?)(\d+)(?:\.(\d*))?", re.ASCII)


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: dict | None = None,
    time_limit: float = TIME_LIMIT,
    batch_limit: float = BATCH_LIMIT,
    **kwargs,
) -> dict:
    """Return the reward of a response. verl calls this as its custom reward function.

    Args:
        data_source: used only in error messages.
        extra_info: `error` is the tolerance of a numeric gold answer, a number > 0 or text of one: an answer is correct
            if it differs from the gold answer by at most so much, as in OlympiadBench. The other fields are used only
            in error messages.
        solution_str: the response, which may be any text.
        ground_truth: the gold answer, LaTeX without its box. Several answers are a list in any order: 1, 2.
        time_limit: seconds of processor time that one comparison may take;
            reward.custom_reward_function.reward_kwargs.time_limit.
        batch_limit: seconds of processor time that the comparisons of this process may take together in a minute;
            reward.custom_reward_function.reward_kwargs.batch_limit. The first 0.05 seconds of each comparison do not
            count, and remain when the limit is spent. verl scores a batch in reward.num_workers such processes.
        kwargs: ignored; verl passes more arguments.

    Returns:
        score and acc: 1.0 if correct, else 0.0. pred: the first 1,000 characters of the answer, "" without a box.
        timed_out: 1.0 if the comparison was given up, because it exceeded a limit or because the answer is too long
        or too costly to compare, else 0.0; the score is then 0.
        undecided: 1.0 if no rule reads the two answers and math-verify cannot compare them either, else 0.0; the score
        is then 0.

    Raises:
        ValueError: the gold answer is no text or is empty; a limit is not a finite number > 0; the tolerance is not a
            number > 0.
        RuntimeError: an answer checker cannot start, for example because math-verify is missing.
    """
    if not isinstance(ground_truth, str) or not ground_truth.strip():
        raise ValueError(
            f"ground_truth of {data_source}: got {ground_truth!r}; expected a non-empty text. Check this row of the "
            f"dataset: {extra_info=}."
        )
    for name, limit in (("time_limit", time_limit), ("batch_limit", batch_limit)):
        if not isinstance(limit, int | float) or not 0 < limit < float("inf"):
            raise ValueError(
                f"reward.custom_reward_function.reward_kwargs.{name}: got {limit!r}; expected a number > 0."
            )
    try:
        allowed = tolerances((extra_info or {}).get("error"))
    except ValueError as error:
        raise ValueError(
            f"extra_info of {data_source}: {error} Check this row of the dataset: {extra_info=}."
        ) from error
    pred, verdict = verdict_on(solution_str, ground_truth, time_limit, batch_limit, allowed)
    return {
        "score": float(verdict.same is True),
        "acc": float(verdict.same is True),
        "pred": (pred or "")[:MAX_LENGTH],
        "timed_out": float(was_given_up(verdict)),
        "undecided": float(verdict.same is None and not was_given_up(verdict)),
    }


def verdict_on(
    response: str,
    gold: str,
    time_limit: float = TIME_LIMIT,
    batch_limit: float = BATCH_LIMIT,
    allowed: Sequence[Fraction] = (),
) -> tuple[str | None, Verdict]:
    """Return the answer in a response, None without a box, and the verdict on it.

    Args:
        allowed: the tolerances of the gold answer, see `tolerance.tolerances`.
    """
    answer = last_boxed(response)
    if answer is None:
        return None, Verdict(False, "the response has no box")
    if allowed and (near := within(last_boxed(gold) or gold, answer[:MAX_LENGTH], allowed)) is not None:
        return answer, Verdict(near, "the numbers are compared within the tolerance of the gold answer")
    return answer, explain(gold, answer, time_limit, batch_limit)


def equivalent(gold: str, answer: str) -> bool:
    """Return whether an answer, without its box, certainly equals the gold answer."""
    return explain(gold, answer).same is True


def same_answer(
    gold: str, answer: str, time_limit: float = TIME_LIMIT, batch_limit: float = BATCH_LIMIT
) -> bool | None:
    """Return whether an answer equals the gold answer, or None if the comparison was given up. Undecided is False."""
    verdict = explain(gold, answer, time_limit, batch_limit)
    return None if was_given_up(verdict) else verdict.same is True


def was_given_up(verdict: Verdict) -> bool:
    """Return whether there is no verdict because of a limit, or because an answer is too long or too costly."""
    return verdict.same is None and verdict.why in REASONS_TO_GIVE_UP


def explain(gold: str, answer: str, time_limit: float = TIME_LIMIT, batch_limit: float = BATCH_LIMIT) -> Verdict:
    """Return whether an answer, without its box, equals the gold answer, None if undecided or given up; and why.

    If one of the two has more than MAX_LENGTH visible characters, only texts and decimal numbers are compared.
    """
    gold = last_boxed(gold) or gold
    gold, answer = gold.translate(_INVISIBLE).strip(), answer.translate(_INVISIBLE).strip()
    if len(gold) > MAX_LENGTH or len(answer) > MAX_LENGTH:
        numbers = _DECIMAL.fullmatch(gold), _DECIMAL.fullmatch(answer)
        same = _significant(numbers[0]) == _significant(numbers[1]) if all(numbers) else gold == answer or None
        return Verdict(same, TOO_LONG)
    try:
        return decide(gold, answer, time_limit, batch_limit)
    except TimeoutError:
        return Verdict(None, TIMED_OUT)


def _significant(number: re.Match) -> tuple[str, ...]:
    """Return the sign, and the digits without zeros at the ends, of a decimal number."""
    sign, whole, decimals = number.groups(default="")
    return sign.replace("+", ""), whole.lstrip("0"), decimals.rstrip("0")


@lru_cache(maxsize=CACHED_PAIRS)
def decide(gold: str, answer: str, time_limit: float, batch_limit: float) -> Verdict:
    """Compare two answers by `answers.verdict_by_text`; if it cannot decide, ask an answer checker.

    Verdicts are cached. A TimeoutError, which says that the batch limit is spent, is not.
    """
    if _REVERSING.search(answer):
        return Verdict(None, REVERSED)
    verdict = verdict_by_text(gold, answer)
    if verdict.same is not None or (question := question_for_math(gold, answer)) is None:
        return verdict
    if any(map(is_too_costly, question)):
        return Verdict(None, TOO_COSTLY)
    # Imported here because the import registers hooks for fork and exit, so only a process that asks has them.
    from asymgrpo_verl.rewards.checkers import ask

    reply = ask(*question, time_limit, batch_limit)
    if reply == UNDECIDED:
        return Verdict(None, f"{verdict.why}, and math-verify cannot compare them")
    return Verdict(reply, TIMED_OUT if reply is None else f"{verdict.why}, so math-verify compares them")
