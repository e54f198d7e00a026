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
"""The value of an expression, exactly or with a bound of its error, and whether two expressions are equal.

An expression is a tree that `reading` makes. Expressions with letters are compared at fixed points. Rational numbers are
exact; other numbers are floats with a bound of their error (running error analysis, Higham 2002, section 3.3).
"""

import cmath
import math
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b

from asymgrpo_verl.rewards.tokens import Unreadable

EPSILON = 2.0**-50
MAX_BITS = 1 << 15  # of an exact number
MAX_FACTORIAL = 3000
MAX_FLOAT = 1e300
ROUNDED = 5e-7  # two numbers are equal if one is a decimal and they agree to six places ...
RELATIVE = 1e-5  # ... and to this relative difference
CLEAR = 1e-9  # a relative difference that is no rounding error
# Intervals of the values of letters. Identities need to hold in all of them; one clear difference at positive values
# is enough for a refusal.
POSITIVE, ANY = ((1.1, 3.0), (0.1, 0.9), (2.0, 5.0)), ((-3.0, 3.0), (-1.0, 1.0))

Value = tuple  # (number, bound of its error); the number is a Fraction with error 0, a float or a complex


def _exact(value: Value) -> bool:
    return isinstance(value[0], Fraction)


def _result(number, error: float) -> Value:
    if isinstance(number, complex) and number.imag == 0:
        number = number.real
    if isinstance(number, float | complex) and not cmath.isfinite(number):
        raise Unreadable("a number is too large")
    return number, error + EPSILON * abs(number)


def _float(value: Value):
    return float(value[0]) if _exact(value) else value[0]


def _bits(number: Fraction) -> int:
    return number.numerator.bit_length() + number.denominator.bit_length()


def _kept(number: Fraction) -> Value:
    """Return an exact value, or a float if the exact number is long."""
    return (number, 0.0) if _bits(number) <= MAX_BITS else _result(float(number), 0.0)


def _add(x: Value, y: Value) -> Value:
    if _exact(x) and _exact(y):
        return _kept(x[0] + y[0])
    return _result(_float(x) + _float(y), x[1] + y[1] + EPSILON * (abs(_float(x)) + abs(_float(y))))


def _multiply(x: Value, y: Value) -> Value:
    if _exact(x) and _exact(y):
        return _kept(x[0] * y[0])
    a, b = _float(x), _float(y)
    return _result(a * b, abs(a) * y[1] + abs(b) * x[1] + x[1] * y[1])


def _invert(x: Value) -> Value:
    if x[0] == 0 or abs(x[0]) <= 2 * x[1]:
        raise Unreadable("something is divided by zero")
    if _exact(x):
        return 1 / x[0], 0.0
    return _result(1 / x[0], 2 * x[1] / abs(x[0]) ** 2)


def _power(base: Value, exponent: Value) -> Value:
    if _exact(exponent) and exponent[0].denominator == 1:
        power = int(exponent[0])
        if base[0] == 0 and power <= 0:
            raise Unreadable("zero has a power that is not positive")
        if base[0] in (0, 1, -1) and _exact(base):
            return base[0] ** (power % 2 + 2 if base[0] else 1), 0.0
        if _exact(base) and abs(power) * _bits(base[0]) <= MAX_BITS:
            return base[0] ** power, 0.0
        number = _float(base)
        result = number**power
        relative = base[1] / abs(number) + 4 * EPSILON if number else 0.0
        return _result(result, abs(power) * abs(result) * relative + (base[1] if power == 1 else 0.0))
    if base[0] == 0:
        raise Unreadable("zero has a power that is no integer")
    if _exact(base) and _exact(exponent) and base[0] > 0:
        if (root := _exact_root(base[0], exponent[0].denominator)) is not None:
            return _power((root, 0.0), (Fraction(exponent[0].numerator), 0.0))
    return _call("exp", _multiply(exponent, _call("ln", base)))


def _exact_root(number: Fraction, degree: int) -> Fraction | None:
    """Return the positive root of a positive number if it is rational."""
    if degree > 64:
        return None
    parts = []
    for part in (number.numerator, number.denominator):
        if degree == 2:
            root = math.isqrt(part)
        elif part.bit_length() < 1000:
            root = round(part ** (1 / degree))
        else:
            return None
        if root**degree != part:
            return None
        parts.append(root)
    return Fraction(*parts)


def _root(base: Value, degree: Value) -> Value:
    number = base[0]
    if not isinstance(number, complex) and number < 0 and _exact(degree) and degree[0] % 2 == 1:
        return _multiply((Fraction(-1), 0.0), _power((-number, base[1]), _invert(degree)))
    if number == 0 and _exact(base):
        return base
    return _power(base, _invert(degree))


def _gamma(x: Value) -> Value:
    """Return the factorial of a value."""
    if _exact(x) and x[0].denominator == 1:
        if not 0 <= x[0] <= MAX_FACTORIAL:
            raise Unreadable("a factorial is negative or too large")
        return Fraction(math.factorial(int(x[0]))), 0.0
    number = _float(x)
    if isinstance(number, complex) or not -20 < number < 100:
        raise Unreadable("a factorial is complex or too large")
    result = math.gamma(number + 1)
    return _result(result, abs(result) * (x[1] * 10 + 16 * EPSILON))


def _floor(x: Value, rounding) -> Value:
    number = x[0]
    if isinstance(number, complex) or (not _exact(x) and abs(number - round(number)) < 1e-9):
        raise Unreadable("it is not clear to which integer a number is rounded")
    return Fraction(rounding(number)), 0.0


def _reciprocal_of(name: str):
    return lambda z: 1 / getattr(cmath, name)(z)


_FUNCTIONS = {name: getattr(cmath, name) for name in "exp sin cos tan sinh cosh tanh".split()}
_FUNCTIONS |= {f"arc{name}": getattr(cmath, f"a{name}") for name in "sin cos tan".split()}
_FUNCTIONS |= {"cot": _reciprocal_of("tan"), "sec": _reciprocal_of("cos"), "csc": _reciprocal_of("sin")}
_FUNCTIONS |= {"arccot": lambda z: cmath.pi / 2 - cmath.atan(z), "ln": cmath.log}
FUNCTIONS = {*_FUNCTIONS, "log"}


def _call(name: str, x: Value) -> Value:
    z = _float(x)
    result = _FUNCTIONS[name](z)
    step = 1e-6 * max(1.0, abs(z))
    slope = abs(_FUNCTIONS[name](z + step) - result) / step if x[1] else 0.0
    scale = abs(z) if name in ("exp", "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh") else 0.0
    return _result(result, x[1] * (2 * slope + 1e-3) + EPSILON * abs(result) * (1 + scale))


def evaluate(node: tuple, at) -> Value:
    """Return the value of an expression where `at` gives the value of a letter by its name, and "log" its base.

    Raises:
        Unreadable: it has no value, or one that is too large, or it is no expression.
    """
    try:
        return _evaluate(node, at)
    except (ArithmeticError, ValueError) as error:  # a function has no value there, or a number has no float
        raise Unreadable(f"the expression has no value: {error}") from error


def _evaluate(node: tuple, at) -> Value:
    match node:
        case ("number", number, _):
            return number, 0.0
        case ("symbol", name):
            return at(name)
        case ("constant", "pi"):
            return math.pi, EPSILON
        case ("constant", "e"):
            return math.e, EPSILON
        case ("constant", "i"):
            return 1j, 0.0
        case ("sum", *terms):
            total = _evaluate(terms[0], at)
            for term in terms[1:]:
                total = _add(total, _evaluate(term, at))
            return total
        case ("minus", inner):
            number, error = _evaluate(inner, at)
            return -number, error
        case ("product", *factors):
            total = _evaluate(factors[0], at)
            for factor in factors[1:]:
                total = _multiply(total, _evaluate(factor, at))
            return total
        case ("quotient", above, below):
            return _multiply(_evaluate(above, at), _invert(_evaluate(below, at)))
        case ("power", ("constant", "e"), exponent):
            return _call("exp", _evaluate(exponent, at))
        case ("power", base, exponent):
            return _power(_evaluate(base, at), _evaluate(exponent, at))
        case ("root", base, degree):
            return _root(_evaluate(base, at), _evaluate(degree, at))
        case ("degrees", inner):
            return _multiply(_evaluate(inner, at), (math.pi / 180, EPSILON / 50))
        case ("factorial", inner):
            return _gamma(_evaluate(inner, at))
        case ("binomial", above, below):
            return _binomial(_evaluate(above, at), _evaluate(below, at))
        case ("absolute", inner):
            number, error = _evaluate(inner, at)
            return abs(number), error
        case ("floor", inner):
            return _floor(_evaluate(inner, at), math.floor)
        case ("ceiling", inner):
            return _floor(_evaluate(inner, at), math.ceil)
        case ("log", base, inner):
            base = at("log") if base is None else _evaluate(base, at)
            return _logarithm(base, _evaluate(inner, at))
        case ("call", name, inner):
            return _call(name, _evaluate(inner, at))
        case ("apply", name, *arguments):
            return _unknown_function(name, [_evaluate(argument, at) for argument in arguments], at)
    raise Unreadable(f"{node[0]} is no expression")


def _binomial(n: Value, k: Value) -> Value:
    if (
        _exact(n)
        and _exact(k)
        and n[0].denominator == k[0].denominator == 1
        and 0 <= k[0]
        and 0 <= n[0] <= MAX_FACTORIAL
    ):
        return Fraction(math.comb(int(n[0]), int(k[0]))), 0.0
    if _exact(k) and k[0].denominator == 1 and 0 <= k[0] <= 20:
        total = (Fraction(1), 0.0)
        for factor in range(int(k[0])):
            shifted = _add(n, (Fraction(-factor), 0.0))
            total = _multiply(total, _multiply(shifted, (Fraction(1, factor + 1), 0.0)))
        return total
    difference = _add(n, (-k[0], k[1]))
    return _multiply(_gamma(n), _invert(_multiply(_gamma(k), _gamma(difference))))


def _logarithm(base: Value, x: Value) -> Value:
    if base[0] == 1 or x[0] == 0:
        raise Unreadable("a logarithm has no value there")
    if _exact(base) and _exact(x) and base[0] > 1 and x[0] > 0:
        power = round(_log(x[0]) / _log(base[0]))
        if abs(power) * _bits(base[0]) <= MAX_BITS and base[0] ** power == x[0]:
            return Fraction(power), 0.0
    return _multiply(_call("ln", x), _invert(_call("ln", base)))


def _log(number: Fraction) -> float:
    return math.log(number.numerator) - math.log(number.denominator)


def _unknown_function(name: str, arguments: list[Value], at) -> Value:
    """Return a polynomial of the arguments with coefficients that depend on the name, so that f(x)=f(x) and f(x)!=g(x)."""
    total = at(f"{name}()")
    for place, argument in enumerate(arguments):
        for power in (1, 2, 3):
            coefficient = at(f"{name}({place},{power})")
            total = _add(total, _multiply(coefficient, _power(argument, (Fraction(power), 0.0))))
    return total


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
    if _exact(x) and _exact(y):
        return x[0] == y[0]
    if any(_exact(z) and abs(z[0]) > MAX_FLOAT for z in (x, y)):
        return False  # because the other one is a float
    a, b = _float(x), _float(y)
    difference, error = abs(a - b), x[1] + y[1] + EPSILON * (abs(a) + abs(b))
    if difference <= 4 * error:
        return True if error <= CLEAR * max(abs(a), abs(b), CLEAR) else None
    return False if difference > CLEAR * max(abs(a), abs(b)) + 1000 * error else None


def names(node: tuple) -> set[str]:
    """Return the letters of an expression, and "name()" for each unknown function."""
    if node[0] == "symbol":
        return {node[1]}
    found = {f"{node[1]}()"} if node[0] == "apply" else set()
    return found.union(*(names(child) for child in node[1:] if isinstance(child, tuple) and child))


def _has(node: tuple, test) -> bool:
    return test(node) or any(_has(child, test) for child in node[1:] if isinstance(child, tuple) and child)


def has_decimal(node: tuple) -> bool:
    return _has(node, lambda part: part[0] == "number" and part[2])


def has_imaginary(node: tuple) -> bool:
    return _has(node, lambda part: part == ("constant", "i"))


def _has_log(node: tuple) -> bool:
    return _has(node, lambda part: part[0] == "log" and part[1] is None)


def same_value(x: tuple, y: tuple) -> bool | None:
    """Return whether two expressions are equal, or None if that is not clear.

    A log without a base has base 10 or e, the same in both. A decimal equals what it rounds to six places.
    """
    if x == y:
        return True
    bases = [(Fraction(10), 0.0)] + ([(math.e, EPSILON)] if _has_log(x) or _has_log(y) else [])
    verdicts = [_same_with(x, y, base) for base in bases]
    return True if True in verdicts else None if None in verdicts else False


def _same_with(x: tuple, y: tuple, log_base: Value) -> bool | None:
    constant = not names(x) and not names(y)
    if constant:
        return _same_at(x, y, points(POSITIVE[0], log_base), has_decimal(x) or has_decimal(y))
    verdicts = [_same_at(x, y, points(interval, log_base), False) for interval in POSITIVE]
    if False in verdicts:
        return False
    if verdicts.count(True) < 2:
        return None
    return None if False in [_same_at(x, y, points(interval, log_base), False) for interval in ANY] else True


def _same_at(x: tuple, y: tuple, at, rounded: bool) -> bool | None:
    try:
        a, b = evaluate(x, at), evaluate(y, at)
    except Unreadable:
        return None
    verdict = compare(a, b)
    if verdict is not True and rounded and max(abs(a[0]), abs(b[0])) < MAX_FLOAT:
        difference = abs(_float(a) - _float(b))
        if difference <= ROUNDED * (1 + 1e-9) and difference <= RELATIVE * abs(_float(b)):
            return True
    if (
        verdict is False
        and names(x) | names(y)
        and not all(is_real(v) or has_imaginary(t) for v, t in ((a, x), (b, y)))
    ):
        return None  # because the branch of a root or a logarithm may be another one
    return verdict


def has_part(node: tuple, kind: str) -> bool:
    """Return whether a tree has a part of a kind."""
    return _has(node, lambda part: part[0] == kind)


def value_at_a_zero(node: tuple, zero: tuple) -> Value | None:
    """Return the value of an expression at numbers where another one is 0, or None if none were found.

    All letters but one have fixed values; the other one is found by bisection between -12 and 12.
    """
    base = points(POSITIVE[0], (Fraction(10), 0.0))
    for letter in sorted(name for name in names(zero) if not name.endswith("()")):

        def at(name: str, letter=letter):
            return place if name == letter else base(name)

        def value(x: float) -> float:
            nonlocal place
            place = x, EPSILON * abs(x)
            number = _float(evaluate(zero, at))
            if isinstance(number, complex):
                raise Unreadable("the expression is not real there")
            return number

        place = (0.0, 0.0)
        try:
            low = _sign_change(value)
            if low is not None:
                root = _bisect(value, low, low + STEP)
                place = root, 1e-12 * max(1.0, abs(root))
                return evaluate(node, at)
        except Unreadable:
            continue
    return None


STEP = 0.37


def _sign_change(value) -> float | None:
    x, last = -12.0, None
    while x < 12:
        try:
            now = value(x)
        except Unreadable:
            now = None
        if last is not None and now is not None and last * now < 0:
            return x - STEP
        x, last = x + STEP, now
    return None


def _bisect(value, low: float, high: float) -> float:
    rising = value(low) < 0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (value(middle) < 0) == rising else (low, middle)
    return (low + high) / 2
