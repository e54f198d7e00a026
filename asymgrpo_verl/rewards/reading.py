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
r"""Read the tokens of an answer into a tree: what the answer says, whatever way it is written.

A tree is a tuple whose first member names its kind. Expressions: number, symbol, constant, sum, minus, either (plus or
minus), product, quotient, power, root, log, call, apply, factorial, binomial, absolute, floor, ceiling, degrees.
Answers around expressions:

    ("quantity", tree, unit)            5 cm; the unit is that of `units.unit_of`
    ("percent", tree)
    ("list", connector, *trees)         the connector is ",", "and" or "or"
    ("chain", relations, *trees)        a = b = c, 1 < x, k \in Z
    ("bracket", "()", *trees)           a tuple or an interval; also "[]", "[)", "(]"
    ("set", *trees), ("builder", letter, domain, condition), ("domain", "R")
    ("union", a, b), ("intersection", a, b), ("difference", a, b)
    ("ratio", *trees), ("time", ratio, "p"), ("base", digits, base), ("modulo", tree, tree)
    ("matrix", *rows), ("words", *words), ("dots",)
"""

import re
from fractions import Fraction

from asymgrpo_verl.rewards.cursor import SEPARATORS, is_word, text_of
from asymgrpo_verl.rewards.expressions import Expressions
from asymgrpo_verl.rewards.tokens import RELATIONS, Token, Unreadable, is_token
from asymgrpo_verl.rewards.units import MAGNITUDES, NUMBERS, PERCENT, unit_of

MAX_TREE = 120  # depth of a tree
SET_OPERATIONS = {r"\cup": "union", r"\cap": "intersection", r"\setminus": "difference"}
FILLERS = {"the", "answer", "final", "is", "equals", "option", "choice", "letter", "correct", "result", "value"}


def read(tokens: list) -> tuple:
    """Return the tree of an answer's tokens.

    Raises:
        Unreadable: the answer has a form that this module does not read.
    """
    tokens = _without_clause(_stripped(_last_statement(tokens)))
    if not tokens:
        raise Unreadable("the answer is empty")
    tree = _Reader(tokens, 0, False).whole()
    _check_depth(tree)
    return tree


def _check_depth(tree: tuple) -> None:
    """Raise Unreadable if a tree is so deep that a recursion over it may fail: 1/2/3/4/..., x^2^2^2^..."""
    level, depth = [tree], 0
    while level:
        depth += 1
        if depth > MAX_TREE:
            raise Unreadable("the answer is nested too deep")
        level = [child for node in level for child in node if isinstance(child, tuple)]


def _stripped(tokens: list) -> list:
    r"""Leave out `=` and \approx in front, and punctuation at the end."""
    start, end = 0, len(tokens)
    while (
        start < end and isinstance(tokens[start], Token) and tokens[start].text in ("=", ":", r"\approx", r"\therefore")
    ):
        start += 1
    while start < end and isinstance(tokens[end - 1], Token) and tokens[end - 1].text in (".", ",", ";", ":", r"\\"):
        end -= 1
    tokens = tokens[start:end]
    return _stripped(tokens[0]) if len(tokens) == 1 and isinstance(tokens[0], list) else tokens


def _last_statement(tokens: list) -> list:
    r"""Return what stands behind the last \implies."""
    places = [place for place, item in enumerate(tokens) if is_token(item, r"\implies")]
    return tokens[places[-1] + 1 :] if places else tokens


def _without_clause(tokens: list) -> list:
    """Leave out `for all x` at the end."""
    for place, item in enumerate(tokens[:-1]):
        follower = tokens[place + 1]
        if is_token(item, "for") and isinstance(follower, Token) and follower.text in ("all", "any", "every", "each"):
            return _stripped(tokens[:place]) or tokens
    return tokens


def is_filler(item) -> bool:
    """Return whether a token is a word such as `answer` in `Answer: A`."""
    if not isinstance(item, Token) or item.kind not in ("text", "letters") or item.text.lower() not in FILLERS:
        return False
    return item.kind == "text" or len(item.text) > 2


def _is_one_at_most(tree: tuple) -> bool:
    match tree:
        case ("number", number, _) | ("quotient", ("number", number, _), ("number", _, _)):
            return number == 1
    return False


class _Reader(Expressions):
    """A recursive-descent reader of answers: lists, equations, sets and quantities of expressions."""

    def listing(self) -> tuple:
        trees, connectors = [self.chain()], set()
        while self.here() is not None:
            separators = set()
            while found := self.take(*SEPARATORS):
                separators.add(found)
            if not separators and not self.is_at("("):  # (n \in Z) behind a formula is one more condition
                break
            if self.at_boundary() and not self.is_at(":"):
                break
            connectors |= separators & {"and", "or"}
            trees.append(self.chain())
        if len(trees) == 1:
            return trees[0]
        return "list", connectors.pop() if len(connectors) == 1 else ",", *trees

    def chain(self) -> tuple:
        sides, relations = [self.side()], []
        while isinstance(self.here(), Token) and self.here().text in RELATIONS:
            relations.append(self.take(*RELATIONS))
            sides.append(self.side())
        return ("chain", tuple(relations), *sides) if relations else sides[0]

    def side(self) -> tuple:
        left = self.operand()
        while found := self.take(*SET_OPERATIONS):
            left = SET_OPERATIONS[found], left, self.operand()
        match left:
            case ("sum", (("domain" | "bracket"), *_) as whole, ("minus", ("set", *_) as part)):  # R - {4}
                return "difference", whole, part
        return left

    def operand(self) -> tuple:
        while is_filler(self.here()):
            self.place += 1
            self.take(":")
        if (is_word(self.here()) and not self._is_name_of_number()) or self._is_phrase():
            return self.words()
        self.take(r"\triangle", r"\angle")
        tree = self._whole_name() or self.quantity()
        if self.take(":"):
            trees = [tree, self.term_of_ratio()]
            while self.take(":"):
                trees.append(self.term_of_ratio())
            return self.half_of_day(("ratio", *trees))
        if self.take("to"):
            return "ratio", tree, self.quantity()
        return ("binomial", tree, self.quantity()) if self.take("choose") else tree

    def _whole_name(self) -> tuple | None:
        """Read A5 with its base, AB, or p(x) before an equals sign; return None if none is next."""
        if getattr(self.here(), "kind", "") not in ("letters", "text", "number"):
            return None
        if numeral := self.long_numeral():
            return numeral
        if self._is_name_of_figure():
            self.place += 1
            return "symbol", self.here(-1).text
        if self._is_defined_function():
            self.place += 1
            return self.application(self.here(-1).text)
        return None

    def _is_name_of_number(self) -> bool:
        return isinstance(self.here(), Token) and self.here().text.lower() in NUMBERS and self.at_boundary(1)

    def _is_name_of_figure(self) -> bool:
        """Return whether capital letters stand alone: AB is a segment, so it is not BA."""
        text = self.here().text
        return len(text) > 1 and text.isalpha() and text.isupper() and self.at_boundary(1)

    def _is_defined_function(self) -> bool:
        """Return whether p(x) = is next: there p is a function, though elsewhere p(x) is a product."""
        item = self.here()
        if getattr(item, "kind", "") != "letters" or len(item.text) > 1 or not is_token(self.here(1), "("):
            return False
        ahead, depth = 1, 0
        while self.here(ahead) is not None:
            depth += is_token(self.here(ahead), "(") - is_token(self.here(ahead), ")")
            ahead += 1
            if depth == 0:
                return is_token(self.here(ahead), "=")
        return False

    def _is_phrase(self) -> bool:
        """Return whether words without \\text are next, and nothing else: New York."""
        ahead = 0
        while not self.at_boundary(ahead):
            item = self.here(ahead)
            if not isinstance(item, Token) or item.kind not in ("letters", "text") or len(item.text) < 2:
                return False
            ahead += 1
        return ahead > 1 and any(is_word(self.here(place)) for place in range(ahead))

    def term_of_ratio(self) -> tuple:
        return self.power() if getattr(self.here(1), "kind", "") in ("text", "letters") else self.total()

    def half_of_day(self, ratio: tuple) -> tuple:
        rest = re.sub(r"[\s.]", "", "".join(text_of(item) for item in self.items[self.place :])).lower()
        if rest not in ("am", "pm"):
            return ratio
        self.place = len(self.items)
        return "time", ratio, rest[0]

    def words(self) -> tuple:
        words = []
        while not self.at_boundary():
            words.append(text_of(self.here()).casefold())
            self.place += 1
        words = [word for word in words if word not in ("a", "an", "the", ".", "!", "'", "(", ")")]
        if words in (["all", "real", "numbers"], ["real", "numbers"], ["all", "reals"], ["reals"]):
            return "domain", "R"
        return "words", *words

    def quantity(self) -> tuple:
        if self._is_name_of_number():
            tree = "number", Fraction(NUMBERS.index(self.here().text.lower())), False
            self.place += 1
        else:
            tree = self.total()
        if self.here() is None and not self.circ:
            return tree
        words = ["degree"] if self.circ else []
        self.circ = False
        if isinstance(self.here(), Token) and self.here().text.lower() in MAGNITUDES:
            factor = MAGNITUDES[self.here().text.lower()]
            tree = "product", tree, ("number", factor, False)
            self.place += 1
        if is_token(self.here(), r"\mod"):
            self.place += 1
            return "modulo", tree, self.argument()
        percent = isinstance(self.here(), Token) and self.here().text.lower() in {"%", *PERCENT}
        self.place += percent
        while not self.at_boundary() and not self.is_at("(", "to", "choose"):
            words += self.unit_words()
        if percent:
            return "percent", tree
        if not words:
            return tree
        unit = unit_of(words, _is_one_at_most(tree))
        if unit is None:
            raise Unreadable(f"{' '.join(words)} is no unit")
        return "quantity", tree, unit
