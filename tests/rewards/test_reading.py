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
"""What an answer is read as: tokens in one spelling, trees, units, values and sets of numbers."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymgrpo_verl.rewards.equality import POSITIVE, compare, points, same_value, value_at_a_zero
from asymgrpo_verl.rewards.reading import read
from asymgrpo_verl.rewards.regions import same_region
from asymgrpo_verl.rewards.showing import show
from asymgrpo_verl.rewards.tokens import Unreadable, latex, tokenize
from asymgrpo_verl.rewards.units import unit_of
from asymgrpo_verl.rewards.values import evaluate


def tree(answer: str) -> tuple:
    return read(tokenize(answer))


def value(answer: str) -> float | complex:
    return evaluate(tree(answer), points(POSITIVE[0], (Fraction(10), 0.0)))[0]


@pytest.mark.parametrize(
    "spellings",
    [
        [r"\frac{1}{2}", r"\frac12", r"\dfrac 1 2", r"{1\over2}", "½", r"\frac1{2}"],
        [r"\frac{\pi}{6}", r"\frac\pi6", r"\tfrac{\pi}6"],
        [r"\sqrt{2}", r"\sqrt2", r"\sqrt 2", "√2"],
        [r"x\le 3", r"x\leq 3", "x≤3", "x<=3", r"x \leqslant 3"],
        ["1234567", "1,234,567", r"1{,}234{,}567", r"1\,234\,567", r"1,\!234,\!567", r"1, \! 234, \! 567"],
        ["(1,2)", r"\left( 1,\, 2 \right)", r"$(1,2)$", r"\bigl(1,2\bigr)"],
        [r"1,2,\dots", r"1,2,\ldots", r"1,2,\cdots", "1,2,..."],
        ["h'(2)", r"h^{\prime}(2)", "h′(2)"],
        [r"5\text{ cm}", r"5\,\mathrm{cm}", r"5\mbox{ cm}", "5 cm", r"5~\text{cm}", "5 centimeters"],
        [r"\{1\}", r"\lbrace 1 \rbrace"],
        [r"\sin x", "sin x", r"\operatorname{sin}x", r"\mathrm{sin}\,x"],
        [r"\binom{5}{2}", r"\dbinom52", r"{5\choose2}"],
        ["x^{10}", "x^10"],
        [r"3\times10^8", r"3\cdot10^{8}", "3*10^8"],
    ],
)
def test_one_answer_in_several_spellings_has_one_tree(spellings):
    assert {tree(spelling) for spelling in spellings} == {tree(spellings[0])}


@pytest.mark.parametrize(
    "answer, shown",
    [
        (r"2\frac{1}{3}", "2 + 1/3"),
        (r"2\cdot\frac{1}{3}", "2 * (1/3)"),
        ("2 3/4", "2 + 3/4"),
        (r"\frac125", "(1/2) * 5"),
        (r"x+{1\over x}", "x + 1/x"),
        (r"\frac{5\pm\sqrt{13}}{6}", "(5 ± sqrt(13))/6"),
        ("14pqr", "14 * p * q * r"),
        (r"9\text{ tenths}", "9 * (1/10)"),
        (r"24\text{ square feet}", "24 [ft^2]"),
        (r"20\frac{\text{m}}{\text{s}}", "20 [m s^-1]"),
        (r"9\text{ red marbles}", "9 [things]"),
        (r"33\frac13\%", "(33 + 1/3) percent"),
        ("40, 250", "list: 40; 250"),
        ("x<-2 \\text{ or } x>5", "any of: x < -2; x > 5"),
        (r"\{x\in\mathbb{R} : x>3\}", "{x in R where x > 3}"),
        (r"[1,6)\cup\{9\}", "[1, 6) union {9}"),
        (r"\text{2, 34}", "list: 2; 34"),
        (r"\text{North Pole}", 'the text "north pole"'),
        (r"\sin 2x\cos x", "sin(2 * x) * cos(x)"),
        (r"\log_2 8", "log base 2 (8)"),
        (r"\sin 30^\circ", "sin(degrees(30))"),
        (r"8\!:\!34 \text{ p.m.}", "8 : 34 p.m."),
        ("2516_8", "2516 in base 8"),
        (r"\text{A5}_{11}", "A5 in base 11"),
        (r"0.1\overline{6}", "1/6"),
        ("2.5e-4", "0.00025"),
        ("p(x)=x+1", "p(x) = x + 1"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "matrix [1, 2; 3, 4]"),
        (r"n\equiv1\pmod6", "n equiv 1 modulo 6"),
    ],
)
def test_an_answer_is_read_as_what_it_says(answer, shown):
    assert show(tree(answer)) == shown


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "{",
        "}",
        "(1",
        "1 2",
        "[1)",
        "|x",
        "5!!",
        r"\frac",
        r"9\text{ plus}",
        r"5\text{ not}",
        r"\int x",
        "1" + "/2" * 200,
        "(" * 60,
    ],
)
def test_what_no_rule_reads_is_unreadable(answer):
    with pytest.raises(Unreadable):
        tree(answer)


def test_latex_has_every_argument_in_braces():
    assert latex(tokenize(r"\frac\pi6+\sqrt[3]2x^10")) == r"\frac {\pi}{6}+\sqrt [3]{2}x^{10}"


@pytest.mark.parametrize(
    "words, unit",
    [
        ("cm", (("cm", 1),)),
        ("square inches", (("in", 2),)),
        ("in ^2", (("in", 2),)),
        ("miles per hour", (("h", -1), ("mi", 1))),
        ("mph", (("h", -1), ("mi", 1))),
        ("m / s ^2", (("m", 1), ("s", -2))),
        ("marbles", ()),
        ("people", ()),
        ("different ways", ()),
        ("students per class", ()),
        ("slices of pizza", ()),
        ("tenths", None),
        ("squared", None),
        ("factorial", None),
        ("or more", None),
        ("abc", None),
        ("plus", None),
        ("of them", None),
        ("east", None),
    ],
)
def test_a_unit_is_from_a_list_and_other_words_are_counted_things_or_no_unit(words, unit):
    assert unit_of(words.split()) == unit


@pytest.mark.parametrize(
    "answer, number",
    [
        (r"\frac{1}{2}+\frac{1}{3}", Fraction(5, 6)),
        (r"\sqrt{\frac{4}{9}}", Fraction(2, 3)),
        (r"\sqrt[3]{-8}", -2),
        (r"8^{2/3}", 4),
        ("2^{100}", 2**100),
        (r"\binom{10}{3}", 120),
        ("6!", 720),
        (r"\log_2 8", 3),
        (r"\log 1000", 3),
        (r"\lfloor 7/2\rfloor", 3),
        (r"\lceil 7/2\rceil", 4),
        ("|-3|", 3),
        ("2-3*4", -10),
        ("-2^2", -4),
        ("12/3/2", 2),
    ],
)
def test_rational_values_are_exact(answer, number):
    assert value(answer) == number and isinstance(value(answer), Fraction)


@pytest.mark.parametrize(
    "answer, number",
    [
        (r"\sqrt{2}", math.sqrt(2)),
        (r"e^{i\pi}", -1),
        (r"\sin 30^\circ", 0.5),
        (r"\cos\frac{\pi}{3}", 0.5),
        (r"\arctan 1", math.pi / 4),
        (r"\tan^{-1} 1", math.pi / 4),
        (r"\ln 2", math.log(2)),
        (r"\sin^2 1", math.sin(1) ** 2),
        (r"(1+i)^2", 2j),
        (r"\frac{7}{2}!", math.gamma(4.5)),
    ],
)
def test_other_values_are_floats(answer, number):
    assert value(answer) == pytest.approx(number, rel=1e-12)


@pytest.mark.parametrize(
    "answer", [r"\frac{1}{0}", "0^0", r"\log 0", "9^{9^{9^9}}", r"(-1)!", "10^{400}+\\pi", r"\frac12!\cdot i!"]
)
def test_what_has_no_value_is_unreadable(answer):
    with pytest.raises(Unreadable):
        value(answer)


@given(st.floats(0.01, 1e6), st.floats(0.01, 1e6))
def test_the_error_of_a_value_is_bounded(x, y):
    a, b = Fraction(x).limit_denominator(10**6), Fraction(y).limit_denominator(10**6)
    written = rf"\left(\sqrt{{{a}}}+\sqrt{{{b}}}\right)^2-2\sqrt{{{a}}}\sqrt{{{b}}}"
    number, error = evaluate(tree(written), points(POSITIVE[0], (Fraction(10), 0.0)))
    assert abs(number - (a + b)) <= error or number == a + b
    assert compare((number, error), (a + b, 0.0)) in (True, None)


@pytest.mark.parametrize(
    "x, y, same",
    [
        ("(x+1)^3", "x^3+3x^2+3x+1", True),
        ("(x+1)^3", "x^3+3x^2+3x+2", False),
        (r"\sin^2x+\cos^2x", "1", True),
        ("x", "X", False),
        ("f'(x)", "f(x)", False),
        ("f(x+1)", "f(1+x)", True),
        ("f(2x)", "2f(x)", False),
        (r"\sqrt{x^2}", "x", None),  # true for positive x alone
        ("x+10^{-12}", "x", False),
        ("2^{-98}", "3^{-98}", False),
        (r"\sqrt{10^{10}+1}", "10^5", None),
        (r"\sqrt{2}", "1.414214", True),
        (r"\sqrt{2}", "1.414", False),
        ("10^{-7}", "0.0000002", False),
        (r"\log 8", r"3\log 2", True),
        (r"\log 100", "2", True),
        (r"\log e", "1", True),
        (r"\frac{n!}{(n-1)!}", "n", True),
        (r"\binom{n}{2}", r"\frac{n(n-1)}{2}", True),
        (r"\frac{x^2-1}{x-1}", "x+1", True),
        ("5-12i", "D", False),
    ],
)
def test_expressions_are_equal_if_their_values_are(x, y, same):
    assert same_value(tree(x), tree(y)) is same


def test_a_value_is_taken_where_another_expression_is_zero():
    number, error = value_at_a_zero(tree("y-x"), tree("y-2x-3"))
    x = evaluate(tree("x"), points(POSITIVE[0], (Fraction(10), 0.0)))[0]
    y = evaluate(tree("y"), points(POSITIVE[0], (Fraction(10), 0.0)))[0]
    assert min(abs(number - (x + 3)), abs(number - (y - (y - 3) / 2))) < 1e-9
    assert value_at_a_zero(tree("x"), tree("x^2+1")) is None


@pytest.mark.parametrize(
    "gold, answer, same",
    [
        ("(1,3)", "1<x<3", True),
        ("(1,3)", r"x>1\text{ or }x<3", False),
        ("(1,3)", r"1\le x<3", False),
        (r"(-\infty,1)\cup(3,\infty)", r"|x-2|>1", True),
        (r"(-\infty,1)\cup(3,\infty)", r"x^2-4x+3>0", True),
        (r"(-\infty,1)\cup(3,\infty)", r"\mathbb{R}\setminus[1,3]", True),
        (r"(-\infty,1)\cup(1,\infty)", r"x\ne1", True),
        (r"[0,1)\cup[1,2]", "[0,2]", True),
        (r"(0,1)\cup(1,2)", "(0,2)", False),
        ("x>1", "y>1", False),
        (r"\{x\mid x>1\}", r"\{y\mid y>1\}", True),
        (r"\{x\in\mathbb{Z}\mid x>1\}", "(1,\\infty)", False),
        ("x>a", "x>b", False),
        ("x>a", "a<x", None),
        ("x^3>8", "x>2", None),
    ],
)
def test_sets_are_equal_if_the_same_numbers_are_in_both(gold, answer, same):
    assert same_region(tree(gold), tree(answer)) is same


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=4), st.randoms())
def test_the_order_of_a_union_does_not_matter(ends, draw):
    intervals = [f"[{min(pair)},{max(pair)}]" for pair in ends]
    shuffled = draw.sample(intervals, len(intervals))
    assert same_region(tree(r"\cup ".join(intervals)), tree(r"\cup ".join([*shuffled, "[9,9]", "[8,9]"]))) in (
        True,
        False,
    )
    assert (
        same_region(tree(r"\cup ".join([*intervals, "[20,21]"])), tree(r"\cup ".join(["[20,21]", *shuffled]))) is True
    )
