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
"""Weigh the claims of PLAN.md, stage 1, from the numbers in runs.parquet.

python -m studies.lab.results --collect OUT     put the finished runs of OUT into runs.parquet, then as below
python -m studies.lab.results                   print the verdicts
"""

import argparse
import math
import re
import statistics
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from asymgrpo_verl.files import atomic
from asymgrpo_verl.lab.comparison import estimate, quantile, seeds_for, within
from asymgrpo_verl.lab.state import Budget
from asymgrpo_verl.runs.logs import read_metrics

RUNS = Path(__file__).resolve().parent / "runs.parquet"
PLACE = re.compile(r"(?P<task>\w+)-(?P<instance>\d+)-(?P<rate>[\d.e-]+)/(?P<row>.+)-seed(?P<seed>\d+)")
STEPS, LAST, COV_STEPS, EQUAL = Budget().steps, 20, 40, 0.005
RUN = ["task", "instance", "rate", "row", "seed"]
# Name of a number -> (metric, how many of its last values are averaged).
NUMBERS = {
    "accuracy": ("val-core/{task}/acc/mean@8", 1),
    "pass@8": ("val-core/{task}/acc/pass@8", 1),
    "entropy": ("rollouts/entropy", LAST),
    "entropy, correct": ("rollouts/correct/entropy", LAST),
    "entropy, incorrect": ("rollouts/incorrect/entropy", LAST),
    "none-solved": ("groups/none_solved", LAST),
    "all-solved": ("groups/all_solved", LAST),
    "increment, correct": ("rollouts/correct/log_prob_increment", STEPS),
}


class Claim(NamedTuple):
    """The claim that `row` has more (`sign` 1), less (-1) or at least as much (0) of a number than `other`.

    Without `other`, that the number itself is above 0.
    """

    name: str
    row: str
    other: str | None
    number: str
    sign: int


CLAIMS = [
    Claim("a1", "pos_only", "reinforce", "entropy", 1),
    Claim("a2", "pos_only", "reinforce", "none-solved", -1),
    Claim("b1", "neg_only", "reinforce", "entropy", -1),
    Claim("b2", "neg_only", "reinforce", "accuracy", 0),
    Claim("c1", "neg_only", "reinforce", "increment, correct", 1),
    Claim("c2", "neg_only:beta_neg=0.75", "neg_only", "increment, correct", -1),
    Claim("d1", "ent_decrease", "grpo", "entropy", -1),
    Claim("d2", "ent_increase", "grpo", "entropy", 1),
    Claim("d3", "ent_decrease", "grpo", "accuracy", -1),
    Claim("d4", "ent_increase", "grpo", "accuracy", -1),
    Claim("e1", "asymgrpo", "grpo", "accuracy", 1),
    Claim("e2", "asymgrpo", "symmetric", "accuracy", 1),
    Claim("f", "asymgrpo_clip_higher", "asymgrpo", "accuracy", 1),
    Claim("g", "grpo", None, "trend of Cov(p)", 1),
]


class Test(NamedTuple):
    """The test of a claim on a task.

    Attributes:
        mean, half: of the paired differences, with half the 95% interval by Student's t.
        p: two-sided, by Student's t.
        low, high: the 95% interval by the bootstrap.
        by_instance: the means of the instances.
        differences: of all pairs.
    """

    mean: float
    half: float
    p: float
    low: float
    high: float
    by_instance: list[float]
    differences: list[float]


def collect(out: Path) -> pd.DataFrame:
    """Return the numbers of the finished runs in `out`: a row per run and number."""
    rows = []
    for log in sorted(out.glob("*/*-seed*/metrics.jsonl")):
        match = PLACE.fullmatch(log.parent.relative_to(out).as_posix())
        logged = read_metrics(log)
        if match is None or not logged or logged[-1]["step"] != STEPS:
            continue
        place = match.groupdict()
        run = [place["task"], int(place["instance"]), float(place["rate"]), place["row"], int(place["seed"])]
        for name, (key, last) in NUMBERS.items():
            key = key.format(task=place["task"])
            values = [row[key] for row in logged if row.get(key) is not None][-last:]
            rows.append([*run, name, statistics.fmean(values) if values else math.nan])
        rows.append([*run, "trend of Cov(p)", covariance_trend(logged)])
    return pd.DataFrame(rows, columns=[*RUN, "number", "value"])


def covariance_trend(rows: list[dict]) -> float:
    """Return the rank correlation of k and Cov(k/8), for k from 1 to 7, weighted as the groups came in 40 steps."""
    means = []
    for k in range(1, 8):
        pairs = [
            (row.get(f"covariance/at/{k}_of_8"), row.get(f"groups/solved/{k}_of_8")) for row in rows[: COV_STEPS + 1]
        ]
        pairs = [(value, weight) for value, weight in pairs if value is not None and weight]
        means.append(sum(v * w for v, w in pairs) / sum(w for _, w in pairs) if pairs else math.nan)
    known = pd.Series(means).dropna().rank()
    return float(known.corr(pd.Series(known.index, known.index).rank()))


def test_claim(found: pd.DataFrame, claim: Claim) -> Test | None:
    """Test a claim on the numbers of one task at one learning rate; None without two pairs of runs."""
    of_number = found[found.number == claim.number].set_index(["row", "instance", "seed"]).value
    rows = [claim.row] + ([claim.other] if claim.other else [])
    if any(row not in of_number.index for row in rows):
        return None
    values = of_number.loc[claim.row] - (of_number.loc[claim.other] if claim.other else 0)
    values = values.dropna()
    if len(values) < 2:
        return None
    mean, half = estimate(values.tolist())
    error = half / quantile(0.95, len(values) - 1)
    p = 1 - within(abs(mean) / error, len(values) - 1) if error else float(mean == 0)
    draws = np.random.default_rng(0).choice(values.to_numpy(), (10_000, len(values)))
    low, high = np.quantile(draws.mean(1), [0.025, 0.975])
    return Test(mean, half, p, low, high, values.groupby("instance").mean().tolist(), values.tolist())


def holm(p_values: list[float]) -> list[float]:
    """Return Holm's adjusted p values, in the order of the arguments."""
    order, adjusted, largest = np.argsort(p_values), [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, (len(p_values) - rank) * p_values[i])
        adjusted[i] = min(1.0, largest)
    return adjusted


def verdict(claim: Claim, test: Test, adjusted: float) -> str:
    """Return the verdict by the plan's rule; if it is open and about accuracy, with the seeds that ± 0.01 takes."""
    significant = adjusted < 0.05 and (test.low > 0 or test.high < 0)
    if claim.sign == 0 and test.mean - test.half > -EQUAL:
        return "confirmed"
    if significant and (claim.sign != 0 or test.mean < 0):
        word = "confirmed" if test.mean * claim.sign > 0 else "contradicted"
        mixed = any(mean * test.mean < 0 for mean in test.by_instance)
        return word + (", not on every instance" if mixed else "")
    if claim.number == "accuracy" and max(abs(test.mean - test.half), abs(test.mean + test.half)) < EQUAL:
        return "equivalent"
    return "undecided" + (f" ({seeds_for(test.differences)} pairs)" if claim.number == "accuracy" else "")


def report(table: pd.DataFrame) -> str:
    """Return the verdicts of every task and learning rate in Markdown."""
    tests = []
    for (task, rate), found in table.groupby(["task", "rate"]):
        for claim in CLAIMS:
            if test := test_claim(found, claim):
                tests.append((task, rate, claim, test))
    lines = ["| task | rate | claim | difference | pairs | bootstrap | Holm's p | verdict |", "|---" * 8 + "|"]
    for (task, rate, claim, test), adjusted in zip(tests, holm([test.p for *_, test in tests]), strict=True):
        what = f"{claim.row} - {claim.other}" if claim.other else claim.row
        lines.append(
            f"| {task} | {rate:g} | {claim.name}: {claim.number}, {what} | {test.mean:+.3f} ± {test.half:.3f} | "
            f"{len(test.differences)} | {test.low:+.3f} to {test.high:+.3f} | {adjusted:.2g} | "
            f"{verdict(claim, test, adjusted)} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--collect", type=Path, metavar="OUT")
    args = parser.parse_args()
    if args.collect:
        table = collect(args.collect)
        if RUNS.exists():
            before = pd.read_parquet(RUNS)
            table = pd.concat([before[~before.set_index(RUN).index.isin(table.set_index(RUN).index)], table])
        with atomic(RUNS) as partial:
            table.reset_index(drop=True).to_parquet(partial, compression="zstd")
    print(report(pd.read_parquet(RUNS)))


if __name__ == "__main__":
    main()
