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
"""Prompts and responses from files, verdicts and votes; `asymgrpo evaluate --responses`."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from asymgrpo_verl.evaluation.responses import SCORED, read_prompts, read_responses, score
from asymgrpo_verl.row_files import verl_row, write_rows


def lines(rows: list[dict], path: Path) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def row(response: str, index=0, **more) -> dict:
    return {"data_source": "aime24", "index": index, "ground_truth": "12", "response": response, **more}


def evaluate(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "asymgrpo_verl.cli", "evaluate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_row_a_response_or_a_row_a_prompt(tmp_path):
    texts = ["\\boxed{12}", "\\boxed{13}", "no"]
    one = read_responses([lines([row(text, index=7) for text in texts], tmp_path / "one.jsonl")])
    prompt = {"data_source": "aime24", "reward_model": {"ground_truth": "12"}, "extra_info": {"index": 7}}
    pd.DataFrame([prompt | {"responses": texts}]).to_parquet(tmp_path / "list.parquet")
    assert read_responses([tmp_path / "list.parquet"]) == one
    assert [(r["index"], r["sample"], r["response"]) for r in one] == [("7", i, text) for i, text in enumerate(texts)]


def test_lists_need_no_index_and_single_responses_do(tmp_path):
    prompt = {"data_source": "aime24", "ground_truth": 12}
    rows = [prompt | {"responses": ["a"]}, prompt | {"responses": ["b"]}]
    assert [r["index"] for r in read_responses([lines(rows, tmp_path / "list.jsonl")])] == ["0", "1"]
    with pytest.raises(
        ValueError, match=r"one.jsonl, row 0: index is None, expected a text or a number; the row has data_source,"
    ):
        read_responses([lines([prompt | {"response": "a"}], tmp_path / "one.jsonl")])


def test_lengths_are_taken_where_they_are(tmp_path):
    rows = [row("a", length=5, truncated=False), row("b"), row("c", length=7.0, truncated=1)]
    found = read_responses([lines(rows, tmp_path / "r.jsonl")])
    assert [(r["length"], r["truncated"]) for r in found] == [(5, False), (None, None), (7, True)]


def test_the_dumps_of_verls_validation(tmp_path):
    dump = {"input": "user\n1+1", "output": "\\boxed{2}", "gts": "2", "score": 1.0, "step": 3, "acc": 1.0}
    rows = [dump | {"uid": f"{prompt}_{sample}_0"} for prompt in ("p-1", "p-2") for sample in range(2)]
    found = read_responses([lines(rows, tmp_path / "3.jsonl")])
    assert [(r["data_source"], r["index"], r["sample"]) for r in found] == [
        ("unknown", prompt, sample) for prompt in ("p-1", "p-2") for sample in range(2)
    ]


@pytest.mark.parametrize(
    "rows, message",
    [
        (
            [{"data_source": "a", "index": 0, "ground_truth": "1"}],
            "row 0: expected a text `response` or a list of texts",
        ),
        ([row("a"), row(None)], "row 1: expected a text `response`"),
        ([{"index": 0, "ground_truth": "1", "response": "a"}], "row 0: data_source is None, expected a text"),
        ([{"data_source": "a", "index": 0, "response": "a"}], "row 0: ground_truth is None"),
        ([row("a", ground_truth={"target": "1"})], "row 0: ground_truth is {'target': '1'}"),
        ([row("a"), row("b", ground_truth="13")], "row 1: index 0 of aime24 has the ground_truth '13', and had '12'"),
        ([row("a", length="long")], "row 0: length is 'long', expected a number"),
        ([row("a", prompt=[{"role": "user"}])], "row 0: prompt is"),
    ],
)
def test_what_cannot_be_scored_is_named(tmp_path, rows, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read_responses([lines(rows, tmp_path / "r.jsonl")])


def test_prompts_of_verls_parquet(tmp_path):
    rows = [verl_row("aime24", "1+1?", "2", "test", 5, level="easy"), verl_row("aime24", "2+2?", "4", "test", 9)]
    for bare in rows[1:]:
        bare["extra_info"] = None
    write_rows(rows, tmp_path / "p.parquet")
    assert read_prompts([tmp_path / "p.parquet"]) == [
        {
            "data_source": "aime24",
            "index": index,
            "prompt": [{"role": "user", "content": question}],
            "ground_truth": truth,
            "level": level,
            "subject": None,
        }
        for index, question, truth, level in [("5", "1+1?", "2", "easy"), ("1", "2+2?", "4", None)]
    ]


def test_a_prompt_counts_once(tmp_path):
    for name in ("a.parquet", "b.parquet"):
        write_rows([verl_row("aime24", "1+1?", "2", "test", 5)], tmp_path / name)
    with pytest.raises(ValueError, match="b.parquet, row 0: index 5 of aime24 again, after .*a.parquet, row 0"):
        read_prompts([tmp_path / "a.parquet", tmp_path / "b.parquet"])


def scored(*responses: str, truth="12") -> list[dict]:
    return score([row(text, ground_truth=truth) for text in responses])


def test_verdicts_and_votes():
    found = scored("so \\boxed{12}", "\\boxed{12.0}", "\\boxed{13}", "12", "\\boxed{14}", "\\boxed{ 13}", "\\boxed{}")
    assert [r["acc"] for r in found] == [1, 1, 0, 0, 0, 0, 0]
    assert [r["pred"] for r in found] == ["12", "12.0", "13", "", "14", "13", ""]
    assert [r["vote"] for r in found] == [0, 0, 1, -1, 2, 1, -1]


def test_wrong_answers_that_are_equal_vote_together():
    found = scored("\\boxed{\\frac12}", "\\boxed{1/3}", "\\boxed{0.5}", "\\boxed{\\frac{2}{6}}", truth="7")
    assert [r["vote"] for r in found] == [1, 2, 1, 2]


def test_votes_of_one_prompt_do_not_reach_another():
    found = score([row("\\boxed{1}", index=0), row("\\boxed{2}", index=1), row("\\boxed{1}", index=1)])
    assert [r["vote"] for r in found] == [1, 1, 2]


def test_evaluate_scores_responses_without_a_model(tmp_path):
    rows = [row(f"\\boxed{{{answer}}}", index=i) for i in range(2) for answer in (12, 12, 5 + i)]
    done = evaluate("--responses", lines(rows, tmp_path / "r.jsonl"), "--out", tmp_path / "out", "--label", "GRPO")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].split()[:5] == ["aime24", "2", "3", "66.7", "±"]
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["label"] == "GRPO"
    assert results["benchmarks"]["aime24"]["metrics"]["maj@3"] == {"mean": 1.0, "se": 0.0}
    saved = pq.read_table(tmp_path / "out" / "responses.parquet")
    assert saved.schema == SCORED and saved["acc"].to_pylist() == [1, 1, 0] * 2
    again = evaluate("--responses", tmp_path / "out" / "responses.parquet", "--out", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    assert json.loads((tmp_path / "again" / "results.json").read_text())["benchmarks"] == results["benchmarks"]


def test_results_of_other_responses_are_not_overwritten(tmp_path):
    first = lines([row("a")], tmp_path / "first.jsonl")
    second = lines([row("b")], tmp_path / "second.jsonl")
    assert evaluate("--responses", first, "--out", tmp_path / "out").returncode == 0
    before = (tmp_path / "out" / "results.json").read_bytes()
    done = evaluate("--responses", second, "--out", tmp_path / "out")
    assert done.returncode == 1 and "settings.json: responses is" in done.stderr and "Traceback" not in done.stderr
    assert (tmp_path / "out" / "results.json").read_bytes() == before


def test_scoring_imports_no_vllm_and_no_torch(tmp_path):
    path = lines([row("\\boxed{12}")], tmp_path / "r.jsonl")
    code = (
        "import sys; from asymgrpo_verl.cli import main; "
        f"sys.argv = ['asymgrpo', 'evaluate', '--responses', {str(path)!r}, '--out', {str(tmp_path / 'out')!r}]; "
        "main(); assert not {'torch', 'vllm', 'verl', 'transformers'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "expected MODEL and --data, or --responses"),
        (["model"], "expected MODEL and --data, or --responses"),
        (["--responses", "r.jsonl", "--temperature", "1"], "so it goes without temperature"),
        (["model", "--responses", "r.jsonl", "--data", "d"], "so it goes without model, data"),
        (["model", "--data", "d", "--n", "0"], "got '0', expected an integer >= 1"),
        (["model", "--data", "d", "--top-p", "0"], "got '0', expected a number in (0, 1]"),
        (["model", "--data", "d", "--temperature", "nan"], "got 'nan', expected a number >= 0"),
        (["model", "--data", "d", "--chat-template-kwargs", "[]"], "got '[]', expected a JSON object"),
        (["model", "--data", "d", "--n", "x"], "got 'x', expected an integer >= 1"),
        (["model", "--data", "d", "--chat-template-kwargs", "{a"], "got '{a', expected a JSON object"),
    ],
)
def test_arguments_that_do_not_go_together(tmp_path, arguments, message):
    done = evaluate(*arguments, "--out", tmp_path / "out")
    assert done.returncode == 2 and message in done.stderr
    assert not (tmp_path / "out").exists()


def test_errors_of_files_are_one_line(tmp_path):
    write_rows([verl_row("aime24", "1+1?", "2", "test", 0)], tmp_path / "p.parquet")
    row = {"data_source": "a", "index": 0, "ground_truth": "1", "response": "1"}
    (tmp_path / "number.jsonl").write_text("5\n")
    (tmp_path / "extra.jsonl").write_text(json.dumps(row | {"extra_info": "hello"}))
    (tmp_path / "odd.jsonl").write_text("".join(json.dumps(row | {"index": i}) + "\n" for i in (0, 0, 1, 2)))
    (tmp_path / "twin.jsonl").write_text((tmp_path / "extra.jsonl").read_text().replace("hello", ""))
    (tmp_path / "twin2.jsonl").write_text((tmp_path / "twin.jsonl").read_text())
    for arguments, message in {
        ("--responses", tmp_path / "nowhere.jsonl"): "nowhere.jsonl: no such file",
        ("--responses", tmp_path): "is a directory, expected a file",
        ("--responses", tmp_path / "number.jsonl"): "number.jsonl, row 0: expected an object, found 5",
        ("--responses", tmp_path / "extra.jsonl"): "extra.jsonl, row 0: extra_info is 'hello', expected an object",
        ("--responses", tmp_path / "odd.jsonl"): "prompt 0 has 2 responses where most have 1",
        ("--responses", tmp_path / "twin.jsonl", tmp_path / "twin2.jsonl"): "twin2.jsonl: has the same content as",
        (tmp_path, "--data", tmp_path / "nowhere.parquet"): "nowhere.parquet: no such file",
        (tmp_path / "nowhere", "--data", tmp_path / "p.parquet"): "nowhere: no such directory",
        (tmp_path, "--data", tmp_path / "p.parquet"): "neither a Hugging Face model",
    }.items():
        done = evaluate(*arguments, "--out", tmp_path / "out")
        assert done.returncode == 1 and message in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
