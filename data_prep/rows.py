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
"""Read the fields of a raw row, whatever its source calls the columns."""

import re
from typing import NamedTuple

from asymgrpo_verl.rewards.answers import last_boxed
from asymgrpo_verl.row_files import is_missing
from data_prep.defects import may_need_repair, repair

_NUMBER = re.compile(r"\s*\$?\s*-?[\d.,]*\d\s*(?:$|[$^°\\])")  # also 336^\circ


class Problem(NamedTuple):
    """What the module of a dataset reads from a row."""

    question: str
    answer: str | None  # unchanged; None if the row has no answer
    about: dict = {}  # fields of extra_info
    is_list: bool = False  # True if the source says that there are several answers
    drop: str | None = None  # the rule that drops the row; None if no rule does


def pick(row: dict, *names: str):
    """Return the value of the first of these columns that the row has.

    Raises:
        ValueError: the row has none of them.
    """
    for name in names:
        if name in row:
            return row[name]
    raise ValueError(f"got the columns {', '.join(map(str, row))}; expected {' or '.join(names)}.")


def text_of(row: dict, *names: str) -> str:
    """Return the text in the first of these columns that the row has.

    Raises:
        ValueError: the row has none of them, or the value is no text, or is blank.
    """
    text = pick(row, *names)
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{' or '.join(names)}: got {text!r:.80}; expected a text.")
    return text


def answer_of(value) -> str | None:
    """Return an answer as text, 27.0 as "27"; None if the value is missing.

    Raises:
        ValueError: the value is neither a text nor a number, or has several lines, as a worked solution has.
    """
    if is_missing(value):
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"answer: got {value!r:.80}; expected a text or a number.")
    if "\n" in str(value).strip():
        raise ValueError(f"answer: got {value!r:.80}; expected one line. Is this another dataset?")
    return str(value)


def label(value) -> str | None:
    """Return an id or a name as text; None if it is missing."""
    return None if is_missing(value) else str(value)


def flat(row: dict) -> tuple[dict, list[str]]:
    """Return a row with one level of columns and repaired texts, and the names of the repairs.

    RLVR-Decomposed nests columns in reward_model.ground_truth; they become columns of the row.

    Raises:
        ValueError: the row is no object.
    """
    if not isinstance(row, dict):
        raise ValueError(f"got {row!r:.80}; expected an object.")
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
    """Read a row of AIME or AMC. Its answer is an integer, which HuggingFaceH4/aime_2024 pads with zeros.

    Raises:
        ValueError: a column is missing, or the answer is no number.
    """
    boxed = "solution" in row and not {"answer", "target"} & row.keys()
    answer = last_boxed(text_of(row, "solution")) if boxed else answer_of(pick(row, "answer", "target"))
    if answer and re.search(r"\w", answer) and not _NUMBER.match(answer):
        raise ValueError(f"answer: got {answer!r:.80}; expected a number. Is this another dataset?")
    if answer and answer.isdigit():
        answer = str(int(answer))
    return Problem(text_of(row, "problem", "question"), answer, {"id": label(row.get("id"))})
