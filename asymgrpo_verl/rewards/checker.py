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

from dataclasses import replace
from functools import lru_cache

from math_verify import parse, verify
from math_verify.grader import is_assignment_relation, is_equation
from math_verify.parser import LatexExtractionConfig
from sympy import Eq, Expr, FiniteSet, Float, Set, Symbol, Tuple, UnevaluatedExpr, Union
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from asymgrpo_verl.rewards.answers import as_number, normalize

RELATIVE = 1e-5  # largest relative difference of two equal numbers, if at least one is a decimal

_WITH_UNITS = LatexExtractionConfig()
_WITHOUT_UNITS = LatexExtractionConfig(normalization_config=replace(_WITH_UNITS.normalization_config, units=False))


@lru_cache(maxsize=4096)
def _expressions(answer: str, units: bool = False) -> list:
    """Return how math-verify reads a normalised answer. With `units`, it removes them: 5m is 5, and 2s is 2."""
    config = _WITH_UNITS if units else _WITHOUT_UNITS
    return parse(rf"\boxed{{{answer}}}", [config], parsing_timeout=None)


def same_by_math(gold: str, answer: str) -> bool:
    """Return whether math-verify's `verify` takes two answers as equal. 10% equals both 10 and 0.1."""
    a, a_percent = normalize(gold)
    b, b_percent = normalize(answer, thousands=", " not in a)
    pairs = [(a, b)]
    if a_percent != b_percent:
        pairs.append((rf"\frac{{{a}}}{{100}}", b) if a_percent else (a, rf"\frac{{{b}}}{{100}}"))
    units = as_number(a) is not None
    return any(_same(_expressions(x), _expressions(y, units)) for x, y in pairs)


def _same(gold: list, answer: list) -> bool:
    if not gold or not answer:
        return False
    if _differ(gold[0], answer[0]) or _is_other_kind(gold[0], answer[0]):
        return False
    gold, answer = (_as_regions(x, y) for x, y in ((gold, answer), (answer, gold)))
    if not verify(gold, answer, allow_set_relation_comp=True, timeout_seconds=None):
        return False
    x, y = gold[0], answer[0]
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


def _as_regions(expressions: list, others: list) -> list:
    """Return inequalities like x<1, x>2 as a union of intervals, if the other answer is a set of intervals."""
    first, other = expressions[0], others[0]
    if isinstance(first, FiniteSet) and isinstance(other, Set) and not isinstance(other, FiniteSet):
        if first.args and all(isinstance(relation, Relational) for relation in first.args):
            return [Union(*(relation.as_set() for relation in first.args))]
    return expressions
