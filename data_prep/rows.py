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
"""Find the question and the gold answer in a raw row, under the column names that are in use.

`read_row` reads every layout: plain columns, chats, verl's own schema, and rows that are only a list of messages.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from asymgrpo_verl.row_files import VERL_COLUMNS, is_missing
from data_prep.chats import Chat, chat_of, is_chat, without_frame
from data_prep.defects import clean_gold, normal
from data_prep.golds import ALTERNATIVES, gold_in_answer, members_of

SEVERAL_TURNS = "a chat of several turns"
NOT_MATHS = "not a maths problem"


@dataclass(frozen=True, eq=False)  # so that a lookup by it is fast
class Names:
    """Names of columns, in lower case. A question in a prompt may have an instruction around it, and may be a chat."""

    questions: tuple[str, ...] = ("problem", "question", "query", "problem_statement")
    prompts: tuple[str, ...] = ("prompt", "messages", "conversations", "conversation", "instruction", "input")
    answers: tuple[str, ...] = (
        *("answer", "final_answer", "expected_answer", "correct_answer", "reference_answer", "gold", "gold_answer"),
        *("ground_truth", "reward_model.ground_truth", "gt", "gt_answer", "target"),
    )
    solutions: tuple[str, ...] = ("solution", "gold_solution", "reference_solution", "response", "output", "completion")

    def all(self) -> tuple[tuple[str, ...], ...]:
        """Return the four groups of names."""
        return self.questions, self.prompts, self.answers, self.solutions


ANY = Names()
ABOUT = {  # field of extra_info -> columns that may have it
    "id": ("id", "unique_id", "problem_id", "uuid"),
    "level": ("level",),
    "subject": ("subject", "type", "problem_type", "subfield"),
}
CARRIED = ("id", "level", "subject", "answer_type", "unit", "error", "raw_answer")  # of verl's extra_info, as texts
OLYMPIAD = ("answer_type", "unit", "error")
OTHERS = (*OLYMPIAD, "split", "data_source", "ability", "reward_model", "extra_info", "is_multiple_answer", "0", "1")


class Problem(NamedTuple):
    """What a raw row says."""

    question: str
    source: str | None  # the text that has the gold answer; None if the row has none
    about: dict  # fields of extra_info
    is_solution: bool = False  # True if `source` is a worked solution, False if it is an answer
    is_list: bool = False  # True if the row says that there are several answers
    worked: str = ""  # a worked solution beside the answer; "" if there is none
    drop: str | None = None  # the rule that drops the row; None if no rule does
    columns: tuple[str, ...] = ()  # where the question and the gold answer were found
    split: str | None = None
    data_source: str | None = None
    ability: str | None = None
    messages: list[dict] | None = None  # the prompt of a row in verl's schema
    field: str | None = None  # maths or physics, if the row says it


class Source(NamedTuple):
    """Where the gold answer stands."""

    text: str | None  # None if the row has no answer
    column: str
    is_solution: bool = False
    drop: str | None = None  # the rule that drops the row


class Plan(NamedTuple):
    """Which columns a row has of each kind."""

    questions: tuple[str, ...]
    prompts: tuple[str, ...]
    answers: tuple[str, ...]
    solutions: tuple[str, ...]
    about: tuple[tuple[str, str], ...]
    is_verl: bool
    has_several: bool  # OlympiadBench's columns
    split: str | None
    simple: tuple[str, str] | None  # the columns of question and gold answer if there is nothing else to read


@lru_cache(maxsize=1 << 10)
def _plan(columns: tuple[str, ...], names: Names) -> Plan:
    column_of = {column.lower(): column for column in columns}

    def found(wanted: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(
            column_of.get(name, name)
            for name in wanted
            if name in column_of or name.partition(".")[0] in column_of and "." in name
        )

    kinds = [*map(found, names.all())]
    more = {"split", "data_source", "ability", "extra_info", "is_multiple_answer", "reward_model"} & {*column_of}
    simple = tuple(place for kind in kinds for place in kind)
    is_simple = len(simple) == 2 and len(kinds[0]) == 1 and not kinds[1] and not more and {*simple} <= {*columns}
    return Plan(
        *kinds,
        tuple((field, places[0]) for field, wanted in ABOUT.items() if (places := found(wanted))),
        {*VERL_COLUMNS} <= {*columns},
        "is_multiple_answer" in columns,
        column_of.get("split"),
        simple if is_simple else None,
    )


def columns_to_read(names: Names, others: tuple[str, ...] = ()) -> Callable[[list[str]], list[str]]:
    """Return a function that chooses the columns of a file to read: all if there is no question or no gold answer."""
    wanted = {
        part
        for group in (*names.all(), *ABOUT.values(), OTHERS, others)
        for name in group
        for part in (name, name.partition(".")[0])
    }

    def select(columns: list[str]) -> list[str]:
        plan = _plan(tuple(columns), names)
        if not ((plan.questions or plan.prompts) and (plan.answers or plan.solutions)):
            return columns
        return [column for column in columns if column.lower() in wanted]

    return select


def read_row(row: dict, names: Names = ANY) -> Problem:
    """Return what a raw row says.

    A column for questions goes before a prompt, an answer before a worked solution. Two columns of one kind may both
    be there if they say the same.

    Raises:
        ValueError: a column is missing or has another kind of value, or two columns contradict each other.
    """
    if type(row) is dict and (plan := _plan(tuple(row), names)).simple and (problem := _simple(row, plan)):
        return problem  # nearly all rows
    row = flat(row)
    plan = _plan(tuple(row), names)
    question, column, chat = _question(row, plan, names)
    several = plan.has_several and is_true(row["is_multiple_answer"], "is_multiple_answer")
    source = _source(row, plan, chat, several)
    about = _about(row, plan)
    if plan.has_several:
        about |= {field: text for field in OLYMPIAD if (text := label(row.get(field))) and text not in ("None", "nan")}
    extra = row.get("extra_info")
    extra = extra if isinstance(extra, dict) else {}
    if isinstance(extra.get("index"), str):
        about = {"id": extra["index"]} | about
    about |= {field: label(value) for field in CARRIED if not is_missing(value := extra.get(field))}
    ability = label(row.get("ability"))
    drop = source.drop if question else SEVERAL_TURNS
    return Problem(
        question or "",
        source.text,
        about,
        source.is_solution,
        several,
        _worked(row, plan, source),
        drop if not ability or ability.lower().startswith("math") else f"{NOT_MATHS} (ability {ability})",
        (column, source.column),
        label(row[plan.split] if plan.split else extra.get("split")),
        label(row.get("data_source")),
        ability,
        chat.messages if chat and plan.is_verl else None,
    )


def _simple(row: dict, plan: Plan) -> Problem | None:
    """Return what a row of a text for the question and one for the gold answer says; None if one of them is no text."""
    question, source = plan.simple
    text, gold = row[question], row[source]
    if type(text) is not str or type(gold) is not str or not text.strip() or not gold.strip():
        return None
    return Problem(text, gold, _about(row, plan), not plan.answers, columns=plan.simple)


def _about(row: dict, plan: Plan) -> dict:
    about = {}
    for field, name in plan.about:
        value = row[name]
        if (type(value) is str and value.isascii()) or (value := label(value)) is not None:
            about[field] = value
    if (level := about.get("level")) and level.isdigit():
        about["level"] = f"Level {level}"  # as in MATH
    return about


def _worked(row: dict, plan: Plan, source: Source) -> str:
    return "" if source.is_solution else next((text for name in plan.solutions if (text := _text(row[name]))), "")


def flat(row) -> dict:
    """Return a row as an object with one level of columns for the gold answer.

    A row that is a list of messages, as in Open-Reasoner-Zero, becomes the column conversations. RLVR-Decomposed nests
    columns in reward_model.ground_truth; they become columns of the row.

    Raises:
        ValueError: the row is neither an object nor a list of messages.
    """
    if is_chat(row):
        return {"conversations": row}
    if not isinstance(row, dict):
        raise ValueError(f"got {row!r:.80}; expected an object.")
    if "0" in row and "1" in row and is_chat([row["0"]]):  # the same list, as a table has it
        return {"conversations": [row[name] for name in sorted(row, key=len) if isinstance(row[name], dict)]}
    rules = row.get("reward_model")
    truth = rules.get("ground_truth") if isinstance(rules, dict) else None
    if isinstance(truth, dict):
        row = {name: value for name, value in row.items() if name != "reward_model"} | truth
    return row


def _question(row: dict, plan: Plan, names: Names) -> tuple[str | None, str, Chat | None]:
    """Return the question, None for a chat of several turns; its column; and the chat of the prompt, if it was read."""
    prompts = {column: row[column] for column in plan.prompts if not _is_blank(row[column])}
    if (
        len(plan.questions) == 1
        and not prompts
        and isinstance(text := _at(row, plan.questions[0]), str)
        and text.strip()
    ):
        return text, plan.questions[0], None  # nearly all rows
    found = {column: value for column in plan.questions if not _is_blank(value := _at(row, column))}
    chats = {column: _chat(column, value) for column, value in (found | prompts).items()}
    texts = {column: chats[column].question for column in (found or prompts)}
    if not texts:
        columns = plan.questions or plan.prompts
        if columns:
            raise ValueError(f"{' or '.join(columns)}: got {_at(row, columns[0])!r:.80}; expected a text.")
        raise ValueError(
            f"got the columns {', '.join(map(str, row))}; expected the question in one of "
            f"{', '.join((*names.questions, *names.prompts))}. "
            "Name the column with --question of data_prep.any."
        )
    column, text = next(iter(texts.items()))
    others = {other: chat.question for other, chat in chats.items() if other != column}
    if plan.is_verl and not found:
        asked = row.get("extra_info") if isinstance(row.get("extra_info"), dict) else {}
        text = (
            asked["question"] if isinstance(asked.get("question"), str) and asked["question"] in (text or "") else text
        )
        return text, column, chats[column]
    for other, its_text in others.items():
        same = its_text == text or (text and its_text and normal(text) in normal(its_text) and other in plan.prompts)
        if not same and not normal(without_frame(its_text or "")) == normal(without_frame(text or "")):
            raise ValueError(_ambiguous(column, text, other, its_text, "question", row))
    return text, column, chats[column]


def _chat(column: str, value) -> Chat:
    try:
        return chat_of(value)
    except ValueError as error:
        raise ValueError(f"{column}: {error}") from error


def _source(row: dict, plan: Plan, chat: Chat | None, several: bool) -> Source:
    found = {column: value for column in plan.answers if not _is_blank(value := _at(row, column))}
    if len(found) > 1:
        first, *others = found
        for other in others:
            if _spelling(found[first]) != _spelling(found[other]):
                raise ValueError(_ambiguous(first, found[first], other, found[other], "gold", row))
    for column, value in found.items():
        if isinstance(value, str):  # nearly all rows
            members = several and members_of(value)
            return Source(", ".join(members) if members else value, column)
        members = [
            answer
            for member in (value if isinstance(value, list) else [value])
            if (answer := answer_of(member, column))
        ]
        if several or len({normal(member) for member in members}) < 2:
            return Source(", ".join(members if several else members[:1]) or None, column)
        return Source(None, column, drop=ALTERNATIVES)
    if chat and chat.answer is not None and not chat.is_worked:
        return Source(answer_of(chat.answer, "ground_truth"), "ground_truth of the assistant")
    for column in plan.solutions:
        if text := _text(row[column]):
            return Source(text, column, True)
    if chat and chat.answer:
        return Source(chat.answer, "content of the assistant", True)
    return Source(None, (*plan.answers, *plan.solutions, "")[0])


def _at(row: dict, column: str):
    """Return the value of a column; a.b is the field b of the column a. None if there is none."""
    if column in row:
        return row[column]
    outer, _, inner = column.partition(".")
    value = row.get(outer)
    return value.get(inner) if isinstance(value, dict) else None


def _is_blank(value) -> bool:
    return is_missing(value) or value in ("", [], {}) or (isinstance(value, str) and not value.strip())


def _text(value) -> str:
    """Return a worked solution, "" if the value is no text. The members of a list of solutions are joined."""
    if isinstance(value, list):
        return "\n\n".join(filter(None, map(_text, value)))
    return value if isinstance(value, str) and value.strip() else ""


def _spelling(value) -> bytes:
    """Return the gold answer of a value in one spelling, to compare two columns."""
    values = value if isinstance(value, list) else [value]
    texts = (member if isinstance(member, str) else answer_of(member, "answer") or "" for member in values)
    golds = (gold_in_answer(text, "").answer or "" for text in texts)
    return b"".join(normal(clean_gold(gold)[0]) for gold in golds)


def _ambiguous(column: str, value, other: str, its_value, kind: str, row: dict) -> str:
    return (
        f"{column}: got {value!r:.60}, and in {other} {its_value!r:.60}; expected the same, because both may be the "
        f"{kind}. The columns are {', '.join(map(str, row))}. Choose with data_prep.any --{kind} {column} or --{kind} "
        f"{other}."
    )


def answer_of(value, column: str) -> str | None:
    """Return an answer as text, 27.0 as "27"; None if the value is missing.

    Raises:
        ValueError: the value is neither a text nor a number.
    """
    if is_missing(value):
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{column}: got {value!r:.80}; expected a text or a number.")
    return str(value)


def is_true(value, column: str) -> bool:
    """Return a truth value that may be written as text: "True", "false", 1, None for false.

    Raises:
        ValueError: it is something else.
    """
    if value is None or isinstance(value, bool):
        return bool(value)
    known = {
        "true": True,
        "false": False,
        "1": True,
        "0": False,
        "yes": True,
        "no": False,
        "": False,
        "nan": False,
        "none": False,
    }
    if (text := str(value).strip().lower()) not in known:
        raise ValueError(f"{column}: got {value!r:.80}; expected true or false.")
    return known[text]


def label(value) -> str | None:
    """Return an id or a name as text that a file can contain; None if it is missing."""
    return None if is_missing(value) else str(value).encode(errors="replace").decode()
