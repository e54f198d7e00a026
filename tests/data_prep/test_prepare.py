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
"""data_prep converts every dataset from each layout in use to verl's schema, and writes a summary of what it did."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import datasets
import pandas as pd
import pyarrow.parquet as pq
import pytest
from places import SHARED

import data_prep.all
from asymgrpo_verl.row_files import check_verl_parquet, read_rows
from data_prep import DATA_SOURCES
from data_prep.convert import Options
from data_prep.prepare import prepare
from data_prep.tables import INSTRUCTIONS, SCHEMA

REAL = SHARED / "data"
DATASETS = {dataset.name: dataset for dataset in data_prep.all.DATASETS}
real_files = pytest.mark.skipif(not REAL.is_dir(), reason="the real files are not here")

# One invented row in each layout: name -> (dataset, row, gold answer, extra_info that is not null).
LAYOUTS = {
    "MATH's hub": (
        "math",
        {
            "problem": "Half?",
            "solution": "Not $\\boxed{1}$, $\\boxed{\\frac12}$.",
            "level": "Level 3",
            "type": "Algebra",
        },
        "\\frac12",
        {"level": "Level 3", "subject": "Algebra"},
    ),
    "MATH in RLVR-Decomposed": (
        "math",
        {
            "level": "Level 1",
            "type": "Geometry",
            "prompt": [{"role": "user", "content": "Half?"}],
            "reward_model": {
                "style": "rule",
                "ground_truth": {"question": "Half?", "solution": "$\\boxed {7}$", "target": "not this"},
            },
        },
        "7",
        {"level": "Level 1", "subject": "Geometry"},
    ),
    "MATH-500": (
        "math500",
        {
            "problem": "Half?",
            "solution": "",
            "answer": "3",
            "subject": "Algebra",
            "level": 4,
            "unique_id": "test/a/1.json",
        },
        "3",
        {"id": "test/a/1.json", "level": "Level 4", "subject": "Algebra"},
    ),
    "AIME": ("aime24", {"id": 60, "problem": "Half?", "answer": "033"}, "33", {"id": "60", "raw_answer": "033"}),
    "AIME with a box": ("aime24", {"id": "x", "problem": "Half?", "solution": "\\boxed{204}"}, "204", {"id": "x"}),
    "AIME in RLVR-Decomposed": (
        "aime25",
        {"reward_model": {"ground_truth": {"question": "Half?", "target": "336^\\circ"}}},
        "336",
        {"raw_answer": "336^\\circ"},
    ),
    "AMC with a number": ("amc23", {"id": 7, "question": "Half?", "answer": 27.0}, "27", {"id": "7"}),
    "GSM8K": ("gsm8k", {"question": "Half?", "answer": "1+1=<<1+1=2>>2.\n#### 1,002"}, "1002", {"raw_answer": "1,002"}),
    "OlympiadBench": (
        "olympiadbench",
        {
            "id": 7,
            "subfield": "Algebra",
            "context": None,
            "question": "Half?",
            "solution": ["Try."],
            "final_answer": ["$69$,$84$"],
            "is_multiple_answer": True,
            "unit": "km",
            "answer_type": "Numerical",
            "error": "1e-1",
        },
        "69, 84",
        {
            "id": "7",
            "subject": "Algebra",
            "unit": "km",
            "answer_type": "Numerical",
            "error": "1e-1",
            "raw_answer": "$69$,$84$",
            "relay": False,
        },
    ),
}


def write(rows: list, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    elif path.suffix == ".jsonl" or path.name == "lines.json":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text(json.dumps(rows))
    return path


def made(name: str, source: Path, save: Path, **options) -> list[dict]:
    prepare(DATASETS[name], source, save, Options(**options))
    return read_rows(next(save.glob("*.parquet")))


def summary(save: Path, split: str = "test") -> dict:
    return json.loads((save / f"{split}.summary.json").read_text())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_row_of_each_layout_becomes_a_row_in_verls_schema(tmp_path, layout):
    name, row, gold, about = LAYOUTS[layout]
    split = "train" if name in ("math", "gsm8k") else "test"
    (found,) = made(name, write([row], tmp_path / "rows.jsonl"), tmp_path / "out")
    found["extra_info"] = {key: value for key, value in found["extra_info"].items() if value is not None}
    assert found == {
        "data_source": DATA_SOURCES[name],
        "prompt": [{"role": "user", "content": f"Half? {INSTRUCTIONS['boxed']}"}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": gold},
        "extra_info": {"split": split, "index": 0, "question": "Half?", "missing_figure": False} | about,
    }
    assert check_verl_parquet(tmp_path / "out" / f"{split}.parquet") == 1


@pytest.mark.parametrize(
    "name", ["rows.parquet", "rows.jsonl", "rows.json", "lines.json", "test-00000-of-00001.parquet"]
)
def test_every_kind_of_file_gives_the_same_bytes(tmp_path, name):
    rows = [{"id": i, "problem": f"{i}+{i}?", "answer": str(2 * i)} for i in range(5)]
    made("amc23", write(rows, tmp_path / "in.jsonl"), tmp_path / "a")
    made("amc23", write(rows, tmp_path / name), tmp_path / "b")
    assert (tmp_path / "a" / "test.parquet").read_bytes() == (tmp_path / "b" / "test.parquet").read_bytes()


def test_the_files_of_a_directory_have_the_names_of_the_splits_or_the_hubs_names(tmp_path):
    row = {"question": "1+1?", "answer": "#### 2"}
    write([row], tmp_path / "gsm8k" / "data" / "train-00000-of-00001.parquet")
    write([row], tmp_path / "gsm8k" / "data" / "test-00000-of-00001.parquet")
    made("gsm8k", tmp_path / "gsm8k", tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").glob("*.parquet")) == ["test.parquet", "train.parquet"]
    write([{"id": 1, "problem": "1+1?", "answer": "2"}], tmp_path / "aime" / "train-00000-of-00001.parquet")
    (found,) = made("aime24", tmp_path / "aime", tmp_path / "aime_out")
    assert found["extra_info"]["split"] == "test"
    write([row], tmp_path / "gsm8k" / "train.jsonl")
    with pytest.raises(ValueError, match="got train.jsonl, train-00000-of-00001.parquet; expected one file for train"):
        made("gsm8k", tmp_path / "gsm8k", tmp_path / "out")


def test_the_instruction_is_a_preset_or_a_text(tmp_path, run):
    source = write([{"problem": "1+1?", "answer": "2"}], tmp_path / "test.jsonl")

    def prompt(instruction):
        return made("amc23", source, tmp_path / "out", instruction=instruction)[0]["prompt"]

    assert prompt("qwen2.5-math") == [
        {"role": "system", "content": "Please reason step by step, and put your final answer within \\boxed{}."},
        {"role": "user", "content": "1+1?"},
    ]
    assert prompt("Box it: \\boxed{}.") == [{"role": "user", "content": "1+1? Box it: \\boxed{}."}]
    assert prompt("") == [{"role": "user", "content": "1+1?"}]
    assert summary(tmp_path / "out")["instruction"] == ""
    done = run("amc23", "--local_dataset_path", source, "--instruction", "qwen-math")
    assert (
        done.returncode == 2
        and "got 'qwen-math'; expected boxed, qwen2.5-math or a text of several words" in done.stderr
    )


def test_the_command_prints_what_the_summary_says(tmp_path, run):
    rows = [{"problem": f"{i}?", "solution": f"\\boxed{{{i}}}"} for i in range(30)] + [
        {"problem": "a", "solution": "b"}
    ]
    source, out = write(rows + rows[:25], tmp_path / "train.jsonl"), tmp_path / "new" / "out"
    done = run("math", "--local_dataset_path", source, "--local_save_dir", out)
    assert done.returncode == 0 and done.stderr == "", "no progress bar without a terminal"
    lines = done.stdout.splitlines()
    assert lines[0] == f"{out / 'train.parquet'}: kept 30 of 56 rows"
    assert lines[1:4] == [
        "  question from problem, gold answer from solution",
        "  split train: 56 rows do not say it; --split chooses another",
        "  row 0: 0? Gold answer: 0",
    ]
    assert lines[4].startswith("  dropped, duplicate: 25 (31: of row 0, 32: of row 1, ") and lines[4].endswith(", ...)")
    assert lines[5:] == ["  dropped, no answer: 1 (30)"]
    found = summary(out, "train")
    assert found.pop("dropped") == {
        "duplicate": {"count": 25, "rows": [f"{i + 31}: of row {i}" for i in range(25)]},
        "no answer": {"count": 1, "rows": [30]},
    }
    assert found == {
        "dataset": "math",
        "split": "train",
        "source": "train.jsonl",
        "instruction": "boxed",
        "rows_in": 56,
        "rows_out": 30,
        "changed": {},
        "flagged": {},
    }


def test_the_files_of_all_datasets_can_be_concatenated_as_verl_does(tmp_path):
    parts = []
    for i, (name, row, _, _) in enumerate(LAYOUTS.values()):
        made(name, write([row], tmp_path / f"{i}.jsonl"), tmp_path / str(i))
        (file,) = (tmp_path / str(i)).glob("*.parquet")
        assert pq.read_schema(file).equals(SCHEMA)
        parts.append(datasets.load_dataset("parquet", data_files=str(file), cache_dir=str(tmp_path / "cache"))["train"])
    together = datasets.concatenate_datasets(parts)
    assert len(together) == len(LAYOUTS) and together[0]["extra_info"]["level"] == "Level 3"


def test_all_prepares_the_datasets_that_are_there_and_names_the_others(tmp_path, run):
    write([{"problem": "1+1?", "answer": "2"}], tmp_path / "in" / "amc2023" / "test.jsonl")
    write([{"problem": "1+1?", "solution": "\\boxed{2}"}], tmp_path / "in" / "math" / "test.parquet")
    done = run("all", "--local_dataset_path", tmp_path / "in", "--local_save_dir", tmp_path / "out")
    assert done.returncode == 0
    assert sorted(str(p.relative_to(tmp_path / "out")) for p in tmp_path.glob("out/*/*.parquet")) == [
        "amc23/test.parquet",
        "math/test.parquet",
    ]
    assert f"aime24: skipped, because {tmp_path / 'in'} has no folder aime24 or aime2024" in done.stderr

    write([{"text": "1+1?"}], tmp_path / "in" / "gsm8k" / "train.jsonl")
    done = run("all", "--local_dataset_path", tmp_path / "in", "--local_save_dir", tmp_path / "again")
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == "data_prep.all: 2 prepared, 1 failed, 4 skipped."
    assert "train.jsonl, row 0: got the columns text; expected the question in one of " in done.stderr
    assert (tmp_path / "again" / "amc23" / "test.parquet").is_file()

    (tmp_path / "empty").mkdir()
    done = run("all", "--local_dataset_path", tmp_path / "empty", "--local_save_dir", tmp_path / "none")
    assert done.returncode == 1 and not (tmp_path / "none").exists()


def test_without_a_path_the_dataset_comes_from_the_hub(tmp_path, monkeypatch):
    """load_dataset also reads a local directory; everything after it is the same as for a dataset of the hub."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    rows = [{"id": i, "problem": f"{i}+{i}?", "answer": str(2 * i)} for i in range(5)]
    write(rows, tmp_path / "hub" / "train.jsonl")
    from_hub = dataclasses.replace(DATASETS["aime24"], hub=(str(tmp_path / "hub"),))
    prepare(from_hub, None, tmp_path / "a", Options())
    made("aime24", tmp_path / "hub" / "train.jsonl", tmp_path / "b")
    assert (tmp_path / "a" / "test.parquet").read_bytes() == (tmp_path / "b" / "test.parquet").read_bytes()
    assert summary(tmp_path / "a")["source"] == str(tmp_path / "hub")


@pytest.mark.process
def test_without_a_path_and_a_network_the_error_is_one_line(tmp_path):
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "data_prep.aime25", "--local_save_dir", tmp_path / "out"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.startswith("data_prep.aime25: ") and "math-ai/aime25" in done.stderr.splitlines()[-1]


@pytest.mark.process
def test_modules_in_the_working_directory_are_not_taken_for_ours(tmp_path):
    """`python -m` searches the working directory first."""
    for name in ("files", "row_files", "rewards", "answers", "rows", "prepare", "defects", "overlap"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not ours')")
    source = write([{"problem": "1+1?", "answer": "2"}], tmp_path / "test.jsonl")
    command = [sys.executable, "-m", "data_prep.amc23", "--local_dataset_path", source, "--local_save_dir", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.startswith("out/test.parquet: kept 1 of 1 rows\n"), done.stderr


@pytest.mark.process
def test_asymgrpo_works_in_a_directory_with_another_data_prep(tmp_path):
    (tmp_path / "data_prep.py").write_text("raise ImportError('not ours')")
    row = {"data_source": "a", "index": 0, "sample": 0, "response": "\\boxed{2}", "ground_truth": "2"}
    responses = write([row], tmp_path / "responses.jsonl")
    command = [sys.executable, "-m", "asymgrpo_verl.cli", "evaluate", "--responses", responses, "--out", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# split file -> (rows in, rows out, {rule: rows}), as in the docstrings of the modules
ROWS = {
    "math/train": (
        7500,
        7486,
        {
            "no answer": [5341, 5343],
            "several answers, in boxes of several sentences": [6922, 7225, 7321],
            "several boxes in one sentence, perhaps one answer": [4253, 5419, 5446, 6308],
        },
    ),
    "math500/test": (500, 500, {}),
    "aime24/test": (30, 30, {}),
    "aime25/test": (30, 30, {}),
    "amc23/test": (40, 40, {}),
    "olympiadbench/test": (675, 674, {"answer in prose": ["1965"]}),
    "gsm8k/train": (7473, 7473, {}),
    "gsm8k/test": (1319, 1319, {}),
}


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    out = tmp_path_factory.mktemp("real")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["all", "--local_dataset_path", str(REAL), "--local_save_dir", str(out)])
        data_prep.all.main()
    return out


@real_files
@pytest.mark.parametrize("file", ROWS)
def test_the_numbers_of_rows_of_the_real_files_are_known(real, file):
    rows_in, rows_out, dropped = ROWS[file]
    found = json.loads((real / f"{file}.summary.json").read_text())
    assert (found["rows_in"], found["rows_out"]) == (rows_in, rows_out)
    assert check_verl_parquet(real / f"{file}.parquet") == rows_out
    for rule, rows in dropped.items():
        assert found["dropped"][rule]["rows"] == rows
    assert rows_out == rows_in - sum(rule["count"] for rule in found["dropped"].values())


@real_files
def test_the_defects_of_the_real_files_are_known(real):
    def met(file, kind, rule):
        return json.loads((real / f"{file}.summary.json").read_text())[kind][rule]["rows"]

    assert met("math/train", "dropped", "duplicate") == [
        "959: of row 925",
        "1227: of row 1168",
        "3881: of row 1158",
        "4322: of row 3493",
        "7378: of row 6892",
    ]
    assert met("math/train", "changed", "unescaped LaTeX restored") == [5332]
    relay = [2655, *range(2721, 2725), *range(2726, 2732), 2856, 2857, 2859, 2860, 2967, 3095]
    assert met("olympiadbench/test", "flagged", "needs another problem's answer") == list(
        map(str, sorted([*relay, 2725]))
    )
    assert met("aime25/test", "changed", "unit removed") == [19]
    assert met("aime25/test", "flagged", "speaks of a missing figure") == [19, 20]
    assert len(met("olympiadbench/test", "flagged", "several answers")) == 94
    assert len(met("gsm8k/train", "changed", "thousands separators removed")) == 79


@real_files
def test_the_gold_answers_of_the_real_files_are_clean(real):
    def golds(file, key):
        rows = read_rows(real / f"{file}.parquet")
        return {row["extra_info"][key]: row["reward_model"]["ground_truth"] for row in rows}

    math = golds("math/train", "index")
    assert [math[i] for i in (334, 3694, 6843)] == ["(-2,18), (8,38)", "\\frac{1}{3}, -\\frac{5}{2}", "30, 150"]
    assert [math[i] for i in (252, 888, 1011, 6627)] == ["17", "2", "9", "\\mbox{four}"]
    assert [math[i] for i in (38, 979, 5883, 4715)] == ["2, 3, 4", "1657", "1.85", "4\\!:\\!51\\!:\\!06 \\text{ p.m.}"]
    olympiad = golds("olympiadbench/test", "id")
    assert [olympiad[i] for i in ("2045", "2349", "2380", "2720")] == ["(0,4]", "221, 8", "4", "0"]
    for file in ROWS:
        assert all(golds(file, "index").values())
    tolerance = next(
        r["extra_info"] for r in read_rows(real / "olympiadbench/test.parquet") if r["extra_info"]["error"]
    )
    assert (tolerance["id"], tolerance["error"], tolerance["unit"]) == ("2592", "1e-1", "%")


@real_files
def test_single_answer_drops_the_questions_with_several_answers(tmp_path):
    found = made("olympiadbench", REAL / "olympiadbench", tmp_path, single_answer=True)
    assert len(found) == 674 - 94
    assert summary(tmp_path)["dropped"]["several answers"]["count"] == 94
