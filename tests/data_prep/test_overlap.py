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
"""data_prep.overlap finds exact and near pairs of questions in a training file and in evaluation files."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from places import SHARED

from data_prep import math500
from data_prep.convert import Options
from data_prep.overlap import THRESHOLD, Questions
from data_prep.prepare import prepare

REAL = SHARED / "data"
SHOP = (
    "A shop sells $12$ red pens and $30$ blue pens on each day that it is open, and twice as many pencils as pens. "
    "It is open on five days of the week. How many pens and pencils does it sell in a week?"
)


def write(path: Path, questions: list[str], **columns) -> Path:
    rows = ({"problem": question, **columns} for question in questions)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_questions_that_differ_only_in_spacing_case_and_punctuation_are_an_exact_pair():
    held_out = Questions(["Compute $\\sin^{2} 4^{\\circ}$.", SHOP])
    assert held_out.like(f"  {SHOP.upper()}\n".replace("$", "")) == [(1, 1.0)]
    assert held_out.like("Compute\n\\[\\sin^2 4^\\circ.\\]") == [(0, 1.0)]


def test_a_changed_word_or_number_makes_a_near_pair_and_never_an_exact_one():
    held_out = Questions([SHOP])
    for change in (("red", "green"), ("30", "31"), ("How many", "In all, how many"), ("five", "six")):
        ((row, score),) = held_out.like(SHOP.replace(*change))
        assert row == 0 and THRESHOLD <= score < 1
    assert Questions(["1" * 10]).like("1" * 12)[0] == (0, 0.99), "equal sets of substrings, different numbers"


def test_another_question_is_neither_near_nor_exact():
    assert Questions([SHOP, "", "?"]).like("How many integers $n$ satisfy $n^2 < 12$?") == []


def test_the_similarity_is_the_share_of_common_substrings():
    # abcdefgh bcdefghi cdefghij / bcdefghi cdefghij defghijk: 2 common of 4
    assert Questions(["abcdefghij"]).like("bcdefghijk", threshold=0.5) == [(0, 0.5)]
    assert Questions(["abcdefghij"]).like("bcdefghijk", threshold=0.51) == []


def test_the_most_similar_comes_first():
    held_out = Questions([SHOP.replace("red", "green"), SHOP, SHOP.replace("blue pens", "large brushes")])
    assert [row for row, _ in held_out.like(SHOP)] == [1, 0, 2]


def test_the_command_prints_pairs_and_counts(tmp_path, run):
    train = write(tmp_path / "train.jsonl", ["Other?", SHOP, SHOP.replace("12", "14")], solution="\\boxed{210}")
    raw = write(tmp_path / "raw.jsonl", ["Unlike any.", SHOP + " "])
    prepare(math500.DATASET, write(tmp_path / "test.jsonl", [SHOP], answer="210", unique_id="a"), tmp_path, Options())
    done = run("overlap", train, raw, tmp_path / "test.parquet")
    assert done.returncode == 0, done.stderr
    text = done.stdout.splitlines()
    assert text[0] == f"1.00  {train} row 1 = {raw} row 1"
    assert text[3] == f"1.00  {train} row 1 = {tmp_path / 'test.parquet'} row 0 (id a)"
    assert text[6].startswith("0.89") and "row 2 = " in text[6] and "$14$ red" in text[7]
    assert text[-2:] == [
        f"{raw}, 2 questions: 1 exact and 1 near pairs, with 2 rows of {train}",
        f"{tmp_path / 'test.parquet'}, 1 questions: 1 exact and 1 near pairs, with 2 rows of {train}",
    ]
    assert run("overlap", train, raw, "--threshold", 1).stdout.count(" = ") == 1


def test_the_files_may_have_any_layout_and_conflicting_gold_answers_are_listed(tmp_path, run):
    chat = [{"from": "human", "value": "Pour José, 3+4?"}, {"from": "assistant", "ground_truth": {"value": "7"}}]
    train = tmp_path / "train.json"
    train.write_text(json.dumps([chat, {"question": "1+1?", "answer": "2"}, {"question": "1 + 1", "answer": "#### 3"}]))
    held_out = tmp_path / "eval.csv"
    held_out.write_text("problem,answer\npour Jose\u0301 3+4,8\n1+1,2.0\n", encoding="utf-8")
    done = run("overlap", train, held_out)
    assert done.returncode == 0, done.stderr
    text = done.stdout.splitlines()
    assert text[0] == f"1.00  {train} row 0 = {held_out} row 0" and text[3] == "      other gold answers: 7 | 8"
    assert text[-2] == f"{train} row 1 and row 2: one question, other gold answers: 2 | 3"
    assert text[-1] == f"{held_out}, 2 questions: 3 exact and 0 near pairs, with 3 rows of {train}"


def test_a_file_that_cannot_be_compared_is_an_error_that_names_it(tmp_path, run):
    train = write(tmp_path / "train.jsonl", [SHOP])
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "other.jsonl").write_text('{"text": "a"}\n')
    (tmp_path / "null.jsonl").write_text('{"problem": null}\n')
    (tmp_path / "text.jsonl").write_text('{"prompt": 7}\n')
    for arguments, message in (
        ((train, tmp_path / "nowhere.jsonl"), "nowhere.jsonl: No such file or directory."),
        (
            (train, tmp_path / "other.jsonl"),
            "other.jsonl, row 0: got the columns text; expected the question in one of problem, question,",
        ),
        ((train, tmp_path / "empty.jsonl"), "empty.jsonl: got no rows; expected at least one."),
        ((train, tmp_path / "null.jsonl"), "null.jsonl, row 0: problem: got None; expected a text."),
        (
            (train, tmp_path / "text.jsonl"),
            "text.jsonl, row 0: prompt: got 7; expected a text or a list of messages with role and content.",
        ),
        ((train, train, "--threshold", 0), "--threshold: got 0.0; expected a number in (0, 1]."),
    ):
        done = run("overlap", *arguments)
        assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr


def test_drop_overlap_drops_evaluation_questions_from_the_train_split_only(tmp_path, run):
    for split in ("train", "test"):
        write(tmp_path / f"{split}.jsonl", [SHOP, "Other?", SHOP.replace("12", "14")], solution="\\boxed{210}")
    held_out = write(tmp_path / "held_out.jsonl", ["Unlike any.", SHOP])
    done = run(
        "math", "--local_dataset_path", tmp_path, "--local_save_dir", tmp_path / "out", "--drop-overlap", held_out
    )
    assert done.returncode == 0, done.stderr
    train, test = (json.loads((tmp_path / "out" / f"{split}.summary.json").read_text()) for split in ("train", "test"))
    (dropped,) = train["dropped"].items()
    assert dropped[0] == "in an evaluation set"
    assert dropped[1]["rows"][0] == f"0: {tmp_path.name}/held_out.jsonl row 1, 1.00", (
        "with the folder, because every file is named test.parquet"
    )
    assert (train["rows_out"], test["rows_out"]) == (1, 3)
    assert run("math500", "--drop-overlap", held_out).returncode == 2, "without a train split there is no such flag"


@pytest.mark.process
@pytest.mark.skipif(not REAL.is_dir(), reason="the real files are not here")
def test_the_overlap_of_the_real_math_and_olympiadbench_is_known():
    command = [sys.executable, "-m", "data_prep.overlap", REAL / "math_train" / "train.parquet"]
    done = subprocess.run([*command, REAL / "olympiadbench" / "test_675.jsonl"], capture_output=True, text=True)
    pairs = re.findall(r"^(\d\.\d\d)  \S+ row (\d+) = \S+ row \d+ \(id (\d+)\)$", done.stdout, re.MULTILINE)
    assert set(pairs) == {
        ("1.00", "3443", "2890"),
        ("1.00", "4487", "2791"),
        ("1.00", "4533", "2895"),
        ("1.00", "6864", "2644"),
        ("0.92", "4009", "2607"),
        ("0.75", "7294", "2794"),
    }
