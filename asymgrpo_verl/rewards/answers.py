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
"""Find the answer in a response, and compare it with the gold answer as far as text and numbers can decide.

`tokens` splits an answer, `reading` says what it is, `comparing` compares two. If they cannot decide, `checkers` asks
math-verify. Except for a factor that depends on the depth of an answer's brackets, every function here needs at most
quadratic time, and `maths` gives them at most 1,000 characters; `last_boxed` needs linear time.
"""

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from asymgrpo_verl.rewards.comparing import same_answers
from asymgrpo_verl.rewards.cursor import is_word
from asymgrpo_verl.rewards.equality import POSITIVE, names, points
from asymgrpo_verl.rewards.reading import is_filler, read
from asymgrpo_verl.rewards.tokens import Token, Unreadable, is_token, latex, tokenize
from asymgrpo_verl.rewards.values import evaluate
from asymgrpo_verl.rewards.verdicts import Verdict

_BOX = re.compile(r"\\boxed(?![a-zA-Z])\s*")
_FLAT_BOX = re.compile(r"\\boxed\s*\{([^{}\\]*)\}")
_BARE_BOX = re.compile(
    r"(?:[-+.]*\d|\\[a-zA-Z]|[a-zA-Z](?=[$.,;]|\s*$))[^\s$]*"
)  # \boxed 8, but not \boxed followed by a word
_DEPTH = {"{": 1, "}": -1}
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)  # \{ is a character of the answer and opens no group
_SIGNED = re.compile(r"[0-9]e[-+][0-9]")  # 2e+3 is 2000 or 2e + 3
_INTEGER = re.compile(r"-?[0-9]{1,300}")
_NOTHING = re.compile(r"(?:\s|~|\\[ ,;:!]|\$|\\q?quad(?![a-zA-Z])|\\text\s*\{\s*\})*")
_OPERATORS = {*"+-*/^=,(_<>;!'", "and", "or", r"\cup", r"\pm", r"\in", r"\le", r"\ge"}


def last_boxed(text: str) -> str | None:
    r"""Return the content of the last \boxed{...}, \boxed {...} or \boxed 8 of a text that has something in it.

    It is "" if all boxes are empty, and None if the text has no box or if the braces of the last one do not close. The
    word \boxed in a sentence is no box.
    """
    found, start = None, len(text)
    while (start := text.rfind("\\boxed", 0, start)) >= 0:
        if flat := _FLAT_BOX.match(text, start):
            content = flat.group(1)
        elif (box := _BOX.match(text, start)) is None:
            continue
        elif not text.startswith("{", box.end()):
            bare = _BARE_BOX.match(text, box.end())
            if bare is None or bare.group().startswith("\\boxed"):
                continue
            content = bare.group()
        else:
            content = _until_closed(text, box.end())
            if content is None:
                return None
        if not _NOTHING.fullmatch(content):
            return content.strip()
        found = ""
    return found


def _until_closed(text: str, start: int) -> str | None:
    depth = 0
    for brace in _BRACES.finditer(text, start):
        depth += _DEPTH.get(brace.group(), 0)
        if depth == 0:
            return text[start + 1 : brace.start()]
    return None


class Reading(NamedTuple):
    """How an answer is read.

    Attributes:
        latex: the answer in one spelling; "" if its braces do not match.
        tree: as `reading.read` returns it; None if no rule reads the answer.
        choice: the letter of an answer such as (C) or Option C; "" if it is none.
        unread: why no rule reads the answer.
        for_math: whether math-verify may read what no rule reads: formulas, but no words and no primes.
    """

    latex: str
    tree: tuple | None
    choice: str
    unread: str
    for_math: bool


@lru_cache(maxsize=1 << 14)
def reading(answer: str, thousands: bool = True, scientific: bool = True) -> Reading:
    """Return how an answer is read. `thousands` and `scientific` are those of `tokens.tokenize`."""
    try:
        tokens = tokenize(answer, thousands, scientific)
    except Unreadable as error:
        return Reading("", None, "", str(error), False)
    for_math = not _is_lost_on_math(tokens)
    try:
        return Reading(latex(tokens), read(tokens), _choice(tokens), "", for_math)
    except Unreadable as error:
        return Reading(latex(tokens), None, _choice(tokens), str(error), for_math)


def _is_lost_on_math(tokens: list) -> bool:
    """Return whether tokens hold a word or a prime: math-verify leaves out both."""
    for item in tokens:
        if item.__class__ is list:
            if _is_lost_on_math(item):
                return True
        elif item.text == "'" or (item.kind == "text" and is_word(item)):
            return True
    return False


def _choice(tokens: list) -> str:
    """Return the letter of C, (C), C), Option C, Answer: C, or (C) 12; "" for anything else."""
    if tokens and getattr(tokens[0], "kind", "") == "number":
        return ""
    flat = [part for item in tokens for part in (item if isinstance(item, list) else [item])]
    flat = [item for item in flat if not is_token(item, r"\vec")]
    while flat and is_filler(flat[0]):
        flat = flat[2:] if len(flat) > 1 and is_token(flat[1], ":") else flat[1:]
    bracket = bool(flat) and is_token(flat[0], "(")
    flat = flat[bracket:]
    if not flat or not _is_capital(flat[0]):
        return ""
    letter, rest = flat[0].text, flat[1:]
    closed = bool(rest) and is_token(rest[0], ")")
    rest = rest[closed:]
    if bracket and not closed:
        return ""
    while rest and isinstance(rest[0], Token) and rest[0].text in (".", ":"):
        closed, rest = True, rest[1:]
    if not rest:
        return letter
    marks = any(_is_capital(x) and is_token(y, ")") for x, y in zip(rest, rest[1:], strict=False))
    return "" if not closed or marks or getattr(rest[0], "text", "") in _OPERATORS else letter


def _is_capital(item) -> bool:
    return (
        isinstance(item, Token) and item.kind in ("letters", "text") and len(item.text) == 1 and "A" <= item.text <= "Z"
    )


def readings(gold: str, answer: str) -> tuple[Reading, Reading]:
    """Return how the gold answer and the answer are read. If the answer has two readings, the gold answer decides."""
    first, second = reading(gold, True, not _SIGNED.search(gold)), reading(answer)
    if first.tree and first.tree[0] == "list" and _length(second) != _length(first) == _length(reading(answer, False)):
        second = reading(answer, False)
    if _SIGNED.search(answer) and first.tree and _uses(first.tree, ("constant", "e")):
        second = reading(answer, True, False)
    return first, second


def _length(found: Reading) -> int:
    return len(found.tree) if found.tree and found.tree[0] == "list" else 0


def _uses(tree: tuple, part: tuple) -> bool:
    return tree == part or any(_uses(child, part) for child in tree[1:] if isinstance(child, tuple) and child)


def verdict_by_text(gold: str, answer: str) -> Verdict:
    """Return whether two answers are equal and why; `same` is None if text and numbers alone cannot decide.

    These decide: equal spellings; values of expressions; lists, tuples, sets and intervals; conditions for a number;
    equations; units; percentages; choices such as (A); words; numerals with a base; times and ratios; matrices.
    """
    gold, answer = gold.strip(), answer.strip()
    if not gold or _NOTHING.fullmatch(answer):
        return Verdict(False, "one of the two is empty")
    if gold == answer:
        return Verdict(True, "both are the same text")
    if _INTEGER.fullmatch(gold) and _INTEGER.fullmatch(answer):
        return Verdict(int(gold) == int(answer), "the values of the expressions are compared")
    first, second = readings(gold, answer)
    if first.choice and second.choice:
        return Verdict(first.choice == second.choice, "the letters of the choices are compared")
    if first.latex == second.latex != "":
        return Verdict(True, "both have the same spelling")
    if first.tree and second.tree:
        return same_answers(first.tree, second.tree)
    return Verdict(None, first.unread or second.unread)


def as_numbers(answer: str) -> tuple[str, list[Fraction]] | None:
    """Return the brackets ("", "()", "[)", "{}", ...) and the exact members of an answer of numbers, without units.

    It is None if a member is no rational number: a letter, a root, or a form that no rule reads.
    """
    tree = reading(answer).tree
    if tree is None:
        return None
    brackets = {"bracket": tree[1], "set": "{}"}.get(tree[0], "")
    members = {"list": tree[2:], "bracket": tree[2:], "set": tree[1:]}.get(tree[0], (tree,))
    numbers = []
    for member in members:
        try:
            value = evaluate(
                member[1] if member[0] == "quantity" else member, points(POSITIVE[0], (Fraction(10), 0.0))
            )[0]
        except Unreadable:
            return None
        if not isinstance(value, Fraction) or names(member):
            return None
        numbers.append(value)
    return brackets, numbers


def same_by_text(gold: str, answer: str) -> bool | None:
    """Return whether two answers are equal, or None if text and numbers alone cannot decide."""
    return verdict_by_text(gold, answer).same


def question_for_math(gold: str, answer: str) -> tuple[str, str] | None:
    """Return two undecided answers as math-verify should read them, or None if it cannot: they have words or primes."""
    first, second = readings(gold.strip(), answer.strip())
    return (first.latex, second.latex) if first.for_math and second.for_math else None
