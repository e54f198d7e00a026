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
"""Compare methods by the logs of their runs: means over seeds, and differences to the first method, seed by seed."""

import math
import statistics
from collections.abc import Callable
from typing import NamedTuple

from asymgrpo_verl.lab.steps import VALIDATION_N, accuracy_key, pass_key

LAST = 20  # steps over which the metrics of training are averaged, because one step has few prompts
POINT = 0.01  # of accuracy


class Column(NamedTuple):
    """A column of the table: its head, and its number of a run, from the rows of the log; NaN if there is none."""

    title: str
    read: Callable[[list[dict]], float]


class Estimate(NamedTuple):
    """A mean over seeds with half its 95% interval by Student's t; infinite for one seed."""

    mean: float
    half: float


def columns(task: str, reach: float) -> list[Column]:
    """Return the columns of the table.

    Args:
        reach: accuracy in training; the last column counts the steps to it.
    """

    def last(key: str, count: int = LAST) -> Callable[[list[dict]], float]:
        return lambda rows: _last(rows, key, count)

    return [
        Column("accuracy", last(accuracy_key(task), 1)),
        Column(f"pass@{VALIDATION_N}", last(pass_key(task), 1)),
        Column("entropy, correct", last("rollouts/correct/entropy")),
        Column("entropy, incorrect", last("rollouts/incorrect/entropy")),
        Column("all-solved", last("groups/all_solved")),
        Column("none-solved", last("groups/none_solved")),
        Column(f"steps to {reach:g}", lambda rows: float(steps_to(rows, reach))),
    ]


def _last(rows: list[dict], key: str, count: int) -> float:
    values = [row[key] for row in rows if row.get(key) is not None][-count:]
    return statistics.fmean(values) if values else math.nan


def steps_to(rows: list[dict], reach: float) -> int:
    """Return the first step at which the accuracy of the last 20 steps' rollouts is `reach`; the run's length if none.

    A method whose runs do not all get there has a lower bound in the table.
    """
    scores = [row["critic/score/mean"] for row in rows if "critic/score/mean" in row]
    for step in range(LAST, len(scores) + 1):
        if statistics.fmean(scores[step - LAST : step]) >= reach:
            return step
    return len(scores)


def estimate(values: list[float]) -> Estimate:
    """Return mean and interval of the values that are not NaN; NaN if there is none."""
    known = [value for value in values if not math.isnan(value)]
    if len(known) < 2:
        return Estimate(known[0] if known else math.nan, math.inf)
    error = statistics.stdev(known) / math.sqrt(len(known))
    return Estimate(statistics.fmean(known), quantile(0.95, len(known) - 1) * error)


def within(t: float, freedom: int) -> float:
    """Compute P(|T| <= t) of Student's t with an integer number of degrees of freedom (Abramowitz-Stegun 26.7.3-4)."""
    angle = math.atan(t / math.sqrt(freedom))
    odd = freedom % 2
    term, total = (math.cos(angle), 0.0) if odd else (1.0, 0.0)
    for j in range(1, freedom // 2 + 1):
        total += term
        term *= math.cos(angle) ** 2 * (2 * j / (2 * j + 1) if odd else (2 * j - 1) / (2 * j))
    return 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total


def quantile(level: float, freedom: int) -> float:
    """Return the t for which P(|T| <= t) is `level`."""
    low, high = 0.0, 1e6
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle, freedom) < level else (low, middle)
    return high


def seeds_for(differences: list[float], half: float = POINT) -> int | None:
    """Return how many seeds a 95% interval of +- `half` takes if differences scatter as these do; None below two."""
    if len(differences) < 2:
        return None
    deviation, seeds = statistics.stdev(differences), 2
    while quantile(0.95, seeds - 1) * deviation / math.sqrt(seeds) > half:
        seeds += max(1, seeds // 50)
    return seeds


def report(logs: dict[str, list[list[dict]]], shown: list[Column]) -> str:
    """Return the comparison in Markdown: a row per method, a row per difference to the first, and seeds for a point.

    Args:
        logs: method -> the log of each seed, the same seeds in the same order for all.
    """
    first, *others = logs
    values = {
        name: {column.title: [column.read(rows) for rows in runs] for column in shown} for name, runs in logs.items()
    }
    paired = {
        name: {
            title: [b - a for a, b in zip(values[first][title], of_column, strict=True)]
            for title, of_column in values[name].items()
        }
        for name in others
    }
    lines = [f"| method | {' | '.join(column.title for column in shown)} |", "|---" * (len(shown) + 1) + "|"]
    lines += [_row(name, values[name], "") for name in logs]
    lines += [_row(f"{name} - {first}", paired[name], "+") for name in others]
    lines += [
        "",
        f"± is half a 95% interval over {len(logs[first])} seeds (Student's t). Differences are seed by seed.",
        f"Entropies (nats per token) and shares of prompts are means over the last {LAST} steps. A run that does not "
        "reach the accuracy counts with all its steps.",
    ]
    for name in others:
        if seeds := seeds_for(paired[name]["accuracy"]):
            lines.append(f"An interval of ±{POINT} for the accuracy of {name} - {first} takes {seeds} seeds.")
    return "\n".join(lines)


def _row(name: str, of_columns: dict[str, list[float]], sign: str) -> str:
    return f"| {name} | {' | '.join(_text(estimate(values), sign) for values in of_columns.values())} |"


def _text(value: Estimate, sign: str) -> str:
    if math.isnan(value.mean):
        return "–"
    digits = 3 if abs(value.mean) < 2 else 0
    width = f" ± {value.half:.{digits}f}" if math.isfinite(value.half) else ""
    return f"{value.mean:{sign}.{digits}f}{width}"
