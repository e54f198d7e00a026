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
from pathlib import Path

ACCURACY = re.compile(r"val-core/(.+)/(?:acc|reward)/mean@\d+")


def read_metrics(path: Path) -> list[dict]:
    """Read verl's file log: a dict per step, in the order of the steps, with the step's number under "step".

    A last line without a line end is left out, because verl may still be writing it. When a run is resumed, verl starts
    the file again. Our launchers keep the earlier file beside NAME.jsonl, as NAME.20261123-104500.jsonl. We read those
    files first; if a step is in two files, its later values count.

    Returns:
        [] if there is no file.
    Raises:
        ValueError: a line is not one that verl writes; the message names the file and the line.
    """
    steps: dict[int, dict] = {}
    earlier = re.compile(rf"{re.escape(path.stem)}\.\d{{8}}-\d{{6}}{re.escape(path.suffix)}")
    for part in [*sorted(part for part in path.parent.glob("*") if earlier.fullmatch(part.name)), path]:
        # verl writes UTF-8. We replace other bytes, so that their line is refused below, with its number.
        text = part.read_text(encoding="utf-8", errors="replace") if part.is_file() else ""
        for number, line in enumerate(text.split("\n")[:-1], 1):
            try:
                row = json.loads(line)
                steps.setdefault(row["step"], {"step": row["step"]}).update(row["data"])
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
                    f"{part}, line {number}: got {line:.80}; expected a line of verl's file log, "
                    '{"step": ..., "data": {...}}.'
                ) from error
    return [steps[step] for step in sorted(steps)]


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
            value = event.value if math.isfinite(event.value) else None
            steps.setdefault(event.step, {"step": event.step})[key] = value
    return [steps[step] for step in sorted(steps)]


def validation_accuracy(rows: list[dict], data_source: str) -> dict[int, float]:
    """Return step -> accuracy on one data source, from verl's val-core/<data_source>/{acc,reward}/mean@n."""
    return {row["step"]: row[key] for row in rows for key in row if _validated_source(key) == data_source}


def data_sources(rows: list[dict]) -> set[str]:
    """Return the data sources that the run was validated on."""
    return {source for row in rows for key in row if (source := _validated_source(key))}


def _validated_source(key: str) -> str | None:
    match = ACCURACY.fullmatch(key)
    return match and match[1]
