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
"""What a row of a dataset holds, under the names that are in use for it."""

import re
from typing import NamedTuple

from asymgrpo_verl.rewards.answers import last_boxed
from asymgrpo_verl.row_files import is_missing
from data_prep.defects import may_need_repair, repair

_NUMBER = re.compile(r"\s*\$?\s*-?[\d.,]*\d\s*(?:$|[$^°\\])")  # 336^\circ too


class Problem(NamedTuple):
    """What a dataset's module makes of a row."""

    question: str
    answer: str | None  # as the source has it; None if it has none
    about: dict = {}  # fields of extra_info
    is_list: bool = False  # the source says that there are several answers
    drop: str | None = None  # why the row is of no use


def pick(row: dict, *names: str):
    """The first of these columns that the row has.

    Raises:
        ValueError: it has none of them.
    """
    for name in names:
        if name in row:
            return row[name]
    raise ValueError(f"expected the column {' or '.join(names)}; found {', '.join(map(str, row))}.")


def text_of(row: dict, *names: str) -> str:
    """The text in the first of these columns that the row has.

    Raises:
        ValueError: it has none of them, or no text there.
    """
    text = pick(row, *names)
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{' or '.join(names)}: expected a text, found {text!r:.80}.")
    return text


def answer_of(value) -> str | None:
    """An answer as text: 27.0 is "27"; None if there is none.

    Raises:
        ValueError: it is neither text nor a number, or has several lines, as a worked solution has.
    """
    if is_missing(value):
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"answer: expected a text or a number, found {value!r:.80}.")
    if "\n" in str(value).strip():
        raise ValueError(f"answer: expected one line, found {value!r:.80}. Is it another dataset?")
    return str(value)


def label(value) -> str | None:
    """An id or a name as text."""
    return None if is_missing(value) else str(value)


def flat(row: dict) -> tuple[dict, list[str]]:
    """A row with repaired texts, in one level: RLVR-Decomposed's reward_model.ground_truth.{...} beside the other
    columns; and what was repaired.

    Raises:
        ValueError: it is no object.
    """
    if not isinstance(row, dict):
        raise ValueError(f"expected an object, found {row!r:.80}.")
    rules = row.get("reward_model")
    truth = rules.get("ground_truth") if isinstance(rules, dict) else None
    if isinstance(truth, dict):
        row = {**row, **truth}
    if not may_need_repair("".join([value for value in row.values() if isinstance(value, str)])):
        return row, []
    repaired = {column: repair(value) for column, value in row.items() if isinstance(value, str)}
    done = {rule: None for _, rules in repaired.values() for rule in rules}
    return row | {column: text for column, (text, _) in repaired.items()}, list(done)


def competition_problem(row: dict) -> Problem:
    """A row of AIME or AMC: its answer is an integer, which HuggingFaceH4/aime_2024 pads with zeros."""
    boxed = "solution" in row and not {"answer", "target"} & row.keys()
    answer = last_boxed(text_of(row, "solution")) if boxed else answer_of(pick(row, "answer", "target"))
    if answer and re.search(r"\w", answer) and not _NUMBER.match(answer):
        raise ValueError(f"answer: expected a number, found {answer!r:.80}. Is it another dataset?")
    if answer and answer.isdigit():
        answer = str(int(answer))
    return Problem(text_of(row, "problem", "question"), answer, {"id": label(row.get("id"))})
