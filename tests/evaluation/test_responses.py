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
"""Read prompts and responses from files."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from asymgrpo_verl.evaluation.responses import read_prompts, read_responses
from asymgrpo_verl.row_files import verl_row, write_rows


def lines(rows: list[dict], path: Path) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def row(response: str, index=0, **more) -> dict:
    return {"data_source": "aime24", "index": index, "ground_truth": "12", "response": response, **more}


def test_a_row_has_one_response_or_all_responses_to_a_prompt(tmp_path):
    texts = ["\\boxed{12}", "\\boxed{13}", "no"]
    one = read_responses([lines([row(text, index=7) for text in texts], tmp_path / "one.jsonl")])
    prompt = {"data_source": "aime24", "reward_model": {"ground_truth": "12"}, "extra_info": {"index": 7}}
    pd.DataFrame([prompt | {"responses": texts}]).to_parquet(tmp_path / "list.parquet")
    assert read_responses([tmp_path / "list.parquet"]) == one
    assert [(r["index"], r["sample"], r["response"]) for r in one] == [("7", i, text) for i, text in enumerate(texts)]


def test_a_list_of_responses_needs_no_index_and_a_single_response_does(tmp_path):
    prompt = {"data_source": "aime24", "ground_truth": 12}
    rows = [prompt | {"responses": ["a"]}, prompt | {"responses": ["b"]}]
    assert [r["index"] for r in read_responses([lines(rows, tmp_path / "list.jsonl")])] == ["0", "1"]
    message = "one.jsonl, row 0: index: got None; expected a text or a number. The row has the columns data_source,"
    with pytest.raises(ValueError, match=message):
        read_responses([lines([prompt | {"response": "a"}], tmp_path / "one.jsonl")])


def test_length_and_truncated_are_read_if_a_row_has_them(tmp_path):
    rows = [row("a", length=5, truncated=False), row("b"), row("c", length=7.0, truncated=1)]
    found = read_responses([lines(rows, tmp_path / "r.jsonl")])
    assert [(r["length"], r["truncated"]) for r in found] == [(5, False), (None, None), (7, True)]


def test_the_files_of_verls_validation_are_read(tmp_path):
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
            "row 0: got the columns data_source, index, ground_truth; expected a text `response` or a list of texts",
        ),
        ([row("a"), row(None)], "row 1: got the columns"),
        ([{"index": 0, "ground_truth": "1", "response": "a"}], "row 0: data_source: got None; expected a text"),
        ([{"data_source": "a", "index": 0, "response": "a"}], "row 0: ground_truth: got None"),
        ([row("a", ground_truth={"target": "1"})], "row 0: ground_truth: got {'target': '1'}"),
        (
            [row("a"), row("b", ground_truth="13")],
            "row 1: ground_truth: got '13'; expected '12', because an earlier row of prompt 0 of aime24 has it.",
        ),
        ([row("a", length="long")], "row 0: length: got 'long'; expected a number"),
        ([row("a", prompt=[{"role": "user"}])], "row 0: prompt: got [{'role': 'user'}]; expected a text or a list"),
    ],
)
def test_a_row_that_cannot_be_scored_is_an_error_that_names_it(tmp_path, rows, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read_responses([lines(rows, tmp_path / "r.jsonl")])


def test_prompts_are_read_from_verls_parquet(tmp_path):
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
            "error": None,
        }
        for index, question, truth, level in [("5", "1+1?", "2", "easy"), ("1", "2+2?", "4", None)]
    ]


def test_a_prompt_that_is_there_twice_is_an_error(tmp_path):
    for name in ("a.parquet", "b.parquet"):
        write_rows([verl_row("aime24", "1+1?", "2", "test", 5)], tmp_path / name)
    message = "b.parquet, row 0: got prompt 5 of aime24 twice, first in .*a.parquet, row 0; expected each prompt once"
    with pytest.raises(ValueError, match=message):
        read_prompts([tmp_path / "a.parquet", tmp_path / "b.parquet"])
