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
"""Files with a defect or a layout each, which lie beside the checkout: EXPECTED.md there says the right outcome."""

import json

import pytest
from places import SHARED

from asymgrpo_verl.rewards import compute_score
from asymgrpo_verl.row_files import read_rows

ROWS = SHARED / "cases" / "rows"
pytestmark = pytest.mark.skipif(not ROWS.is_dir(), reason="the cases are not here")

# file -> (gold answers of the rows that are kept, rules of the summary that met a row)
EXPECTED = {
    "math_several_boxes.jsonl": (["9, 40, 41", "20", "7, -4", "43"], {"several answers": [0, 2]}),
    "math_two_numbers.jsonl": (["15, 120", "15120", "12500"], {}),
    "math_spaced_thousands.jsonl": (["222222222", "4096", "1, 3, 9"], {}),
    "math_form_feed.jsonl": (
        ["5", "\\frac{5}{6}", "17"],
        {"unescaped LaTeX restored": [1], "control characters replaced": [0, 2]},
    ),
    "math_questions.jsonl": (["96", "104"], {}),
    "math_train.arrow": (["121", "\\frac{3}{7}"], {}),
    "math_nfc_nfd.jsonl": (["30", "42"], {"duplicate": ["1: of row 0"]}),
    "gsm8k_bare_answers.jsonl": (["11", "144", "2500"], {}),
    "olympiadbench_text_columns.jsonl": (
        ["\\frac{2}{3}", "3, -5", "8", "\\frac{5}{7}", "(-2,2)"],
        {"several answers": ["9002"]},
    ),
    "olympiadbench_physics.jsonl": (["3"], {"subject physics": ["9101", "9103"]}),
    "olympiadbench_tolerance.jsonl": (["1.46", "91", "31.0"], {"answer with a tolerance": ["9201", "9203"]}),
    "dapo_math_17k.parquet": (["7", "34", "34"], {}),
    "orz_math.json": (["\\frac{3}{4}", "25\\pi", "10"], {}),
    "deepscaler.json": (["5", "6\\sqrt{2}", "(x-5)(x+4)"], {}),
    "minerva_math.jsonl": (["4", "5\\times 10^{2}"], {}),
}
SPLITS = {"math_questions.jsonl": "test"} | {file: "test" for file in EXPECTED if file.startswith("olympiadbench")}


@pytest.fixture
def made(tmp_path, run):
    """Return a function that prepares a file and returns its rows and its summary."""

    def command(file: str) -> tuple[list[dict], dict]:
        module = file.split("_")[0] if file.startswith(("math", "gsm8k", "olympiadbench")) else "any"
        path = [ROWS / file] if module == "any" else ["--local_dataset_path", ROWS / file]
        done = run(module, *path, "--local_save_dir", tmp_path / "out")
        assert done.returncode == 0, done.stderr
        split = SPLITS.get(file, "train")
        assert [path.name for path in (tmp_path / "out").glob("*.parquet")] == [f"{split}.parquet"]
        summary = json.loads((tmp_path / "out" / f"{split}.summary.json").read_text())
        return read_rows(tmp_path / "out" / f"{split}.parquet"), summary

    return command


@pytest.mark.parametrize("file", EXPECTED)
def test_a_file_has_the_gold_answers_and_the_rules_that_it_should_have(made, file):
    golds, rules = EXPECTED[file]
    rows, summary = made(file)
    assert [row["reward_model"]["ground_truth"] for row in rows] == golds
    met = summary["dropped"] | summary["changed"] | summary["flagged"]
    assert {rule: met[rule]["rows"] for rule in rules} == rules


def test_the_texts_of_questions_are_as_they_should_be(made):
    questions = [row["extra_info"]["question"] for row in made("math_form_feed.jsonl")[0]]
    assert "stands in infinite order" in questions[0] and questions[2].endswith(" find the sum of 8 and 9.")
    assert questions[1] == "Compute $\\frac{1}{2}+\\frac{1}{3}$."


def test_the_frame_of_dapo_is_removed(made):
    for row in made("dapo_math_17k.parquet")[0]:
        assert "Answer:" not in row["prompt"][0]["content"] and "\\boxed" in row["prompt"][0]["content"]


def test_a_name_with_test_and_no_split_is_an_error_that_asks_for_it(tmp_path, run):
    path = ROWS / "math_final_test.jsonl"
    done = run("math", "--local_dataset_path", path, "--local_save_dir", tmp_path)
    assert done.returncode == 1 and "--split" in done.stderr and not list(tmp_path.iterdir())
    done = run("math", "--local_dataset_path", path, "--local_save_dir", tmp_path, "--split", "test")
    assert [row["reward_model"]["ground_truth"] for row in read_rows(tmp_path / "test.parquet")] == ["108", "117"]


def test_the_reward_uses_the_tolerances(made):
    rows, _ = made("olympiadbench_tolerance.jsonl")
    for row, answer in zip(rows, ("1.45", "91", "31.006"), strict=True):
        gold, about = row["reward_model"]["ground_truth"], row["extra_info"]
        assert compute_score(row["data_source"], f"\\boxed{{{answer}}}", gold, about)["score"] == 1
        assert compute_score(row["data_source"], "\\boxed{1.49}", gold, about)["score"] == 0
