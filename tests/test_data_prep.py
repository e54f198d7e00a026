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
"""data_prep: MATH from the layouts found in the wild, and what is refused."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_prep.files import check_verl_parquet, read_rows, write_rows
from data_prep.math import DATA_SOURCE, INSTRUCTION, last_boxed

REAL = Path(__file__).parents[2] / "shared" / "data" / "math_train" / "train.parquet"

HUB_ROWS = [
    {"problem": "What is $1+1$?", "solution": "It is $\\boxed{2}$.", "level": "Level 1", "type": "Algebra"},
    {"problem": "Which numbers?", "solution": "None, so $\\boxed{}$.", "level": "Level 2", "type": "Number Theory"},
    {
        "problem": "Half?",
        "solution": "First $\\boxed{1}$, then $\\boxed{\\frac{1}{2}}$.",
        "level": "Level 3",
        "type": "Algebra",
    },
]


def prepare(source: Path, save: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "data_prep.math", "--local_dataset_path", source, "--local_save_dir", save]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def write(rows: list[dict], path: Path) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        pd.DataFrame(rows).to_parquet(path)
    return path


@pytest.mark.parametrize(
    "text, answer",
    [
        ("so $\\boxed{17}$.", "17"),
        ("$\\boxed{\\frac{1}{2}}$", "\\frac{1}{2}"),
        ("$\\boxed{1}$ or rather $\\boxed{2}$", "2"),
        ("$\\boxed 9$.", "9"),
        ("$\\boxed {17}$", "17"),
        ("$\\boxed{}$", ""),
        ("$\\boxed{1", None),
        ("$\\boxed", None),
        ("17", None),
    ],
)
def test_the_answer_is_the_last_box(text, answer):
    assert last_boxed(text) == answer


@pytest.mark.parametrize("name", ["train.parquet", "train.jsonl", "train.json"])
def test_the_hubs_layout_from_every_kind_of_file(tmp_path, name):
    done = prepare(write(HUB_ROWS, tmp_path / name), tmp_path / "out")
    assert "2 of 3 rows, dropped without an answer: 1" in done.stdout, done.stderr
    assert pq.read_table(tmp_path / "out" / "train.parquet").to_pylist()[1] == {
        "data_source": DATA_SOURCE,
        "prompt": [{"role": "user", "content": f"Half? {INSTRUCTION}"}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": "\\frac{1}{2}"},
        "extra_info": {"split": "train", "index": 2, "level": "Level 3", "subject": "Algebra"},
    }


def test_a_directory_gives_both_splits_and_the_same_bytes_every_time(tmp_path):
    write(HUB_ROWS, tmp_path / "train.jsonl")
    write(HUB_ROWS[:1], tmp_path / "test.parquet")
    for out in ("a", "b"):
        assert prepare(tmp_path, tmp_path / out).returncode == 0
    for split in ("train", "test"):
        assert (tmp_path / "a" / f"{split}.parquet").read_bytes() == (tmp_path / "b" / f"{split}.parquet").read_bytes()


@pytest.mark.skipif(not REAL.is_file(), reason="the real MATH file is not here")
def test_the_real_math_file(tmp_path):
    done = prepare(REAL, tmp_path)
    assert "7498 of 7500 rows, dropped without an answer: 5341, 5343" in done.stdout, done.stderr
    answers = {
        row["extra_info"]["index"]: row["reward_model"]["ground_truth"] for row in read_rows(tmp_path / "train.parquet")
    }
    assert [answers[i] for i in (252, 888, 1011, 6627)] == ["17", "2", "9", "\\mbox{four}"]
    assert all(answers.values())


def test_what_cannot_be_read_is_named_and_nothing_is_lost(tmp_path):
    out = tmp_path / "out"
    prepare(write(HUB_ROWS, tmp_path / "train.jsonl"), out)
    before = (out / "train.parquet").read_bytes()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "train.jsonl").write_text('{"problem": "a", "solution": "b"}\n{"problem"\n')
    (tmp_path / "empty.jsonl").write_text("")
    for source, message in {
        tmp_path / "nowhere": "nowhere: no such file or directory",
        tmp_path / "broken" / "train.jsonl": "train.jsonl, line 2: not JSON",
        tmp_path / "empty.jsonl": "empty.jsonl: holds no rows",
        write([{"question": "a", "answer": "b"}], tmp_path / "other.jsonl"): "other.jsonl, row 0: expected the columns",
        write_text(tmp_path / "notes.txt", "hello"): "notes.txt: allowed are .parquet, .jsonl and .json files",
    }.items():
        done = prepare(source, out)
        assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr
    assert (out / "train.parquet").read_bytes() == before
    assert [p.name for p in out.iterdir()] == ["train.parquet"]


def write_text(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path):
    write_rows([{"a": 1}], tmp_path / "f.parquet")
    with pytest.raises(pa.ArrowInvalid):
        write_rows([{"a": 1}, {"a": "one"}], tmp_path / "f.parquet")
    assert read_rows(tmp_path / "f.parquet") == [{"a": 1}]
    assert [p.name for p in tmp_path.iterdir()] == ["f.parquet"]


def test_a_parquet_that_verl_cannot_train_on_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.parquet: no such file"):
        check_verl_parquet(tmp_path / "nowhere.parquet")
    with pytest.raises(ValueError, match="notes.parquet: not a parquet file"):
        check_verl_parquet(write_text(tmp_path / "notes.parquet", "hello"))
    with pytest.raises(ValueError, match=r"lacks the column\(s\) prompt, reward_model; it has data_source"):
        check_verl_parquet(write([{"data_source": "a"}], tmp_path / "lacking.parquet"))
    columns = pa.table({"data_source": [], "prompt": [], "reward_model": []})
    pq.write_table(columns, tmp_path / "empty.parquet")
    with pytest.raises(ValueError, match="empty.parquet: holds no rows"):
        check_verl_parquet(tmp_path / "empty.parquet")
