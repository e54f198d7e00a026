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
"""Compute Avg@n, pass@k and maj@k, with standard errors, from n scored responses per prompt.

The unit is the prompt, because the n responses to one prompt are alike: they are not independent draws. A metric is
first a number per prompt. Its value is the mean over prompts; its standard error is the sample standard deviation over
prompts / sqrt(prompts). All of it is computed per data source, and there per level and per subject.
"""

import math
from functools import cache

import numpy as np
import pandas as pd

from asymgrpo_verl.pass_at_k import pass_at_k

BREAKDOWNS = ("level", "subject")


@cache
def majority_at_k(correct: int, others: tuple[int, ...], n: int) -> tuple[float, ...]:
    """Return the probability that a vote among k of n responses elects the correct answer; k = 1 to n.

    The k responses are drawn without replacement, and the result is exact: the mean over all subsets of k. A tie is
    broken at random: if t other answers are as frequent as the correct one, the subset counts 1/(t+1). A response
    without an answer does not vote; a subset without any answer elects none. So maj@1 is the accuracy, and maj@n is the
    vote among all n.

    Args:
        correct: number of responses with the correct answer.
        others: number of responses with each incorrect answer. The remaining responses have no answer.
    """
    no_answer = n - correct - sum(others)
    elected = np.zeros(n + 1)  # by k: number of subsets that elect the correct answer; a tie counts 1/(t+1)
    for top in range(1, correct + 1):
        # ways[t, j]: number of subsets of j other responses in which t incorrect answers have `top` votes, none more
        ways = np.zeros((1 + sum(size >= top for size in others), n + 1))
        ways[0, : no_answer + 1] = [math.comb(no_answer, j) for j in range(no_answer + 1)]
        for size in others:
            before, ways = ways, np.zeros_like(ways)
            for votes in range(min(size, top) + 1):
                tied = int(votes == top)
                ways[tied:, votes:] += math.comb(size, votes) * before[: len(ways) - tied, : n + 1 - votes]
        shares = 1 / np.arange(1, len(ways) + 1)
        elected[top:] += math.comb(correct, top) * (shares @ ways)[: n + 1 - top]
    return tuple(float(elected[k]) / math.comb(n, k) for k in range(1, n + 1))


def estimate(values: np.ndarray) -> dict[str, float | None]:
    """Return the mean and the standard error of (prompts,) values.

    Both are None if a value is NaN. The error is None if there is only one prompt.
    """
    if np.isnan(values).any():
        return {"mean": None, "se": None}
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else None
    return {"mean": float(values.mean()), "se": None if error is None else float(error)}


def summarise(responses: pd.DataFrame) -> dict:
    """Compute all metrics of a table with one row per response.

    Args:
        responses: columns data_source, index (of the prompt in its data source), acc (0 or 1), vote (see
            `responses.SCORES`), length (tokens) and truncated (both NaN if unknown), level and subject (None if
            unknown).
    Returns:
        {"average": the mean of Avg@n over data sources, "benchmarks": {data_source: {"prompts", "samples" (n),
        "metrics": {name: {"mean", "se"}}, "level": {level: {"prompts", "metrics"}}, "subject": ...}}}. Values are
        shares, not percent. The metrics are avg@n, pass@k and maj@k for k = 1 to n, length, truncated, no_answer.
    Raises:
        ValueError: prompts of one data source have different numbers of responses.
    """
    n = responses_per_prompt(responses)
    benchmarks = {source: _benchmark(n[source], rows) for source, rows in responses.groupby("data_source", sort=False)}
    averages = [entry["metrics"][f"avg@{entry['samples']}"] for entry in benchmarks.values()]
    errors = [average["se"] for average in averages]
    error = None if None in errors else math.hypot(*errors) / len(errors)
    average = {"mean": sum(average["mean"] for average in averages) / len(averages), "se": error}
    return {"average": average, "benchmarks": benchmarks}


def responses_per_prompt(responses: pd.DataFrame) -> dict[str, int]:
    """Return data source -> n, the number of responses to each of its prompts.

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
                f"{source}, prompt {odd.index[0]}: got {odd.iloc[0]} responses; expected {n}, because most prompts "
                f"have {n} ({len(odd)} of {len(counts)} have another number)."
            )
    return found


def _benchmark(n: int, responses: pd.DataFrame) -> dict:
    prompts = responses.groupby("index", sort=False)
    values = pd.DataFrame([_prompt_metrics(rows, n) for _, rows in prompts], index=list(prompts.groups))
    entry = _estimates(values) | {"samples": n}
    for column in BREAKDOWNS:
        # pandas leaves out the prompts whose level or subject is None
        entry[column] = {name: _estimates(part) for name, part in values.groupby(prompts[column].first())}
    return entry


def _prompt_metrics(rows: pd.DataFrame, n: int) -> dict[str, float]:
    correct = int(rows["acc"].sum())
    incorrect = rows.loc[(rows["acc"] == 0) & (rows["vote"] >= 0), "vote"]
    metrics = {f"avg@{n}": correct / n}
    metrics |= {f"pass@{k}": value for k, value in enumerate(pass_at_k(correct, n), 1)}
    votes = tuple(sorted(incorrect.value_counts()))
    metrics |= {f"maj@{k}": value for k, value in enumerate(majority_at_k(correct, votes, n), 1)}
    for name in ("length", "truncated"):
        metrics[name] = rows[name].astype(float).mean(skipna=False)
    return metrics | {"no_answer": (rows["vote"] < 0).mean()}


def _estimates(values: pd.DataFrame) -> dict:
    return {"prompts": len(values), "metrics": {name: estimate(values[name].to_numpy()) for name in values}}


def percent(value: dict[str, float | None]) -> str:
    """Return a share in percent, as "89.3 ± 0.8"."""
    error = "" if value["se"] is None else f" ± {100 * value['se']:.1f}"
    return f"{100 * value['mean']:.1f}{error}"


def render(results: dict) -> str:
    """Return the results of `summarise` as a text table: a line per data source, then one per level and subject."""
    header = ("", "prompts", "n", "Avg@n", "pass@n", "maj@n", "tokens", "truncated", "no answer")
    lines = [header]
    for source, entry in results["benchmarks"].items():
        lines.append(_line(source, entry, entry["samples"]))
        for column in BREAKDOWNS:
            lines += [_line(f"  {name}", part, entry["samples"]) for name, part in entry[column].items()]
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
