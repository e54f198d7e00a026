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
"""Decide from the text of an answer alone whether it is too costly to compare, before a library sees it.

A bound on the text gives the same verdict on every machine, which a time limit does not. `is_too_costly` reads an
answer as LaTeX and bounds what sympy may have to write out, such as the digits of an integer and the terms of a
polynomial. It computes no value, and it needs time linear in the length of the answer.

The bounds are far above the gold answers of the paper's datasets, and stay below what needs seconds.
"""

import math
import re
from dataclasses import dataclass

MAX_TOKENS = 400
MAX_DIGITS = 1e5  # of an integer that is written out
MAX_TERMS = 300  # of a polynomial that is expanded
MAX_DEGREE = 2000  # of a polynomial with several terms
MAX_STEPS = 300  # of a sum or product with numeric bounds
MAX_ROOT = 300  # digits of an integer under a root, because sympy looks for its factors
# The deepest nesting. The parser of math-verify needs time that grows exponentially with parentheses and fractions.
MAX_DEPTH = {"(": 8, "[": 8, "{": 24, r"\frac": 6, r"\sqrt": 12}

_MACRO = re.compile(r"\\(?:(?:re|provide)?newcommand|[egx]?def|let|csname|expandafter|loop|input|include)(?![a-zA-Z])")
_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|[0-9]+(?:\.[0-9]*)?|\.[0-9]+|\S", re.DOTALL)
_OPENING = {"{", "(", "["}
_CLOSING = {"}", ")", "]"}
_NUMBER = re.compile(r"\.?[0-9]")
_SYMBOL = re.compile(r"[^\W\d_]|\\[a-zA-Z]+")
_TIMES = {r"\cdot", r"\times", r"\left", r"\right", r"\,", r"\!", r"\;", r"\:", r"\ ", "*", "/", r"\div", "'"}
_JOINING = {r"\pm", r"\mp", r"\cup", r"\cap", r"\le", r"\leq", r"\ge", r"\geq", r"\ne", r"\neq", r"\approx", r"\equiv"}
_BINOMIAL = {r"\binom", r"\dbinom", r"\tbinom"}
_FRACTION = {r"\frac", r"\dfrac", r"\tfrac", r"\cfrac"} | _BINOMIAL
_STEPPED = {r"\sum", r"\prod"}


@dataclass(frozen=True)
class _Size:
    """An upper bound of an expression, in the longest form that a library may write it."""

    digits: float = 0.0  # of an integer in it
    terms: float = 1.0
    degree: float = 0.0
    steps: float = 1.0  # of its sums and products
    symbols: frozenset[str] = frozenset()  # letters, constants, functions and roots

    def value(self) -> float:
        return 10.0 ** min(self.digits, 300.0)


_UNBOUNDED = _Size(digits=math.inf)


def is_too_costly(answer: str) -> bool:
    """Return whether an answer exceeds one of the bounds above, or defines macros."""
    tokens = _TOKEN.findall(answer[: 20 * MAX_TOKENS])
    if len(tokens) > MAX_TOKENS or _MACRO.search(answer):
        return True
    tokens.reverse()  # a stack: the next token is the last
    parts = []
    while tokens:
        parts.append(_read_sum(tokens, dict.fromkeys(MAX_DEPTH, 0)))
        if tokens:
            tokens.pop()  # a bracket that nothing opened
    size = _add(parts)
    several = size.terms > 1
    return (
        size.digits > MAX_DIGITS
        or size.terms > MAX_TERMS
        or (several and size.degree > MAX_DEGREE)
        or size.steps > MAX_STEPS
    )


def _read_sum(tokens: list[str], depth: dict[str, int]) -> _Size:
    """Read to the closing bracket, or to the end. Everything that joins two terms counts as a plus sign."""
    terms, factors = [], []
    while tokens and tokens[-1] not in _CLOSING:
        if _is_factor(tokens[-1]):
            factors.append(_read_factor(tokens, depth))
        elif tokens.pop() not in _TIMES:
            terms.append(_multiply(factors))
            factors = []
    return _add([*terms, _multiply(factors)])


def _is_factor(token: str) -> bool:
    if _SYMBOL.fullmatch(token):
        return token not in _TIMES and token not in _JOINING
    return token in _OPENING or _NUMBER.match(token) is not None


def _read_factor(tokens: list[str], depth: dict[str, int]) -> _Size:
    """Read a number, symbol, group or command with its arguments, and then its powers, indices and factorials."""
    first = tokens.pop()
    if first in _FRACTION:
        size = _binomial if first in _BINOMIAL else _multiply
        size = size([_read_argument(tokens, depth, r"\frac") for _ in range(2)])
    elif first == r"\sqrt":
        size = _root([_read_argument(tokens, depth, r"\sqrt") for _ in range(1 + (tokens[-1:] == ["["]))], len(tokens))
    elif first in _STEPPED:
        size = _Size(symbols=frozenset({first}), steps=_read_steps(tokens, depth))
    else:
        tokens.append(first)
        size = _read_argument(tokens, depth, None)
    while tokens and tokens[-1] in "^_!":
        sign = tokens.pop()
        if sign == "!":
            size = _factorial(size)
        elif sign == "^":
            size = _power(size, _read_argument(tokens, depth, None))
        else:
            size = _add([size, _read_argument(tokens, depth, None)])
    return size


def _read_steps(tokens: list[str], depth: dict[str, int]) -> float:
    """Return how many steps the bounds of a sum or product allow."""
    steps = 1.0
    while tokens and tokens[-1] in "^_":
        tokens.pop()
        steps = max(steps, _read_argument(tokens, depth, None).value())
    return steps


def _read_argument(tokens: list[str], depth: dict[str, int], command: str | None) -> _Size:
    """Read a group or one token. A group in which the depth exceeds a bound is unbounded, and ends the reading."""
    if not tokens:
        return _Size()
    first = tokens.pop()
    if first not in _OPENING:
        if _NUMBER.match(first):
            return _Size(digits=math.log10(max(float(first), 1.0)) if len(first) < 300 else len(first))
        return _Size(degree=1.0, symbols=frozenset({first}))
    depth = {kind: count + (kind in (first, command)) for kind, count in depth.items()}
    if any(depth[kind] > bound for kind, bound in MAX_DEPTH.items()):
        tokens.clear()
        return _UNBOUNDED
    size = _read_sum(tokens, depth)
    if tokens:
        tokens.pop()
    return size


def _add(sizes: list[_Size]) -> _Size:
    symbols = frozenset().union(*(size.symbols for size in sizes))
    return _Size(
        digits=max((size.digits for size in sizes), default=0.0) + math.log10(len(sizes) or 1),
        terms=sum(size.terms for size in sizes) if symbols else 1.0,
        degree=max((size.degree for size in sizes), default=0.0),
        steps=max((size.steps for size in sizes), default=1.0),
        symbols=symbols,
    )


def _multiply(sizes: list[_Size]) -> _Size:
    symbols = frozenset().union(*(size.symbols for size in sizes))
    degree = sum(size.degree for size in sizes)
    return _Size(
        digits=sum(size.digits for size in sizes),
        terms=min(math.prod(size.terms for size in sizes), _monomials(degree, len(symbols))),
        degree=degree,
        steps=math.prod(size.steps for size in sizes),
        symbols=symbols,
    )


def _power(base: _Size, exponent: _Size) -> _Size:
    times = exponent.value()
    degree = base.degree * times
    return _Size(
        digits=times * (base.digits + math.log10(base.terms)),
        terms=min(_monomials(times, base.terms - 1), _monomials(degree, len(base.symbols))),
        degree=degree,
        steps=max(base.steps, exponent.steps),
        symbols=base.symbols | exponent.symbols,
    )


def _monomials(degree: float, symbols: float) -> float:
    """Return how many monomials have at most this degree in these symbols: the binomial of degree + symbols."""
    if degree > 1e15:
        return 1.0 if symbols == 0 else math.inf
    logarithm = math.lgamma(degree + symbols + 1) - math.lgamma(degree + 1) - math.lgamma(symbols + 1)
    return math.exp(min(logarithm, 700.0))


def _factorial(size: _Size) -> _Size:
    digits = math.lgamma(size.value() + 1) / math.log(10)
    return _Size(digits=digits, steps=size.steps, symbols=size.symbols, degree=size.degree)


def _binomial(sizes: list[_Size]) -> _Size:
    above = sizes[0]
    return _Size(digits=above.value() * math.log10(2), symbols=above.symbols | sizes[1].symbols, steps=above.steps)


def _root(sizes: list[_Size], place: int) -> _Size:
    """Return the size of a root. It is a symbol of its own, named by its place."""
    inner = _add(sizes)
    if inner.digits > MAX_ROOT:
        return _UNBOUNDED
    return _Size(
        digits=inner.digits,
        terms=1.0,
        degree=1.0,
        steps=inner.steps,
        symbols=inner.symbols | {f"root {place}"},
    )
