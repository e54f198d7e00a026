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
"""Bad input of data_prep is one clear error or a counted repair, and no file is lost or half written."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from asymgrpo_verl.files import atomic, in_a_line
from asymgrpo_verl.row_files import check_verl_parquet, iter_rows, read_rows, write_rows
from data_prep import aime24, amc23, gsm8k, math, math500, olympiadbench
from data_prep.convert import Dataset, Options
from data_prep.prepare import prepare

GOOD = {"problem": "1+1?", "solution": "\\boxed{2}"}


def lines(*rows) -> bytes:
    return b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows)


def made(source: Path, save: Path, dataset: Dataset = math.DATASET) -> list[dict]:
    prepare(dataset, source, save, Options())
    return read_rows(next(save.glob("*.parquet")))


def failure(source: Path, save: Path, dataset: Dataset = math.DATASET) -> str:
    """Return what the command line says."""
    with pytest.raises((OSError, ValueError)) as failed:
        prepare(dataset, source, save, Options())
    return in_a_line(failed.value)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


BAD = {
    "broken line": (
        "a.jsonl",
        lines(GOOD, b'{"problem"'),
        "a.jsonl, line 2: got an error at character 11 (Expecting ':' delimiter); expected JSON.",
    ),
    "a backslash not doubled": (
        "a.jsonl",
        lines(b'{"problem": "\\sqrt"}'),
        "a.jsonl, line 1: got an error at character 13 (Invalid \\escape); expected JSON.",
    ),
    "broken list": (
        "a.json",
        b'[{"problem": "a"},',
        "a.json, row 1: got an error at character 17 of the file (Expecting value); expected JSON.",
    ),
    "nested too deep": ("a.jsonl", b"[" * 100_000, "a.jsonl, line 1: got an error (maximum recursion depth"),
    "a number too long": ("a.jsonl", lines(b"1" * 5000), "a.jsonl, line 1: got an error (Exceeds the limit"),
    "no UTF-8": (
        "a.jsonl",
        lines(GOOD, b'{"problem": "\xff"}'),
        "a.jsonl, line 2: got byte 0xff at offset 13; expected UTF-8.",
    ),
    "UTF-16": (
        "a.jsonl",
        json.dumps(GOOD).encode("utf-16"),
        "a.jsonl, line 1: got byte 0xff at offset 0; expected UTF-8.",
    ),
    "no UTF-8 in a list": ("a.json", b'["\xff"]', "a.json, row 0 or later: got byte 0xff; expected UTF-8."),
    "empty": ("a.jsonl", b"", "a.jsonl: got no rows; expected at least one."),
    "blank": ("a.jsonl", b"\n \r\n", "a.jsonl: got no rows; expected at least one."),
    "empty list": ("a.json", b"[]", "a.json: got no rows; expected at least one."),
    "no parquet": ("a.parquet", b"PAR1 not", "a.parquet: got a file that is not a parquet file ("),
    "another kind": (
        "a.txt",
        b"hello",
        "a.txt: got another kind of file; expected .parquet, .arrow, .jsonl, .json, .csv, or one of them and .gz.",
    ),
    "columns": (
        "a.jsonl",
        lines(GOOD, {"q": 1, "a": 2}),
        "a.jsonl, row 1: got the columns q, a; expected the question in one of problem, question, ",
    ),
    "no object": ("a.jsonl", lines(GOOD, ["a"]), "a.jsonl, row 1: got ['a']; expected an object."),
    "question no text": (
        "a.jsonl",
        lines(GOOD | {"problem": 7}),
        "a.jsonl, row 0: problem: got 7; expected a text or a list of messages with role and content.",
    ),
    "solution empty": (
        "a.jsonl",
        lines(GOOD | {"solution": " "}),
        "a.jsonl: got no row to keep out of 1 (dropped: no answer: 1); expected at least one.",
    ),
    "no row has an answer": (
        "a.jsonl",
        lines(GOOD | {"solution": "2"}),
        "a.jsonl: got no row to keep out of 1 (dropped: no answer: 1); expected at least one.",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_an_error_of_one_line_and_the_old_files_stay(tmp_path, case):
    name, content, message = BAD[case]
    made(written(tmp_path / "good.jsonl", lines(GOOD)), tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    said = failure(written(tmp_path / name, content), tmp_path / "out")
    assert said.startswith(f"{tmp_path}/{message}") and "\n" not in said
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_solution_that_does_not_say_its_answer_is_dropped(tmp_path):
    rows = lines(
        {"question": "1+1?", "answer": "It is one and one.\nSo 2"}, {"question": "1+2?", "answer": "It is\n#### 3"}
    )
    (row,) = made(written(tmp_path / "train.jsonl", rows), tmp_path / "out", gsm8k.DATASET)
    assert row["reward_model"]["ground_truth"] == "3"
    dropped = json.loads((tmp_path / "out" / "train.summary.json").read_text())["dropped"]
    assert dropped == {"answer of several lines": {"count": 1, "rows": [0]}}


def test_a_damaged_parquet_file_is_an_error_that_names_it(tmp_path):
    pd.DataFrame([{**GOOD, "problem": f"{i}" * 1000} for i in range(100)]).to_parquet(tmp_path / "a.parquet")
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    data[50:400] = b"\0" * 350
    assert f"{written(tmp_path / 'b.parquet', bytes(data))}: got a file that is not a parquet file" in failure(
        tmp_path / "b.parquet", tmp_path / "out"
    )


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    assert failure(tmp_path / "nowhere", tmp_path / "out") == f"{tmp_path}/nowhere: no such file or directory."
    (tmp_path / "empty").mkdir()
    for name in ("train", "training.jsonl", "train.summary.json", "train.txt"):
        (tmp_path / "empty" / name).touch()
    said = failure(tmp_path / "empty", tmp_path / "out")
    kinds = ".parquet, .arrow, .jsonl, .json, .csv"
    assert said == f"{tmp_path}/empty: got no train or test file; expected at least one ({kinds})."
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    source = written(tmp_path / "train.jsonl", lines(GOOD))
    assert failure(source, source) == f"{source}: File exists."
    assert failure(source, source / "out") == f"{source}/out: Not a directory."
    (tmp_path / "out" / "train.parquet").mkdir(parents=True)
    assert failure(source, tmp_path / "out") == f"{tmp_path}/out/train.parquet: got a directory; expected a file."
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["train.parquet"]


def test_the_output_never_overwrites_the_input(tmp_path):
    pd.DataFrame([GOOD]).to_parquet(tmp_path / "train.parquet")
    before = (tmp_path / "train.parquet").read_bytes()
    (tmp_path / "link").symlink_to(tmp_path)
    assert "train.parquet: got the same file as input and output; expected two." in failure(tmp_path, tmp_path / "link")
    assert (tmp_path / "train.parquet").read_bytes() == before


@pytest.mark.process
def test_a_full_disk_leaves_the_old_files(tmp_path):
    rows = [{"problem": f"{i} " + os.urandom(500).hex(), "solution": "\\boxed{2}"} for i in range(3000)]
    source = written(tmp_path / "train.jsonl", lines(*rows))
    out = tmp_path / "out"
    made(written(tmp_path / "good.jsonl", lines(GOOD)), out)
    before = {path: path.read_bytes() for path in out.iterdir()}
    done = subprocess.run(
        [sys.executable, "-m", "data_prep.math", "--local_dataset_path", source, "--local_save_dir", out],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr and "File too large" in done.stderr
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_rows_without_an_answer_are_dropped_by_id(tmp_path):
    rows = [
        {"id": f"p{i}", "problem": f"{i}?", "answer": answer} for i, answer in enumerate(["1", None, "", " ", "$$"])
    ]
    rows = lines(*rows, b'{"id": "p5", "problem": "5?", "answer": NaN}')  # as pandas writes a missing value
    found = made(written(tmp_path / "test.jsonl", rows), tmp_path / "out", aime24.DATASET)
    assert [row["extra_info"]["id"] for row in found] == ["p0"]
    dropped = json.loads((tmp_path / "out" / "test.summary.json").read_text())["dropped"]
    assert dropped == {"no answer": {"count": 5, "rows": ["p1", "p2", "p3", "p4", "p5"]}}


@pytest.mark.parametrize("answer, gold", [(27.0, "27"), (27, "27"), (-1, "-1"), (4.25, "4.25"), ("027", "27")])
def test_an_answer_may_be_a_number(tmp_path, answer, gold):
    source = written(tmp_path / "test.jsonl", lines({"problem": "a?", "answer": answer}))
    assert made(source, tmp_path / "out", amc23.DATASET)[0]["reward_model"]["ground_truth"] == gold


@pytest.mark.parametrize("answer", [True, {"a": 1}, [["1"]]])
def test_an_answer_that_is_neither_a_text_nor_a_number_is_an_error(tmp_path, answer):
    source = written(tmp_path / "test.jsonl", lines({"problem": "a?", "answer": answer}))
    said = failure(source, tmp_path / "out", math500.DATASET)
    value = answer[0] if isinstance(answer, list) else answer
    assert said == f"{source}, row 0: answer: got {value!r}; expected a text or a number."


def test_a_missing_answer_in_a_parquet_column_of_numbers_is_no_answer(tmp_path):
    pd.DataFrame([{"problem": "a?", "answer": 1.0}, {"problem": "b?", "answer": None}]).to_parquet(
        tmp_path / "a.parquet"
    )
    assert len(made(tmp_path / "a.parquet", tmp_path / "out", amc23.DATASET)) == 1


def test_unescaped_latex_is_repaired_and_counted(tmp_path):
    rows = [
        GOOD,
        {"problem": "\frac{1}{2} \times \theta \text{ is}", "solution": "\boxed{\frac{1}{2}}"},
        {"problem": "bell\x07 and\x00 more\ta", "solution": "\\boxed{3}"},
        {"problem": "half \ud835 a pair", "solution": "\\boxed{4}"},
    ]
    found = made(written(tmp_path / "train.jsonl", lines(*rows)), tmp_path / "out")
    assert [row["extra_info"]["question"] for row in found[1:]] == [
        "\\frac{1}{2} \\times \\theta \\text{ is}",
        "bell  and  more\ta",
        "half   a pair",
    ]
    assert found[1]["reward_model"]["ground_truth"] == "\\frac{1}{2}"
    assert json.loads((tmp_path / "out" / "train.summary.json").read_text())["changed"] == {
        "control characters replaced": {"count": 2, "rows": [2, 3]},
        "unescaped LaTeX restored": {"count": 1, "rows": [1]},
    }


def test_raw_control_characters_a_byte_order_mark_and_crlf_are_read(tmp_path):
    content = b"\xef\xbb\xbf" + lines(b'{"problem": "\x0crac{1}{2}", "solution": "\\\\boxed{2}"}').replace(
        b"\n", b"\r\n"
    )
    (row,) = made(written(tmp_path / "train.jsonl", content), tmp_path / "out")
    assert row["extra_info"]["question"] == "\\frac{1}{2}"
    assert read_rows(written(tmp_path / "a.json", b"\xef\xbb\xbf [1, NaN]")) == [1, None]


def test_json_may_contain_unicode_line_separators(tmp_path):
    assert read_rows(written(tmp_path / "a.jsonl", b'{"a": "b\xe2\x80\xa8c"}\n')) == [{"a": "b\u2028c"}]


@pytest.mark.parametrize("module", [gsm8k, aime24, amc23])
def test_a_file_of_another_dataset_is_an_error_if_every_answer_is_a_number(tmp_path, module):
    rows = written(tmp_path / "train.jsonl", lines({"problem": "Half of $x$?", "answer": "\\frac{x}{2}"}))
    with pytest.raises(ValueError, match=r"row 0: answer: got .*; expected a number. Is this another dataset\?"):
        made(rows, tmp_path / "out", module.DATASET)


def test_relay_problems_are_flagged_and_answers_in_prose_are_dropped(tmp_path):
    def row(number, question, solution, answer):
        return {"id": number, "question": question, "solution": [solution], "final_answer": [answer]}

    rows = [
        row(1, "Let $T=T N Y W R$. Compute $T+1$.", "With $T=2$, it is 3.", "3"),
        row(2, "Let $T=TNYWR$. Compute $T-T$.", "It is 0 (independent of $T$).", "0"),
        row(3, "Let $A$ be the number you will receive from position 7. Compute $A$.", "It is 5.", "5"),
        row(4, "Compute the area of pentagon $T N Y W R$.", "It is 20.", "20"),
        row(5, "Find all $f$.", "Try.", "$f(x)=a x$, where $a$ is an integer"),
        row(6, "Find all $x$.", "Try.", "(-\\infty,-5)"),
    ]
    found = made(written(tmp_path / "test.jsonl", lines(*rows)), tmp_path / "out", olympiadbench.DATASET)
    assert [row["extra_info"]["id"] for row in found if row["extra_info"]["relay"]] == ["1", "3"]
    assert [row["extra_info"]["id"] for row in found if not row["extra_info"]["relay"]] == ["2", "4", "6"]
    summary = json.loads((tmp_path / "out" / "test.summary.json").read_text())
    assert summary["flagged"] == {"needs another problem's answer": {"count": 2, "rows": ["1", "3"]}}
    assert summary["dropped"] == {"answer in prose": {"count": 1, "rows": ["5"]}}


def test_duplicates_are_dropped_and_the_summary_says_if_the_answer_differs(tmp_path):
    rows = [
        {"problem": "What is $\\log_8 2$?", "solution": "\\boxed{\\frac{1}{3}}"},
        {"problem": "What is $\\log_82$ ?", "solution": "\\boxed{\\frac13}"},
        {"problem": "what is $\\log_8{2}$?", "solution": "\\boxed{3}"},
        {"problem": "What is $\\log_8 2.5$?", "solution": "\\boxed{4}"},
        {"problem": "What is $\\log_8 25$?", "solution": "\\boxed{5}"},
    ]
    found = made(written(tmp_path / "train.jsonl", lines(*rows)), tmp_path / "out")
    assert [row["extra_info"]["index"] for row in found] == [0, 3, 4]
    dropped = json.loads((tmp_path / "out" / "train.summary.json").read_text())["dropped"]
    assert dropped["duplicate"]["rows"] == ["1: of row 0"]
    assert dropped["duplicate with another answer"]["rows"] == ["2: of row 0, here 3"]


def test_a_row_that_repeats_a_dropped_row_is_kept(tmp_path):
    rows = lines({"problem": "1+1?", "solution": "Two."}, GOOD)
    (found,) = made(written(tmp_path / "train.jsonl", rows), tmp_path / "out")
    assert found["extra_info"]["index"] == 1


def test_many_rows_are_read_and_written_in_batches_and_in_order(tmp_path):
    rows = [{"problem": f"{i}+0?", "solution": f"\\boxed{{{i}}}"} for i in range(10_000)]
    pd.DataFrame(rows).to_parquet(tmp_path / "train.parquet")
    found = made(tmp_path, tmp_path / "out")
    assert [row["reward_model"]["ground_truth"] for row in found] == [str(i) for i in range(10_000)]
    assert pq.ParquetFile(tmp_path / "out" / "train.parquet").num_row_groups == 3
    jsonl = written(tmp_path / "train.jsonl", lines(*rows))
    assert next(iter_rows(jsonl)) == rows[0], "before the rest is read"


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path):
    write_rows([{"a": 1}], tmp_path / "f.parquet")
    with pytest.raises(pa.ArrowInvalid):
        write_rows([{"a": 1}, {"a": "one"}], tmp_path / "f.parquet")
    with pytest.raises(RuntimeError), atomic(tmp_path / "f.parquet") as partial:
        partial.write_text("half")
        raise RuntimeError
    with pytest.raises(ValueError, match="f.parquet: got no rows to write; expected at least one"):
        write_rows([], tmp_path / "f.parquet")
    assert read_rows(tmp_path / "f.parquet") == [{"a": 1}]
    assert [p.name for p in tmp_path.iterdir()] == ["f.parquet"]


def test_a_parquet_file_that_verl_cannot_train_on_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.parquet: no such file"):
        check_verl_parquet(tmp_path / "nowhere.parquet")
    with pytest.raises(ValueError, match="notes.parquet: got a file that is not a parquet file"):
        check_verl_parquet(written(tmp_path / "notes.parquet", b"hello"))
    write_rows([{"data_source": "a"}], tmp_path / "lacking.parquet")
    with pytest.raises(ValueError, match="got the columns data_source; expected also prompt, reward_model, because"):
        check_verl_parquet(tmp_path / "lacking.parquet")
    pq.write_table(pa.table({"data_source": [], "prompt": [], "reward_model": []}), tmp_path / "empty.parquet")
    with pytest.raises(ValueError, match="empty.parquet: got no rows; expected at least one"):
        check_verl_parquet(tmp_path / "empty.parquet")
