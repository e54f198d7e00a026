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
r"""Compare equations: x = 5 with 5, chains such as x = 2 + 3 = 5, and y = 2x with 2x - y = 0.

An answer that says something false, x = 3 + 5 = 9, is incorrect whatever the gold answer is.
"""

from fractions import Fraction

from asymgrpo_verl.rewards.equality import POSITIVE, compare, names, points, same_value, value_at_a_zero
from asymgrpo_verl.rewards.tokens import Unreadable
from asymgrpo_verl.rewards.values import evaluate
from asymgrpo_verl.rewards.verdicts import Verdict

ROUGH = 0.05  # largest relative difference of a number and what \approx sets beside it
EQUATION = {"=", r"\approx"}


def is_equation(tree: tuple) -> bool:
    return tree[0] == "chain" and {*tree[1]} <= EQUATION


def same_equations(gold: tuple, answer: tuple, same) -> Verdict:
    """Compare two answers of which at least one is an equation; `same` compares two sides."""
    if is_equation(answer) and _contradicts_itself(answer, same):
        return Verdict(False, "two sides of the answer's equation differ")
    if gold == answer:
        return Verdict(True, "both are read the same")
    if not is_equation(answer):
        if not _is_name(gold[2]) and _is_free(gold[2]):
            return Verdict(False, "the gold answer is an equation, the answer is none")
        return _any(_values(gold, same), (answer,), same)
    if not is_equation(gold):
        if gold == ("number", 0, False) and not _is_product_of_letters(answer[2]) and _is_free(answer[2]):
            return Verdict(False, "the answer is an equation, the gold answer is 0")
        return _any((gold,), _values(answer, same), same)
    if _named_alike(gold[2], answer[2]):
        return _any(_values(gold, same), _values(answer, same), same)
    if gold[2][0] == answer[2][0] == "symbol" and not names(gold[-1]) and not names(answer[-1]):
        return Verdict(False, "different letters have the values")
    return _same_curve(gold, answer)


def _is_free(tree: tuple) -> bool:
    """Return whether an expression has letters, so that an equation says something of them."""
    return tree[0] in ("words", "bracket") or bool(names(tree))


def _is_name(tree: tuple) -> bool:
    return tree[0] in ("symbol", "apply", "words", "domain") or (tree[0] == "bracket" and all(map(_is_name, tree[2:])))


def _is_product_of_letters(tree: tuple) -> bool:
    return tree[0] in ("symbol", "words", "apply") or (
        tree[0] == "product" and all(part[0] == "symbol" for part in tree[1:])
    )


def _named_alike(x: tuple, y: tuple) -> bool:
    return x == y or (_is_name(x) and _is_name(y) and same_value(x, y) is True)


def _values(chain: tuple, same) -> tuple:
    """Return what an equation says its first side to be: the last side, and every other one that is as good."""
    if _contradicts_itself(chain, same):
        return (chain[-1],)
    sides = chain[3:] if _is_free(chain[2]) else chain[2:]
    constants = tuple(side for side in sides[:-1] if not _is_free(side) or r"\approx" in chain[1])
    return sides[-1], *constants, *(chain[2:3] if chain[1] == (r"\approx",) else ())


def _any(gold: tuple, answer: tuple, same) -> Verdict:
    verdicts = [same(x, y) for x in gold for y in answer]
    return next((v for found in (True, None) for v in verdicts if v.same is found), verdicts[0])


def _contradicts_itself(chain: tuple, same) -> bool:
    """Return whether two sides of an equation surely differ: constants, or sides 2, 3, ... with the same letters."""
    sides = chain[2:]
    for place, relation in enumerate(chain[1]):
        left, right = sides[place], sides[place + 1]
        if _is_free(left) or _is_free(right):
            if place == 0 or names(left) != names(right) or relation != "=":
                continue
        if _surely_differ(left, right, same) and not (relation == r"\approx" and _are_close(left, right)):
            return True
    constants = [side for side in sides if not _is_free(side)]
    exact = r"\approx" not in chain[1]
    return exact and any(_surely_differ(x, constants[-1], same) for x in constants[:-1])


def _surely_differ(x: tuple, y: tuple, same) -> bool:
    """Return whether two sides differ in more than their units: 60 min = 1 h is right."""
    units = [side[2] for side in (x, y) if side[0] == "quantity"]
    return same(x, y).same is False and not (len(units) == 2 and units[0] != units[1])


def _are_close(x: tuple, y: tuple) -> bool:
    try:
        a, b = (evaluate(_bare(side), points(POSITIVE[0], (10.0, 0.0)))[0] for side in (x, y))
    except Unreadable:
        return False
    return abs(a - b) <= ROUGH * abs(a)


def _bare(tree: tuple) -> tuple:
    return tree[1] if tree[0] in ("quantity", "percent") else tree


def _same_curve(gold: tuple, answer: tuple) -> Verdict:
    """Compare two equations: they are equal if the differences of their sides are in a constant ratio."""
    differences = [("sum", tree[2], ("minus", tree[-1])) for tree in (gold, answer)]
    if names(differences[0]) != names(differences[1]):
        return Verdict(False, "the equations have different letters")
    ratios = []
    for interval in POSITIVE:
        try:
            ratios.append(evaluate(("quotient", *differences), points(interval, (10.0, 0.0))))
        except Unreadable:
            return Verdict(None, "the equations have no value at some numbers")
    if ratios[0][0] != 0 and all(compare(ratio, ratios[0]) is True for ratio in ratios[1:]):
        return Verdict(True, "the equations differ by a factor")
    for one, other in (differences, differences[::-1]):
        if (there := value_at_a_zero(other, one)) is not None and compare(there, (Fraction(0), 0.0)) is False:
            return Verdict(False, "numbers satisfy one equation and not the other")
    return Verdict(None, "the equations are not alike")
