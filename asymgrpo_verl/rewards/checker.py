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
"""Compare two answers with math-verify. `checker_process` runs this where it can do no harm."""

import re
from functools import lru_cache

from latex2sympy2_extended.latex2sympy2 import ConversionConfig, latex2sympy
from math_verify import verify
from math_verify.grader import is_assignment_relation, is_equation
from sympy import Eq, Expr, FiniteSet, Float, Set, Symbol, Tuple, UnevaluatedExpr, Union
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

RELATIVE = 1e-5  # largest relative difference of two equal numbers, if at least one is a decimal

_CONVERSION = ConversionConfig(lowercase_symbols=False)
_IMAGINARY = re.compile(r"(?<![A-Za-z\\_])i(?![A-Za-z_])")


@lru_cache(maxsize=4096)
def _expression(answer: str):
    """Return how math-verify's parser reads LaTeX. Its imaginary unit is I.

    Raises:
        Exception: of any kind, if the parser cannot read it.
    """
    text = _IMAGINARY.sub("I", answer)
    return latex2sympy(
        text, is_real=text == answer, convert_degrees=False, normalization_config=None, conversion_config=_CONVERSION
    )


def same_by_math(gold: str, answer: str) -> bool:
    """Return whether math-verify's `verify` takes two answers, in LaTeX, as equal.

    Raises:
        Exception: of any kind, if it cannot read one of them or cannot compare them.
    """
    x, y = _expression(gold), _expression(answer)
    if _differ(x, y) or _is_other_kind(x, y):
        return False
    x, y = _as_region(x, y), _as_region(y, x)
    if not verify(x, y, allow_set_relation_comp=True, timeout_seconds=None, raise_on_error=True):
        return False
    if isinstance(x, Float) or isinstance(y, Float):  # because verify rounds to 6 decimals, so all small numbers agree
        return bool(abs(x - y) <= RELATIVE * abs(y)) if getattr(x, "is_number", False) and y.is_number else True
    return True


def _differ(x, y) -> bool:
    """Return whether two constants certainly differ in value.

    verify takes 2^-98 and 3^-98 as equal, and needs long for other constants.
    """
    if not all(isinstance(z, Expr) and z.is_number and not z.has(Float, UnevaluatedExpr) for z in (x, y)):
        return False
    difference = (x - y).evalf(20, maxn=40)
    return bool(difference.is_comparable and abs(difference) > 1e-9 * abs(y.evalf(20)))


def _is_other_kind(gold, answer) -> bool:
    """Return whether exactly one is an equation, and it does not say what the other equals.

    verify would compare only the right side of the equation.
    """
    if isinstance(gold, Eq) and not is_equation(answer):  # y=2x, f(x)=2x and (x,y)=(1,2) give a value; x+y=0 does not
        return not isinstance(gold.lhs, Symbol | AppliedUndef | Tuple | Set)
    if isinstance(answer, Eq) and not is_equation(gold):
        if gold == 0:  # otherwise every equation that ends in =0 would equal the gold answer 0
            return not is_assignment_relation(answer) and not answer.has(AppliedUndef)
        return _differ(answer.lhs, answer.rhs)  # 4=5
    return False


def _as_region(expression, other):
    """Return inequalities like x<1, x>2 as a union of intervals, if the other answer is a set of intervals."""
    if isinstance(expression, FiniteSet) and isinstance(other, Set) and not isinstance(other, FiniteSet):
        if expression.args and all(isinstance(relation, Relational) for relation in expression.args):
            return Union(*(relation.as_set() for relation in expression.args))
    return expression
