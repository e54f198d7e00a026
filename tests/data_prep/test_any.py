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
"""data_prep.any reads the layouts and the kinds of files in use, and says what it took; all rows are invented."""

import csv
import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymgrpo_verl.row_files import check_verl_parquet, read_rows
from data_prep import any as any_layout
from data_prep import olympiadbench
from data_prep.batches import Batch
from data_prep.convert import Options, convert
from data_prep.tables import INSTRUCTIONS, verl_table

BOXED = INSTRUCTIONS["boxed"]
DAPO = (
    "Solve the following math problem step by step. The last line of your response should be of the form Answer: "
    "$Answer (without quotes) where $Answer is the answer to the problem.\n\n{}\n\nRemember to put your answer on its "
    'own line after "Answer:".'
)


def verl(prompt: str, gold, ability: str = "math", **extra) -> dict:
    return {
        "data_source": "its_own",
        "prompt": [{"role": "user", "content": prompt}],
        "ability": ability,
        "reward_model": {"style": "rule", "ground_truth": gold},
        "extra_info": {"index": "uuid-1", **extra},
    }


# name -> (row, gold answer, data_source); the question is "Half of 6?"
LAYOUTS = {
    "DAPO-Math-17k": (verl(DAPO.format("Half of 6?"), "3"), "3", "its_own"),
    "DAPO-Math-17k-Processed": (
        {
            "prompt": "Half of 6?",
            "solution": "3",
            "data_source": "math_dapo",
            "source_prompt": [{"role": "user", "content": DAPO.format("Half of 6?")}],
            "ability": "MATH",
            "reward_model": {"ground_truth": "3", "style": "rule"},
            "extra_info": {"index": "uuid-1"},
        },
        "3",
        "math_dapo",
    ),
    "Open-Reasoner-Zero": (
        [{"from": "human", "value": "Half of 6?"}, {"from": "assistant", "ground_truth": {"value": "3"}}],
        "3",
        "out",
    ),
    "Open-Reasoner-Zero as a table": (
        {"0": {"from": "human", "value": "Half of 6?"}, "1": {"from": "assistant", "ground_truth": {"value": "3"}}},
        "3",
        "out",
    ),
    "DeepScaleR": ({"problem": "Half of 6?", "answer": "3", "solution": ""}, "3", "out"),
    "rllm": ({"question": "Half of 6?", "ground_truth": "3", "data_source": "deepscaler"}, "3", "deepscaler"),
    "Skywork-OR1": (verl("Half of 6?", '["\\\\frac{6}{2}"]', model_difficulty={"a": 3}), "\\frac{6}{2}", "its_own"),
    "NuminaMath-CoT": (
        {
            "source": "cn_k12",
            "problem": "Half of 6?",
            "solution": "It is $\\boxed{3}$.",
            "messages": [
                {"role": "user", "content": "Half of 6?"},
                {"role": "assistant", "content": "It is $\\boxed{3}$."},
            ],
        },
        "3",
        "out",
    ),
    "NuminaMath-1.5": (
        {"problem": "Half of 6?", "solution": "It is 3.", "answer": "3", "problem_type": "Algebra", "synthetic": False},
        "3",
        "out",
    ),
    "Big-Math": (
        {"problem": "Half of 6?", "answer": "3", "domain": ["Arithmetic"], "llama8b_solve_rate": 0.5},
        "3",
        "out",
    ),
    "Minerva": ({"problem": "Half of 6?", "solution": "So $\\boxed{3}$ m.", "type": "Waves", "idx": 4}, "3", "out"),
    "GSM8K": ({"question": "Half of 6?", "answer": "6/2=<<6/2=3>>3\n#### 3"}, "3", "out"),
    "GSM8K with bare answers": ({"question": "Half of 6?", "answer": 3}, "3", "out"),
    "a chat with a solution": (
        {
            "conversations": [
                {"from": "system", "value": "Be brief."},
                {"from": "human", "value": f"Half of 6? {BOXED}"},
                {"from": "gpt", "value": "It is \\boxed{3}."},
            ]
        },
        "3",
        "out",
    ),
    "names in capitals": ({"Question": "Half of 6?", "Answer": 3.0}, "3", "out"),
    "OlympiadBench with text columns": (
        {"question": "Half of 6?", "final_answer": "['$3$']", "is_multiple_answer": "False", "error": "0.1"},
        "3",
        "out",
    ),
}


def write(path: Path, rows: list) -> Path:
    kind = Path(path.name.removesuffix(".gz")).suffix
    table = pa.Table.from_pylist(rows) if kind in (".parquet", ".arrow") else None
    with gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb") as file:
        if kind == ".parquet":
            pq.write_table(table, file)
        elif kind == ".arrow":
            new = pa.ipc.new_file if "file" in path.name else pa.ipc.new_stream
            with new(file, table.schema) as writer:
                writer.write_table(table)
        elif kind == ".csv":
            lines = io.StringIO()
            writer = csv.DictWriter(lines, rows[0])
            writer.writeheader()
            writer.writerows(rows)
            file.write(lines.getvalue().encode())
        elif kind == ".json":
            file.write(json.dumps(rows, indent=1).encode())
        else:
            file.write("".join(json.dumps(row) + "\n" for row in rows).encode())
    return path


@pytest.fixture
def made(tmp_path, run):
    """Return a function that runs the command on files and returns the rows of a split, and what it printed."""

    def command(*files: Path, split: str = "train", options: tuple = ()) -> tuple[list[dict], str]:
        done = run("any", *files, "--local_save_dir", tmp_path / "out", *options)
        assert done.returncode == 0, done.stderr
        return read_rows(tmp_path / "out" / f"{split}.parquet"), done.stdout

    return command


@pytest.fixture
def failure(tmp_path, run):
    """Return a function that runs the command on files and returns what stderr says."""

    def command(*files: Path, options: tuple = ()) -> str:
        done = run("any", *files, "--local_save_dir", tmp_path / "out", *options)
        assert done.returncode == 1 and done.stderr.count("\n") == 1 and not list(tmp_path.glob("out/*"))
        return done.stderr

    return command


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_row_of_each_layout_becomes_a_row_in_verls_schema(tmp_path, made, layout):
    row, gold, source = LAYOUTS[layout]
    (found,), _ = made(write(tmp_path / "rows.json", [row]))
    assert found["prompt"] == [{"role": "user", "content": f"Half of 6? {BOXED}"}]
    assert found["reward_model"] == {"style": "rule", "ground_truth": gold}
    assert found["data_source"] == source and found["extra_info"]["question"] == "Half of 6?"
    assert check_verl_parquet(tmp_path / "out" / "train.parquet") == 1


@pytest.mark.parametrize("suffix", [".gz", ""])
@pytest.mark.parametrize("name", ["a.parquet", "stream.arrow", "file.arrow", "a.jsonl", "a.json", "a.csv"])
def test_every_kind_of_file_gives_the_same_bytes(tmp_path, made, name, suffix):
    rows = [{"problem": f"Half of {i}?\nSay, quickly.", "answer": f"\\frac{{{i}}}{{2}}"} for i in range(5000)]
    write(tmp_path / "plain.jsonl", rows)
    made(tmp_path / "plain.jsonl")
    expected = (tmp_path / "out" / "train.parquet").read_bytes()
    made(write(tmp_path / (name + suffix), rows))
    assert (tmp_path / "out" / "train.parquet").read_bytes() == expected


def test_what_was_taken_is_printed_with_an_example(tmp_path, made):
    _, said = made(write(tmp_path / "a.jsonl", [{"query": "Half of 6?", "target": "3", "note": "x"}]))
    assert said.splitlines() == [
        f"{tmp_path / 'out' / 'train.parquet'}: kept 1 of 1 rows",
        "  question from query, gold answer from target",
        "  split train: 1 rows do not say it; --split chooses another",
        "  row 0: Half of 6? Gold answer: 3",
    ]


AMBIGUOUS = {
    "question": (
        {"problem": "Half of 6?", "question": "Half of 8?", "answer": "3"},
        ("--question", "problem"),
        ("--question", "question"),
    ),
    "gold": (
        {"problem": "Half of 6?", "answer": "3", "ground_truth": "4"},
        ("--gold", "answer"),
        ("--gold", "ground_truth"),
    ),
    "prompt": (
        {"question": "Half of 6?", "prompt": "Half of 8?", "answer": "3"},
        ("--question", "question"),
        ("--question", "prompt"),
    ),
    "field of a column": (
        {"problem": "Half of 6?", "answer": "3", "reward_model": {"ground_truth": "4"}},
        ("--gold", "answer"),
        ("--gold", "reward_model.ground_truth"),
    ),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_columns_that_contradict_each_other_are_an_error_that_shows_the_options(tmp_path, run, case):
    row, first, second = AMBIGUOUS[case]
    source, out = write(tmp_path / "a.jsonl", [row]), tmp_path / "out"
    done = run("any", source, "--local_save_dir", out)
    assert done.returncode == 1 and not out.exists()
    assert f"{source}, row 0: " in done.stderr and f"The columns are {', '.join(row)}." in done.stderr
    assert f"{' '.join(first)} or {' '.join(second)}." in done.stderr
    golds = []
    for choice in (first, second):
        assert run("any", source, "--local_save_dir", out, *choice).returncode == 0
        (made,) = read_rows(out / "train.parquet")
        golds.append((made["extra_info"]["question"], made["reward_model"]["ground_truth"]))
    assert golds in ([("Half of 6?", "3"), ("Half of 8?", "3")], [("Half of 6?", "3"), ("Half of 6?", "4")])


def test_columns_that_say_the_same_are_not_ambiguous(tmp_path, made):
    row = {"problem": "Half of 6?", "question": "Half of 6?", "prompt": f"Half of 6? {BOXED}"}
    (found,), _ = made(write(tmp_path / "a.jsonl", [row | {"answer": "6/2\n#### 3", "final_answer": "3"}]))
    assert found["reward_model"]["ground_truth"] == "3"


def test_a_missing_column_is_an_error_that_shows_the_columns_and_the_option(tmp_path, failure):
    said = failure(write(tmp_path / "a.jsonl", [{"text": "Half of 6?", "answer": "3"}]))
    assert "a.jsonl, row 0: got the columns text, answer; expected the question in one of problem, question," in said
    assert "--question" in said
    said = failure(write(tmp_path / "b.parquet", [{"problem": "Half of 6?", "value": "3", "id": 1}]))
    assert "b.parquet, row 0: got the columns problem, value, id; expected the gold answer in one of answer," in said
    assert "--gold" in said


def test_a_column_of_another_name_can_be_chosen(tmp_path, made):
    rows = [{"text": "Half of 6?", "meta": {"value": "3"}}]
    (found,), _ = made(write(tmp_path / "a.parquet", rows), options=("--question", "text", "--gold", "meta.value"))
    assert (found["extra_info"]["question"], found["reward_model"]["ground_truth"]) == ("Half of 6?", "3")


def test_verls_own_schema_is_passed_through(tmp_path, made):
    row = verl(f"Half of 6? {BOXED}", "3", split="test", level="Level 2", id="a")
    row["prompt"].insert(0, {"role": "system", "content": "You are brief."})
    source = write(tmp_path / "a.parquet", [row])
    (found,), _ = made(source, split="test")
    for column in ("data_source", "prompt", "ability", "reward_model"):
        assert found[column] == row[column]
    about = found["extra_info"]
    assert (about["id"], about["level"], about["split"], about["question"]) == ("a", "Level 2", "test", "Half of 6?")
    (again,), _ = made(write(tmp_path / "b.parquet", [found]), split="test")
    assert again == found, "our own files too"
    (other,), _ = made(source, split="test", options=("--instruction", "Box it: \\boxed{}.", "--data-source", "b"))
    assert other["prompt"] == [{"role": "user", "content": "Half of 6? Box it: \\boxed{}."}]
    assert other["data_source"] == "b"


def test_rows_that_cannot_train_maths_are_dropped_and_named(tmp_path, made):
    several = verl("Half of 6?", "3")
    several["prompt"] *= 2
    rows = [
        verl("Half of 8?", "4"),
        verl("Write a program.", "[]", "code"),
        several,
        verl("Half of 2?", '["1", "one"]'),
        verl("Half of 4?", "notfound"),
    ]
    found, _ = made(write(tmp_path / "a.jsonl", rows))
    assert [row["reward_model"]["ground_truth"] for row in found] == ["4"]
    summary = json.loads((tmp_path / "out" / "train.summary.json").read_text())
    assert {rule: met["count"] for rule, met in summary["dropped"].items()} == {
        "a chat of several turns": 1,
        "no answer": 1,
        "not a maths problem (ability code)": 1,
        "several gold answers, perhaps alternatives": 1,
    }


def test_several_files_are_parts_of_one_dataset(tmp_path, made, failure):
    one = write(tmp_path / "a-0.jsonl", [{"problem": "Half of 6?", "answer": "3"}])
    two = write(
        tmp_path / "a-1.csv", [{"problem": "half of 6", "answer": "3"}, {"problem": "Half of 8?", "answer": "4"}]
    )
    found, said = made(one, two)
    assert [row["extra_info"]["index"] for row in found] == [0, 2] and "dropped, duplicate: 1 (1: of row 0)" in said


def test_an_error_names_the_file_and_its_row_and_nothing_is_left(tmp_path, failure):
    one = write(tmp_path / "a.jsonl", [{"problem": f"Half of {i}?", "answer": i} for i in range(9000)])
    two = write(tmp_path / "b.jsonl", [{"problem": "Half of 6?", "answer": "3"}, {"problem": "1?", "answer": {"a": 1}}])
    assert "b.jsonl, row 1: answer: got {'a': 1}; expected a text or a number." in failure(one, two)
    assert "b.jsonl, line 3: got an error" in failure(one, append(two, "{"))
    assert "nowhere.json: no such file" in failure(one, tmp_path / "nowhere.json")


def append(path: Path, text: str) -> Path:
    path.write_text(path.read_text().splitlines(True)[0] * 2 + text)
    return path


@pytest.mark.parametrize("column", ["split", "Split"])
@pytest.mark.parametrize("value, split", [("test", "test"), ("Train", "train"), ("dev", "validation")])
def test_the_split_is_in_the_rows(tmp_path, made, column, value, split):
    (found,), _ = made(write(tmp_path / "a.jsonl", [{"problem": "1+1?", "answer": 2, column: value}]), split=split)
    assert found["extra_info"]["split"] == split


def test_one_file_may_have_several_splits_and_an_option_goes_before(tmp_path, made):
    rows = [
        {"problem": f"{i}+1?", "answer": i + 1, "split": split} for i, split in enumerate(["train", "test", "train"])
    ]
    source = write(tmp_path / "a.jsonl", rows)
    train, _ = made(source)
    assert [row["extra_info"]["index"] for row in train] == [0, 2]
    assert [row["extra_info"]["index"] for row in read_rows(tmp_path / "out" / "test.parquet")] == [1]
    assert len(made(source, split="test", options=("--split", "test"))[0]) == 3


@pytest.mark.parametrize("name", ["final_test.jsonl", "math-eval.jsonl", "test-00000-of-00001.jsonl", "dev.jsonl"])
def test_a_name_does_not_say_the_split(tmp_path, made, failure, name):
    source = write(tmp_path / name, [{"problem": "1+1?", "answer": 2}])
    assert "expected the split in the file or as an argument" in failure(source)
    assert len(made(source, split="test", options=("--split", "test"))[0]) == 1
    assert len(made(write(tmp_path / "greatest.jsonl", [{"problem": "1+1?", "answer": 2}]))[0]) == 1


def test_a_split_that_is_not_known_is_an_error(tmp_path, failure):
    said = failure(write(tmp_path / "a.jsonl", [{"problem": "1+1?", "answer": 2, "split": "extra"}]))
    assert "a.jsonl, row 0: split: got 'extra'; expected train, validation, test. Choose with --split train or" in said


def test_conflicting_answers_of_one_question_are_listed(tmp_path, made):
    rows = [{"problem": "1+1?", "answer": 2}, {"problem": "1 + 1 ?", "answer": 3}, {"problem": "1+1", "answer": 2}]
    _, said = made(write(tmp_path / "a.jsonl", rows))
    assert "dropped, duplicate: 1 (2: of row 0)" in said
    assert "dropped, duplicate with another answer: 1 (1: of row 0, here 3)" in said


def test_a_report_names_the_first_rows_of_a_rule_and_counts_all(tmp_path, made, monkeypatch):
    monkeypatch.setattr("data_prep.convert.LISTED", 3)
    _, said = made(write(tmp_path / "a.jsonl", [{"problem": "1+1?", "answer": 2}] * 9))
    assert "dropped, duplicate: 8 (1: of row 0, 2: of row 0, 3: of row 0, ...)" in said


COLUMNS = """problem question prompt messages conversations answer final_answer ground_truth reward_model solution
    extra_info data_source ability split is_multiple_answer id level type context error 0 1""".split()
VALUES = [
    *("x", " ", "5", "1,234", "\\boxed{3} and \\boxed{4}", "#### 7", '["5"]', "['5' '6']", "[{", "a\x00b", "\ud800"),
    *(None, float("nan"), 3, 2.5, True, [], ["5"], ["5", "6"], [["5"]], {}, {"value": "3"}, {"ground_truth": "5"}),
    {"ground_truth": {"question": "q", "solution": "\\boxed{1}"}},
    {"index": "a", "split": "test", "error": "x", "question": 7},
    [{"role": "user", "content": "q?"}],
    [{"role": "user", "content": None}],
    [{"from": "human", "value": "q"}, {"from": "gpt", "value": "\\boxed{2}"}],
    [{"role": "assistant", "content": "a"}],
]


@given(st.dictionaries(st.sampled_from(COLUMNS), st.sampled_from(VALUES)) | st.sampled_from(VALUES))
def test_any_row_can_be_written_or_is_an_error_that_names_it(row):
    for dataset in (any_layout.DATASET, olympiadbench.DATASET):
        try:
            for split, kept in convert(dataset, [Batch("a.jsonl", 0, [row])], Options(), "a", {}):
                verl_table(kept, split, "boxed")
        except ValueError as error:
            assert str(error).startswith("a.jsonl, row 0: ")
