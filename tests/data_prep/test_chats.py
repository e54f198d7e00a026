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
"""Problems in chats, and instructions around them."""

import pytest

from data_prep.chats import Chat, chat_of, without_frame
from data_prep.tables import INSTRUCTIONS

PROBLEM = "How many two-digit multiples of 13 are there?"
DAPO = (
    "Solve the following math problem step by step. The last line of your response should be of the form Answer: "
    "$Answer (without quotes) where $Answer is the answer to the problem."
)


@pytest.mark.parametrize(
    "prompt",
    [
        f'{DAPO}\n\n{PROBLEM}\n\nRemember to put your answer on its own line after "Answer:".',
        f"{PROBLEM} {INSTRUCTIONS['boxed']}",
        f"{PROBLEM}\n{INSTRUCTIONS['qwen2.5-math']}",
        f"{INSTRUCTIONS['qwen2.5-math']}\n\nProblem:\n{PROBLEM}",
        f'{PROBLEM} Let\'s think step by step and output the final answer after "####".',
        f"{PROBLEM}\n\nPresent the answer in LaTex format: \\boxed{{Your answer}}",
        f"{PROBLEM} Put your answer in <answer> </answer> tags.",
        f"Question: {PROBLEM}\nAnswer:",
    ],
)
def test_an_instruction_about_the_form_of_the_answer_is_removed(prompt):
    assert without_frame(prompt) == PROBLEM


@pytest.mark.parametrize(
    "question",
    [
        PROBLEM,
        "Fill $\\boxed{\\phantom{0}}$ in: $3+\\boxed{\\phantom{0}}=5$.",
        "Solve the following system: $x=1$, $y=2$. Give $x+y$.",
        "Show step by step that $2=2$. What is $x$?",
        "Find $x$. Give your answer as a fraction.",
        "Solve $2x+3=7$ step by step. What is $x$?",
        INSTRUCTIONS["boxed"],
    ],
)
def test_the_problem_itself_stays(question):
    assert without_frame(question) == question


def test_what_an_instruction_adds_to_the_problem_stays():
    asked = f"{PROBLEM} Give your answer in base 7."
    assert without_frame(f"{asked} Put your final answer in \\boxed{{}}.") == asked


def test_a_chat_has_roles_or_persons():
    roles = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "1+1?"}]
    assert chat_of(roles) == Chat("1+1?", None, True, roles)
    persons = [{"from": "human", "value": "1+1?"}, {"from": "gpt", "value": "It is \\boxed{2}."}]
    assert chat_of(persons) == Chat("1+1?", "It is \\boxed{2}.", True, [{"role": "user", "content": "1+1?"}])
    truth = {"from": "assistant", "ground_truth": {"value": "2"}}
    assert chat_of([persons[0], truth]).answer == "2" and not chat_of([persons[0], truth]).is_worked
    assert chat_of('[{"role": "user", "content": "1+1?"}]').question == "1+1?"
    assert chat_of("1+1?") == Chat("1+1?")


def test_a_chat_of_several_turns_has_no_question():
    assert chat_of([{"role": "user", "content": "1+1?"}, {"role": "user", "content": "And 1+2?"}]).question is None


@pytest.mark.parametrize("value", [7, [], ["1+1?"], {"role": "user"}, [{"role": "user", "content": None}]])
def test_what_is_no_chat_is_an_error(value):
    with pytest.raises(ValueError, match="expected a text"):
        chat_of(value)
