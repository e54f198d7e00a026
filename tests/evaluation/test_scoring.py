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
"""Score responses: correct or incorrect, and the votes of the responses to a prompt."""

import pytest

from asymgrpo_verl.evaluation.scoring import score


def row(response: str, index=0, gold="12") -> dict:
    return {"data_source": "aime24", "index": index, "ground_truth": gold, "response": response}


def test_a_correct_response_votes_0_and_a_response_without_an_answer_votes_minus_1():
    texts = ["so \\boxed{12}", "\\boxed{12.0}", "\\boxed{13}", "12", "\\boxed{14}", "\\boxed{ 13}", "\\boxed{}"]
    found = score([row(text) for text in texts])
    assert [r["acc"] for r in found] == [1, 1, 0, 0, 0, 0, 0]
    assert [r["pred"] for r in found] == ["12", "12.0", "13", "", "14", "13", ""]
    assert [r["vote"] for r in found] == [0, 0, 1, -1, 2, 1, -1]


def test_equal_incorrect_answers_have_one_vote():
    texts = ["\\boxed{\\frac12}", "\\boxed{1/3}", "\\boxed{0.5}", "\\boxed{\\frac{2}{6}}"]
    assert [r["vote"] for r in score([row(text, gold="7") for text in texts])] == [1, 2, 1, 2]


@pytest.mark.checker
def test_the_answer_checker_decides_whether_incorrect_formulas_are_equal():
    texts = ["\\boxed{(x+1)^2}", "\\boxed{x^2+2x+1}", "\\boxed{x^2+1}"]
    assert [r["vote"] for r in score([row(text, gold="x^3") for text in texts])] == [1, 1, 2]


def test_the_votes_of_a_prompt_do_not_depend_on_other_prompts():
    found = score([row("\\boxed{1}", index=0), row("\\boxed{2}", index=1), row("\\boxed{1}", index=1)])
    assert [r["vote"] for r in found] == [1, 1, 2]


def test_a_response_within_the_tolerance_of_its_prompt_is_correct():
    rows = [row("\\boxed{12.05}") | {"error": "0.1"}, row("\\boxed{12.05}", index=1), row("\\boxed{13}", index=2)]
    assert [r["acc"] for r in score([rows[0], rows[1] | {"error": None}, rows[2] | {"error": "0.1"}])] == [1, 0, 0]
