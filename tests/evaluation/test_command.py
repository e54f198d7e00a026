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
"""`asymgrpo evaluate` without a model: its files, its table, its errors. With a model: tests/e2e."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from console import Done, asymgrpo

from asymgrpo_verl.evaluation import command
from asymgrpo_verl.evaluation.generation import generate
from asymgrpo_verl.evaluation.responses import GENERATED, SCORED, write_responses
from asymgrpo_verl.row_files import verl_row, write_rows


def lines(rows: list[dict], path: Path) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def row(response: str, index=0, **more) -> dict:
    return {"data_source": "aime24", "index": index, "ground_truth": "12", "response": response, **more}


def evaluate(*arguments) -> Done:
    return asymgrpo("evaluate", *arguments)


def test_given_responses_are_scored_without_a_model(tmp_path):
    rows = [row(f"\\boxed{{{answer}}}", index=i) for i in range(2) for answer in (12, 12, 5 + i)]
    done = evaluate("--responses", lines(rows, tmp_path / "r.jsonl"), "--out", tmp_path / "out", "--label", "GRPO")
    assert done.status == 0, done.stderr
    assert done.stdout.splitlines()[1].split()[:5] == ["aime24", "2", "3", "66.7", "±"]
    assert done.stdout.endswith(f"\n\n{tmp_path / 'out' / 'results.json'}\n")
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["label"] == "GRPO" and list(results) == ["label", "settings", "average", "benchmarks"]
    assert results["benchmarks"]["aime24"]["metrics"]["maj@3"] == {"mean": 1.0, "se": 0.0}
    saved = pq.read_table(tmp_path / "out" / "responses.parquet")
    assert saved.schema == SCORED and saved["acc"].to_pylist() == [1, 1, 0] * 2
    again = evaluate("--responses", tmp_path / "out" / "responses.parquet", "--out", tmp_path / "again")
    assert again.status == 0, again.stderr
    assert json.loads((tmp_path / "again" / "results.json").read_text())["benchmarks"] == results["benchmarks"]


def test_results_of_other_responses_are_not_overwritten(tmp_path):
    first = lines([row("a")], tmp_path / "first.jsonl")
    second = lines([row("b")], tmp_path / "second.jsonl")
    assert evaluate("--responses", first, "--out", tmp_path / "out").status == 0
    before = (tmp_path / "out" / "results.json").read_bytes()
    done = evaluate("--responses", second, "--out", tmp_path / "out")
    assert done.status == 1 and done.stderr.startswith("asymgrpo evaluate: responses: got ['second.jsonl ")
    assert f"because {tmp_path / 'out' / 'settings.json'} has it" in done.stderr
    assert (tmp_path / "out" / "results.json").read_bytes() == before


def test_a_finished_generation_is_not_started_again(tmp_path):
    """The engine would need vLLM and a model; neither is there. The files are those that a generation writes."""
    about = {"data_source": "a", "prompt": [{"role": "user", "content": "1+1?"}], "ground_truth": "2"}
    prompts = [about | {"index": str(i), "level": None, "subject": None} for i in range(3)]
    made = [p | {"response": "r", "length": 1, "truncated": False, "sample": i} for p in prompts for i in (1, 0)]
    write_responses(made[2:], tmp_path / "generated" / "00000.parquet", GENERATED)
    write_responses(made[:2], tmp_path / "generated" / "00001.parquet", GENERATED)
    found = generate("no model", prompts, [[1]] * 3, {"n": {"a": 2}}, tmp_path, 1)
    assert [(r["index"], r["sample"]) for r in found] == [(str(i), sample) for i in range(3) for sample in (0, 1)]


def test_of_a_model_with_a_lora_adapter_the_merged_model_is_scored(tmp_path, monkeypatch):
    """What is merged: tests/runs/test_weights.py. Without vLLM we look at the model that would be loaded."""
    model, loaded = tmp_path / "model", []
    (model / "lora_adapter").mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "lora_adapter/adapter_config.json"):
        (model / name).write_text("{}")
    write_rows([verl_row("aime24", "1+1?", "2", "test", 0)], tmp_path / "p.parquet")

    def stop(whole, *_):
        loaded.append(whole)
        sys.exit("enough")

    monkeypatch.setattr(command, "merge", lambda weights, target: loaded.append(weights) or target)
    monkeypatch.setattr(command.generation, "tokenize", lambda *_: [[1]])
    monkeypatch.setattr(command.generation, "generate", stop)
    evaluate(model, "--data", tmp_path / "p.parquet", "--out", tmp_path / "out")
    assert loaded == [model, str(tmp_path / "out" / "model")]


@pytest.mark.process
def test_scoring_imports_neither_vllm_nor_torch(tmp_path):
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
        (["--responses", "r.jsonl", "--temperature", "1"], "got --responses with temperature; expected only"),
        (["model", "--responses", "r.jsonl", "--data", "d"], "got --responses with model, data; expected only"),
        (["model", "--data", "d", "--n", "0"], "got '0'; expected an integer >= 1"),
        (["model", "--data", "d", "--top-p", "0"], "got '0'; expected a number in (0, 1]"),
        (["model", "--data", "d", "--temperature", "nan"], "got 'nan'; expected a number >= 0"),
        (["model", "--data", "d", "--chat-template-kwargs", "[]"], "got '[]'; expected a JSON object"),
        (["model", "--data", "d", "--n", "x"], "got 'x'; expected an integer >= 1"),
        (["model", "--data", "d", "--chat-template-kwargs", "{a"], "got '{a'; expected a JSON object"),
    ],
)
def test_arguments_that_exclude_each_other_or_are_out_of_range_are_errors(tmp_path, arguments, message):
    done = evaluate(*arguments, "--out", tmp_path / "out")
    assert done.status == 2 and message in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_error_in_a_file_is_one_line(tmp_path):
    write_rows([verl_row("aime24", "1+1?", "2", "test", 0)], tmp_path / "p.parquet")
    first = {"data_source": "a", "index": 0, "ground_truth": "1", "response": "1"}
    (tmp_path / "number.jsonl").write_text("5\n")
    lines([first | {"extra_info": "hello"}], tmp_path / "extra.jsonl")
    lines([first | {"index": i} for i in (0, 0, 1, 2)], tmp_path / "odd.jsonl")
    lines([first], tmp_path / "twin.jsonl")
    lines([first], tmp_path / "twin2.jsonl")
    for arguments, message in {
        ("--responses", tmp_path / "nowhere.jsonl"): "nowhere.jsonl: no such file",
        ("--responses", tmp_path): "directory",
        ("--responses", tmp_path / "number.jsonl"): "number.jsonl, row 0: got 5; expected an object",
        ("--responses", tmp_path / "extra.jsonl"): "extra.jsonl, row 0: extra_info: got 'hello'; expected an object",
        ("--responses", tmp_path / "odd.jsonl"): "a, prompt 0: got 2 responses; expected 1, because most prompts have",
        ("--responses", tmp_path / "twin.jsonl", tmp_path / "twin2.jsonl"): "twin2.jsonl: got the content of",
        (tmp_path, "--data", tmp_path / "nowhere.parquet"): "nowhere.parquet: no such file",
        (tmp_path / "nowhere", "--data", tmp_path / "p.parquet"): "nowhere: no such directory",
        (tmp_path, "--data", tmp_path / "p.parquet"): "got a directory without weights; expected a Hugging Face model",
    }.items():
        done = evaluate(*arguments, "--out", tmp_path / "out")
        assert done.status == 1 and message in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
