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
"""Read rows from the kinds of files that datasets come in, and write verl's parquet schema, one batch at a time."""

import csv
import gzip
import io
import json
import math
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from asymgrpo_verl.files import atomic

SUFFIXES = (".parquet", ".arrow", ".jsonl", ".json", ".csv")  # each also with .gz after it
VERL_COLUMNS = ("data_source", "prompt", "reward_model")
BATCH = 4096  # rows
CHUNK = 1 << 20  # bytes

# strict=False because real files have raw control characters in strings, which data_prep repairs. NaN becomes None
# because pandas writes NaN for a missing value.
_decoder = json.JSONDecoder(strict=False, parse_constant=lambda _: None)
_OPENING = re.compile(r"\s*(\[)\s*")
_BETWEEN = re.compile(r"\s*([,\]])\s*")


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
    """Yield the rows of a file, as `iter_batches` reads them."""
    return chain.from_iterable(iter_batches(path))


def iter_batches(path: Path, select: Callable[[list[str]], list[str]] | None = None) -> Iterator[list]:
    """Yield the rows of a file in lists of at most BATCH rows.

    The suffix of the file is one of SUFFIXES, or one of them and .gz. A .json file is a list, or has one object per
    line. A .arrow file is an IPC stream or an IPC file. In JSON, NaN becomes None; in CSV, an empty cell becomes None.
    Only parquet and Arrow files with .gz are read as a whole.

    Args:
        select: gets the names of the columns of a parquet or Arrow file, and returns those to read. Default: all.

    Raises:
        OSError: there is no such file.
        ValueError: the suffix is another one, or the content is not what the suffix says; names the line or row.
    """
    _check_file(path)
    kind = kind_of(path)
    if kind in (".parquet", ".arrow"):
        with _arrow_batches(path, kind, select) as record_batches:
            for batch in record_batches:
                yield _records(batch)
    else:
        with _opened(path) as file:
            read = {".csv": _csv_rows, ".jsonl": _json_lines, ".json": _json_rows}[kind]
            yield from batches(read(file, path))


def kind_of(path: Path) -> str:
    """Return the suffix that says how to read a file, without .gz.

    Raises:
        ValueError: it is none of SUFFIXES.
    """
    kind = Path(path.name.removesuffix(".gz")).suffix
    if kind not in SUFFIXES:
        raise ValueError(f"{path}: got another kind of file; expected {', '.join(SUFFIXES)}, or one of them and .gz.")
    return kind


def count_rows(path: Path) -> int | None:
    """Return the number of rows of a file, or None if one would have to read it all to know."""
    if path.suffix == ".parquet":
        with _parquet(path) as file:
            return file.metadata.num_rows
    if path.suffix == ".jsonl":
        with path.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(CHUNK), b""))
    return None


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(f"{path}: got a directory; expected a file.")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file.")


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if path.suffix != ".gz":
        with path.open("rb") as file:
            yield file
        return
    try:
        with gzip.open(path) as file:
            yield file
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: got a damaged file ({error}); expected gzip.") from error


@contextmanager
def _parquet(path: Path) -> Iterator[pq.ParquetFile]:
    _check_file(path)
    with _opened(path) as opened:
        source = pa.BufferReader(opened.read()) if path.suffix == ".gz" else path
    try:
        with pq.ParquetFile(source, pre_buffer=False) as file:  # because pre-buffering keeps the whole file in memory
            yield file
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path}: got a file that is not a parquet file ({error}); expected parquet.") from error


@contextmanager
def _arrow_batches(path: Path, kind: str, select: Callable | None) -> Iterator[Iterator[pa.RecordBatch]]:
    if kind == ".parquet":
        with _parquet(path) as file:
            yield file.iter_batches(BATCH, columns=select(file.schema_arrow.names) if select else None)
        return
    with _opened(path) as opened:
        source = pa.BufferReader(opened.read()) if path.suffix == ".gz" else pa.memory_map(str(path))
    try:
        yield _ipc_batches(source, select)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path}: got a file that is not an Arrow file ({error}); expected Arrow IPC.") from error


def _ipc_batches(source: pa.NativeFile, select: Callable | None) -> Iterator[pa.RecordBatch]:
    if source.read(6) == b"ARROW1":
        reader = pa.ipc.open_file(source)
        whole = (reader.get_batch(i) for i in range(reader.num_record_batches))
    else:
        source.seek(0)
        whole = reader = pa.ipc.open_stream(source)
    names = select(reader.schema.names) if select else reader.schema.names
    for batch in whole:
        for start in range(0, len(batch), BATCH):
            yield batch.slice(start, BATCH).select(names)


def _records(batch: pa.RecordBatch) -> list[dict]:
    columns = [_values(column) for column in batch.columns]
    names = batch.schema.names
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(array: pa.Array) -> list:
    """Return what array.to_pylist() returns, several times as fast for texts, lists and structs."""
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return array.to_numpy(zero_copy_only=False).tolist()
    if array.null_count or not (pa.types.is_struct(kind) or pa.types.is_list(kind)):
        return array.to_pylist()
    if pa.types.is_list(kind):
        values, ends = _values(array.flatten()), array.offsets.to_numpy().tolist()
        first = ends[0] if ends else 0
        return [values[start - first : end - first] for start, end in zip(ends, ends[1:], strict=False)]
    names = [field.name for field in kind]
    fields = [_values(field) for field in array.flatten()]
    return [dict(zip(names, row, strict=True)) for row in zip(*fields, strict=True)] if names else array.to_pylist()


def _json_lines(file: IO[bytes], path: Path) -> Iterator:
    for number, line in enumerate(file, 1):
        if line.strip(b"\xef\xbb\xbf \t\r\n"):
            yield _parse(line, f"{path}, line {number}")


def _json_rows(file: IO[bytes], path: Path) -> Iterator:
    is_list = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
    file.seek(0)
    return _json_list(file, path) if is_list else _json_lines(file, path)


def _json_list(file: IO[bytes], path: Path) -> Iterator:
    """Yield the members of a JSON list. In memory there is only a part of the file, and the whole of a long member."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    buffer, place, index, done = "", 0, 0, 0  # `done` characters of the file stood before the buffer
    while True:
        mark = (_BETWEEN if index else _OPENING).match(buffer, place)
        reason, position = "Expecting value" if mark else "Expecting ',' or ']'", place
        if mark and (mark[1] == "]" or buffer.startswith("]", mark.end()) and not index):
            return
        if mark and mark.end() < len(buffer):
            value, stop, reason, position = _member(buffer, mark.end())
            if not reason and stop < len(buffer):  # a number at the end of the buffer may go on in the file
                yield value
                index, place = index + 1, stop
                continue
        done, buffer, position = done + place, buffer[place:], position - place
        # The part is as long as the buffer, so that a long member is decoded a few times and not once for each part.
        place, part = 0, _decoded(text, max(CHUNK, len(buffer)), f"{path}, row {index}")
        if not part:
            reason = reason or "Expecting ',' or ']'"
            place = f"character {done + position} of the file"
            raise ValueError(f"{path}, row {index}: got an error at {place} ({reason}); expected JSON.")
        buffer += part


def _member(buffer: str, place: int) -> tuple:
    """Return the JSON value that starts at a place and where it ends, or what is wrong and where."""
    try:
        return *_decoder.raw_decode(buffer, place), None, place
    except json.JSONDecodeError as error:
        return None, place, error.msg, error.pos
    except (RecursionError, ValueError) as error:  # too many nested brackets, or a number with too many digits
        return None, place, str(error), place


def _decoded(text: io.TextIOWrapper, size: int, place: str) -> str:
    try:
        return text.read(size)
    except UnicodeDecodeError as error:
        raise ValueError(f"{place} or later: got byte {error.object[error.start]:#04x}; expected UTF-8.") from error


def _csv_rows(file: IO[bytes], path: Path) -> Iterator[dict]:
    csv.field_size_limit(sys.maxsize)
    reader = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""), restkey="", strict=True)
    try:
        for row in reader:
            if "" in row or None in row.values():
                got = len(reader.fieldnames) + len(row.get("") or ()) if "" in row else "fewer"
                raise ValueError(
                    f"{path}, line {reader.line_num}: got {got} cells; expected {len(reader.fieldnames)}, "
                    "because the first line names so many columns."
                )
            yield {name: value or None for name, value in row.items()}
    except UnicodeDecodeError as error:
        byte = f"byte {error.object[error.start]:#04x}"
        raise ValueError(f"{path}, line {reader.line_num + 1} or later: got {byte}; expected UTF-8.") from error
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: got an error ({error}); expected CSV.") from error


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


@contextmanager
def table_writer(path: Path) -> Iterator[Callable[[pa.Table], None]]:
    """Yield a function that adds a table to a parquet file, which is written completely or not at all.

    All tables have the schema of the first one.

    Raises:
        ValueError: the block added no table.
    """
    with atomic(path) as partial, ExitStack() as stack:
        writer = None

        def add(table: pa.Table) -> None:
            nonlocal writer
            writer = writer or stack.enter_context(pq.ParquetWriter(partial, table.schema))
            writer.write_table(table)

        yield add
        if writer is None:
            raise ValueError(f"{path}: got no rows to write; expected at least one.")


def write_rows(rows: Iterable[dict], path: Path) -> int:
    """Write rows to a parquet file, completely or not at all. Return their number.

    The first BATCH rows determine the fields and types of all.

    Raises:
        ValueError: there are no rows.
    """
    schema, count = None, 0
    with table_writer(path) as add:
        for batch in batches(rows):
            table = pa.Table.from_pylist(batch, schema=schema)
            schema, count = table.schema, count + len(batch)
            add(table)
    return count


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
