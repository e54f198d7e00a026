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
"""What n scored responses a prompt say: Avg@n, pass@k and maj@k with standard errors, by dataset, level and subject.

A prompt is the unit: a metric is first a number per prompt, its value the mean over prompts, its standard error their
sample deviation / sqrt(prompts). So the n responses to a prompt, which are alike, are not taken for independent draws.
"""

import math
from functools import cache

import numpy as np
import pandas as pd

GROUPS = ("level", "subject")


@cache
def pass_at_k(correct: int, n: int) -> tuple[float, ...]:
    """Chance that k of n responses, drawn without replacement, hold a correct one; k = 1 to n.

    The unbiased estimator of Chen et al., 2021 (arXiv 2107.03374, Eq. 1), 1 - C(n-c, k) / C(n, k), in exact integers
    up to the division.
    """
    draws = [(math.comb(n, k), math.comb(n - correct, k)) for k in range(1, n + 1)]
    return tuple((every - without) / every for every, without in draws)


@cache
def majority_at_k(correct: int, others: tuple[int, ...], n: int) -> tuple[float, ...]:
    """Chance that a vote among k of n responses, drawn without replacement, elects the correct answer; k = 1 to n.

    The exact expectation over all subsets. A tie is broken by lot: with t answers as frequent as the correct one it
    counts 1/(t+1). A response without an answer votes for nothing, and a subset without any answer elects none. So
    maj@1 is the accuracy, and maj@n the plain vote among all.

    Args:
        correct: responses with the correct answer.
        others: responses with each of the wrong answers. What is left of n has no answer.
    """
    silent = n - correct - sum(others)
    elected = np.zeros(n + 1)  # by k: number of subsets that elect the correct answer, a tie counting its share
    for top in range(1, correct + 1):
        # ways[t, j]: subsets of j other responses where t wrong answers have `top` votes and none has more
        ways = np.zeros((1 + sum(size >= top for size in others), n + 1))
        ways[0, : silent + 1] = [math.comb(silent, j) for j in range(silent + 1)]
        for size in others:
            before, ways = ways, np.zeros_like(ways)
            for votes in range(min(size, top) + 1):
                tied = int(votes == top)
                ways[tied:, votes:] += math.comb(size, votes) * before[: len(ways) - tied, : n + 1 - votes]
        shares = 1 / np.arange(1, len(ways) + 1)
        elected[top:] += math.comb(correct, top) * (shares @ ways)[: n + 1 - top]
    return tuple(float(elected[k]) / math.comb(n, k) for k in range(1, n + 1))


def estimate(values: np.ndarray) -> dict[str, float | None]:
    """Mean and standard error of (prompts,) values; null where unknown: a value is missing, or one prompt's error."""
    if np.isnan(values).any():
        return {"mean": None, "se": None}
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else None
    return {"mean": float(values.mean()), "se": None if error is None else float(error)}


def summarise(responses: pd.DataFrame) -> dict:
    """All metrics of a table with one row a response.

    Args:
        responses: columns data_source, index (tells the prompts of a data source apart), acc (0 or 1), vote (one number
            for each different answer to the prompt, -1 for none), length (tokens) and truncated (both NaN where
            unknown), level and subject (None where unknown).
    Returns:
        {"average": the mean of Avg@n over data sources, "benchmarks": {data_source: {"prompts", "samples", "metrics":
        {name: {"mean", "se"}}, "level": {level: {"prompts", "metrics"}}, "subject": ...}}}, in shares, not percent. The
        metrics are avg@n, pass@k and maj@k for k = 1 to n, length, truncated, no_answer.
    Raises:
        ValueError: prompts of one data source have different numbers of responses.
    """
    n = samples(responses)
    benchmarks = {source: _benchmark(n[source], rows) for source, rows in responses.groupby("data_source", sort=False)}
    averages = [entry["metrics"][f"avg@{entry['samples']}"] for entry in benchmarks.values()]
    errors = [average["se"] for average in averages]
    error = None if None in errors else math.hypot(*errors) / len(errors)
    average = {"mean": sum(average["mean"] for average in averages) / len(averages), "se": error}
    return {"average": average, "benchmarks": benchmarks}


def samples(responses: pd.DataFrame) -> dict[str, int]:
    """Data source -> n, the number of responses to each of its prompts.

    Raises:
        ValueError: prompts of one data source have different numbers of responses.
    """
    found = {}
    for source, rows in responses.groupby("data_source", sort=False):
        counts = rows.groupby("index", sort=False).size()
        n = found[source] = int(counts.mode()[0])
        odd = counts[counts != n]
        if len(odd):
            raise ValueError(
                f"{source}: prompt {odd.index[0]} has {odd.iloc[0]} responses where most have {n} "
                f"({len(odd)} of {len(counts)} prompts differ). Avg@n wants one n."
            )
    return found


def _benchmark(n: int, responses: pd.DataFrame) -> dict:
    prompts = responses.groupby("index", sort=False)
    values = pd.DataFrame([_prompt_metrics(rows, n) for _, rows in prompts], index=list(prompts.groups))
    entry = _estimates(values) | {"samples": n}
    for group in GROUPS:
        # rows whose level or subject is None belong to no group
        entry[group] = {name: _estimates(part) for name, part in values.groupby(prompts[group].first())}
    return entry


def _prompt_metrics(rows: pd.DataFrame, n: int) -> dict[str, float]:
    correct = int(rows["acc"].sum())
    wrong = rows.loc[(rows["acc"] == 0) & (rows["vote"] >= 0), "vote"]
    metrics = {f"avg@{n}": correct / n}
    metrics |= {f"pass@{k}": value for k, value in enumerate(pass_at_k(correct, n), 1)}
    votes = tuple(sorted(wrong.value_counts()))
    metrics |= {f"maj@{k}": value for k, value in enumerate(majority_at_k(correct, votes, n), 1)}
    for name in ("length", "truncated"):
        metrics[name] = rows[name].astype(float).mean(skipna=False)
    return metrics | {"no_answer": (rows["vote"] < 0).mean()}


def _estimates(values: pd.DataFrame) -> dict:
    return {"prompts": len(values), "metrics": {name: estimate(values[name].to_numpy()) for name in values}}


def percent(value: dict[str, float | None]) -> str:
    """A share as "89.3 ± 0.8" percent."""
    error = "" if value["se"] is None else f" ± {100 * value['se']:.1f}"
    return f"{100 * value['mean']:.1f}{error}"


def render(results: dict) -> str:
    """The results of `summarise` as a table of plain text: a line a data source, its levels and its subjects."""
    header = ("", "prompts", "n", "Avg@n", "pass@n", "maj@n", "tokens", "truncated", "no answer")
    lines = [header]
    for source, entry in results["benchmarks"].items():
        lines.append(_line(source, entry, entry["samples"]))
        for group in GROUPS:
            lines += [_line(f"  {name}", part, entry["samples"]) for name, part in entry[group].items()]
    if len(results["benchmarks"]) > 1:
        lines.append(("mean of the benchmarks", "", "", percent(results["average"]), *[""] * 5))
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in lines
    )


def _line(name: str, entry: dict, n: int) -> tuple[str, ...]:
    metrics = entry["metrics"]
    length = metrics["length"]["mean"]
    truncated = metrics["truncated"]
    return (
        name,
        str(entry["prompts"]),
        str(n),
        *(percent(metrics[f"{metric}@{n}"]) for metric in ("avg", "pass", "maj")),
        "unknown" if length is None else f"{length:.0f}",
        "unknown" if truncated["mean"] is None else percent(truncated),
        percent(metrics["no_answer"]),
    )
