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
"""Compare sets of real numbers: intervals, unions, conditions such as 1 < x, and {x | x > 1}.

Two sets are equal if the same numbers are in both: each end of an interval in either, and a number of each gap between.
"""

import math

from asymgrpo_verl.rewards.equality import has_part, names
from asymgrpo_verl.rewards.tokens import Unreadable
from asymgrpo_verl.rewards.values import MAX_FLOAT, evaluate

ORDER = {"<", ">", r"\le", r"\ge", r"\ne"}
SETS = {"union", "intersection", "difference", "builder"}
MAX_ENDS = 60
CLOSE = 1e-9  # relative difference of two ends that are one


def is_region(tree: tuple) -> bool:
    """Return whether a tree can only be a set of numbers or a condition for one."""
    if tree[0] == "chain":
        return bool(ORDER & {*tree[1]}) or (tree[1] == (r"\in",) and is_interval(tree[3]))
    if tree[0] == "list":
        return all(map(is_region, tree[2:]))
    return tree[0] in SETS or tree == ("domain", "R")


def is_interval(tree: tuple) -> bool:
    return is_region(tree) or (tree[0] == "bracket" and len(tree) == 4) or tree[0] == "set"


def domains(tree: tuple) -> set[str]:
    """Return the domains other than the real numbers that a tree names."""
    found = {tree[2]} if tree[0] == "builder" and tree[2] not in (None, "R") else set()
    if tree[0] == "domain" and tree[1] != "R":
        found.add(tree[1])
    return found.union(*(domains(child) for child in tree[1:] if isinstance(child, tuple) and child))


def letters(tree: tuple, bound: bool) -> set[str]:
    """Return the letters of the conditions in a tree; with `bound` also the x of {x | x > 1}, whose name is free."""
    match tree:
        case ("builder", letter, _, condition):
            return (letters(condition, bound) | {letter}) if bound else letters(condition, bound) - {letter}
        case ("chain", (r"\in",), left, right):
            return names(left) | letters(right, bound)
        case ("chain", _, *sides):
            return set().union(*map(names, sides))
        case ("list", _, *members) | (("union" | "intersection" | "difference"), *members):
            return set().union(*(letters(member, bound) for member in members))
    return set()


def as_interval(tree: tuple) -> tuple:
    """Return a < x < b as the interval (a, b), whatever a and b are; every other tree unchanged."""
    match tree:
        case ("chain", (("<" | r"\le") as first, ("<" | r"\le") as second), low, ("symbol", letter), high):
            if letter not in names(low) | names(high):
                return "bracket", "[("[first == "<"] + "])"[second == "<"], low, high
    return tree


def same_region(gold: tuple, answer: tuple) -> bool | None:
    """Return whether two sets of numbers are equal, or None if that is not clear.

    A comma between conditions may mean `and` or `or`: one that makes the sets equal is enough.
    """
    used = letters(gold, bound=False), letters(answer, bound=False)
    if used[0] and used[1] and used[0] != used[1]:
        return False
    if any(len(letters(tree, bound=True)) > 1 for tree in (gold, answer)):
        return None
    if domains(gold) != domains(answer):
        return False
    try:
        verdicts = [_same(gold, answer, comma) for comma in (all, any)]
    except Unreadable:
        return None
    if True in verdicts:
        return True
    return None if domains(gold) else False


def _same(gold: tuple, answer: tuple, comma) -> bool:
    ends = sorted({*_ends(gold), *_ends(answer)})
    if len(ends) > MAX_ENDS:
        raise Unreadable("the sets have too many ends")
    ends = [end for place, end in enumerate(ends) if place == 0 or not _equal(end, ends[place - 1])]
    if not ends:
        probes = [0.0]
    else:
        gaps = [(a + b) / 2 for a, b in zip(ends, ends[1:], strict=False)]
        probes = [ends[0] - 1, *ends, *gaps, ends[-1] + 1]
    return all(_holds(gold, probe, comma) == _holds(answer, probe, comma) for probe in probes)


def _equal(x: float, y: float) -> bool:
    return x == y or (math.isfinite(x - y) and abs(x - y) <= CLOSE * max(1.0, abs(x), abs(y)))


def number(tree: tuple, letter_value: float | None = None) -> float:
    """Return the value of an end of an interval, or of one side of a condition at a value of its letter."""
    if tree[0] == "quantity":
        tree = tree[1]
    if tree[0] == "infinity":
        return math.inf
    if tree == ("minus", ("infinity",)):
        return -math.inf

    def at(name: str):
        if letter_value is None or name == "log":
            raise Unreadable("an end of an interval is no number")
        return letter_value, 0.0

    value = evaluate(tree, at)[0]
    if isinstance(value, complex) or abs(value) > MAX_FLOAT:
        raise Unreadable("an end of an interval is not real, or too large")
    return float(value)


def _ends(tree: tuple) -> list[float]:
    match tree:
        case ("bracket", _, low, high):
            found = [number(low), number(high)]
        case ("set", *members):
            found = [number(member) for member in members]
        case ("list", _, *members) | (("union" | "intersection" | "difference"), *members):
            found = [end for member in members for end in _ends(member)]
        case ("builder", _, _, condition):
            found = _ends(condition)
        case ("chain", (r"\in",), ("symbol", _), right):
            found = _ends(right)
        case ("chain", _, *sides):
            found = [end for pair in zip(sides, sides[1:], strict=False) for end in _roots(*pair)]
        case ("domain", _):
            found = []
        case _:
            raise Unreadable(f"{tree[0]} is no set of numbers")
    return [end for end in found if math.isfinite(end)]


def _roots(left: tuple, right: tuple) -> list[float]:
    """Return where two sides are equal, if they are polynomials of degree 2 at most, or their absolute values."""
    if not names(left) and not names(right):
        raise Unreadable("a condition has no letter")
    if "infinity" in (left[0], right[0]) or ("minus", ("infinity",)) in (left, right):
        return []
    if has_part(("sum", left, right), "absolute"):
        return [root for sign in (1, -1) for root in _roots(_without_bars(left, sign), _without_bars(right, sign))]
    f = [number(left, x) - number(right, x) for x in (-2.0, -1.0, 0.0, 1.0, 2.0, 5.0)]
    c, b, a = f[2], (f[3] - f[1]) / 2, (f[3] + f[1]) / 2 - f[2]
    scale = 1e-9 * max(map(abs, f))
    if any(abs(a * x * x + b * x + c - y) > scale for x, y in zip((-2, 2, 5), (f[0], f[4], f[5]), strict=True)):
        raise Unreadable("a condition is not linear or quadratic")
    if abs(a) <= scale:
        return [-c / b] if abs(b) > scale else []
    discriminant = b * b - 4 * a * c
    if abs(discriminant) <= 1e-12 * (b * b + abs(4 * a * c)):
        return [-b / (2 * a)]
    return [(-b + sign * math.sqrt(discriminant)) / (2 * a) for sign in (1, -1)] if discriminant > 0 else []


def _without_bars(tree: tuple, sign: int) -> tuple:
    if tree[0] == "absolute":
        return tree[1] if sign > 0 else ("minus", tree[1])
    return tuple(_without_bars(child, sign) if isinstance(child, tuple) else child for child in tree)


def _holds(tree: tuple, x: float, comma) -> bool:
    """Return whether a number is in a set. `comma` is all or any: what a comma between conditions means."""
    match tree:
        case ("bracket", kind, low, high):
            low, high = number(low), number(high)
            if low > high:
                return False
            if _equal(x, low) or _equal(x, high):
                return (_equal(x, low) and kind[0] == "[") or (_equal(x, high) and kind[1] == "]")
            return low < x < high
        case ("set", *members):
            return any(_equal(x, number(member)) for member in members)
        case ("list", connector, *members):
            join = {"and": all, "or": any, ",": comma}[connector]
            return join(_holds(member, x, comma) for member in members)
        case ("union", *members):
            return any(_holds(member, x, comma) for member in members)
        case ("intersection", *members):
            return all(_holds(member, x, comma) for member in members)
        case ("difference", left, right):
            return _holds(left, x, comma) and not _holds(right, x, comma)
        case ("builder", _, _, condition):
            return _holds(condition, x, comma)
        case ("domain", _):
            return True
        case ("chain", (r"\in",), _, right):
            return _holds(right, x, comma)
    return all(
        _is_related(number(left, x), relation, number(right, x))
        for left, relation, right in zip(tree[2:], tree[1], tree[3:], strict=False)
    )


def _is_related(left: float, relation: str, right: float) -> bool:
    if _equal(left, right):
        return relation in ("=", r"\le", r"\ge")
    return {"<": left < right, r"\le": left < right, ">": left > right, r"\ge": left > right, r"\ne": True}.get(
        relation, False
    )
