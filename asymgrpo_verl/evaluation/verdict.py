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
"""`asymgrpo verdict`: say what the reward thinks of an answer and why, or where it disagrees with a file's verdicts."""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from asymgrpo_verl.rewards.answers import Reading, last_boxed, readings, verdict_by_text
from asymgrpo_verl.rewards.maths import explain, verdict_on, was_given_up
from asymgrpo_verl.rewards.showing import show
from asymgrpo_verl.rewards.verdicts import Verdict
from asymgrpo_verl.row_files import is_missing, iter_rows

# Names of columns, the first one that a row has counts. verl's dumps have output, gts, acc and score.
RESPONSES = ("response", "responses", "output", "outputs", "generation", "generations", "completion", "completions")
GOLDS = ("ground_truth", "gts", "gold", "gold_answer", "expected_answer", "answer")
VERDICTS = (
    "acc",
    "correct",
    "is_correct",
    "correctness",
    "correctness_math_verify",
    "verdict",
    "label",
    "score",
    "reward",
)
CORRECT = 0.5  # a verdict above it says correct: true, 1, a score of 1 and not -1


class Judged(NamedTuple):
    """A response with the verdict of its file and ours.

    Attributes:
        place: file, row and, if the row has several responses, which.
        answer: what stands in the box; None without a box.
        theirs: whether the file says correct; None if it has no verdict on this response.
    """

    place: str
    gold: str
    answer: str | None
    theirs: bool | None
    ours: Verdict


def describe(gold: str, answer: str) -> str:
    r"""Return the verdict on an answer, who decided, and what both sides were read as.

    Args:
        answer: what stands in the box, or a whole response if it holds \boxed.

    Raises:
        ValueError: the gold answer is empty, or a response has no box with an answer.
    """
    if not gold.strip():
        raise ValueError("GOLD: got an empty text; expected the gold answer.")
    if "\\boxed" in answer:
        answer, response = last_boxed(answer), answer
        if not answer:
            raise ValueError(f"ANSWER: got a response without an answer in a box: {response!r:.80}.")
    gold = last_boxed(gold) or gold
    verdict = explain(gold, answer)
    first, second = readings(gold.strip(), answer.strip())
    return "\n".join(
        [
            f"{_name(verdict)}: {verdict.why}",
            f"decided by: {_engine(gold, answer, verdict)}",
            f"gold:       {gold}",
            f"  read as:  {_reading(first)}",
            f"answer:     {answer}",
            f"  read as:  {_reading(second)}",
        ]
    )


def _name(verdict: Verdict) -> str:
    if verdict.same is None:
        return "given up (scores 0)" if was_given_up(verdict) else "undecided (scores 0)"
    return "correct" if verdict.same else "incorrect"


def _engine(gold: str, answer: str, verdict: Verdict) -> str:
    if verdict.same is None:
        return "nobody"
    return "our rules" if verdict_by_text(gold, answer).same is not None else "math-verify"


def _reading(found: Reading) -> str:
    if found.tree is None:
        return f"nothing that our rules know ({found.unread})"
    return f"choice {found.choice}" if found.choice else show(found.tree)


def judge(path: Path) -> Iterator[Judged]:
    """Yield every response of a .parquet, .jsonl or .json file with both verdicts.

    Raises:
        OSError, ValueError: no such file, or a row without a response, a gold answer or a verdict; names file and row.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(_judged, _responses(path))


def _judged(row: tuple) -> Judged:
    place, gold, response, theirs = row
    answer, verdict = verdict_on(response, gold)
    return Judged(place, gold, answer, theirs, verdict)


def _responses(path: Path) -> Iterator[tuple]:
    number = -1
    for number, row in enumerate(iter_rows(path)):
        place = f"{path}, row {number}"
        if not isinstance(row, dict):
            raise ValueError(f"{place}: got {row!r:.80}; expected an object.")
        reward_model = row["reward_model"] if isinstance(row.get("reward_model"), dict) else {}
        texts, gold = _first(row, RESPONSES, place), _first(reward_model | row, GOLDS, place)
        found = _first(row, VERDICTS, place)
        several = isinstance(texts, list)
        texts, found = (texts, found) if several else ([texts], [found])
        if not isinstance(found, list) or len(found) != len(texts) or not all(isinstance(text, str) for text in texts):
            raise ValueError(
                f"{place}: got {len(texts)} responses and the verdicts {found!r:.80}; expected texts, and one verdict "
                "for each."
            )
        for sample, (text, verdict) in enumerate(zip(texts, found, strict=True)):
            where = f"{place}, response {sample}" if several else place
            yield where, str(gold), text, _as_verdict(verdict, where)
    if number < 0:
        raise ValueError(f"{path}: got no rows; expected at least one.")


def _first(row: dict, names: tuple, place: str):
    found = [row[name] for name in names if name in row]
    present = [value for value in found if not is_missing(value)]
    if present or (found and names is VERDICTS):  # a file may have verdicts on some of its responses
        return present[0] if present else None
    raise ValueError(f"{place}: got the columns {', '.join(row)}; expected one of {', '.join(names)}.")


def _as_verdict(value, place: str) -> bool | None:
    if is_missing(value):
        return None
    if not isinstance(value, bool | int | float):
        raise ValueError(f"{place}: got the verdict {value!r:.80}; expected true, false or a number.")
    return value > CORRECT


def report(paths: list[Path]) -> Iterator[str]:
    """Yield a paragraph for each response on which a file and our reward disagree, and then a summary."""
    counts, reasons = Counter(), Counter()
    for path in paths:
        for judged in judge(path):
            counts["responses"] += 1
            counts[(judged.theirs, judged.ours.same is True)] += 1
            counts[_name(judged.ours)] += 1
            counts["without a box"] += judged.answer is None
            reasons[judged.ours.why] += 1
            if judged.theirs is not None and judged.theirs != (judged.ours.same is True):
                yield (
                    f"{judged.place}: {'correct' if judged.theirs else 'incorrect'} in the file, "
                    f"{_name(judged.ours)} here: {judged.ours.why}\n"
                    f"    gold:   {judged.gold}\n    answer: {judged.answer}"
                )
    agree = counts[True, True] + counts[False, False]
    yield "\n".join(
        [
            f"{counts['responses']} responses: {agree} verdicts agree",
            f"    correct in the file, not here: {counts[True, False]}",
            f"    incorrect in the file, correct here: {counts[False, True]}",
            f"    without a verdict in the file: {counts[None, True] + counts[None, False]}",
            f"    without a box: {counts['without a box']}",
            f"    undecided, which scores 0: {counts['undecided (scores 0)']}",
            f"    given up, which scores 0: {counts['given up (scores 0)']}",
            "why, on all responses:",
            *(f"    {count:6d}  {why}" for why, count in reasons.most_common(12)),
        ]
    )
