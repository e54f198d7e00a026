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
"""Prompts and responses as rows: from verl's parquet, from generations made elsewhere, and with their verdicts."""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from asymgrpo_verl.files import atomic
from asymgrpo_verl.rewards.maths import compute_score, equivalent
from asymgrpo_verl.row_files import check_verl_parquet, is_missing, read_rows

GENERATED = pa.schema(
    {
        "data_source": pa.string(),
        "index": pa.string(),  # of the prompt in its data source
        "sample": pa.int32(),  # of the response among the n to its prompt, from 0
        "prompt": pa.list_(pa.struct({"role": pa.string(), "content": pa.string()})),
        "response": pa.string(),
        "length": pa.int64(),  # tokens; null where unknown
        "truncated": pa.bool_(),  # ended by the response length; null where unknown
        "ground_truth": pa.string(),
        "level": pa.string(),
        "subject": pa.string(),
    }
)
VERDICT = {
    "pred": pa.string(),  # the answer, "" for none
    "acc": pa.int8(),  # 1 if it is the ground truth, else 0
    "vote": pa.int32(),  # one number for each different answer to the prompt, 0 for the ground truth, -1 for none
}
SCORED = pa.schema([*GENERATED, *pa.schema(VERDICT)])

VERL_DUMP = {"input", "output", "gts", "uid"}  # what verl writes to trainer.validation_data_dir and rollout_data_dir


def read_prompts(paths: list[Path]) -> list[dict]:
    """The prompts of parquet files in verl's schema: data_source, index, prompt, ground_truth, level, subject. A row
    without extra_info.index has its number in the file.

    Raises:
        FileNotFoundError, ValueError: no such file, another schema, or one prompt twice; names file and row.
    """
    prompts, seen = [], {}
    for path in paths:
        check_verl_parquet(path)
        for number, row in enumerate(read_rows(path)):
            place = f"{path}, row {number}"
            prompt = _about_prompt(row, place, default_index=number)
            if prompt["prompt"] is None:
                raise ValueError(f"{place}: prompt is missing.")
            key = prompt["data_source"], prompt["index"]
            if key in seen:
                raise ValueError(f"{place}: index {key[1]} of {key[0]} again, after {seen[key]}. A prompt counts once.")
            seen[key] = place
            prompts.append(prompt)
    return prompts


def read_responses(paths: list[Path]) -> list[dict]:
    """Responses made elsewhere, from .parquet, .jsonl or .json files.

    A row has data_source, ground_truth (or reward_model.ground_truth), and `response`, a text, with index (or
    extra_info.index) to tell which rows answer one prompt; or `responses`, a list of texts. prompt, length, truncated,
    level and subject are taken where they are. Files that verl writes to trainer.validation_data_dir are read too; as
    they do not say it, their data source is "unknown".

    Raises:
        FileNotFoundError, ValueError: no such file, a missing or wrong column; names file and row.
    """
    responses, samples, truths = [], Counter(), {}
    for path in paths:
        for number, row in enumerate(read_rows(path)):
            place = f"{path}, row {number}"
            if not isinstance(row, dict):
                raise ValueError(f"{place}: expected an object, found {row!r:.80}.")
            row = _from_verl_dump(row) if VERL_DUMP <= row.keys() else row
            texts = row.get("responses") if "response" not in row else [row["response"]]
            if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
                raise ValueError(f"{place}: expected a text `response` or a list of texts `responses`; {_has(row)}")
            about = _about_prompt(row, place, default_index=number if "responses" in row else None)
            key = about["data_source"], about["index"]
            if truths.setdefault(key, about["ground_truth"]) != about["ground_truth"]:
                raise ValueError(
                    f"{place}: index {key[1]} of {key[0]} has the ground_truth {about['ground_truth']!r:.80}, "
                    f"and had {truths[key]!r:.80} in a row before."
                )
            measured = _measured(row, place) if "response" in row else {"length": None, "truncated": None}
            for text in texts:
                responses.append(about | measured | {"sample": samples[key], "response": text})
                samples[key] += 1
    return responses


def _from_verl_dump(row: dict) -> dict:
    # uid is that of the prompt, then the numbers of the rollout and of its output
    about = {"data_source": "unknown", "index": row["uid"].rsplit("_", 2)[0], "ground_truth": row["gts"]}
    return about | {"prompt": row["input"], "response": row["output"]}


def _has(row: dict) -> str:
    return f"the row has {', '.join(row)}."


def _measured(row: dict, place: str) -> dict:
    values = {name: None if is_missing(row.get(name)) else row[name] for name in ("length", "truncated")}
    for name, value in values.items():
        if not isinstance(value, int | float | None):
            raise ValueError(f"{place}: {name} is {value!r:.80}, expected a number.")
    length, truncated = values["length"], values["truncated"]
    return {"length": length and int(length), "truncated": None if truncated is None else bool(truncated)}


def _about_prompt(row: dict, place: str, default_index: int | None) -> dict:
    extra, reward_model = row.get("extra_info") or {}, row.get("reward_model") or {}
    for name, value in (("extra_info", extra), ("reward_model", reward_model)):
        if not isinstance(value, dict):
            raise ValueError(f"{place}: {name} is {value!r:.80}, expected an object.")

    def first(name: str, *places: dict):
        return next((place[name] for place in places if not is_missing(place.get(name))), None)

    index = first("index", row, extra)
    about = {
        "data_source": row.get("data_source"),
        "index": default_index if index is None else index,
        "ground_truth": first("ground_truth", row, reward_model),
    }
    for name, value in about.items():
        if is_missing(value) or isinstance(value, dict | list) or not str(value).strip():
            raise ValueError(f"{place}: {name} is {value!r:.80}, expected a text or a number; {_has(row)}")
    about |= {"level": first("level", row, extra), "subject": first("subject", row, extra)}
    about = {name: None if value is None else str(value) for name, value in about.items()}
    return about | {"prompt": _messages(row.get("prompt"), place)}


def _messages(prompt, place: str) -> list[dict] | None:
    if isinstance(prompt, str):
        return [{"role": "user", "content": prompt}]
    if prompt is None or (
        isinstance(prompt, list)
        and prompt
        and all(
            isinstance(m, dict) and isinstance(m.get("role"), str) and isinstance(m.get("content"), str) for m in prompt
        )
    ):
        return prompt
    raise ValueError(f"{place}: prompt is {prompt!r:.80}, expected a text or a list of messages with role and content.")


def write_responses(rows: list[dict], path: Path, schema: pa.Schema) -> None:
    """A parquet file, whole or not at all."""
    with atomic(path) as partial:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), partial)


def score(responses: list[dict]) -> list[dict]:
    """The responses with the columns of VERDICT."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = pool.map(lambda r: compute_score(r["data_source"], r["response"], r["ground_truth"]), responses)
        bar = tqdm(verdicts, total=len(responses), desc="scoring", unit="response", dynamic_ncols=True)
        scored = [r | {"pred": v["pred"], "acc": int(v["acc"])} for r, v in zip(responses, bar, strict=True)]
        prompts: dict[tuple, list[dict]] = {}
        for response in scored:
            prompts.setdefault((response["data_source"], response["index"]), []).append(response)
        for group, votes in zip(prompts.values(), pool.map(_votes, prompts.values()), strict=True):
            for response, vote in zip(group, votes, strict=True):
                response["vote"] = vote
    return scored


def _votes(responses: list[dict]) -> list[int]:
    """Correct responses vote for one answer, the ground truth; a wrong one for the first wrong answer it equals."""
    votes, numbers = [], {}  # wrong answer -> its number, from 1
    for response in responses:
        answer = " ".join(response["pred"].split())
        if answer and not response["acc"] and answer not in numbers:
            equal = (number for other, number in numbers.items() if equivalent(other, answer))
            numbers[answer] = next(equal, 1 + max(numbers.values(), default=0))
        votes.append(0 if response["acc"] else numbers.get(answer, -1))
    return votes
