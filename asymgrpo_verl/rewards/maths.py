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

Most pairs of answers are compared as text (`answers.same_by_text`). An answer checker, which is a process that runs
math-verify, compares the others (`checkers`). Any thread of any process may call these functions, also in Ray's workers
and in daemonic processes.
"""

from functools import lru_cache

from asymgrpo_verl.rewards.answers import last_boxed, same_by_text
from asymgrpo_verl.rewards.tolerance import within

TIME_LIMIT = 5.0  # seconds
MAX_LENGTH = 1000  # characters; the longest gold answer of the paper's datasets has 204
CACHED_PAIRS = 1 << 16


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
        data_source: used only in error messages.
        extra_info: `error` is the tolerance of a numeric gold answer, a number > 0 or text of one: an answer is correct
            if it differs from the gold answer by at most so much, as in OlympiadBench. The other fields are used only
            in error messages.
        solution_str: the response, which may be any text.
        ground_truth: the gold answer, LaTeX without its box. Several answers are a list in any order: 1, 2.
        time_limit: seconds that one comparison may take; reward.custom_reward_function.reward_kwargs.time_limit. The
            wait for a free answer checker, or for a new one to start, does not count.
        kwargs: ignored; verl passes more arguments.

    Returns:
        score and acc: 1.0 if correct, else 0.0. pred: the first 1,000 characters of the answer, "" without a box.
        timed_out: 1.0 if the comparison exceeded its time limit or ended the answer checker, else 0.0; the score is
        then 0.

    Raises:
        ValueError: the gold answer is no text or is empty; time_limit is not a finite number > 0; the tolerance is not
            a number > 0.
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
    pred = last_boxed(solution_str)
    if pred is None:
        return {"score": 0.0, "acc": 0.0, "pred": "", "timed_out": 0.0}
    try:
        verdict = within(ground_truth, pred[:MAX_LENGTH], (extra_info or {}).get("error"))
    except ValueError as error:
        raise ValueError(
            f"extra_info of {data_source}: {error} Check this row of the dataset: {extra_info=}."
        ) from error
    if verdict is None:
        verdict = same_answer(ground_truth, pred, time_limit)
    return {
        "score": float(verdict is True),
        "acc": float(verdict is True),
        "pred": pred[:MAX_LENGTH],
        "timed_out": float(verdict is None),
    }


def equivalent(gold: str, answer: str) -> bool:
    """Return whether an answer, without its box, equals the gold answer. A comparison that timed out is False."""
    return same_answer(gold, answer) is True


def same_answer(gold: str, answer: str, time_limit: float = TIME_LIMIT) -> bool | None:
    """Return whether an answer equals the gold answer, or None if no answer checker came to a verdict.

    If one of the two has more than MAX_LENGTH characters, they are equal only as texts.
    """
    gold = last_boxed(gold) or gold
    if len(gold) > MAX_LENGTH or len(answer) > MAX_LENGTH:
        return gold.strip() == answer.strip()
    return decide(gold, answer, time_limit)


@lru_cache(maxsize=CACHED_PAIRS)
def decide(gold: str, answer: str, time_limit: float) -> bool | None:
    """Compare two answers as text; if text cannot decide, ask an answer checker. Verdicts are cached."""
    verdict = same_by_text(gold, answer)
    if verdict is None:
        # Imported here because the import registers hooks for fork and exit, so only a process that asks has them.
        from asymgrpo_verl.rewards.checkers import ask

        verdict = ask(gold, answer, time_limit)
    return verdict
