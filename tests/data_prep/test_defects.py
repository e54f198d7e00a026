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
"""The rules of data_prep for defects in texts, gold answers and questions, on hand-written examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.defects import answers_of, clean_gold, misses_figure, need_repair, normal, repair


@pytest.mark.parametrize(
    "text, repaired",
    [
        ("\x0crac{1}{2}", "\\frac{1}{2}"),
        ("\x0corall x", "\\forall x"),
        ("\x08oxed{\x08inom{4}{2} \x08eta}", "\\boxed{\\binom{4}{2} \\beta}"),
        ("\x0bec{v}", "\\vec{v}"),
        ("\x07lpha", "\\alpha"),
        ("2 \times 3", "2 \\times 3"),
        ("\text{ cm} \textbf{A} \theta \triangle", "\\text{ cm} \\textbf{A} \\theta \\triangle"),
        ("\right)", "\\right)"),
        ("\nabla f", "\\nabla f"),
    ],
)
def test_latex_that_lost_its_backslash_is_restored(text, repaired):
    assert need_repair([text]) == {0}
    assert repair(text) == (repaired, ["unescaped LaTeX restored"])


@pytest.mark.parametrize(
    "text",
    ["a\ta b", "line\nequal", "x\neq y", "if\r\nso", "{\n\treturn 2*x", "\\frac12", "naïve α", "a\tan angle", "\to"],
)
def test_white_space_that_may_be_intended_stays(text):
    assert repair(text) == (text, [])


def test_other_control_characters_become_spaces():
    assert repair("a\x00b\x0c \ud800") == ("a b   ", ["control characters replaced"])


@given(st.text())
def test_the_quick_check_finds_every_text_that_repair_would_change(text):
    assert need_repair([text]) or repair(text) == (text, [])


@given(st.text())
def test_a_repaired_text_can_be_written_and_needs_no_repair(text):
    repaired, _ = repair(text)
    repaired.encode()
    assert repair(repaired) == (repaired, [])


@pytest.mark.parametrize(
    "answer, gold",
    [
        ("336^\\circ", "336"),
        ("50^{\\circ}", "50"),
        ("$4^{ \\circ }$", "4"),
        ("90°", "90"),
        ("\\frac{990}{7}^\\circ", "\\frac{990}{7}"),
        ("60^\\circ, 120^\\circ", "60, 120"),
        ("30^\\circ.", "30"),
        ("5\\text{ cm}", "5"),
        ("15\\mbox{ cm}^2", "15"),
        ("2.5 \\mathrm{~km}^{2}", "2.5"),
        ("480 + 480\\sqrt{3}\\text{ feet}", "480 + 480\\sqrt{3}"),
        ("34\\text{ sq. units}", "34"),
        ("1.85\\ \\text{USD}", "1.85"),
        ("7\\text{ hours}.", "7"),
        ("137.5\\text{ degrees}", "137.5"),
        ("\\$18.90", "18.90"),
        ("\\$ 5", "5"),
        ("\\$1,\\!657", "1657"),
        ("\\$23{,}000", "23000"),
        ("11,\\! 111,\\! 100", "11111100"),
        ("98,634", "98634"),
        ("-1,000,000.5", "-1000000.5"),
        ("2, 3, \\text{ and } 4", "2, 3, 4"),
        ("-2 \\text{ or } -12", "-2, -12"),
        ("6, 8\\text{, and }10", "6, 8, 10"),
        ("$69$,$84$", "69, 84"),
        ("$221,$8$", "221, 8"),
        ("5,\\,-11", "5, -11"),
        ("$(1,8), (2,7)$", "(1,8), (2,7)"),
        ("t(0,4]", "(0,4]"),
        ("$\\quad(2, 1)$", "(2, 1)"),
        ("43_5.", "43_5"),
        ("5\\,", "5"),
        ("5\\ .", "5"),
    ],
)
def test_what_does_not_belong_to_the_answer_is_removed(answer, gold):
    assert clean_gold(answer)[0] == gold


@pytest.mark.parametrize(
    "answer",
    [
        "17",
        "\\frac{1}{2}",
        "10\\%",
        "\\text{Friday}",
        "\\text{(C)}",
        "8\\!:\\!34 \\text{ p.m.}",
        "3 \\text{ million}",
        "5 \\text{ p.m.}",
        "\\tan 15^\\circ",
        "\\cos(6^\\circ)\\sin(12^\\circ)",
        "(6,235^\\circ)",
        "x^\\circ",
        "2021_{\\text{three}}",
        "f(x)",
        "f(0,1)",
        "[0,1)",
        "\\left( 3, \\frac{\\pi}{2} \\right)",
        "\\{1, 2\\}",
        "3\\sqrt{2}\\text{ or }5",
        "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}",
        "1,\\dots,9",
    ],
)
def test_what_changes_the_value_of_the_answer_stays(answer):
    if answer == "3\\sqrt{2}\\text{ or }5":
        assert clean_gold(answer)[0] == "3\\sqrt{2}, 5"
    elif answer == "1,\\dots,9":
        assert clean_gold(answer)[0] == "1, \\dots, 9"
    else:
        assert clean_gold(answer) == (answer, [])


def test_each_step_that_changed_the_answer_is_named():
    assert clean_gold("$\\$1,\\!657$.")[1] == [
        "$ removed",
        "stray punctuation removed",
        "thousands separators removed",
        "unit removed",
    ]


def test_a_comma_is_a_thousands_separator_unless_the_source_says_that_the_answer_is_a_list():
    assert clean_gold("1,234", is_list=True) == ("1, 234", [])
    assert clean_gold("1,234", is_list=False) == ("1234", ["thousands separators removed"])


@pytest.mark.parametrize(
    "gold, answers",
    [
        ("1", ["1"]),
        ("1, 2", ["1", "2"]),
        ("(1,2)", ["(1,2)"]),
        ("(1,2), (3,4)", ["(1,2)", "(3,4)"]),
        ("[0,1)", ["[0,1)"]),
        ("\\{1,2\\}", ["\\{1,2\\}"]),
        ("\\frac{1,5}{2}, 3", ["\\frac{1,5}{2}", "3"]),
        ("1\\,000", ["1\\,000"]),
    ],
)
def test_answers_are_separated_by_commas_at_the_top_level(gold, answers):
    assert answers_of(gold) == answers


@given(st.text("0123456789,.$\\!^{}() acmtx"))
def test_a_cleaned_gold_answer_needs_no_cleaning(answer):
    gold, _ = clean_gold(answer)
    assert clean_gold(gold, is_list=len(answers_of(gold)) > 1)[0] == gold


@pytest.mark.parametrize(
    "question",
    [
        "The two semicircles are tangent, as shown. Find $r$.",
        "In the diagram, $BP$ and $BQ$ trisect the angle.",
        "The graph is shown in red below. (On it, lines are 1 apart.)",
        "Use the examples shown below.",
        "<image> Find $x$ in the picture above.",
    ],
)
def test_a_question_that_mentions_a_missing_figure_is_flagged(question):
    assert misses_figure(question)


@pytest.mark.parametrize(
    "question",
    [
        "The triangle is as shown. [asy] draw((0,0)--(1,1)); [/asy]",
        "The scores are shown in the diagram. \\begin{tabular}{c} 1 \\end{tabular}",
        "as shown:\n\n| a | b |\n| :--- | ---: |\n| 1 | 2 |",
        "Rows 1 and 2 are shown below.\n1\n1 1",
        "How tall are the figures that he figured out?",
        "The vertex of the graph of $f$ is at 3.",
        "He wants to draw a picture.",
        "Each selfie has two students in the picture.",
    ],
)
def test_a_question_that_contains_its_figure_or_needs_none_is_not_flagged(question):
    assert not misses_figure(question)


def test_the_same_question_has_the_same_normal_form():
    assert normal("An ellipse has a focus at $(d,7).$  Compute $d$.") == normal(
        "An ellipse has a focus at $(d, 7)$; compute $d.$"
    )
    assert normal("\\[\\left|x^{2}\\right|\\,\\text{ and } \\dfrac12\\]") == normal("$|x^2| \\text{and} \\frac{1}{2}$")
    assert normal("Is $x \\cdots y$") == normal("Is $x\\dots y$?")


@pytest.mark.parametrize(
    "a, b",
    [
        ("$3.5$", "$35$"),
        ("(1,23)", "(12,3)"),
        ("5!", "5"),
        ("x+1", "x-1"),
        ("x_1", "x^1"),
        ("\\leftarrow", "\\rightarrow"),
    ],
)
def test_different_questions_have_different_normal_forms(a, b):
    assert normal(a) != normal(b)
