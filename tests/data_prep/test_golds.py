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
"""Which gold answer data_prep finds in answers and in worked solutions, on hand-written examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymgrpo_verl.rewards.answers import last_boxed
from data_prep.golds import (
    ALTERNATIVES,
    COMMA,
    EARLIER_BOX,
    ONE_SENTENCE,
    SEVERAL_LINES,
    SEVERAL_SENTENCES,
    Gold,
    asks_for_several,
    gold_in_answer,
    gold_in_solution,
    members_of,
)


@pytest.mark.parametrize(
    "solution, answer",
    [
        (r"It is $\boxed{7}$.", "7"),
        (r"It is $\boxed{\frac{1}{2}}$ of $\{1\}$.", r"\frac{1}{2}"),
        (r"It is $\boxed{\{1\}}$.", r"\{1\}"),
        (r"It is \boxed 7 of {8}.", "7"),
        ("3+4=7.\n#### 7", "7"),
        ("3+4=7.\n#### 1,002 ", "1,002"),
        ("It is 7.", None),
        (r"It is \boxed{}.", ""),
        (r"It is \boxed{7.", None),
    ],
)
def test_a_solution_says_its_answer_in_a_box_or_after_four_hashes(solution, answer):
    assert gold_in_solution(solution, "What is it?") == Gold(answer)


@given(st.text(r"\boxed{}7 ", max_size=30))
def test_the_only_box_of_a_solution_is_its_last_box(text):
    solution = r"\boxed{" + text.replace("boxed", "")
    assert gold_in_solution(solution, "What is it?").answer == last_boxed(solution)


@pytest.mark.parametrize(
    "solution, answers",
    [
        (r"The roots are $\boxed{1}$, $\boxed{2}$, and $\boxed{3}$.", "1, 2, 3"),
        (r"They meet at $\boxed{(-2,18)}$ and $\boxed{(8,38)}$.", "(-2,18), (8,38)"),
        (r"Hence $t=\boxed{7}$ or $t=\boxed{-4}$.", "7, -4"),
        (r"\[x=\boxed{1},\quad y=\boxed{\frac{1}{2}}.\]", r"1, \frac{1}{2}"),
        (r"The least is $\boxed{3}$ and the greatest is $\boxed{9}$.", "3, 9"),
        (r"It is either $\boxed{2}$ cm or $\boxed{5}$ cm.", "2, 5"),
        (r"We have $f(1) = \boxed{2}$, $f(2)=\boxed{5}$ and $x_3=\boxed{7}$.", "2, 5, 7"),
    ],
)
def test_the_boxes_of_the_last_sentence_are_the_answers_in_their_order(solution, answers):
    assert gold_in_solution(solution, "Solve it.") == Gold(answers, is_list=True)


@pytest.mark.parametrize(
    "solution",
    [
        r"There are $\boxed{4}$ ways. For each there are five, so there are $4\cdot5=\boxed{20}$.",
        r"$\log_2 4=\boxed{2}$, so $\log_2 16=\boxed{20}$",
        "It is \\boxed{4}\n\nand \\boxed{20}",
        r"First, $\boxed{3}$ is tried and then $\boxed{20}$.",
        r"There are $\boxed{5}$ and $\boxed{4}$ ways, in all $5\cdot4=\boxed{20}$.",
    ],
)
def test_a_box_of_an_earlier_step_is_not_the_answer_and_the_row_is_flagged(solution):
    assert gold_in_solution(solution, "How many are there?") == Gold("20", flag=EARLIER_BOX)


def test_a_box_is_ignored_if_it_repeats_the_answer_is_denied_or_is_empty_or_drawn():
    for solution in (
        r"It is $\boxed{\frac12}$. In another way, it is $\boxed{\frac{1}{2}}$.",
        r"Not $\boxed{1}$, $\boxed{\frac{1}{2}}$.",
        r"Fill $\boxed{\phantom{0}}$ in. It is $\boxed{\frac{1}{2}}$.",
        r'[asy] label("$\boxed{9}$"); [/asy] It is $\boxed{\frac{1}{2}}$.',
    ):
        assert gold_in_solution(solution, "What is it?") == Gold(r"\frac{1}{2}")


@pytest.mark.parametrize(
    "solution, question, rule",
    [
        (r"It is $\boxed{28}$ or $\boxed{28_9}$.", "What is it in base 9?", ONE_SENTENCE),
        (r"It yields $\boxed{2-b}$, or $\boxed{-b+2}$.", "Simplify it.", ONE_SENTENCE),
        (r"It is $\boxed{4}\cdot5=\boxed{20}$.", "How many?", ONE_SENTENCE),
        (r"It is $2\cdot2=\boxed{4}$ and $4\cdot5=\boxed{20}$.", "How many?", ONE_SENTENCE),
        (r"They are $\boxed{(0,1)}$ and $\boxed{(0,7)}$.", "Find either of the foci.", ONE_SENTENCE),
        (r"One is $\boxed{60}$. The other is $\boxed{30}$.", "List both angles.", SEVERAL_SENTENCES),
    ],
)
def test_a_solution_that_can_be_read_in_two_ways_drops_its_row(solution, question, rule):
    assert gold_in_solution(solution, question) == Gold(None, drop=rule)


@pytest.mark.parametrize(
    "question",
    [
        "Enter the angles, separated by commas.",
        "List the two measures from least to greatest.",
        "Find all real solutions of $x^2=2$.",
        "Find both values of $t$.",
    ],
)
def test_a_question_may_ask_for_several_answers(question):
    assert asks_for_several(question)


@pytest.mark.parametrize(
    "question",
    [
        "How many two-digit numbers are there?",
        "Find the sum of all real solutions of $x^2=2$.",
        "In how many ways can both jars be taken?",
        "What is $7+8$?",
    ],
)
def test_a_question_may_ask_for_one_answer(question):
    assert not asks_for_several(question)


LIST, NUMBER, UNCLEAR = Gold("15, 120", is_list=True), Gold("15,120"), Gold(None, drop=COMMA)


@pytest.mark.parametrize(
    "question, solution, gold",
    [
        ("List the two angles in degrees.", r"They are $40-25=15$ and $80+40=120$: $\boxed{15,120}$.", LIST),
        ("What are the angles?", r"One is 15 and one is 120, so they are $\boxed{15,120}$.", LIST),
        ("What is the product?", r"It is $15\cdot1008=\boxed{15,120}$.", NUMBER),
        ("How many are 15 rows of 120 and more?", r"With 15 and 120 it is $\boxed{15,120}$.", NUMBER),
        ("What is it?", r"From 15 and 120 we get $\boxed{15,120}$.", UNCLEAR),
        ("List the two angles.", r"We find $\boxed{15,120}$.", UNCLEAR),
    ],
)
def test_a_comma_is_between_answers_or_between_thousands_as_the_texts_say(question, solution, gold):
    assert gold_in_solution(solution, question) == gold


def test_without_a_solution_the_question_says_what_a_comma_means():
    assert gold_in_answer("15,120", "List the two angles, separated by commas.") == LIST
    assert gold_in_answer("15,120", "How many seats are there?") == NUMBER
    assert gold_in_answer("1,23", "What is it?") == Gold("1,23"), "no thousands"


@pytest.mark.parametrize(
    "text, gold",
    [
        ("12", Gold("12")),
        ("It is $\\boxed{12}$.", Gold("12")),
        ("6+6=12\n#### 12", Gold("12")),
        ('["12"]', Gold("12")),
        ('["12", "12"]', Gold("12")),
        ('["12", "13"]', Gold(None, drop=ALTERNATIVES)),
        ("[0,1)", Gold("[0,1)")),
        ("proof", Gold(None)),
        ("notfound", Gold(None)),
        ("One and one\nis two.", Gold(None, drop=SEVERAL_LINES)),
        ("\\begin{pmatrix} 1 \\\\\n 2 \\end{pmatrix}", Gold("\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}")),
    ],
)
def test_an_answer_may_be_bare_a_solution_or_a_list_of_one(text, gold):
    assert gold_in_answer(text, "What is it?") == gold


@pytest.mark.parametrize(
    "text, members",
    [
        (r"['$\\frac{2}{3}$']", [r"$\frac{2}{3}$"]),
        (r"['$\frac{2}{3}$']", [r"$\frac{2}{3}$"]),
        (r"['\begin{array}{c}1\\x\end{array}']", [r"\begin{array}{c}1\\x\end{array}"]),
        (r'["\\nabla f", "x\ny"]', [r"\nabla f", "x\ny"]),
        (r"""["it's", 'a \'b\'']""", ["it's", "a 'b'"]),
        ("['5' '-5'\n '7']", ["5", "-5", "7"]),
        ("[]", []),
        ("[1, 2)", None),
        ("[0,1]", None),
        ("5", None),
        ('["a"] or ["b"]', None),
    ],
)
def test_a_list_as_text_is_read_with_its_backslashes(text, members):
    assert members_of(text) == members
