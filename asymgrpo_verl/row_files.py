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

# strict=False because real files have raw control characters in strings, which data_prep repairs. NaN becomes None
# because pandas writes NaN for a missing value.
_decoder = json.JSONDecoder(strict=False, parse_constant=lambda _: None)


def read_rows(path: Path) -> list[dict]:
    """Return all rows of a file, as `iter_rows` reads them.

    Raises:
        OSError, ValueError: as `iter_rows`, and if the file has no rows.
    """
    rows = list(iter_rows(path))
    if not rows:
        raise ValueError(f"{path}: got no rows; expected at least one.")
    return rows


def iter_rows(path: Path) -> Iterator[dict]:
    """Yield the rows of a .parquet, .jsonl or .json file. A .json file is a list, or has one object per line.

    A list is read as a whole, every other file in batches. NaN in JSON becomes None.

    Raises:
        OSError: there is no such file.
        ValueError: the suffix is another one, or the content is not parquet, UTF-8 or JSON; names the line.
    """
    _check_file(path)
    if path.suffix == ".parquet":
        with _parquet(path) as file:
            for batch in file.iter_batches(BATCH):
                yield from batch.to_pylist()
    elif path.suffix not in SUFFIXES:
        raise ValueError(f"{path}: got another kind of file; expected {', '.join(SUFFIXES)}.")
    elif path.suffix == ".json" and _starts_with_bracket(path):
        yield from _parse(path.read_bytes(), str(path))
    else:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip(b"\xef\xbb\xbf \t\r\n"):
                    yield _parse(line, f"{path}, line {number}")


def count_rows(path: Path) -> int | None:
    """Return the number of rows of a file, or None if one would have to read it all to know."""
    if path.suffix == ".parquet":
        with _parquet(path) as file:
            return file.metadata.num_rows
    if path.suffix == ".jsonl":
        with path.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
    return None


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(f"{path}: got a directory; expected a file.")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file.")


@contextmanager
def _parquet(path: Path) -> Iterator[pq.ParquetFile]:
    _check_file(path)
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:  # because pre-buffering keeps the whole file in memory
            yield file
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path}: got a file that is not a parquet file ({error}); expected parquet.") from error


def _starts_with_bracket(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


def _parse(data: bytes, place: str):
    try:
        return _decoder.decode(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        byte = f"byte {data[error.start]:#04x} at offset {error.start}"
        raise ValueError(f"{place}: got {byte}; expected UTF-8.") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{place}: got an error at character {error.pos} ({error.msg}); expected JSON.") from error
    except (RecursionError, ValueError) as error:  # too many nested brackets, or a number with too many digits
        raise ValueError(f"{place}: got an error ({error}); expected JSON that Python can read.") from error


def is_missing(value) -> bool:
    """Return whether a value is None, or the NaN that replaces None in a column of numbers."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def verl_row(data_source: str, question: str, answer: str, split: str, index: int, **extra) -> dict:
    """Return one prompt as a row in verl's schema; `extra` becomes fields of extra_info."""
    return {
        "data_source": data_source,
        "prompt": [{"role": "user", "content": question}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": answer},
        "extra_info": {"split": split, "index": index, **extra},
    }


def batches(rows: Iterable) -> Iterator[list]:
    """Yield lists of BATCH rows; the last one may be shorter."""
    rows = iter(rows)
    while batch := list(islice(rows, BATCH)):
        yield batch


def write_tables(tables: Iterable[pa.Table], path: Path) -> int:
    """Write tables of one schema to a parquet file, completely or not at all. Return its number of rows.

    Raises:
        ValueError: there are no tables.
    """
    tables = iter(tables)
    count = 0
    with atomic(path) as partial:
        first = next(tables, None)
        if first is None:
            raise ValueError(f"{path}: got no rows to write; expected at least one.")
        with pq.ParquetWriter(partial, first.schema) as writer:
            for table in chain([first], tables):
                writer.write_table(table)
                count += len(table)
    return count


def write_rows(rows: Iterable[dict], path: Path) -> int:
    """Write rows as `write_tables` does. The first BATCH rows determine the fields and types of all."""
    schema = None

    def tables():
        nonlocal schema
        for batch in batches(rows):
            table = pa.Table.from_pylist(batch, schema=schema)
            schema = table.schema
            yield table

    return write_tables(tables(), path)


def check_verl_parquet(path: Path) -> int:
    """Return the number of rows of a parquet file after checking that verl can train on it.

    Raises:
        OSError: there is no such file.
        ValueError: it is no parquet file, has no rows, or lacks one of the columns that verl reads.
    """
    with _parquet(path) as file:
        names, rows = file.schema_arrow.names, file.metadata.num_rows
    missing = [column for column in VERL_COLUMNS if column not in names]
    if missing:
        raise ValueError(
            f"{path}: got the columns {', '.join(names)}; expected also {', '.join(missing)}, because verl reads them. "
            "Make the file with a module of data_prep."
        )
    if rows == 0:
        raise ValueError(f"{path}: got no rows; expected at least one.")
    return rows
