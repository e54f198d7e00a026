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
"""Read rows from parquet, JSON and JSON-lines files, and write verl's parquet schema, one batch of rows at a time."""

import json
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from asymgrpo_verl.files import atomic

SUFFIXES = (".parquet", ".jsonl", ".json")
VERL_COLUMNS = ("data_source", "prompt", "reward_model")
BATCH = 4096  # rows

# strict=False: a raw control character in a string is a defect to repair, not the end of the file.
_decoder = json.JSONDecoder(strict=False, parse_constant=lambda _: None)  # NaN, which pandas writes for a missing value


def read_rows(path: Path) -> list[dict]:
    """All rows of a file; see `iter_rows`.

    Raises:
        FileNotFoundError, ValueError: as `iter_rows`; no rows.
    """
    rows = list(iter_rows(path))
    if not rows:
        raise ValueError(f"{path}: holds no rows.")
    return rows


def iter_rows(path: Path) -> Iterator[dict]:
    """The rows of a .parquet or .jsonl file, or of a .json file (a list, or an object a line).

    A .json list is read whole, the others a batch at a time. NaN is None.

    Raises:
        FileNotFoundError, ValueError: no such file, another kind of file, a line or file that is no UTF-8 or no JSON.
    """
    _check_file(path)
    if path.suffix == ".parquet":
        with _parquet(path) as file:
            for batch in file.iter_batches(BATCH):
                yield from batch.to_pylist()
    elif path.suffix not in SUFFIXES:
        raise ValueError(f"{path}: allowed are .parquet, .jsonl and .json files.")
    elif path.suffix == ".json" and _starts_with_bracket(path):
        yield from _parse(path.read_bytes(), str(path))
    else:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip(b"\xef\xbb\xbf \t\r\n"):
                    yield _parse(line, f"{path}, line {number}")


def count_rows(path: Path) -> int | None:
    """How many rows a file has, or None where only reading it would tell."""
    if path.suffix == ".parquet":
        with _parquet(path) as file:
            return file.metadata.num_rows
    if path.suffix == ".jsonl":
        with path.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
    return None


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a directory, expected a file.")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file.")


@contextmanager
def _parquet(path: Path) -> Iterator[pq.ParquetFile]:
    _check_file(path)
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:  # pre-buffering holds the whole file
            yield file
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path}: not a parquet file ({error}).") from error


def _starts_with_bracket(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


def _parse(data: bytes, place: str):
    try:
        return _decoder.decode(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{place}: not UTF-8 (byte {data[error.start]:#04x} at offset {error.start}).") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{place}: not JSON ({error.msg}, at character {error.pos}).") from error
    except (RecursionError, ValueError) as error:  # nested too deep, a number of too many digits
        raise ValueError(f"{place}: not JSON ({error}).") from error


def is_missing(value) -> bool:
    """None, or the NaN that stands for it in a column of numbers."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def verl_row(data_source: str, question: str, answer: str, split: str, index: int, **extra) -> dict:
    """One prompt in verl's schema; `extra` goes into extra_info."""
    return {
        "data_source": data_source,
        "prompt": [{"role": "user", "content": question}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": answer},
        "extra_info": {"split": split, "index": index, **extra},
    }


def batches(rows: Iterable) -> Iterator[list]:
    """Lists of BATCH rows, the last one shorter."""
    rows = iter(rows)
    while batch := list(islice(rows, BATCH)):
        yield batch


def write_tables(tables: Iterable[pa.Table], path: Path) -> int:
    """Write tables of one schema to a parquet file, whole or not at all, and return its number of rows."""
    tables = iter(tables)
    count = 0
    with atomic(path) as partial:
        first = next(tables, None)
        if first is None:
            raise ValueError(f"{path}: there are no rows to write.")
        with pq.ParquetWriter(partial, first.schema) as writer:
            for table in chain([first], tables):
                writer.write_table(table)
                count += len(table)
    return count


def write_rows(rows: Iterable[dict], path: Path) -> int:
    """`write_tables` for rows: the fields and types of the first BATCH are those of all."""
    schema = None

    def tables():
        nonlocal schema
        for batch in batches(rows):
            table = pa.Table.from_pylist(batch, schema=schema)
            schema = table.schema
            yield table

    return write_tables(tables(), path)


def check_verl_parquet(path: Path) -> int:
    """The number of rows of a parquet file that verl can train on.

    Raises:
        FileNotFoundError, ValueError: it is missing, no parquet, without rows or without one of verl's columns.
    """
    with _parquet(path) as file:
        names, rows = file.schema_arrow.names, file.metadata.num_rows
    missing = [column for column in VERL_COLUMNS if column not in names]
    if missing:
        raise ValueError(
            f"{path}: lacks the column(s) {', '.join(missing)}; it has {', '.join(names)}. "
            "Make it with a module of data_prep."
        )
    if rows == 0:
        raise ValueError(f"{path}: holds no rows.")
    return rows
