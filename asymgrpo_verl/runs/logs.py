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
"""The metrics that a verl run logged, by step."""

import json
import math
import re
from pathlib import Path

ACCURACY = re.compile(r"val-core/(.+)/(?:acc|reward)/mean@\d+")


def read_metrics(path: Path) -> list[dict]:
    """verl's file log, one dict a step with its number under "step"; a last line still being written is left out.

    verl starts the file anew when a run goes on after a kill. Our launchers keep what was there beside NAME.jsonl, as
    NAME.20261123-104500.jsonl: those are read first, and a step that stands twice has the later values.

    Raises:
        ValueError: a line that is none of verl's; names file and line.
    """
    steps: dict[int, dict] = {}
    earlier = re.compile(rf"{re.escape(path.stem)}\.\d{{8}}-\d{{6}}{re.escape(path.suffix)}")
    for part in [*sorted(part for part in path.parent.glob("*") if earlier.fullmatch(part.name)), path]:
        # what is not UTF-8 is no line of verl's either, and named as such
        text = part.read_text(encoding="utf-8", errors="replace") if part.is_file() else ""
        for number, line in enumerate(text.split("\n")[:-1], 1):
            try:
                row = json.loads(line)
                steps.setdefault(row["step"], {"step": row["step"]}).update(row["data"])
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{part}, line {number}: not a line of verl's file log: {line:.80}") from error
    return [steps[step] for step in sorted(steps)]


def read_events(directory: Path) -> list[dict]:
    """verl's tensorboard log as `read_metrics` gives the file log: all event files of a directory in their order, NaN
    and infinities as None. TensorBoard keeps 32 bits of a number.

    Raises:
        ValueError: the package tensorboard is not installed.
    """
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError as error:
        raise ValueError(f"{directory}: event files are read with the package tensorboard: {error}.") from error
    # A run that went on has a file for each start: nothing of the earlier ones is dropped.
    events = EventAccumulator(str(directory), size_guidance={"scalars": 0}, purge_orphaned_data=False).Reload()
    steps: dict[int, dict] = {}
    for key in events.Tags()["scalars"]:
        for event in events.Scalars(key):
            value = event.value if math.isfinite(event.value) else None
            steps.setdefault(event.step, {"step": event.step})[key] = value
    return [steps[step] for step in sorted(steps)]


def validation_accuracy(rows: list[dict], data_source: str) -> dict[int, float]:
    """Step -> accuracy on one data source, verl's val-core/<data_source>/{acc,reward}/mean@n."""
    return {row["step"]: row[key] for row in rows for key in row if validated_source(key) == data_source}


def validated_source(key: str) -> str | None:
    """The data source that a metric is the validation accuracy of."""
    match = ACCURACY.fullmatch(key)
    return match and match[1]
