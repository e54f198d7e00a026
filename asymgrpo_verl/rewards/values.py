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
"""The value of an expression, exactly or with a bound of its error.

An expression is a tree that `reading` makes. Rational numbers are exact; other numbers are floats with a bound of their
error (running error analysis: Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.3).
"""

import cmath
import math
from fractions import Fraction

from asymgrpo_verl.rewards.tokens import Unreadable

EPSILON = 2.0**-50
MAX_BITS = 1 << 15  # of an exact number
MAX_FACTORIAL = 3000
MAX_FLOAT = 1e300

Value = tuple  # (number, bound of its error); the number is a Fraction with error 0, a float or a complex


def is_exact(value: Value) -> bool:
    """Return whether a value has no error."""
    return isinstance(value[0], Fraction)


def _result(number, error: float) -> Value:
    if isinstance(number, complex) and number.imag == 0:
        number = number.real
    if isinstance(number, float | complex) and not cmath.isfinite(number):
        raise Unreadable("a number is too large")
    return number, error + EPSILON * abs(number)


def as_float(value: Value):
    return float(value[0]) if is_exact(value) else value[0]


def _bits(number: Fraction) -> int:
    return number.numerator.bit_length() + number.denominator.bit_length()


def _kept(number: Fraction) -> Value:
    """Return an exact value, or a float if the exact number is long."""
    return (number, 0.0) if _bits(number) <= MAX_BITS else _result(float(number), 0.0)


def _add(x: Value, y: Value) -> Value:
    if is_exact(x) and is_exact(y):
        return _kept(x[0] + y[0])
    return _result(as_float(x) + as_float(y), x[1] + y[1] + EPSILON * (abs(as_float(x)) + abs(as_float(y))))


def _multiply(x: Value, y: Value) -> Value:
    if is_exact(x) and is_exact(y):
        return _kept(x[0] * y[0])
    a, b = as_float(x), as_float(y)
    return _result(a * b, abs(a) * y[1] + abs(b) * x[1] + x[1] * y[1])


def _invert(x: Value) -> Value:
    if x[0] == 0 or abs(x[0]) <= 2 * x[1]:
        raise Unreadable("something is divided by zero")
    if is_exact(x):
        return 1 / x[0], 0.0
    return _result(1 / x[0], 2 * x[1] / abs(x[0]) ** 2)


def _power(base: Value, exponent: Value) -> Value:
    if is_exact(exponent) and exponent[0].denominator == 1:
        power = int(exponent[0])
        if base[0] == 0 and power <= 0:
            raise Unreadable("zero has a power that is not positive")
        if base[0] in (0, 1, -1) and is_exact(base):
            return base[0] ** (power % 2 + 2 if base[0] else 1), 0.0
        if is_exact(base) and abs(power) * _bits(base[0]) <= MAX_BITS:
            return base[0] ** power, 0.0
        number = as_float(base)
        result = number**power
        relative = base[1] / abs(number) + 4 * EPSILON if number else 0.0
        return _result(result, abs(power) * abs(result) * relative + (base[1] if power == 1 else 0.0))
    if base[0] == 0:
        raise Unreadable("zero has a power that is no integer")
    if is_exact(base) and is_exact(exponent) and base[0] > 0:
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
    if not isinstance(number, complex) and number < 0 and is_exact(degree) and degree[0] % 2 == 1:
        return _multiply((Fraction(-1), 0.0), _power((-number, base[1]), _invert(degree)))
    if number == 0 and is_exact(base):
        return base
    return _power(base, _invert(degree))


def _gamma(x: Value) -> Value:
    """Return the factorial of a value."""
    if is_exact(x) and x[0].denominator == 1:
        if not 0 <= x[0] <= MAX_FACTORIAL:
            raise Unreadable("a factorial is negative or too large")
        return Fraction(math.factorial(int(x[0]))), 0.0
    number = as_float(x)
    if isinstance(number, complex) or not -20 < number < 100:
        raise Unreadable("a factorial is complex or too large")
    result = math.gamma(number + 1)
    return _result(result, abs(result) * (x[1] * 10 + 16 * EPSILON))


def _floor(x: Value, rounding) -> Value:
    number = x[0]
    if isinstance(number, complex) or (not is_exact(x) and abs(number - round(number)) < 1e-9):
        raise Unreadable("it is not clear to which integer a number is rounded")
    return Fraction(rounding(number)), 0.0


def _reciprocal_of(name: str):
    return lambda z: 1 / getattr(cmath, name)(z)


_FUNCTIONS = {name: getattr(cmath, name) for name in "exp sin cos tan sinh cosh tanh".split()}
_FUNCTIONS |= {f"arc{name}": getattr(cmath, f"a{name}") for name in "sin cos tan".split()}
_FUNCTIONS |= {"cot": _reciprocal_of("tan"), "sec": _reciprocal_of("cos"), "csc": _reciprocal_of("sin")}
_FUNCTIONS |= {"arcsec": lambda z: cmath.acos(1 / z), "arccsc": lambda z: cmath.asin(1 / z)}
_FUNCTIONS |= {"arccot": lambda z: cmath.pi / 2 - cmath.atan(z), "ln": cmath.log}
FUNCTIONS = {*_FUNCTIONS, "log"}


def _call(name: str, x: Value) -> Value:
    z = as_float(x)
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
        is_exact(n)
        and is_exact(k)
        and n[0].denominator == k[0].denominator == 1
        and 0 <= k[0]
        and 0 <= n[0] <= MAX_FACTORIAL
    ):
        return Fraction(math.comb(int(n[0]), int(k[0]))), 0.0
    if is_exact(k) and k[0].denominator == 1 and 0 <= k[0] <= 20:
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
    if is_exact(base) and is_exact(x) and base[0] > 1 and x[0] > 0:
        power = round(_log(x[0]) / _log(base[0]))
        if abs(power) * _bits(base[0]) <= MAX_BITS and base[0] ** power == x[0]:
            return Fraction(power), 0.0
    return _multiply(_call("ln", x), _invert(_call("ln", base)))


def _log(number: Fraction) -> float:
    return math.log(number.numerator) - math.log(number.denominator)


def _unknown_function(name: str, arguments: list[Value], at) -> Value:
    """Return a polynomial of the arguments with coefficients that depend on the name: f(x) = f(x), and not g(x)."""
    total = at(f"{name}()")
    for place, argument in enumerate(arguments):
        for power in (1, 2, 3):
            coefficient = at(f"{name}({place},{power})")
            total = _add(total, _multiply(coefficient, _power(argument, (Fraction(power), 0.0))))
    return total
