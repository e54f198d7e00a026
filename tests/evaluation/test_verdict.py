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
"""The command `asymgrpo verdict`: one answer, and the verdicts of files against ours."""

import json
import re

import pandas as pd
import pytest
from console import asymgrpo

from asymgrpo_verl.evaluation.responses import SCORED, write_responses
from asymgrpo_verl.rewards.maths import compute_score


@pytest.mark.parametrize(
    "gold, answer, verdict, why",
    [
        (r"\frac{1}{2}", "0.5", "correct", "the values of the expressions are compared"),
        (r"5\text{ cm}", r"5\text{ km}", "incorrect", "the units differ"),
        ("9", "x=3+5=9", "incorrect", "two sides of the answer's equation differ"),
        ("(1,2)", "x>1 and x<2", "correct", "sets of numbers are compared"),
        ("C", r"\text{Option B}", "incorrect", "the letters of the choices are compared"),
        ("9", r"9\text{ plus}", "undecided (scores 0)", "plus is no unit"),
        ("17", r"So \boxed{17}, in \boxed form", "correct", "both are the same text"),
        (r"\boxed{17}", "17", "correct", "both are the same text"),
    ],
)
def test_the_verdict_and_its_reason_are_what_the_reward_has(gold, answer, verdict, why):
    done = asymgrpo("verdict", gold, answer)
    assert done.status == 0 and done.stderr == ""
    assert done.stdout.splitlines()[0] == f"{verdict}: {why}"
    response = answer if "\\boxed" in answer else rf"\boxed{{{answer}}}"
    assert compute_score("", response, gold)["score"] == float(verdict == "correct")


def test_what_both_sides_were_read_as_is_printed():
    assert asymgrpo("verdict", "--", "-1", r"-\frac{2}2").stdout == (
        "correct: the values of the expressions are compared\n"
        "decided by: our rules\n"
        "gold:       -1\n"
        "  read as:  -1\n"
        "answer:     -\\frac{2}2\n"
        "  read as:  -(2/2)\n"
    )


@pytest.mark.checker
def test_the_engine_that_decided_is_named():
    done = asymgrpo("verdict", r"\frac{1}{2}", r"\int_0^1 x dx")
    assert done.stdout.splitlines()[:2] == [
        r"correct: \int is not known, so math-verify compares them",
        "decided by: math-verify",
    ]
    assert r"read as:  nothing that our rules know (\int is not known)" in done.stdout


@pytest.mark.parametrize(
    "arguments", [[], ["5"], ["5", "6", "--responses", "x.jsonl"], ["5", "--responses", "x.jsonl"]]
)
def test_other_arguments_are_an_error(arguments):
    done = asymgrpo("verdict", *arguments)
    assert done.status == 2 and "expected GOLD and ANSWER, or --responses" in done.stderr


@pytest.mark.parametrize(
    "gold, answer, message",
    [
        (" ", "5", "GOLD: got an empty text; expected the gold answer."),
        ("5", r"\boxed{}", r"ANSWER: got a response without an answer in a box: '\\boxed{}'."),
        ("5", r"in \boxed form", r"ANSWER: got a response without an answer in a box"),
    ],
)
def test_a_missing_answer_is_an_error(gold, answer, message):
    done = asymgrpo("verdict", gold, answer)
    assert done.status == 1 and done.stderr.startswith(f"asymgrpo verdict: {message}") and done.stdout == ""


ROWS = [
    {"ground_truth": "5", "response": r"\boxed{5}", "acc": 1},
    {"ground_truth": "5", "response": r"\boxed{5\text{ tenths}}", "acc": 1},
    {"ground_truth": r"\frac{\pi}{6}", "response": r"\boxed{\frac\pi6}", "acc": 0},
    {"ground_truth": "5", "response": "no box", "acc": 0},
    {"ground_truth": "9", "response": r"\boxed{9\text{ plus}}", "acc": 0},
    {"ground_truth": "5", "response": r"\boxed{5}", "acc": None},
]
SUMMARY = """6 responses: 3 verdicts agree
    correct in the file, not here: 1
    incorrect in the file, correct here: 1
    without a verdict in the file: 1
    without a box: 1
    undecided, which scores 0: 1
    given up, which scores 0: 0
"""


def lines(rows: list[dict], path):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_disagreements_with_a_file_are_listed_and_counted(tmp_path):
    path = lines(ROWS, tmp_path / "responses.jsonl")
    done = asymgrpo("verdict", "--responses", path)
    assert done.status == 0 and done.stderr == ""
    assert done.stdout.startswith(
        f"{path}, row 1: correct in the file, incorrect here: the values of the expressions are compared\n"
        "    gold:   5\n"
        "    answer: 5\\text{ tenths}\n"
        f"{path}, row 2: incorrect in the file, correct here: both have the same spelling\n"
        "    gold:   \\frac{\\pi}{6}\n"
        "    answer: \\frac\\pi6\n" + SUMMARY
    )
    assert "         2  both are the same text\n" in done.stdout


def test_verls_dumps_and_lists_of_responses_are_read(tmp_path):
    dump = [
        {"input": "q", "output": row["response"], "gts": row["ground_truth"], "score": row["acc"]} for row in ROWS[:5]
    ]
    done = asymgrpo("verdict", "--responses", lines(dump, tmp_path / "1.jsonl"))
    assert "5 responses: 3 verdicts agree" in done.stdout and "row 1: correct in the file" in done.stdout
    several = {"answer": "5", "generations": [r"\boxed{5}", r"\boxed{6}"], "correctness_math_verify": [True, True]}
    pd.DataFrame([several]).to_parquet(tmp_path / "2.parquet")
    done = asymgrpo("verdict", "--responses", tmp_path / "2.parquet", tmp_path / "1.jsonl")
    assert "2.parquet, row 0, response 1: correct in the file, incorrect here" in done.stdout
    assert "7 responses: 4 verdicts agree" in done.stdout


def test_the_file_of_evaluate_agrees_with_itself(tmp_path):
    rows = [
        {
            **dict.fromkeys(SCORED.names),
            "data_source": "aime24",
            "index": str(number),
            "ground_truth": row["ground_truth"],
            "response": row["response"],
            "acc": int(compute_score("", row["response"], row["ground_truth"])["acc"]),
        }
        for number, row in enumerate(ROWS)
    ]
    write_responses(rows, tmp_path / "responses.parquet", SCORED)
    assert "6 responses: 6 verdicts agree" in asymgrpo("verdict", "--responses", tmp_path / "responses.parquet").stdout


@pytest.mark.parametrize(
    "row, message",
    [
        ({"gold": "5", "acc": 1}, "expected one of response, responses, output"),
        ({"response": "5", "acc": 1}, "expected one of ground_truth, gts, gold"),
        ({"response": "5", "gold": "5", "acc": "yes"}, "got the verdict 'yes'; expected true, false or a number"),
        ({"responses": ["5", "6"], "gold": "5", "acc": [1]}, r"got 2 responses and the verdicts \[1\]; expected texts"),
        ({"response": 5, "gold": "5", "acc": 1}, "expected texts, and one verdict for each"),
        ([1], "expected an object"),
    ],
)
def test_a_row_that_cannot_be_used_is_an_error_that_names_it(tmp_path, row, message):
    done = asymgrpo("verdict", "--responses", lines([ROWS[0], row], tmp_path / "r.jsonl"))
    assert done.status == 1 and done.stderr.startswith(f"asymgrpo verdict: {tmp_path / 'r.jsonl'}, row 1: ")
    assert done.stderr.count("\n") == 1 and re.search(message, done.stderr)


def test_a_missing_or_empty_file_is_an_error(tmp_path):
    assert asymgrpo("verdict", "--responses", tmp_path / "none.jsonl").stderr == (
        f"asymgrpo verdict: {tmp_path / 'none.jsonl'}: no such file.\n"
    )
    assert "got no rows" in asymgrpo("verdict", "--responses", lines([], tmp_path / "empty.jsonl")).stderr
