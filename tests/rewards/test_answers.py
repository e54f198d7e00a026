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
"""Answers as text: finding the last box, one spelling, what text decides, and any text in linear time."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymgrpo_verl.rewards.answers import last_boxed, normalize, same_by_text

LATEX = st.text(alphabet="0123456789+-*/^_.,:;=<>()[]{}\\$% abcixyzIπ√½°\n\x00", max_size=60)


@pytest.mark.parametrize(
    "text, answer",
    [
        (r"so $\boxed{17}$.", "17"),
        (r"$\boxed{\frac{1}{2}}$", r"\frac{1}{2}"),
        (r"$\boxed{1}$ or rather $\boxed{2}$", "2"),
        (r"$\boxed 9$.", "9"),
        (r"$\boxed {17}$", "17"),
        (r"\boxed{x=\boxed{5}}", "5"),
        (r"\boxed{\{1,2\}}", r"\{1,2\}"),
        (r"\boxed{\left\{ 1 \right.}", r"\left\{ 1 \right."),
        (r"\boxed{a \\}", r"a \\"),
        (r"$\boxed{}$", ""),
        (r"$\boxed{1", None),
        (r"\boxed{1} and \boxed{2", None),
        (r"$\boxed", None),
        ("17", None),
        ("", None),
    ],
)
def test_the_answer_is_the_content_of_the_last_box(text, answer):
    assert last_boxed(text) == answer


@pytest.mark.parametrize(
    "answer, normal",
    [
        (r"\dfrac12", r"\frac{1}{2}"),
        (r"$\left( 3, \tfrac{1}{2} \right)$", r"(3, \frac{1}{2})"),
        ("1,234,567", "1234567"),
        (r"1{,}000\text{ km}", "1000"),
        ("(1,200)", "(1, 200)"),
        ("1, 234", "1, 234"),
        (r"x = 1,234\pi", r"x=1234\pi"),
        (r"2 \text{ and } 3", "2, 3"),
        (r"864 \mbox{ inches}^2", "864"),
        (r"336^\circ", "336"),
        (r"\$18.90", "18.90"),
        ("0.1\\overline{6}", r"\frac{15}{90}"),
        ("2 3/4", r"2\frac{3}{4}"),
        ("b=2, a=1", "(1, 2)"),
        ("x=1, x=2", "x=1, x=2"),
        (r"3+4i", "3+4I"),
        (r"\pi", r"\pi"),
    ],
)
def test_an_answer_gets_one_spelling(answer, normal):
    assert normalize(answer) == (normal, False)


@pytest.mark.parametrize("answer", ["10\\%", "10%", r"10\text{ percent}", "10 percent"])
def test_a_percentage_is_recognised(answer):
    assert normalize(answer) == ("10", True)


@pytest.mark.parametrize(
    "gold, answer, same",
    [
        ("25", "025", True),
        ("10\\%", "0.1", True),
        ("10", "0.1", False),
        ("100, 200", "100,200", True),  # a list, because the gold answer is one
        ("100200", "100,200", True),
        ("2516_8", "2516_9", False),
        (r"\text{(C)}", "(C) 12", True),
        (r"\text{(C)}", "B", False),
        (r"\{1,2\}", "(1,2)", False),
        (r"\frac{1}{3}", "0.33", False),
        (r"\frac{1}{3}", "0.333333", None),  # math-verify decides, which rounds to 6 digits
        ("x^2-1", "(x-1)(x+1)", None),
        ("5", "", False),
    ],
)
def test_text_decides_equality_or_leaves_it_to_math_verify(gold, answer, same):
    assert same_by_text(gold, answer) is same


@given(LATEX)
def test_every_answer_equals_itself(answer):
    normal, _ = normalize(answer)
    assert normal == "" or same_by_text(answer, answer) is True


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12))
def test_text_decides_integers(x, y):
    assert same_by_text(str(x), f"{y:,}") is (x == y)


@pytest.mark.parametrize("text", ["\\boxed{" * 200_000, "{" * 10**6, "\\" * 10**6, "\\boxed{" + "9" * 10**6 + "}"])
def test_the_box_of_a_text_of_a_megabyte_is_found_in_two_seconds(text):
    start = time.perf_counter()
    last_boxed(text)
    assert time.perf_counter() - start < 2


@pytest.mark.seconds
@given(
    st.sampled_from(["12 ", "x=", "", "\\text{", "{"]),
    st.text("ab1 ,.:{}\\(^=", min_size=1, max_size=4),
    st.sampled_from("!}{a1"),
)
def test_no_answer_needs_long_to_compare(start, middle, end):
    answer = (start + middle * 1000)[:999] + end
    began = time.perf_counter()
    same_by_text(answer, answer + "0")
    assert time.perf_counter() - began < 2
