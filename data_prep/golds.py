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
r"""Find the gold answer in a text: a bare answer, a solution with boxes, a solution that ends in ####, or a list.

If a text can be read in two ways, the row is dropped, and its rule says why.
"""

import json
import re
from typing import NamedTuple

from asymgrpo_verl.rewards.answers import as_numbers, last_boxed
from data_prep.defects import answers_of, normal

ONE_SENTENCE = "several boxes in one sentence, perhaps one answer"
SEVERAL_SENTENCES = "several answers, in boxes of several sentences"
EARLIER_BOX = "an earlier box has another answer"
COMMA = "a comma between answers or thousands"
SEVERAL_LINES = "answer of several lines"
ALTERNATIVES = "several gold answers, perhaps alternatives"

_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)
_CODE = re.compile(r"\[asy\].*?\[/asy\]", re.DOTALL)
_FINAL = re.compile(r"####[ \t]*(.*\S)\s*$")
_NO_ANSWER = re.compile(
    r"\s*(?:proof|notfound|not found|n/?a|none|null|nan)\s*", re.IGNORECASE
)  # as NuminaMath says it


class Gold(NamedTuple):
    """What a text says about the gold answer."""

    answer: str | None  # None if the text has no answer
    is_list: bool = False  # True if there are several answers; then `answer` is their comma-separated list
    drop: str | None = None  # the rule that drops the row; None if no rule does
    flag: str | None = None  # the rule that flags the row


def gold_in_answer(text: str, question: str, worked: str = "") -> Gold:
    r"""Return the gold answer of a column for answers: bare, or by `gold_in_solution` if there is a box or ####.

    A list as text, ["5"] or ['5'], is its only member; if it has several different members, the row is dropped,
    because they may be parts of the answer or other ways to write it.

    A text of several lines without a box is a worked solution that does not say its answer, so its row is dropped.

    Args:
        worked: a worked solution, which helps to say what a comma in the answer means.
    """
    if text.isdigit():  # nearly all answers
        return Gold(text)
    if "\\boxed" in text or "####" in text:
        return gold_in_solution(text, question)
    if text[:1] == "[" and (members := members_of(text)):
        if len({normal(member) for member in members}) > 1:
            return Gold(None, drop=ALTERNATIVES)
        text = members[0]
    if _NO_ANSWER.fullmatch(text):
        return Gold(None)
    if "\n" in text.strip():
        if not re.search(r"\\begin\b", text):
            return Gold(None, drop=SEVERAL_LINES)
        text = " ".join(text.split())
    return _with_comma(Gold(text.strip()), question, worked)


def gold_in_solution(text: str, question: str) -> Gold:
    r"""Return the gold answer of a worked solution: what stands after a final ####, else in the last \boxed{}.

    If the last sentence with a box has several boxes, these are the answers (\boxed{3} and \boxed{5}). A box before it
    is a step, unless the question asks for several answers; then the row is dropped.
    """
    last = text.rfind("\\boxed")
    if last >= 0 and text.find("\\boxed", 0, last) < 0:  # nearly all solutions
        return _with_comma(Gold(_content(text, last)), question, text)
    if last < 0:
        found = _FINAL.search(text)
        return _with_comma(Gold(found and found[1]), question, text)
    boxes, links = _boxes(_CODE.sub(" ", text))
    if not boxes or len({normal(box) for box in boxes}) == 1:
        return _with_comma(Gold(last_boxed(text)), question, text)
    answers = [boxes.pop()]
    while boxes and (kind := _kind_of(links.pop(), boxes[-1], answers[0], question)) != "step":
        if kind == "unclear":
            return Gold(None, drop=ONE_SENTENCE)
        answers.insert(0, boxes.pop())
    answers = list({normal(answer): answer for answer in answers}.values())
    known = {normal(member) for answer in answers for member in answers_of(answer)}
    differs = any(normal(box) not in known for box in boxes)
    if differs and asks_for_several(question):
        return Gold(None, drop=SEVERAL_SENTENCES)
    if len(answers) > 1 and _EITHER.search(question):
        return Gold(None, drop=ONE_SENTENCE)
    gold = Gold(", ".join(answers), len(answers) > 1, flag=EARLIER_BOX if differs else None)
    return gold if gold.is_list else _with_comma(gold, question, text)


def _content(text: str, start: int) -> str | None:
    """Return what `last_boxed` returns for the only box of a text, which is at `start`, several times as fast."""
    end = text.find("}", start)
    while end >= 0 and text.count("{", start, end) > text.count("}", start, end) + 1:
        end = text.find("}", end + 1)
    content = text[start + 7 : end]
    if end < 0 or not text.startswith("{", start + 6) or "\\{" in content or "\\}" in content or content[-1:] == "\\":
        return last_boxed(text[start:])
    return content.strip()


_NOT = re.compile(r"\b(?:not|rather than|instead of)[\s$(\\]*$", re.IGNORECASE)


def _boxes(text: str) -> tuple[list[str], list[str]]:
    """Return the contents of the boxes, without empty ones and "not" before them, and the texts between the boxes."""
    boxes, links = [], []
    before, *pieces = text.split("\\boxed")
    for piece in pieces:
        content = last_boxed("\\boxed" + piece)
        after = piece[len(content or "") :]
        if content is not None and piece.lstrip().startswith("{"):
            depth = 0
            for brace in _BRACES.finditer(piece):
                depth += {"{": 1, "}": -1}.get(brace.group(), 0)
                if depth == 0:
                    after = piece[brace.end() :]
                    break
        if content and not content.startswith("\\phantom") and not _NOT.search(before):
            boxes.append(content)
            links.append(after)
        elif links:
            links[-1] += after
        before = piece
    return boxes, links[:-1]


_MATH = re.compile(r"\$+|\\[()\[\]]|\\q?quad(?![a-z])|\\[,;:! ]|~|\\(?:text|mbox|textrm|mathrm)\s*\{|\^\\circ|\}")
_STEP = re.compile(
    r"[.!?](?:\s|$)|\\(?:implies|Rightarrow|begin|end)\b|\\\\"
    r"|\b(?:so|hence|thus|therefore|then|gives?|giving|which|yields?|implies|since|because|means|get|also"
    r"|in all|in total|altogether|a total)\b",
    re.IGNORECASE,
)
_NAME = r"[A-Za-z\\](?!\S*\\(?:cdot|times|frac|sqrt))[\w\\{}'()]*\s*="  # of what equals the box: t=, g(x) =
_LINK = re.compile(
    r"[^,;=]{0,30}?\s*(?:[,;]\s*(?:and|or)?|\b(?:and|or)\b|&)\s*[A-Za-z' ]{0,60}?\s*"
    rf"(?P<left>(?P<name>{_NAME})|[^,;=]+=)?\s*"
)


def _kind_of(link: str, before: str, after: str, question: str) -> str:
    """Return what the text between two boxes makes of them: list, step or unclear."""
    if "\n\n" in link:
        return "step"
    words = " ".join(_MATH.sub(" ", link).split())
    if _STEP.search(words):
        return "step"
    found = _LINK.fullmatch(words)
    if not found:
        return "unclear"
    if asks_for_several(question) or found["name"]:
        return "list"
    if found["left"]:
        return "unclear"  # 6\cdot5= is a computation, perhaps with the box before it
    if re.search(r"\bor\b", words):
        numbers = [as_numbers(box) for box in (before, after)]
        if None in numbers or numbers[0] == numbers[1]:
            return "unclear"  # 28 or 28_9: one answer in two forms
    return "list"


_LEAST, _GREATEST = "(?:least|smallest|lowest)", "(?:greatest|largest|highest)"
_LIST = re.compile(
    r"\bseparated by\b|\blist (?:the|all|both|them|your|as|in)\b|\brespectively\b|\benter (?:all|both)\b"
    r"|\b(?:increasing|decreasing|ascending|descending) order\b"
    rf"|\b{_LEAST} to (?:the )?{_GREATEST}\b|\b{_GREATEST} to (?:the )?{_LEAST}\b",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r"\b(?:all|both|two|three|four)\b(?: \w+){0,3} (?:values|solutions|roots|numbers|integers|angles|measures|points"
    r"|pairs|triples|primes|zeros|zeroes|intercepts|lengths|sides|answers|vectors|functions|polynomials|divisors|factors)\b"
    r"|\b(?:find|determine|compute|give|what are|solve for) (?:all|both)\b",
    re.IGNORECASE,
)
_EITHER = re.compile(r"\b(?:either|any one|only one) of (?:them|the|these|those)\b|\bany one\b", re.IGNORECASE)
_ONE = re.compile(
    r"\bhow (?:many|much)\b"
    r"|\b(?:sum|product|number|average|mean|difference|ratio|total|area|largest|smallest|greatest|least)"
    r" of (?:all|both|the)\b",
    re.IGNORECASE,
)


def asks_for_several(question: str) -> bool:
    """Return whether a question asks for a list: by its form ("separated by commas"), or for "all values"."""
    return bool(_LIST.search(question) or (_SEVERAL.search(question) and not _ONE.search(question)))


_COMMAS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+")
_SAYS_LIST = re.compile(r"\blist\b|\bare\b|\brespectively\b|\bboth\b", re.IGNORECASE)


def _with_comma(gold: Gold, question: str, worked: str) -> Gold:
    """Decide whether 15,120 is one number or two: by the question, and by the numbers in the worked solution.

    Two numbers stand one by one in the solution, and the question or the sentence of the box asks for a list. If only
    one of the two is so, the row is dropped.
    """
    answer = gold.answer
    if not answer or "," not in answer or not _COMMAS.fullmatch(answer.strip("$ ")):
        return gold
    before = worked.rpartition("\\boxed")[0]
    given = f"{question} {before}"
    parts = answer.strip("$ ").split(",")
    shown = all(re.search(rf"(?<![\d.,]){re.escape(part)}(?![\d]|[.,]\d)", given) for part in parts)
    sentence = re.split(r"[.!?]\s", before)[-1]
    listed = asks_for_several(question) or (shown and _SAYS_LIST.search(sentence) is not None)
    if listed and (shown or not before):
        return gold._replace(answer=", ".join(parts), is_list=True)
    unclear = listed or (shown and before and not _ONE.search(question))
    return gold._replace(answer=None, drop=COMMA) if unclear else gold


_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_ALONE = re.compile(r"(?<!\\)(?:\\\\)*\\([A-Za-z])")  # a single backslash and a letter
_LIST_TEXT = re.compile(rf"\s*\[\s*(?:(?:{_QUOTED})\s*,?\s*)*\]\s*", re.DOTALL)


def members_of(text: str) -> list[str] | None:
    r"""Return the members of a list of texts that is written as text; None if the text is something else.

    The list may be JSON's, Python's or NumPy's: ["5"], ['5', '-5'], ['5' '-5']. If a backslash of LaTeX stands alone in
    it ('\frac{5}{7}'), it is a backslash; where every backslash is doubled, one of two is.
    """
    if not _LIST_TEXT.fullmatch(text):
        return None
    alone = {match[1] for match in _ALONE.finditer(text)}
    if alone and not (alone <= {*"ntrux"} and re.search(r"\\\\[A-Za-z]", text)):
        return [member[1:-1] for member in re.findall(_QUOTED, text, re.DOTALL)]
    try:
        return json.loads(text)
    except ValueError:
        return [_unescaped(member[1:-1]) for member in re.findall(_QUOTED, text, re.DOTALL)]


def _unescaped(text: str) -> str:
    spaces = {"n": "\n", "t": "\t", "r": "\r"}
    return re.sub(r"\\(.)", lambda match: spaces.get(match[1], match[1]), text, flags=re.DOTALL)
