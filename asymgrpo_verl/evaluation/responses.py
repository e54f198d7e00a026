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
"""Read prompts and responses from files into rows, and write rows of responses."""

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from asymgrpo_verl.files import atomic
from asymgrpo_verl.row_files import check_verl_parquet, is_missing, read_rows

GENERATED = pa.schema(
    {
        "data_source": pa.string(),
        "index": pa.string(),  # of the prompt in its data source
        "sample": pa.int32(),  # index of the response among the n of its prompt, from 0
        "prompt": pa.list_(pa.struct({"role": pa.string(), "content": pa.string()})),
        "response": pa.string(),
        "length": pa.int64(),  # tokens; null if unknown
        "truncated": pa.bool_(),  # the response ended at the maximum length; null if unknown
        "ground_truth": pa.string(),  # the gold answer
        "level": pa.string(),
        "subject": pa.string(),
        "error": pa.string(),  # the tolerance of the gold answer, as OlympiadBench has it; null if it is exact
    }
)
SCORES = pa.schema(
    {
        "pred": pa.string(),  # the answer in the response; "" if it has none
        "acc": pa.int8(),  # 1 if the answer is correct, else 0
        "vote": pa.int32(),  # 0 for the correct answer, -1 for no answer, 1, 2, ... for the different incorrect answers
    }
)
SCORED = pa.schema([*GENERATED, *SCORES])

VERL_DUMP = {"input", "output", "gts", "uid"}  # what verl writes to trainer.validation_data_dir and rollout_data_dir


def read_prompts(paths: list[Path]) -> list[dict]:
    """Read the prompts of parquet files in verl's schema.

    Returns:
        dicts with data_source, index, prompt, ground_truth, level, subject, error. Without extra_info.index, the
        index of a row is its number in the file.
    Raises:
        FileNotFoundError, ValueError: no such file, another schema, or one prompt twice; names the file and the row.
    """
    prompts, seen = [], {}
    for path in paths:
        check_verl_parquet(path)
        for number, row in enumerate(read_rows(path)):
            place = f"{path}, row {number}"
            prompt = _about_prompt(row, place, default_index=number)
            if prompt["prompt"] is None:
                raise ValueError(f"{place}: prompt: got none; expected a text or a list of messages.")
            key = prompt["data_source"], prompt["index"]
            if key in seen:
                raise ValueError(
                    f"{place}: got prompt {key[1]} of {key[0]} twice, first in {seen[key]}; expected each prompt once. "
                    "Remove one of the two rows."
                )
            seen[key] = place
            prompts.append(prompt)
    return prompts


def read_responses(paths: list[Path]) -> list[dict]:
    """Read responses that were generated elsewhere, from .parquet, .jsonl or .json files.

    A row has data_source and ground_truth (or reward_model.ground_truth). It has one of these two:

    - `response`, a text, and index (or extra_info.index), which tells which rows answer one prompt
    - `responses`, a list of texts

    prompt, length, truncated, level and subject are read if a row has them. We also read the files that verl writes to
    trainer.validation_data_dir; their data source is "unknown", because these files do not name it.

    Returns:
        dicts with the columns of GENERATED.
    Raises:
        FileNotFoundError, ValueError: no such file, a missing or wrong column; names the file and the row.
    """
    responses, counts, gold = [], Counter(), {}
    for path in paths:
        for number, row in enumerate(read_rows(path)):
            place = f"{path}, row {number}"
            if not isinstance(row, dict):
                raise ValueError(f"{place}: got {row!r:.80}; expected an object.")
            row = _from_verl_dump(row) if VERL_DUMP <= row.keys() else row
            texts = row.get("responses") if "response" not in row else [row["response"]]
            if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
                raise ValueError(
                    f"{place}: got the columns {', '.join(row)}; expected a text `response` or a list of texts "
                    "`responses`."
                )
            about = _about_prompt(row, place, default_index=number if "responses" in row else None)
            key = about["data_source"], about["index"]
            if gold.setdefault(key, about["ground_truth"]) != about["ground_truth"]:
                raise ValueError(
                    f"{place}: ground_truth: got {about['ground_truth']!r:.80}; expected {gold[key]!r:.80}, because an "
                    f"earlier row of prompt {key[1]} of {key[0]} has it."
                )
            measured = _measured(row, place) if "response" in row else {"length": None, "truncated": None}
            for text in texts:
                responses.append(about | measured | {"sample": counts[key], "response": text})
                counts[key] += 1
    return responses


def _from_verl_dump(row: dict) -> dict:
    # verl's uid is the prompt's uid, then the index of the rollout and the index of its output.
    about = {"data_source": "unknown", "index": row["uid"].rsplit("_", 2)[0], "ground_truth": row["gts"]}
    return about | {"prompt": row["input"], "response": row["output"]}


def _measured(row: dict, place: str) -> dict:
    values = {name: None if is_missing(row.get(name)) else row[name] for name in ("length", "truncated")}
    for name, value in values.items():
        if not isinstance(value, int | float | None):
            raise ValueError(f"{place}: {name}: got {value!r:.80}; expected a number.")
    length, truncated = values["length"], values["truncated"]
    return {"length": length and int(length), "truncated": None if truncated is None else bool(truncated)}


def _about_prompt(row: dict, place: str, default_index: int | None) -> dict:
    extra, reward_model = row.get("extra_info") or {}, row.get("reward_model") or {}
    for name, value in (("extra_info", extra), ("reward_model", reward_model)):
        if not isinstance(value, dict):
            raise ValueError(f"{place}: {name}: got {value!r:.80}; expected an object.")

    def first(name: str, *objects: dict):
        return next((found[name] for found in objects if not is_missing(found.get(name))), None)

    index = first("index", row, extra)
    about = {
        "data_source": row.get("data_source"),
        "index": default_index if index is None else index,
        "ground_truth": first("ground_truth", row, reward_model),
    }
    for name, value in about.items():
        if is_missing(value) or isinstance(value, dict | list) or not str(value).strip():
            raise ValueError(
                f"{place}: {name}: got {value!r:.80}; expected a text or a number. The row has the columns "
                f"{', '.join(row)}."
            )
    about |= {name: first(name, row, extra) for name in ("level", "subject")} | {"error": extra.get("error") or None}
    about = {name: None if value is None else str(value) for name, value in about.items()}
    return about | {"prompt": _chat(row.get("prompt"), place)}


def _chat(prompt, place: str) -> list[dict] | None:
    """Return a prompt, a text or a list of chat messages, as a list of chat messages; None if there is none."""
    if isinstance(prompt, str):
        return [{"role": "user", "content": prompt}]
    if prompt is None or (isinstance(prompt, list) and prompt and all(map(_is_message, prompt))):
        return prompt
    raise ValueError(
        f"{place}: prompt: got {prompt!r:.80}; expected a text or a list of messages with role and content."
    )


def _is_message(value) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("role", "content"))


def write_responses(rows: list[dict], path: Path, schema: pa.Schema) -> None:
    """Write rows to a parquet file, whole or not at all."""
    with atomic(path) as partial:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), partial)
