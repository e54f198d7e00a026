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
"""Read the metrics that a verl run logged, by step."""

import json
import math
import re
from collections.abc import Callable
from itertools import chain
from pathlib import Path

ACCURACY = re.compile(r"val-core/(.+)/(?:acc|reward)/mean@\d+")
VALIDATED = re.compile(r"val-(?:core|aux)/(.+)/(?:acc|reward)/(\w+@\d+(?:/\w+)?)")
LARGEST = 3.4028234663852886e38  # the largest 32-bit number


def read_metrics(path: Path, skip: Callable[[str], None] | None = None) -> list[dict]:
    """Read verl's file log: a dict per step, in the order of the steps, with the step's number under "step".

    A value that is not a finite 32-bit number becomes None: NaN, infinities, texts, lists. A last line without a line
    end is left out, because verl may still be writing it. When a run is resumed, verl starts the file again. Our
    launchers keep the earlier file beside NAME.jsonl, as NAME.20261123-104500.jsonl. We read those files first; if a
    step is in two files, its later values count.

    Args:
        skip: called with a message for each line that verl does not write; the line is then left out.
    Returns:
        [] if there is no file.
    Raises:
        OSError: the file or its directory cannot be read.
        ValueError: without `skip`: a line is not one that verl writes; the message names the file and the line.
    """
    steps: dict[int, dict] = {}
    earlier = re.compile(rf"{re.escape(path.stem)}\.\d{{8}}-\d{{6}}{re.escape(path.suffix)}")
    for part in [*sorted(part for part in path.parent.glob("*") if earlier.fullmatch(part.name)), path]:
        # verl writes UTF-8. We replace other bytes, so that their line is refused below, with its number.
        text = part.read_text(encoding="utf-8", errors="replace") if part.is_file() else ""
        for number, line in enumerate(text.split("\n")[:-1], 1):
            try:
                step, data = _parse(line)
            except (ValueError, RecursionError) as error:  # RecursionError: too many nested brackets
                message = (
                    f"{part}, line {number}: got {line:.80}; expected a line of verl's file log, "
                    '{"step": ..., "data": {...}}.'
                )
                if skip is None:
                    raise ValueError(f"{message} Remove the line, or the end of the file from there on.") from error
                skip(message)
            else:
                steps.setdefault(step, {"step": step}).update(data)
    return [steps[step] for step in sorted(steps)]


def _parse(line: str) -> tuple[int, dict[str, float | None]]:
    """Return step and metrics of a line.

    Raises:
        ValueError, RecursionError: it is not an object with a step, an integer in [0, 2^53), and an object of data.
    """
    row = json.loads(line)
    if not isinstance(row, dict) or not isinstance(row.get("data"), dict):
        raise ValueError("no data")
    step = row.get("step")
    if type(step) is not int or not 0 <= step < 2**53:  # a float holds these exactly; bool is an int, too
        raise ValueError("no step")
    "".join(row["data"]).encode()  # UnicodeEncodeError, a ValueError: half a surrogate pair, which no file can hold
    return step, {key: number(value) for key, value in row["data"].items() if key != "step"}


def number(value) -> float | None:
    """Return `value` if it is a finite number that fits in 32 bits, as TensorBoard keeps it; else None."""
    return value if isinstance(value, int | float) and abs(value) <= LARGEST else None


def read_events(directory: Path) -> list[dict]:
    """Read verl's TensorBoard log, all event files of a directory in their order, as `read_metrics` reads the file log.

    NaN and infinities become None. TensorBoard keeps 32 bits of a number.

    Raises:
        ValueError: the package tensorboard is not installed.
    """
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError as error:
        raise ValueError(
            f"{directory}: got event files; expected the package tensorboard, because it reads them ({error}). "
            'Run: pip install ".[figures]"'
        ) from error
    # Each start of a resumed run writes a file. purge_orphaned_data would drop the end of the earlier files.
    events = EventAccumulator(str(directory), size_guidance={"scalars": 0}, purge_orphaned_data=False).Reload()
    steps: dict[int, dict] = {}
    for key in events.Tags()["scalars"]:
        for event in events.Scalars(key):
            steps.setdefault(event.step, {"step": event.step})[key] = number(event.value)
    return [steps[step] for step in sorted(steps)]


def validation_accuracy(rows: list[dict], data_source: str, by: str | None = None) -> dict[int, float]:
    """Return step -> accuracy on one data source, from verl's val-core/<data_source>/{acc,reward}/mean@n.

    A step whose accuracy is None, because verl computed NaN, has NaN.

    Args:
        by: another metric of the validation, such as pass@8, or pass@8/se for its standard error.
    """

    def measures(key: str) -> bool:
        if by is None:
            return _validated_source(key) == data_source
        match = VALIDATED.fullmatch(key)
        return bool(match) and match[1] == data_source and match[2] in (by, f"{by}/mean")

    keys = [key for key in _keys(rows) if measures(key)]
    return {row["step"]: math.nan if row[key] is None else row[key] for row in rows for key in keys if key in row}


def validated_metrics(rows: list[dict], data_source: str) -> list[str]:
    """Return the names that `validation_accuracy` takes for `by`, such as mean@8, best@8, pass@8: those with a mean."""
    found = [match[2] for key in _keys(rows) if (match := VALIDATED.fullmatch(key)) and match[1] == data_source]
    return sorted({name.removesuffix("/mean") for name in found if name.endswith("/mean") or "/" not in name})


def data_sources(rows: list[dict]) -> set[str]:
    """Return the data sources that the run was validated on."""
    return {source for key in _keys(rows) if (source := _validated_source(key))}


def _keys(rows: list[dict]) -> dict[str, None]:
    return dict.fromkeys(chain.from_iterable(rows))


def _validated_source(key: str) -> str | None:
    match = ACCURACY.fullmatch(key)
    return match and match[1]
