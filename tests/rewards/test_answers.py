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
"""Finding the box, and what text and numbers decide: the same in any order, process and thread, and quickly."""

import csv
import hashlib
import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT, TEST_DATA

from asymgrpo_verl.rewards.answers import (
    as_numbers,
    last_boxed,
    question_for_math,
    reading,
    same_by_text,
    verdict_by_text,
)

LATEX = st.text(alphabet="0123456789+-*/^_.,:;=<>()[]{}\\$%|!' abcixyzINπ√½°\n\x00", max_size=60)


def labelled_pairs() -> list[tuple[str, str]]:
    pairs = []
    for path in sorted(TEST_DATA.glob("answer_pairs*.tsv")):
        with path.open(newline="") as lines:
            pairs += [
                (row["gold"], row["answer"]) for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            ]
    return pairs


@pytest.mark.parametrize(
    "text, answer",
    [
        (r"so $\boxed{17}$.", "17"),
        (r"$\boxed{\frac{1}{2}}$", r"\frac{1}{2}"),
        (r"$\boxed{1}$ or rather $\boxed{2}$", "2"),
        (r"$\boxed 9$.", "9"),
        (r"$\boxed {17}$", "17"),
        (r"$\boxed x$", "x"),
        (r"\boxed{x=\boxed{5}}", "5"),
        (r"\boxed{\{1,2\}}", r"\{1,2\}"),
        (r"\boxed{\left\{ 1 \right.}", r"\left\{ 1 \right."),
        (r"\boxed{a \\}", r"a \\"),
        (r"\boxed{1}. Now \boxed was used", "1"),
        (r"\boxed{1}. \boxed{}, \boxed{ }, \boxed{$\,$}", "1"),
        (r"\boxed{1} \boxedtext{2}", "1"),
        (r"$\boxed{}$", ""),
        (r"$\boxed{1", None),
        (r"\boxed{1} and \boxed{2", None),
        (r"$\boxed", None),
        (r"in \boxed form", None),
        ("17", None),
        ("", None),
    ],
)
def test_the_answer_is_the_content_of_the_last_box_with_something_in_it(text, answer):
    assert last_boxed(text) == answer


@pytest.mark.parametrize(
    "answer, letter",
    [
        ("C", "C"),
        (r"\text{(C)}", "C"),
        ("C)", "C"),
        (r"\textbf{(C)}\ \frac{1}{2}", "C"),
        (r"\text{Option C}", "C"),
        (r"\text{The answer is (C).}", "C"),
        (r"\text{C or D}", ""),
        ("(C) or (D)", ""),
        ("2C", ""),
        ("C+1", ""),
        ("C'", ""),
        ("c", ""),
        (r"\text{C}\text{D}", ""),
    ],
)
def test_the_letter_of_a_choice_is_found(answer, letter):
    assert reading(answer).choice == letter


@pytest.mark.parametrize(
    "gold, answer, same",
    [
        ("25", "025", True),
        (r"10\%", "0.1", True),
        (r"10\%", r"0.1\%", False),
        ("10", "0.1", False),
        ("100, 200", "100,200", True),  # a list, because the gold answer is one
        ("100200", "100,200", True),
        ("2e+3", "3+2e", True),  # the gold answer is a sum, so 2000 is wrong
        ("2e+3", "2000", False),
        ("2000", "2e+3", True),
        ("6", "6m", True),  # metres, because the gold answer is a number
        ("6m", "6", False),
        (r"\frac{1}{3}", "0.33", False),
        (r"\frac{1}{3}", "0.333333", True),  # it agrees to six places
        ("x^2-1", "(x-1)(x+1)", True),
        ("5", "", False),
        ("x", r"\int_0^1 x dx", None),
        ("9", r"9\text{ plus}", None),
    ],
)
def test_text_and_numbers_decide_or_leave_it_open(gold, answer, same):
    assert same_by_text(gold, answer) is same


def test_math_verify_is_asked_about_formulas_but_not_about_unknown_words():
    assert question_for_math("x", r"\int_0^1 x dx") == ("x", r"\int _{0}^{1}x dx")
    assert question_for_math("9", r"9\text{ plus}") is None
    assert question_for_math("9", "9}") is None


@pytest.mark.parametrize(
    "answer, numbers",
    [
        (r"3\times10^{2}\text{ cm}", ("", [300])),
        (r"\frac12, 2\frac13", ("", [Fraction(1, 2), Fraction(7, 3)])),
        ("(1.5, -2)", ("()", [Fraction(3, 2), -2])),
        (r"\{1,2\}", ("{}", [1, 2])),
        (r"\sqrt{2}", None),
        ("x", None),
        ("{", None),
    ],
)
def test_exact_numbers_of_an_answer(answer, numbers):
    assert as_numbers(answer) == numbers


@given(LATEX)
def test_every_answer_equals_itself_and_no_answer_raises(answer):
    assert reading(answer).latex == "" or same_by_text(answer, answer) in (True, False)
    assert not answer.strip(" $~\n") or same_by_text(answer, answer) is not None


@given(LATEX, LATEX)
def test_no_pair_of_answers_raises(gold, answer):
    assert verdict_by_text(gold, answer).same in (True, False, None)


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12))
def test_text_decides_integers(x, y):
    assert same_by_text(str(x), f"{y:,}") is (x == y)
    assert same_by_text(str(x), str(y)) is (x == y)


@given(st.fractions(), st.fractions())
def test_fractions_are_equal_as_numbers_are(x, y):
    def written(z: Fraction) -> str:
        return rf"\frac{{{z.numerator}}}{{{z.denominator}}}"

    assert same_by_text(written(x), written(y)) is (x == y)
    assert same_by_text(written(x), f"{x.numerator}/{x.denominator}") is True


def test_verdicts_do_not_depend_on_the_order_or_on_what_was_compared_before():
    pairs = labelled_pairs()
    first = [verdict_by_text(*pair) for pair in pairs]
    order = list(range(len(pairs)))
    random.Random(0).shuffle(order)
    again = {place: verdict_by_text(*pairs[place]) for place in order}
    reading.cache_clear()
    with ThreadPoolExecutor(8) as threads:
        in_threads = list(threads.map(lambda pair: verdict_by_text(*pair), pairs))
    assert first == [again[place] for place in range(len(pairs))] == in_threads


def digest() -> str:
    return hashlib.sha256(repr([verdict_by_text(*pair) for pair in labelled_pairs()]).encode()).hexdigest()


@pytest.mark.process
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "1", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "2", "LC_ALL": "tr_TR.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
    ],
)
def test_verdicts_are_the_same_in_another_process_and_locale(environment):
    code = "import sys; sys.path += ['.', 'tests', 'tests/rewards']; import test_answers; print(test_answers.digest())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.stdout.strip() == digest(), done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "\\boxed{" * 200_000,
        "{" * 10**6,
        "\\" * 10**6,
        "\\boxed{" + "9" * 10**6 + "}",
        "\\boxed{}" * 100_000,
        "\\boxed word " * 100_000,
        "\\boxed{\\ }" * 100_000,
    ],
)
def test_the_box_of_a_text_of_a_megabyte_is_found_in_two_seconds(text):
    start = time.perf_counter()
    last_boxed(text)
    assert time.perf_counter() - start < 2


@pytest.mark.seconds
@given(
    st.sampled_from(["12 ", "x=", "", "\\text{", "{"]),
    st.text("ab1 ,.:{}\\(^=|<'!/_", min_size=1, max_size=4),
    st.sampled_from("!}{a1"),
)
def test_no_answer_needs_long_to_compare(start, middle, end):
    answer = (start + middle * 1000)[:999] + end
    began = time.perf_counter()
    same_by_text(answer, answer + "0")
    assert time.perf_counter() - began < 2


@pytest.mark.seconds
@pytest.mark.parametrize(
    "piece",
    [
        r"\cup(1,2)",
        r"\frac",
        r"\sqrt",
        "(",
        "|",
        r"\pm",
        "x^",
        "x!",
        "1/",
        "f(",
        "2^",
        "1=",
        r"\sin",
        "9",
        "x<1,",
        "9^{9}",
        "ab",
    ],
)
@pytest.mark.parametrize("gold", ["5", "x+7", "(1,2)", r"(-\infty,1)\cup(2,\infty)", "y=2x+1", "1,2,3"])
def test_a_form_repeated_to_the_maximum_length_takes_less_than_a_second_of_processor_time(piece, gold):
    answer = piece * (999 // len(piece))
    began = time.thread_time()
    same_by_text(gold, answer)
    same_by_text(answer, gold)
    assert time.thread_time() - began < 1
