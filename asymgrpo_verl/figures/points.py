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
"""Turn the rows of a log into what a figure plots: the points of each run, and a line over runs.

Points are a dict, x -> value. The value is NaN if the log has null there; an x without a value in the log is left out.
"""

import math
import re
import statistics
from bisect import bisect
from typing import NamedTuple

from asymgrpo_verl.runs.logs import validation_accuracy

SMOOTHING = 0.7  # the paper's factor for validation curves
COVARIANCE_STEPS = 40  # Fig. 1 c

Points = dict[float, float]


def _number(value: float | None) -> float:
    return value if value is not None and math.isfinite(value) else math.nan


def logged(rows: list[dict], key: str) -> Points:
    """Return step -> value of a metric."""
    return {row["step"]: _number(row[key]) for row in rows if key in row}


def policy_entropy(rows: list[dict]) -> Points:
    """Return step -> mean token entropy in nats: our trainer's metric, else verl's, which depends on loss_agg_mode."""
    return logged(rows, "actor/entropy") | logged(rows, "rollouts/entropy")


def by_epoch(rows: list[dict], key: str) -> Points:
    """Return epoch -> value of a metric at the epoch's last step that has one. We count epochs from 1, verl from 0."""
    points = {}
    for row in rows:
        epoch, value = _number(row.get("training/epoch")), _number(row.get(key))
        if math.isfinite(epoch) and math.isfinite(value):
            points[int(epoch) + 1] = value
    return points


def accuracy(rows: list[dict], sources: list[str]) -> Points:
    """Return step -> mean validation accuracy over data sources, at the steps where all of them were validated."""
    each = [validation_accuracy(rows, source) for source in sources]
    steps = [step for step in each[0] if all(step in values for values in each)] if each else []
    return {step: statistics.fmean(_number(values[step]) for values in each) for step in steps}


def pass_at_n(rows: list[dict], data_source: str, what: str = "mean") -> Points:
    """Return step -> pass@n of a validation with n > 1 responses per prompt; its standard error if `what` is "se"."""
    key = re.compile(rf"val-core/{re.escape(data_source)}/(?:acc|reward)/pass@\d+/{what}")
    return {row["step"]: _number(row[name]) for row in rows for name in row if key.fullmatch(name)}


def smoothed(points: Points, factor: float = SMOOTHING) -> Points:
    """Return the exponential moving average: s_0 = v_0, s_t = factor * s_(t-1) + (1 - factor) * v_t.

    At a NaN the average is NaN, and it resumes afterwards from its last value.
    """
    average, result = math.nan, {}
    for x in sorted(points):
        if math.isfinite(points[x]):
            average = points[x] if math.isnan(average) else factor * average + (1 - factor) * points[x]
            result[x] = average
        else:
            result[x] = math.nan
    return result


def covariance(rows: list[dict]) -> Points:
    """Return group accuracy p -> Cov(p), the mean over the mixed groups of the first 40 steps (Fig. 1 c)."""
    return by_accuracy([row for row in rows if 1 <= row["step"] <= COVARIANCE_STEPS], "covariance/at")


def by_accuracy(rows: list[dict], prefix: str) -> Points:
    """Return group accuracy p -> mean of `<prefix>/k_of_n` over the mixed groups of all rows.

    For each p, the log has the mean over a step's groups with this p, and their share of the step's groups. We weight
    each step by this share, so the result is a mean over groups. p = 0 and p = 1 are left out, because there all
    advantages of a group are equal.
    """
    sums: dict[float, list[float]] = {}
    pattern = re.compile(rf"{prefix}/(\d+)_of_(\d+)")
    for row in rows:
        for key in row:
            if match := pattern.fullmatch(key):
                k, n = int(match[1]), int(match[2])
                value, share = _number(row[key]), _number(row.get(f"groups/solved/{k}_of_{n}"))
                if 0 < k < n and share > 0 and math.isfinite(value):
                    total = sums.setdefault(k / n, [0.0, 0.0])
                    total[0], total[1] = total[0] + share * value, total[1] + share
    return {p: total / share for p, (total, share) in sorted(sums.items())}


class Line(NamedTuple):
    """The mean over runs, and the lowest and the highest run. At a gap, all three are NaN."""

    x: list[float]
    mean: list[float]
    low: list[float]
    high: list[float]


def with_error(drawn: Line, error: Points) -> Line:
    """Return the line with the band from one standard error below to one above; no band where it is unknown."""
    around = [error.get(x, 0.0) for x in drawn.x]
    around = [size if math.isfinite(size) else 0.0 for size in around]
    low, high = ([y + sign * size for y, size in zip(drawn.mean, around, strict=True)] for sign in (-1, 1))
    return Line(drawn.x, drawn.mean, low, high)


def line(runs: list[Points]) -> Line:
    """Return the line over runs, at the x where all runs have a value; empty if there is none.

    If a metric is logged every tenth step, it is null or absent at the nine steps between, and its points are joined.
    The line has a gap between two points that are further apart than usual for this metric and have a null between.
    """
    x = sorted(x for x in runs[0] if all(math.isfinite(run.get(x, math.nan)) for run in runs))
    nulls = sorted({x for run in runs for x, value in run.items() if math.isnan(value)})
    usual = min(statistics.multimode(b - a for a, b in zip(x, x[1:], strict=False)), default=0) if nulls else 0
    drawn, values = [], []
    for i, at in enumerate(x):
        null = bisect(nulls, x[i - 1]) if i else 0
        if i and null < len(nulls) and nulls[null] < at and at - x[i - 1] > usual:
            drawn.append(nulls[null])
            values.append([math.nan])
        drawn.append(at)
        values.append([run[at] for run in runs])
    if len(runs) == 1:  # most lines are of one run
        alone = [value for (value,) in values]
        return Line(drawn, alone, alone, alone)
    return Line(drawn, *(list(map(pick, values)) for pick in (statistics.fmean, min, max)))


def last(points: Points) -> float | None:
    """Return the value at the greatest x that has one; None if there is none."""
    return next((points[x] for x in sorted(points, reverse=True) if math.isfinite(points[x])), None)


def best(points: Points) -> float | None:
    """Return the highest value; None if there is none."""
    return max((value for value in points.values() if math.isfinite(value)), default=None)
