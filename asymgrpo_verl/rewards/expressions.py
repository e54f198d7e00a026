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
"""Read an expression: sums, products, powers, functions, and what stands in brackets."""

from fractions import Fraction

from asymgrpo_verl.rewards.cursor import NAMES, plain
from asymgrpo_verl.rewards.numerals import Numerals
from asymgrpo_verl.rewards.tokens import ALIASES, Token, Unreadable, is_token
from asymgrpo_verl.rewards.units import UNITS
from asymgrpo_verl.rewards.values import FUNCTIONS

LOGARITHMS = {"log", "ln", "lg"}
TRIGONOMETRIC = {"sin", "cos", "tan", "cot", "sec", "csc"}
_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega"
)
GREEK = {rf"\{name}" for name in _GREEK.split()} | {rf"\{name.title()}" for name in _GREEK.split()} | {r"\ell"}
FUNCTION_LETTERS = frozenset("fghFGH")
PAIRS = {r"\lfloor": (r"\rfloor", "floor"), r"\lceil": (r"\rceil", "ceiling")}
_SHAPES = {"p", "b", "", "small"}  # of matrix environments: \begin{pmatrix}


class Expressions(Numerals):
    """A recursive-descent reader of expressions."""

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
        r"""Return the fraction of 2\frac{3}{4} as ("mixed", tree) if an integer is before a proper fraction."""
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
            return not self.holds_relation()
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

    def power(self) -> tuple:
        tree = self.primary()
        self.circ = False
        while True:
            if self.is_at("^"):
                self.place += 1
                group = self.group()
                text = plain(group)
                if text == r"\circ" or (text == "o" and tree[0] == "number"):
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
            elif self.is_at("(") and _is_function(tree) and not self.holds_relation():
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
            return self.bracketed_numeral() or self.bracket()
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

    def name(self, item: Token) -> tuple:
        """Read a function's name, or one letter of a product of letters."""
        text = item.text
        if text in NAMES:
            self.place += 1
            return self.command(ALIASES.get(f"\\{text}", f"\\{text}"))
        if item.kind == "text" and len(text) > 1:
            raise Unreadable(f"{text} is a word")
        if len(text) > 1:
            self.items[self.place] = item._replace(text=text[1:], spaced=False)
        else:
            self.place += 1
        if len(text) == 1 and self.is_at("_"):
            self.place += 1
            return "symbol", f"{text}_{plain(self.group())}"
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
                return "symbol", f"{name}_{plain(self.group())}"
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
                return "domain", plain(self.group())
            case r"\vec":
                group = self.group()
                letter = plain(group)
                return ("symbol", f"vector {letter}") if len(letter) == 1 and letter.isalpha() else self.inner(group)
            case r"\overline":
                group = self.group()
                is_segment = len(plain(group)) > 1 and plain(group).isupper()
                return self.inner(group) if is_segment else ("apply", "conjugate", self.inner(group))
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
            ten = ("number", Fraction(10), False) if name == "lg" else None
            result = "log", base or ten, tree
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
            while self.take(r"\\"):  # the source of the answer escaped each backslash once more
                pass
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
