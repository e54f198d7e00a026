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
"""Whether two expressions are equal: their values are compared, at fixed points if they have letters."""

import math
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b

from asymgrpo_verl.rewards.tokens import Unreadable
from asymgrpo_verl.rewards.values import EPSILON, MAX_FLOAT, Value, as_float, evaluate, is_exact

ROUNDED = 5e-7  # two numbers are equal if one is a decimal and they agree to six places ...
RELATIVE = 1e-5  # ... and to this relative difference
CLEAR = 1e-9  # a relative difference that is no rounding error
# Intervals of the values of letters. Identities need to hold in all of them; one clear difference at positive values
# is enough for a refusal.
POSITIVE, ANY = ((1.1, 3.0), (0.1, 0.9), (2.0, 5.0)), ((-3.0, 3.0), (-1.0, 1.0))
# |x - 30| equals 30 - x at small x only, so expressions with these parts are compared at larger values too.
PIECEWISE = {"absolute", "root", "floor", "ceiling"}
LARGE = ((6.0, 14.0), (20.0, 90.0), (150.0, 900.0), (3000.0, 9000.0))
STEP = 0.37  # between the numbers at which a change of sign is looked for


def points(letters_in, log_base: Value):
    """Return the function from names to values for an interval (low, high), as `evaluate` takes it."""

    def at(name: str) -> Value:
        return log_base if name == "log" else (_number_for(name, *letters_in), 0.0)

    return at


@lru_cache(maxsize=1 << 12)
def _number_for(name: str, low: float, high: float) -> Fraction:
    """Return a number that depends on nothing but the name and the interval: a multiple of 1/1024."""
    digest = blake2b(f"{name} {low}".encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return Fraction(round(1024 * (low + (high - low) * int.from_bytes(digest, "big") / 2**32)), 1024)


def is_real(value: Value) -> bool:
    return not isinstance(value[0], complex)


def compare(x: Value, y: Value) -> bool | None:
    """Return whether two values are equal, or None if their difference is as large as an error may be."""
    if is_exact(x) and is_exact(y):
        return x[0] == y[0]
    if any(is_exact(z) and abs(z[0]) > MAX_FLOAT for z in (x, y)):
        return False  # because the other one is a float
    a, b = as_float(x), as_float(y)
    difference, error = abs(a - b), x[1] + y[1] + EPSILON * (abs(a) + abs(b))
    if difference <= 4 * error:
        return True if error <= CLEAR * max(abs(a), abs(b), CLEAR) else None
    return False if difference > CLEAR * max(abs(a), abs(b)) + 1000 * error else None


def names(node: tuple) -> set[str]:
    """Return the letters of an expression, and "name()" for each unknown function."""
    return {mark for mark in _marks(node) if mark not in MARKS}


# What else a comparison has to know of an expression: decimals, a log without a base, the imaginary unit, PIECEWISE.
DECIMAL, LOG, IMAGINARY, PIECES = MARKS = (" decimal", " log", " i", " pieces")


def _marks(tree: tuple) -> set[str]:
    """Return the names and MARKS of an expression, in one pass."""
    found, waiting = set(), [tree]
    while waiting:
        node = waiting.pop()
        kind = node[0] if node else ""
        if kind == "number":
            if node[2]:
                found.add(DECIMAL)
            continue
        if kind == "symbol":
            found.add(node[1])
            continue
        if kind == "apply":
            found.add(f"{node[1]}()")
        elif kind == "log" and node[1] is None:
            found.add(LOG)
        elif node == ("constant", "i"):
            found.add(IMAGINARY)
        elif kind in PIECEWISE:
            found.add(PIECES)
        waiting += [child for child in node if child.__class__ is tuple]
    return found


def has_part(tree: tuple, kind: str) -> bool:
    """Return whether a tree has a part of a kind."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node and node[0] == kind:
            return True
        waiting += [child for child in node if child.__class__ is tuple]
    return False


def same_value(x: tuple, y: tuple) -> bool | None:
    """Return whether two expressions are equal, or None if that is not clear.

    A log without a base has base 10 or e, the same in both. A decimal equals what it rounds to six places.
    """
    if x == y:
        return True
    marks = _marks(x), _marks(y)
    bases = [(Fraction(10), 0.0)] + ([(math.e, EPSILON)] if LOG in marks[0] | marks[1] else [])
    verdicts = [_same_with(x, y, base, marks) for base in bases]
    return True if True in verdicts else None if None in verdicts else False


def _same_with(x: tuple, y: tuple, log_base: Value, marks: tuple[set, set]) -> bool | None:
    if not (marks[0] | marks[1]) - {*MARKS}:
        return _same_constant(x, y, points(POSITIVE[0], log_base), DECIMAL in marks[0] | marks[1])
    verdicts = []
    for interval in POSITIVE + (LARGE if PIECES in marks[0] | marks[1] else ()):
        verdicts.append(_same_at(x, y, points(interval, log_base), marks))
        if verdicts[-1] is False:
            return False
    if verdicts.count(True) < 2:
        return None
    return None if False in [_same_at(x, y, points(interval, log_base), marks) for interval in ANY] else True


def _same_constant(x: tuple, y: tuple, at, rounded: bool) -> bool | None:
    try:
        a, b = evaluate(x, at), evaluate(y, at)
    except Unreadable:
        return None
    verdict = compare(a, b)
    if verdict is not True and rounded and max(abs(a[0]), abs(b[0])) < MAX_FLOAT:
        difference = abs(as_float(a) - as_float(b))
        if difference <= ROUNDED * (1 + 1e-9) and difference <= RELATIVE * abs(as_float(b)):
            return True
    return verdict


def _same_at(x: tuple, y: tuple, at, marks: tuple[set, set]) -> bool | None:
    try:
        a, b = evaluate(x, at), evaluate(y, at)
    except Unreadable:
        return None
    verdict = compare(a, b)
    if verdict is False and not all(is_real(v) or IMAGINARY in m for v, m in zip((a, b), marks, strict=True)):
        return None  # because the branch of a root or a logarithm may be another one
    return verdict


def value_at_a_zero(node: tuple, zero: tuple) -> Value | None:
    """Return the value of an expression at numbers where another one is 0, or None if none were found.

    All letters but one have fixed values; the other one is found by bisection between -12 and 12.
    """
    for letter in sorted(name for name in names(zero) if not name.endswith("()")):
        try:
            low = _sign_change(zero, letter)
            if low is not None:
                root = _bisect(zero, letter, low, low + STEP)
                return evaluate(node, _with(letter, (root, 1e-12 * max(1.0, abs(root)))))
        except Unreadable:
            continue
    return None


def _with(letter: str, value: Value):
    """Return the function from names to values that has `value` for one letter."""
    others = points(POSITIVE[0], (Fraction(10), 0.0))
    return lambda name: value if name == letter else others(name)


def _real_value(node: tuple, letter: str, x: float) -> float:
    number = as_float(evaluate(node, _with(letter, (x, EPSILON * abs(x)))))
    if isinstance(number, complex):
        raise Unreadable("the expression is not real there")
    return number


def _sign_change(node: tuple, letter: str) -> float | None:
    x, last = -12.0, None
    while x < 12:
        try:
            now = _real_value(node, letter, x)
        except Unreadable:
            now = None
        if last is not None and now is not None and last * now < 0:
            return x - STEP
        x, last = x + STEP, now
    return None


def _bisect(node: tuple, letter: str, low: float, high: float) -> float:
    rising = _real_value(node, letter, low) < 0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (_real_value(node, letter, middle) < 0) == rising else (low, middle)
    return (low + high) / 2
