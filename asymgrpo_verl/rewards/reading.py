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
from contextlib import contextmanager
from fractions import Fraction

from asymgrpo_verl.rewards.tokens import MAX_DEPTH, RELATIONS, Token, Unreadable, is_token, latex
from asymgrpo_verl.rewards.units import MAGNITUDES, NUMBERS, PERCENT, UNITS, unit_of
from asymgrpo_verl.rewards.values import FUNCTIONS

MAX_TREE = 120  # depth of a tree
SEPARATORS = {",", ";", "and", "or"}
CLOSERS = {")", "]", r"\}", r"\rfloor", r"\rceil", r"\rangle", "&", r"\\"}
BOUNDARIES = SEPARATORS | CLOSERS | RELATIONS | {r"\cup", r"\cap", r"\setminus", r"\mid", ":"}
SET_OPERATIONS = {r"\cup": "union", r"\cap": "intersection", r"\setminus": "difference"}
FILLERS = {"the", "answer", "final", "is", "equals", "option", "choice", "letter", "correct", "result", "value"}
LOGARITHMS = {"log", "ln", "lg"}
TRIGONOMETRIC = {"sin", "cos", "tan", "cot", "sec", "csc"}
NAMES = {*FUNCTIONS, "log", "lg", "sqrt", "sgn", "max", "gcd", "lcm", "arg", "det", "lim", "mod", "asin", "acos"}
NAMES |= {"atan", "pi", "infinity", "inf", "abs", "cosec"}
_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega"
)
GREEK = {rf"\{name}" for name in _GREEK.split()} | {rf"\{name.title()}" for name in _GREEK.split()} | {r"\ell"}
FUNCTION_LETTERS = frozenset("fghFGH")
PAIRS = {r"\lfloor": (r"\rfloor", "floor"), r"\lceil": (r"\rceil", "ceiling")}
_SHAPES = {"p", "b", "", "small"}  # of matrix environments: \begin{pmatrix}


def read(tokens: list) -> tuple:
    """Return the tree of an answer's tokens.

    Raises:
        Unreadable: the answer has a form that this module does not read.
    """
    tokens = _without_clause(_stripped(tokens))
    if not tokens:
        raise Unreadable("the answer is empty")
    tree = _read_all(tokens, 0)
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


def _without_clause(tokens: list) -> list:
    """Leave out `for all x` at the end."""
    for place, item in enumerate(tokens[:-1]):
        follower = tokens[place + 1]
        if is_token(item, "for") and isinstance(follower, Token) and follower.text in ("all", "any", "every", "each"):
            return _stripped(tokens[:place]) or tokens
    return tokens


def _read_all(items: list, depth: int, angle: bool = False) -> tuple:
    reader = _Reader(items, depth, angle)
    tree = reader.listing()
    if reader.here() is not None:
        raise Unreadable(f"{_text(reader.here())} was not expected")
    return tree


def _text(item) -> str:
    return item.text if isinstance(item, Token) else f"{{{latex(item)}}}"


def _plain(group: list) -> str:
    """Return the text of a group without commands for fonts, as in a subscript."""
    return "".join(_plain(item) if isinstance(item, list) else item.text for item in group)


def is_word(item) -> bool:
    """Return whether a token is a word of text and neither a letter, nor a function, nor a product of letters."""
    if not isinstance(item, Token) or item.text in NAMES:
        return False
    return (item.kind == "text" and len(item.text) > 1) or (item.kind == "letters" and len(item.text) > 3)


def is_filler(item) -> bool:
    """Return whether a token is a word such as `answer` in `Answer: A`."""
    if not isinstance(item, Token) or item.kind not in ("text", "letters") or item.text.lower() not in FILLERS:
        return False
    return item.kind == "text" or len(item.text) > 2


class _Reader:
    """A recursive-descent parser of one group. `angle`: the group is the argument of a trigonometric function."""

    def __init__(self, items: list, depth: int, angle: bool):
        if depth > MAX_DEPTH:
            raise Unreadable("brackets are nested too deep")
        self.items, self.place, self.depth, self.angle = list(items), 0, depth, angle
        self.bars = 0  # open |
        self.circ = False  # the last thing read was a degree sign

    def here(self, ahead: int = 0):
        place = self.place + ahead
        return self.items[place] if place < len(self.items) else None

    def is_at(self, *texts: str) -> bool:
        item = self.here()
        return isinstance(item, Token) and item.text in texts

    def take(self, *texts: str) -> str | None:
        if not self.is_at(*texts):
            return None
        self.place += 1
        return self.items[self.place - 1].text

    def group(self) -> list:
        item = self.here()
        if not isinstance(item, list):
            raise Unreadable("an argument is missing")
        self.place += 1
        return item

    def inner(self, items: list, angle: bool = False) -> tuple:
        return _read_all(items, self.depth + 1, angle)

    def argument(self) -> tuple:
        return self.inner(self.group(), self.angle)

    @contextmanager
    def deeper(self, angle: bool):
        """Read inside brackets, or an argument without brackets."""
        before = self.depth, self.angle, self.bars
        self.depth, self.angle, self.bars = self.depth + 1, angle, 0
        if self.depth > MAX_DEPTH:
            raise Unreadable("brackets are nested too deep")
        yield
        self.depth, self.angle, self.bars = before

    def at_boundary(self, ahead: int = 0) -> bool:
        item = self.here(ahead)
        if item is None:
            return True
        return isinstance(item, Token) and (item.text in BOUNDARIES or (item.text == "|" and self.bars > 0))

    # Lists, relations and sets

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
        return left

    def operand(self) -> tuple:
        while is_filler(self.here()):
            self.place += 1
            self.take(":")
        if (is_word(self.here()) and not self._is_name_of_number()) or self._is_phrase():
            return self.words()
        self.take(r"\triangle", r"\angle")
        if (digits := self._digits()) and self.at_boundary(digits + 2):
            numeral = "".join(self.here(place).text for place in range(digits))
            self.place += digits + 1
            return "base", numeral.lstrip("0") or "0", self.base()
        if self._is_name_of_figure():
            self.place += 1
            return "symbol", self.here(-1).text
        tree = self.application(self.take_letter()) if self._is_defined_function() else self.quantity()
        if self.take(":"):
            trees = [tree, self.term_of_ratio()]
            while self.take(":"):
                trees.append(self.term_of_ratio())
            return self.half_of_day(("ratio", *trees))
        if self.take("to"):
            return "ratio", tree, self.quantity()
        return ("binomial", tree, self.quantity()) if self.take("choose") else tree

    def _is_name_of_number(self) -> bool:
        return isinstance(self.here(), Token) and self.here().text.lower() in NUMBERS and self.at_boundary(1)

    def _is_name_of_figure(self) -> bool:
        """Return whether capital letters stand alone: AB is a segment, so it is not BA."""
        item = self.here()
        if not isinstance(item, Token) or item.kind not in ("letters", "text"):
            return False
        return len(item.text) > 1 and item.text.isupper() and self.at_boundary(1)

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

    def take_letter(self) -> str:
        self.place += 1
        return self.here(-1).text

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
        rest = re.sub(r"[\s.]", "", "".join(_text(item) for item in self.items[self.place :])).lower()
        if rest not in ("am", "pm"):
            return ratio
        self.place = len(self.items)
        return "time", ratio, rest[0]

    def words(self) -> tuple:
        words = []
        while not self.at_boundary():
            words.append(_text(self.here()).casefold())
            self.place += 1
        words = [word for word in words if word not in ("a", "an", "the", ".", "!", "'", "(", ")")]
        if words in (["all", "real", "numbers"], ["real", "numbers"], ["all", "reals"], ["reals"]):
            return "domain", "R"
        return "words", *words

    # Quantities

    def quantity(self) -> tuple:
        if self._is_name_of_number():
            tree = "number", Fraction(NUMBERS.index(self.here().text.lower())), False
            self.place += 1
        else:
            tree = self.total()
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
        unit = unit_of(words)
        if unit is None:
            raise Unreadable(f"{' '.join(words)} is no unit")
        return "quantity", tree, unit

    def unit_words(self) -> list[str]:
        item = self.here()
        self.place += 1
        if isinstance(item, list):
            return [word for word in _Reader(item, self.depth + 1, False).all_unit_words()]
        if item.text == "^":
            return [f"^{_plain(self.group())}"]
        if item.text == r"\frac":
            above, below = (_Reader(self.group(), self.depth + 1, False).all_unit_words() for _ in range(2))
            return [*above, "/", *below]
        if item.kind in ("text", "letters") or item.text in "/.*-":
            return [item.text]
        raise Unreadable(f"{item.text} is no unit")

    def all_unit_words(self) -> list[str]:
        words = []
        while self.here() is not None:
            words += self.unit_words()
        return words

    def starts_unit(self) -> bool:
        """Return whether what comes is a unit or a word, not a factor."""
        item = self.here()
        if is_token(item, r"\frac"):
            group = self.here(1)
            return bool(group) and isinstance(group[0], Token) and group[0].kind == "text" and group[0].text in UNITS
        if not isinstance(item, Token) or item.text in NAMES:
            return False
        if item.kind == "text":
            return len(item.text) > 1 or item.text in UNITS
        if item.kind != "letters" or len(item.text) < 2:
            return False
        if item.text.lower() in MAGNITUDES or item.text.lower() in PERCENT:
            return True
        reader = _Reader(self.items[self.place :], self.depth, False)
        words = []
        try:
            while not reader.at_boundary() and not reader.is_at("("):
                words += reader.unit_words()
        except Unreadable:
            return False
        unit = unit_of(words)
        return unit is not None and (unit != () or item.spaced)

    # Expressions

    def total(self) -> tuple:
        terms = []
        while True:
            sign = None
            while found := self.take("+", "-", r"\pm", r"\mp"):
                if found in (r"\pm", r"\mp"):
                    if sign in (r"\pm", r"\mp"):
                        raise Unreadable("two signs stand side by side")
                    sign = found if sign != "-" else {r"\pm": r"\mp", r"\mp": r"\pm"}[found]
                elif found == "-":
                    sign = {None: "-", "+": "-", "-": "+", r"\pm": r"\mp", r"\mp": r"\pm"}[sign]
                else:
                    sign = sign or "+"
            term = self.product()
            if sign == "-":
                term = ("base", f"-{term[1]}", term[2]) if term[0] == "base" else ("minus", term)
            elif sign in (r"\pm", r"\mp"):
                term = "either", 1 if sign == r"\pm" else -1, term
            terms.append(term)
            if not self.is_at("+", "-", r"\pm", r"\mp"):
                return terms[0] if len(terms) == 1 else ("sum", *terms)

    def product(self) -> tuple:
        factors = [self.power()]
        while True:
            if self.take("*"):
                factors.append(self.signed_power())
            elif self.is_at("/"):
                if isinstance(self.here(1), Token) and self.here(1).kind == "text" and self.here(1).text in UNITS:
                    break
                self.place += 1
                mixed = self._is_mixed(factors)
                above = factors.pop() if mixed else _product(factors)
                below = self.signed_power()
                tree = "quotient", above, below
                factors = [("sum", factors[0], tree)] if mixed else [tree]
            elif self.starts_factor():
                self.circ = False
                factors.append(self._mixed_fraction(factors) or self.power())
                if len(factors) == 2 and factors[1][0] == "mixed":
                    factors = [("sum", factors[0], factors[1][1])]
            else:
                break
        return _product(factors)

    def signed_power(self) -> tuple:
        if self.take("-"):
            return "minus", self.power()
        self.take("+")
        return self.power()

    def _is_mixed(self, factors: list[tuple]) -> bool:
        """Return whether 2 3/4 was read up to the slash: two integers side by side, and one follows."""
        follower = self.here()
        return len(factors) == 2 and all(map(_is_integer, factors)) and getattr(follower, "kind", "") == "number"

    def _mixed_fraction(self, factors: list[tuple]) -> tuple | None:
        r"""Return 2\frac{3}{4}'s fraction as ("mixed", tree) if that is what comes: an integer before a proper fraction."""
        if len(factors) != 1 or not _is_integer(factors[0]) or not self.is_at(r"\frac"):
            return None
        groups = self.here(1), self.here(2)
        if not all(isinstance(g, list) and len(g) == 1 and getattr(g[0], "kind", "") == "number" for g in groups):
            return None
        above, below = (Fraction(g[0].text) for g in groups)
        if above.denominator != 1 or below.denominator != 1 or not 0 < above < below:
            return None
        self.place += 3
        return "mixed", ("quotient", ("number", above, False), ("number", below, False))

    def starts_factor(self) -> bool:
        item = self.here()
        if item is None or self.at_boundary() or self.starts_unit() or (self.circ and self.is_at("C", "F")):
            return False
        if isinstance(item, list):
            return True
        if item.kind == "number":
            return self._may_be_mixed()
        if item.text in ("(", "["):
            return not self._holds_relation()
        if item.kind in ("letters", "text"):
            return item.text not in ("to", "choose")
        if item.text in (r"\mod", r"\pm", r"\mp") or item.text.startswith(r"\end"):
            return False
        return item.text == "|" or item.kind == "command"

    def _may_be_mixed(self) -> bool:
        before = self.here(-1) if self.place else None
        if getattr(before, "kind", "") == "number":
            return self.here().spaced and is_token(self.here(1), "/")
        return not is_token(before, "-")

    def _holds_relation(self) -> bool:
        depth = 0
        for item in self.items[self.place :]:
            depth += is_token(item, "(") - is_token(item, ")")
            if depth == 0:
                return False
            if isinstance(item, Token) and item.text in RELATIONS:
                return True
        return False

    def power(self) -> tuple:
        tree = self.primary()
        self.circ = False
        while True:
            if self.is_at("^"):
                self.place += 1
                group = self.group()
                text = _plain(group)
                if text == r"\circ":
                    self.circ = not self.angle
                    tree = ("degrees", tree) if self.angle else tree
                elif set(text) == {"'"}:
                    tree = _primed(tree, len(text))
                elif tree[0] == "apply" and text.startswith("("):
                    raise Unreadable("a derivative of higher order")
                else:
                    tree = "power", tree, self.inner(group)
            elif self.take("'"):
                tree = _primed(tree, 1)
            elif self.is_at("!"):
                self.place += 1
                if self.is_at("!"):
                    raise Unreadable("a double factorial")
                tree = "factorial", tree
            elif self.take(r"\circ"):
                self.circ = not self.angle
                tree = ("degrees", tree) if self.angle else tree
            elif self.is_at("(") and _is_function(tree) and not self._holds_relation():
                tree = self.application(tree[1])
            else:
                return tree

    def application(self, name: str) -> tuple:
        tree = self.bracket()
        arguments = tree[2:] if tree[0] == "bracket" else (tree,)
        return "apply", name, *arguments

    def primary(self) -> tuple:
        item = self.here()
        if item is None:
            raise Unreadable("something is missing at the end")
        if isinstance(item, list):
            self.place += 1
            return self.inner(item, self.angle)
        if item.kind == "number":
            self.place += 1
            return self.number(item.text)
        if item.kind in ("letters", "text"):
            return self.name(item)
        if item.text in ("(", "["):
            return self.bracket()
        if item.text == r"\{":
            return self.braces()
        if item.text == "|":
            self.place += 1
            with self.deeper(self.angle):
                self.bars = 1
                tree = self.total()
            if not self.take("|"):
                raise Unreadable("| is not closed")
            return "absolute", tree
        if item.kind == "command":
            self.place += 1
            return self.command(item.text)
        raise Unreadable(f"{item.text} was not expected")

    def _digits(self) -> int:
        """Return how many tokens are a numeral such as A5 before its base; 0 if none is next."""
        ahead = 0
        while re.fullmatch("[0-9A-Z]+", getattr(self.here(ahead), "text", "")):
            ahead += 1
        return ahead if ahead > 1 and is_token(self.here(ahead), "_") else 0

    def base(self) -> str:
        base = _plain(self.group()).lower()
        base = str(NUMBERS.index(base)) if base in NUMBERS else base
        if not base.isdecimal():
            raise Unreadable(f"{base} is no base")
        return base

    def number(self, text: str) -> tuple:
        digits = re.fullmatch(r"\d+", text) and text
        if self.is_at("_") and digits:
            self.place += 1
            return "base", text.lstrip("0") or "0", self.base()
        place = self.place + (self.is_at(".") and is_token(self.here(1), r"\overline"))
        for command in (r"\overline", r"\dot"):
            if place + 1 < len(self.items) and is_token(self.items[place], command):
                repeated = _plain(self.items[place + 1])
                if repeated.isdecimal() and ("." in text or place > self.place):
                    self.place = place + 2
                    return "number", _repeating(text, repeated), False
        if re.search(r"[eE][-+]?0*\d{4}", text):
            raise Unreadable("an exponent is too large")
        return "number", Fraction(text), "." in text

    def name(self, item: Token) -> tuple:
        """Read a function's name, or one letter of a product of letters."""
        text = item.text
        if text in NAMES:
            self.place += 1
            return self.command(f"\\{text}")
        if item.kind == "text" and len(text) > 1:
            raise Unreadable(f"{text} is a word")
        if len(text) > 1:
            self.items[self.place] = item._replace(text=text[1:], spaced=False)
        else:
            self.place += 1
        if len(text) == 1 and self.is_at("_"):
            self.place += 1
            return "symbol", f"{text}_{_plain(self.group())}"
        return ("constant", text[0]) if text[0] in "ei" else ("symbol", text[0])

    def bracket(self) -> tuple:
        opening = self.take("(", "[")
        with self.deeper(self.angle):
            tree = self.listing()
        closing = self.take(")", "]")
        if closing is None:
            raise Unreadable(f"{opening} is not closed")
        if tree[0] == "list" and tree[1] == ",":
            return "bracket", opening + closing, *tree[2:]
        if opening + closing not in ("()", "[]"):
            raise Unreadable("brackets do not match")
        return tree

    def braces(self) -> tuple:
        self.place += 1
        depth, start = 1, self.place
        while depth:
            if self.here() is None:
                raise Unreadable("a set is not closed")
            depth += is_token(self.here(), r"\{") - is_token(self.here(), r"\}")
            self.place += 1
        inside = self.items[start : self.place - 1]
        if not inside:
            return ("set",)
        for place, item in enumerate(inside):
            if isinstance(item, Token) and item.text in (r"\mid", ":", "|"):
                match self.inner(inside[:place]) if place else ():
                    case ("symbol", letter):
                        return "builder", letter, None, self.inner(inside[place + 1 :])
                    case ("chain", (r"\in",), ("symbol", letter), ("domain", domain)):
                        return "builder", letter, domain, self.inner(inside[place + 1 :])
                break
        tree = self.inner(inside)
        return ("set", *tree[2:]) if tree[0] == "list" else ("set", tree)

    def command(self, name: str) -> tuple:
        if name in GREEK:
            if self.take("_"):
                return "symbol", f"{name}_{_plain(self.group())}"
            return "symbol", name
        word = name[1:].removesuffix("*")
        if word in TRIGONOMETRIC or word in LOGARITHMS or word in FUNCTIONS:
            return self.function(word)
        match name:
            case r"\frac":
                return "quotient", self.argument(), self.argument()
            case r"\binom":
                return "binomial", self.argument(), self.argument()
            case r"\sqrt":
                degree = self.bracket() if self.is_at("[") else ("number", Fraction(2), False)
                return "root", self.argument() if isinstance(self.here(), list) else self.primary(), degree
            case r"\pi":
                return "constant", "pi"
            case r"\infty" | r"\infinity" | r"\inf":
                return ("infinity",)
            case r"\imath":
                return "constant", "i"
            case r"\dots":
                return ("dots",)
            case r"\emptyset":
                return ("set",)
            case r"\mathbb":
                return "domain", _plain(self.group())
            case r"\vec":
                group = self.group()
                letter = _plain(group)
                return ("symbol", f"vector {letter}") if len(letter) == 1 and letter.isalpha() else self.inner(group)
            case r"\overline":
                group = self.group()
                return self.inner(group) if _plain(group).isupper() else ("apply", "conjugate", self.inner(group))
            case r"\abs":
                return "absolute", self.primary()
            case r"\triangle" | r"\angle":
                return self.primary()
        if name in PAIRS:
            closing, kind = PAIRS[name]
            with self.deeper(self.angle):
                tree = self.total()
            if not self.take(closing):
                raise Unreadable(f"{name} is not closed")
            return kind, tree
        if name.startswith(r"\begin"):
            return self.matrix(name[7:-1])
        raise Unreadable(f"{name} is not known")

    def function(self, name: str) -> tuple:
        exponent, base = None, None
        while self.is_at("^", "_"):
            if self.take("^"):
                exponent = self.argument()
            else:
                self.place += 1
                base = self.argument()
        with self.deeper(name in TRIGONOMETRIC):
            tree = self.function_argument()
        if name in ("log", "lg"):
            result = "log", base, tree
        elif base is not None:
            raise Unreadable(f"{name} has a subscript")
        elif name in TRIGONOMETRIC and exponent == ("minus", ("number", Fraction(1), False)):
            return "call", f"arc{name}", tree
        else:
            result = "call", name, tree
        return result if exponent is None else ("power", result, exponent)

    def function_argument(self) -> tuple:
        """Read (x), or the factors up to the next function: sin 2x cos x is sin(2x) times cos x."""
        if self.is_at("(", "[") or isinstance(self.here(), list):
            return self.power() if isinstance(self.here(), list) else self.bracket()
        factors = [self.signed_power()]
        while self.starts_factor() and not self._at_function() and not self.is_at("("):
            factors.append(self.power())
        return _product(factors)

    def _at_function(self) -> bool:
        item = self.here()
        return isinstance(item, Token) and item.text.removeprefix("\\") in NAMES and item.text != r"\pi"

    def matrix(self, environment: str) -> tuple:
        if environment.removesuffix("matrix") not in _SHAPES and environment not in ("array", "matrix"):
            raise Unreadable(f"{environment} is not known")
        rows, cells = [], []
        while True:
            with self.deeper(False):
                cells.append(self.total())
            if self.take("&"):
                continue
            rows.append(tuple(cells))
            cells = []
            broken = self.take(r"\\")
            if isinstance(self.here(), Token) and self.here().text.startswith(r"\end"):
                self.place += 1
                break
            if not broken:
                raise Unreadable("a matrix does not end")
        if len({len(row) for row in rows}) != 1:
            raise Unreadable("the rows of a matrix differ in length")
        return "matrix", *rows


def _product(factors: list[tuple]) -> tuple:
    return factors[0] if len(factors) == 1 else ("product", *factors)


def _is_integer(tree: tuple) -> bool:
    return tree[0] == "number" and tree[1].denominator == 1 and not tree[2]


def _is_function(tree: tuple) -> bool:
    return tree[0] == "symbol" and (tree[1] in FUNCTION_LETTERS or tree[1].endswith("'"))


def _primed(tree: tuple, primes: int) -> tuple:
    if tree[0] != "symbol":
        raise Unreadable("a prime stands behind something that is no letter")
    return "symbol", tree[1] + "'" * primes


def _repeating(text: str, repeated: str) -> Fraction:
    whole, _, fixed = text.partition(".")
    numerator = int(whole + fixed + repeated) - int(whole + fixed or "0")
    return Fraction(numerator, int("9" * len(repeated) + "0" * len(fixed)))
