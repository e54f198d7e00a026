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
"""Raw files in, verl's parquet out."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

VERL_COLUMNS = ("data_source", "prompt", "reward_model")


def read_rows(path: Path) -> list[dict]:
    """The rows of a .parquet, .jsonl or .json file (a list of objects).

    Raises:
        FileNotFoundError, ValueError: no such file, another kind of file, a line or file that is no JSON, no rows.
    """
    if path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
    elif path.suffix == ".jsonl":
        lines = path.read_text(encoding="utf-8").split("\n")  # not splitlines: JSON may hold U+2028
        rows = [_parse(line, f"{path}, line {i}") for i, line in enumerate(lines, 1) if line.strip()]
    elif path.suffix == ".json":
        rows = _parse(path.read_text(encoding="utf-8"), str(path))
    else:
        raise ValueError(f"{path}: allowed are .parquet, .jsonl and .json files.")
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"{path}: holds no rows.")
    return rows


def _parse(text: str, place: str):
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{place}: not JSON ({error}).") from error


def verl_row(data_source: str, question: str, answer: str, split: str, index: int, **extra) -> dict:
    """One prompt in verl's schema; `extra` goes into extra_info."""
    return {
        "data_source": data_source,
        "prompt": [{"role": "user", "content": question}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": answer},
        "extra_info": {"split": split, "index": index, **extra},
    }


def write_rows(rows: Sequence[dict], path: Path) -> None:
    """Write a parquet file, whole or not at all: to a temporary file beside it, then renamed over it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        pq.write_table(pa.Table.from_pylist(list(rows)), partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def check_verl_parquet(path: Path) -> int:
    """The number of rows of a parquet file that verl can train on.

    Raises:
        FileNotFoundError, ValueError: it is missing, no parquet, without rows or without one of verl's columns.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file.")
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path}: not a parquet file ({error}).") from error
    missing = [column for column in VERL_COLUMNS if column not in file.schema_arrow.names]
    if missing:
        raise ValueError(
            f"{path}: lacks the column(s) {', '.join(missing)}; it has {', '.join(file.schema_arrow.names)}. "
            "Make it with a module of data_prep."
        )
    if file.metadata.num_rows == 0:
        raise ValueError(f"{path}: holds no rows.")
    return file.metadata.num_rows
