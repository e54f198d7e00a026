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
"""Read batches of raw rows: question, gold answer, and what was repaired."""

import re
from collections.abc import Callable
from typing import NamedTuple

from asymgrpo_verl.rewards.tolerance import tolerances
from data_prep.chats import FRAME_WORDS, without_frame
from data_prep.defects import SUSPECT, clean_gold, need_repair, repair, rows_matching
from data_prep.golds import Gold, gold_in_answer, gold_in_solution
from data_prep.rows import Names, Problem, flat, read_row

FRAME_REMOVED = "instruction of the source removed"
_NUMBER = re.compile(r"[-+]?[\d.,]*\d")


class Batch(NamedTuple):
    """Raw rows of a source."""

    place: str  # file or dataset of the hub, for error messages
    start: int  # number of the first row in its source
    rows: list
    split: str | None = None  # the split that the directory or the hub says


class Read(NamedTuple):
    """What was read from a row, and the rules that changed it."""

    problem: Problem
    gold: Gold  # as it stands in the row
    answer: str | None  # the gold answer, cleaned
    changes: tuple[str, ...]


def read_batch(
    batch: Batch,
    names: Names,
    read: Callable[[dict, Names], Problem] = read_row,
    is_numeric: bool = False,
    needs_gold: bool = True,
) -> list[Read]:
    """Read the rows of a batch: repair texts, remove instructions, find and clean gold answers.

    Args:
        read: how to read a row.
        is_numeric: True if every answer is a number.
        needs_gold: False if a row may have no column for the gold answer.

    Raises:
        ValueError: a row has another layout; names the source and the row.
    """
    found, problems, row = [], [], 0
    try:
        for raw in batch.rows:
            row = len(problems)
            problem = read(raw, names)
            if needs_gold and problem.source is None and not problem.columns[1]:
                wanted = ", ".join((*names.answers, *names.solutions))
                raise ValueError(
                    f"got the columns {', '.join(map(str, flat(raw)))}; expected the gold answer in one of {wanted}. "
                    "Name the column with --gold of data_prep.any."
                )
            problems.append(problem)
        changes = _repair(problems)
        for row, problem in enumerate(problems):
            gold = _gold(problem)
            answer, cleaned = clean_gold(gold.answer, gold.is_list) if gold.answer else (None, ())
            if answer and is_numeric and not _NUMBER.fullmatch(answer):
                raise ValueError(f"answer: got {gold.answer!r:.80}; expected a number. Is this another dataset?")
            if answer and is_numeric and answer.isdigit():
                answer = str(int(answer))  # HuggingFaceH4/aime_2024 pads with zeros
            if "error" in problem.about:
                tolerances(problem.about["error"])
            found.append(Read(problem, gold, answer or None, (*changes.get(row, ()), *cleaned)))
    except ValueError as error:
        raise ValueError(f"{batch.place}, row {batch.start + row}: {error}") from error
    return found


def _repair(problems: list[Problem]) -> dict[int, list[str]]:
    """Repair texts in place, and remove instructions. Return the rules that changed a problem, by its number."""
    changes = {}
    looked_for = f"{SUSPECT}|(?i:{FRAME_WORDS})"
    suspects = rows_matching(looked_for, [problem.question for problem in problems])
    for row in suspects | need_repair([problem.source or "" for problem in problems]):
        question, done = repair(problems[row].question)
        source, its_done = repair(problems[row].source or "")
        if done or its_done:
            changes[row] = list(dict.fromkeys([*done, *its_done]))
            problems[row] = problems[row]._replace(question=question, source=source or None, messages=None)
        question = without_frame(problems[row].question)
        if question != problems[row].question:
            changes.setdefault(row, []).append(FRAME_REMOVED)
            problems[row] = problems[row]._replace(question=question)
    return changes


def _gold(problem: Problem) -> Gold:
    if not problem.source or problem.drop:
        return Gold(None)
    if problem.is_list:
        return Gold(problem.source.strip(), is_list=True)
    if problem.is_solution:
        return gold_in_solution(problem.source, problem.question)
    return gold_in_answer(problem.source, problem.question, problem.worked)
