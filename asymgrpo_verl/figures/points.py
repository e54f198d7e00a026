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
"""From a run's log to what a figure plots: points of each seed, and a line over the seeds.

Points are a dict, x -> value, with NaN where the log says null. An x that the log says nothing of is not there.
"""

import math
import re
import statistics
from bisect import bisect
from typing import NamedTuple

from asymgrpo_verl.runs.logs import ACCURACY, validation_accuracy

SMOOTHING = 0.7  # the paper's, of validation curves
COVARIANCE_STEPS = 40  # Fig. 1 c
COVARIANCE = re.compile(r"covariance/at/(\d+)_of_(\d+)")

Points = dict[float, float]


def _number(value: float | None) -> float:
    return value if value is not None and math.isfinite(value) else math.nan


def logged(rows: list[dict], key: str) -> Points:
    """Step -> value of a metric."""
    return {row["step"]: _number(row[key]) for row in rows if key in row}


def policy_entropy(rows: list[dict]) -> Points:
    """Step -> mean token entropy, by our trainer, or else by verl, which aggregates it as it does the loss."""
    return logged(rows, "actor/entropy") | logged(rows, "rollouts/entropy")


def by_epoch(rows: list[dict], key: str) -> Points:
    """Epoch, from 1 -> value of a metric at the last of its steps that has one. verl counts epochs from 0."""
    points = {}
    for row in rows:
        epoch, value = _number(row.get("training/epoch")), _number(row.get(key))
        if math.isfinite(epoch) and math.isfinite(value):
            points[int(epoch) + 1] = value
    return points


def data_sources(rows: list[dict]) -> set[str]:
    """Those that the run was validated on."""
    return {match[1] for row in rows for key in row if (match := ACCURACY.fullmatch(key))}


def accuracy(rows: list[dict], sources: list[str]) -> Points:
    """Step -> validation accuracy, the mean over data sources, at the steps that validated all of them."""
    validated = [row for row in rows if any(key.startswith("val-core/") for key in row)]
    each = [validation_accuracy(validated, source) for source in sources]
    steps = [step for step in each[0] if all(step in values for values in each)] if each else []
    return {step: statistics.fmean(_number(values[step]) for values in each) for step in steps}


def smoothed(points: Points, factor: float = SMOOTHING) -> Points:
    """Exponential moving average: s_0 = v_0, s_t = factor * s_(t-1) + (1 - factor) * v_t; a NaN is passed over."""
    average, result = math.nan, {}
    for x in sorted(points):
        if math.isfinite(points[x]):
            average = points[x] if math.isnan(average) else factor * average + (1 - factor) * points[x]
            result[x] = average
        else:
            result[x] = math.nan
    return result


def covariance(rows: list[dict]) -> Points:
    """p -> Cov(p) of the mixed groups in the first 40 steps (Fig. 1 c).

    The log has the mean over the groups of a step, and their share of the step's groups: weighted by it, the mean over
    steps is the mean over groups. At p = 0 and p = 1 the advantages of a group are one number, so there Cov is 0.
    """
    sums: dict[float, list[float]] = {}
    for row in (row for row in rows if 1 <= row["step"] <= COVARIANCE_STEPS):
        for key in row:
            if match := COVARIANCE.fullmatch(key):
                k, n = int(match[1]), int(match[2])
                value, share = _number(row[key]), _number(row.get(f"groups/solved/{k}_of_{n}"))
                if 0 < k < n and share > 0 and math.isfinite(value):
                    total = sums.setdefault(k / n, [0.0, 0.0])
                    total[0], total[1] = total[0] + share * value, total[1] + share
    return {p: total / share for p, (total, share) in sorted(sums.items())}


class Line(NamedTuple):
    """The mean over seeds and their lowest and highest value; NaN in the three is a gap."""

    x: list[float]
    mean: list[float]
    low: list[float]
    high: list[float]


def line(seeds: list[Points]) -> Line:
    """The line over seeds, at the x that all have; empty if there is none.

    A metric of every tenth step is null or absent at the nine between, and its points are joined. A gap is where points
    are further apart than this metric's are most often, and a null is between them.
    """
    x = sorted(x for x in seeds[0] if all(math.isfinite(seed.get(x, math.nan)) for seed in seeds))
    nulls = sorted({x for seed in seeds for x, value in seed.items() if math.isnan(value)})
    usual = min(statistics.multimode(b - a for a, b in zip(x, x[1:], strict=False)), default=0)
    drawn = Line([], [], [], [])
    for i, at in enumerate(x):
        null = bisect(nulls, x[i - 1]) if i else 0
        if i and at - x[i - 1] > usual and null < len(nulls) and nulls[null] < at:
            _append(drawn, nulls[null], [math.nan])
        _append(drawn, at, [seed[at] for seed in seeds])
    return drawn


def _append(drawn: Line, x: float, values: list[float]) -> None:
    for column, value in zip(drawn, (x, statistics.fmean(values), min(values), max(values)), strict=True):
        column.append(value)


def last(points: Points) -> float | None:
    """The value at the greatest x that has one."""
    return next((points[x] for x in sorted(points, reverse=True) if math.isfinite(points[x])), None)


def best(points: Points) -> float | None:
    return max((value for value in points.values() if math.isfinite(value)), default=None)
