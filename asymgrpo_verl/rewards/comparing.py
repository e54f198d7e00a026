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
"""Compare two answers as `reading` reads them: lists, equations, units, percentages, choices and words.

Every comparison returns a Verdict: whether the answers are equal, None if no rule decides, and the rule that decided.
"""

from fractions import Fraction

from asymgrpo_verl.rewards.equality import has_part, names, same_value
from asymgrpo_verl.rewards.equations import is_equation, same_equations
from asymgrpo_verl.rewards.regions import as_interval, is_interval, is_region, number, same_region
from asymgrpo_verl.rewards.tokens import Unreadable
from asymgrpo_verl.rewards.units import LETTER_UNITS
from asymgrpo_verl.rewards.verdicts import Verdict

HUNDRED = ("number", Fraction(100), False)
SETS_OF_NUMBERS = {"bracket", "set", "domain", "union", "intersection", "difference", "builder", "chain"}
OTHERS = SETS_OF_NUMBERS | {"dots", "modulo", "matrix"}  # kinds that no expression equals


def same_answers(gold: tuple, answer: tuple) -> Verdict:
    """Return whether two answers say the same. The gold answer decides how a form with two readings is read."""
    return _same(_with_named_parameter(_both_signs(gold)), _with_named_parameter(_both_signs(answer)))


def _same(gold: tuple, answer: tuple) -> Verdict:
    if gold == answer and not is_equation(answer):
        return Verdict(True, "both are read the same")
    gold, answer = _as_tuple(gold, answer), _as_tuple(answer, gold)
    gold, answer = _as_mixed_number(gold, answer), _as_mixed_number(answer, gold)
    gold, answer = _as_equations(gold, answer), _as_equations(answer, gold)
    gold, answer = _without_name(gold, answer), _without_name(answer, gold)
    if (is_region(gold) and is_interval(answer)) or (is_region(answer) and is_interval(gold)):
        verdict = same_region(gold, answer)
        if verdict is not None:
            return Verdict(verdict, "sets of numbers are compared")
        gold, answer = as_interval(gold), as_interval(answer)
    if _is_several(gold) or _is_several(answer):
        return _same_lists(gold, answer)
    if is_equation(gold) or is_equation(answer):
        return same_equations(gold, answer, _same)
    return _same_single(gold, answer)


# Plus or minus, and letters for any integer


def _both_signs(tree: tuple) -> tuple:
    r"""Return a tree in which a \pm b is a list of a + b and a - b."""
    if not has_part(tree, "either"):
        return tree
    if tree[0] in ("list", "set"):
        start = 2 if tree[0] == "list" else 1
        members = []
        for member in map(_both_signs, tree[start:]):
            members += member[2:] if member[0] == "list" else [member]
        return *tree[:start], *members
    both = _with_sign(tree, 1), _with_sign(tree, -1)
    return both[0] if both[0] == both[1] else ("list", ",", *both)


def _with_sign(tree: tuple, sign: int) -> tuple:
    if tree and tree[0] == "either":
        inner = _with_sign(tree[2], sign)
        return inner if tree[1] == sign else ("minus", inner)
    return tuple(_with_sign(part, sign) if isinstance(part, tuple) else part for part in tree)


def _with_named_parameter(tree: tuple) -> tuple:
    r"""Return a list with `k \in \mathbb{Z}` with one name for the letter k, because its name has no meaning."""
    if tree[0] != "list":
        return tree
    for member in tree[2:]:
        match member:
            case ("chain", (r"\in",), ("symbol", letter), ("domain", _)):
                return _renamed(tree, letter)
    return tree


def _renamed(tree: tuple, letter: str) -> tuple:
    if tree == ("symbol", letter):
        return "symbol", "any integer"
    return tuple(_renamed(part, letter) if isinstance(part, tuple) else part for part in tree)


# Lists and tuples


def _is_several(tree: tuple) -> bool:
    return tree[0] in ("list", "set")


def _members(tree: tuple) -> tuple:
    return {"list": tree[2:], "set": tree[1:]}.get(tree[0], (tree,))


def _as_tuple(tree: tuple, other: tuple) -> tuple:
    """Return `x=1, y=2` as (1, 2) if the other answer is a tuple: the values in the order of the letters."""
    if tree[0] != "list" or tree[1] == "or" or other[0] != "bracket" or len(tree) != len(other) or is_region(tree):
        return tree
    values = {}
    for member in tree[2:]:
        match member:
            case ("chain", ("=",), ("symbol", letter), value):
                values[letter] = value
    if len(values) != len(tree) - 2:
        return ("bracket", other[1], *tree[2:]) if other[1] == "()" and tree[1] == "," else tree
    return "bracket", other[1], *(values[letter] for letter in sorted(values))


def _as_mixed_number(tree: tuple, other: tuple) -> tuple:
    """Return `2 and 1/3` as 2 1/3 if the other answer is one number."""
    match tree:
        case (
            "list",
            "and",
            ("number", whole, False),
            ("quotient", ("number", above, _), ("number", below, _)) as part,
        ):
            if whole.denominator == 1 and 0 < above < below and other[0] in ("sum", "quotient", "number"):
                return "sum", tree[2], part
    return tree


def _as_equations(tree: tuple, other: tuple) -> tuple:
    """Return `(a, b) = (2, 9)` as the list a = 2, b = 9 if the other answer is such a list."""
    match tree:
        case ("chain", ("=",), ("bracket", "()", *letters), ("bracket", "()", *values)):
            if len(letters) == len(values) and other[0] == "list" and other[1] != "or":
                if all(member[0] == "chain" for member in other[2:]):
                    return "list", ",", *(("chain", ("=",), *pair) for pair in zip(letters, values, strict=True))
    return tree


def _without_name(tree: tuple, other: tuple) -> tuple:
    r"""Return what x \in \{1, 2\}, P(0, 6), x \equiv 3 (mod 7) or `no solution` say, if the other answer says it so."""
    match tree:
        case ("product", ("symbol", letter), ("bracket", "()", *_) as point) if other[0] == "bracket":
            return point if len(letter) == 1 and letter.isupper() else tree
        case ("chain", (r"\equiv",), ("symbol", _), ("modulo", *_) as residue) if other[0] == "modulo":
            return residue
        case ("words", "no", *kinds, "solution" | "solutions") if other == ("set",) and {*kinds} <= {"real", "integer"}:
            return other
        case ("chain", (r"\in",), ("symbol", _), ("set", *_) as members) if other[0] != "chain":
            return members
    return tree


def _same_lists(gold: tuple, answer: tuple) -> Verdict:
    if "bracket" in (gold[0], answer[0]) and "set" in (gold[0], answer[0]) and not _is_single_set(gold, answer):
        return Verdict(False, "a set is no tuple")
    if "bracket" in (gold[0], answer[0]) and "or" in (gold[1], answer[1]):
        return Verdict(False, "alternatives are no tuple")
    a, b = _members(gold), _members(answer)
    if gold[0] == "bracket" and len(b) == len(gold) - 2 > 1:
        a = gold[2:]
    if answer[0] == "bracket" and len(a) == len(answer) - 2 > 1:
        b = answer[2:]
    if len(a) != len(b):
        return Verdict(False, "the lists have different lengths")
    if not a:
        return Verdict(True, "both are the empty set")
    kinds = [[member[0] for member in members] for members in (a, b)]
    if kinds[0].count("set") != kinds[1].count("set") and "chain" not in kinds[0] + kinds[1]:
        return Verdict(False, "the members of one are sets, those of the other are not")
    ordered = ("dots",) in a or ("dots",) in b or "bracket" in (gold[0], answer[0])
    if ordered and len(a) > 1:
        return _all([_same(x, y) for x, y in zip(a, b, strict=True)], "members are compared in order")
    return _matched(a, list(b))


def _is_single_set(gold: tuple, answer: tuple) -> bool:
    return any(tree[0] == "set" and len(tree) == 2 for tree in (gold, answer))


def _all(verdicts: list[Verdict], why: str) -> Verdict:
    for verdict in verdicts:
        if verdict.same is False:
            return Verdict(False, verdict.why if len(verdicts) == 1 else f"{why}; of one: {verdict.why}")
    return Verdict(None if any(verdict.same is None for verdict in verdicts) else True, why)


def _matched(gold: tuple, answer: list) -> Verdict:
    """Return whether each member of one list has its equal in the other."""
    undecided = False
    for member in gold:
        verdicts = []
        for place, other in enumerate(answer):
            verdicts.append(_same(member, other).same)
            if verdicts[-1]:
                del answer[place]
                break
        else:
            if None not in verdicts:
                return Verdict(False, "a member of the gold answer is missing")
            undecided = True
    return Verdict(None if undecided else True, "members are compared in any order")


# One answer each


def _same_single(gold: tuple, answer: tuple) -> Verdict:
    gold, gold_unit, gold_percent = _measured(gold)
    answer, answer_unit, answer_percent = _measured(answer)
    if gold_unit and answer_unit and gold_unit != answer_unit and "unit" not in dict(gold_unit + answer_unit):
        return Verdict(False, "the units differ")
    if (gold_percent or answer_percent) and not {gold[0], answer[0]} & OTHERS:
        return _same_percentage(gold, gold_percent, answer, answer_percent)
    kinds = {gold[0], answer[0]}
    if "words" in kinds:
        return _same_words(gold, answer)
    if kinds == {"bracket"}:
        if gold[1] != answer[1] or len(gold) != len(answer):
            return Verdict(False, "the brackets differ, or the numbers of their members")
        return _all([_same(x, y) for x, y in zip(gold[2:], answer[2:], strict=True)], "members are compared in order")
    if len(kinds) == 2 and kinds & OTHERS and not (kinds <= SETS_OF_NUMBERS or kinds == {"matrix", "product"}):
        return Verdict(False, f"one is a {gold[0]}, the other a {answer[0]}")
    if kinds & {"ratio", "time"}:
        return _same_ratio(gold, answer)
    if "base" in kinds:
        return _same_base(gold, answer)
    if kinds == {"modulo"}:
        return _all([_same(x, y) for x, y in zip(gold[1:], answer[1:], strict=True)], "residues are compared")
    if kinds & {"matrix", "product", "minus"} and (has_part(gold, "matrix") or has_part(answer, "matrix")):
        return _same_matrix(gold, answer)
    if kinds & OTHERS:
        return _same_parts(gold, answer)
    return _same_expressions(gold, answer)


def _same_expressions(gold: tuple, answer: tuple) -> Verdict:
    verdict = same_value(gold, answer)
    if verdict is None and (has_part(gold, "infinity") or has_part(answer, "infinity")):
        signs = [{("infinity",): 1, ("minus", ("infinity",)): -1}.get(tree) for tree in (gold, answer)]
        return Verdict(signs[0] == signs[1] is not None, "an infinity equals only itself")
    if verdict is None:
        return Verdict(None, "the values of the expressions are not clear")
    if not verdict and not names(gold) and answer[0] == "product" and answer[-1][0] == "symbol":
        if answer[-1][1] in LETTER_UNITS:
            factors = answer[1:-1]
            verdict = same_value(gold, factors[0] if len(factors) == 1 else ("product", *factors))
            return Verdict(verdict, "the letter at the end is read as a unit, because the gold answer is a number")
    return Verdict(verdict, "the values of the expressions are compared")


def _measured(tree: tuple) -> tuple[tuple, tuple, bool]:
    """Return a tree without its unit and its percent sign, the unit, and whether it was a percentage."""
    unit, percent = (), False
    while tree[0] in ("quantity", "percent"):
        unit = tree[2] if tree[0] == "quantity" else unit
        percent = percent or tree[0] == "percent"
        tree = tree[1]
    return tree, unit, percent


def _same_percentage(gold: tuple, gold_percent: bool, answer: tuple, answer_percent: bool) -> Verdict:
    """Compare percentages: 10% equals 10 and 0.1, but not 0.1%. The gold answer 0.1 equals 10%, but not 0.1%."""
    verdict = Verdict(False, "") if not gold_percent and _is_below_one(gold) else _same_single(gold, answer)
    if verdict.same or (gold_percent and answer_percent):
        return Verdict(verdict.same, "the numbers before the percent signs are compared")
    a, b = (("quotient", gold, HUNDRED), answer) if gold_percent else (gold, ("quotient", answer, HUNDRED))
    return Verdict(same_value(a, b), "a percentage is compared with a number, and with a hundredth of it")


def _is_below_one(tree: tuple) -> bool:
    try:
        return abs(number(tree)) < 1
    except Unreadable:
        return False


def _same_words(gold: tuple, answer: tuple) -> Verdict:
    a, b = _as_words(gold), _as_words(answer)
    if a is None or b is None:
        return Verdict(False, "one is a text, the other is none")
    return Verdict(_singular(a) == _singular(b), "the texts are compared")


def _as_words(tree: tuple) -> tuple | None:
    """Return the words of a tree. A product of letters without \\text may be a word: red."""
    match tree:
        case ("words", *words):
            return tuple(words)
        case ("symbol" | "constant", name):
            return (name.casefold(),)
        case ("product", *factors) if all(part[0] in ("symbol", "constant") for part in factors):
            return ("".join(part[1] for part in factors).casefold(),)
        case ("number", number, False):
            return (str(number),)
    return None


def _singular(words: tuple) -> tuple:
    return tuple(word[:-1] if len(word) > 4 and word[-1] == "s" and word[-2] != "s" else word for word in words)


def _same_ratio(gold: tuple, answer: tuple) -> Verdict:
    if gold[0] == answer[0] == "time" and gold[2] != answer[2]:
        return Verdict(False, "one is a.m., the other is p.m.")
    gold, answer = (tree[1] if tree[0] == "time" else tree for tree in (gold, answer))
    if gold[0] == answer[0]:
        if len(gold) != len(answer):
            return Verdict(False, "the ratios have different lengths")
        return _all([_same(x, y) for x, y in zip(gold[1:], answer[1:], strict=True)], "ratios or times are compared")
    gold, answer = (
        ("quotient", *tree[1:]) if tree[0] == "ratio" and len(tree) == 3 else tree for tree in (gold, answer)
    )
    return Verdict(
        False if "ratio" in (gold[0], answer[0]) else same_value(gold, answer), "a ratio is compared as a number"
    )


def _same_base(gold: tuple, answer: tuple) -> Verdict:
    if gold[0] == answer[0]:
        return Verdict(gold[1:] == answer[1:], "digits and bases are compared")
    if gold[0] == "base" and answer[0] == "number":
        same = gold[1] == str(answer[1])
        return Verdict(same, "the digits are compared, the base is left out")
    return Verdict(False, "the answer has a base, the gold answer has none")


def _same_matrix(gold: tuple, answer: tuple) -> Verdict:
    if not (has_part(gold, "matrix") and has_part(answer, "matrix")):
        return Verdict(False, "one is a matrix, the other is none")
    a, b = _as_matrix(gold), _as_matrix(answer)
    if a is None or b is None:
        return Verdict(None, "the matrices are written in different ways")
    if [len(row) for row in a] != [len(row) for row in b]:
        return Verdict(False, "the matrices have different sizes")
    pairs = [pair for rows in zip(a, b, strict=True) for pair in zip(*rows, strict=True)]
    return _all([_same(x, y) for x, y in pairs], "the entries are compared")


def _as_matrix(tree: tuple) -> tuple | None:
    match tree:
        case ("matrix", *rows):
            return tuple(rows)
        case ("product", *factors, ("matrix", *rows)) if not any(has_part(factor, "matrix") for factor in factors):
            return tuple(tuple(("product", *factors, entry) for entry in row) for row in rows)
        case ("minus", ("matrix", *rows)):
            return tuple(tuple(("minus", entry) for entry in row) for row in rows)
    return None


def _same_parts(gold: tuple, answer: tuple) -> Verdict:
    """Compare two trees of one kind part by part, the sets of a union in any order."""
    if gold[0] != answer[0]:
        return Verdict(None, "the sets are written in different ways")
    if gold[0] in ("union", "intersection"):
        return _matched(_flat(gold), list(_flat(answer)))
    if len(gold) != len(answer) or any(x != y for x, y in zip(gold, answer, strict=True) if not isinstance(x, tuple)):
        return Verdict(False if gold[0] in ("dots", "domain") else None, "the parts differ")
    if gold[0] == "chain" and gold[1] != answer[1]:
        return Verdict(None, "the relations differ")
    if gold[0] == "chain" and r"\equiv" in gold[1]:
        return _all([_same(x, y) for x, y in zip(gold[2:], answer[2:], strict=True)], "congruences are compared")
    parts = [(x, y) for x, y in zip(gold, answer, strict=True) if isinstance(x, tuple) and x != y]
    verdict = _all([_same(x, y) for x, y in parts], "the parts are compared")
    return verdict if verdict.same or gold[0] != "chain" else Verdict(None, verdict.why)


def _flat(tree: tuple) -> tuple:
    return tuple(part for child in tree[1:] for part in (_flat(child) if child[0] == tree[0] else (child,)))
