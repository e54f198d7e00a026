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
"""Weigh the miniature's claims from the numbers in runs.parquet.

python -m studies.miniature.results --collect OUT     put the finished runs of OUT into runs.parquet, then as below
python -m studies.miniature.results                   print the tables of README.md, draw claims.png and grid.png
"""

import argparse
import json
import math
import re
import statistics
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from asymgrpo_verl.figures import page
from asymgrpo_verl.files import atomic
from asymgrpo_verl.runs.logs import read_metrics
from studies.miniature.pictures import draw_claims, draw_grid, grid_of
from studies.miniature.run import BETAS, GRID, METHODS, SEEDS, STEPS, is_done

RUNS = Path(__file__).resolve().parent / "runs.parquet"
KEPT = re.compile(
    r"actor/entropy|critic/score/mean|response_length/mean|timing_s/step|(groups|epoch)/\w+|groups/solved/\w+"
    r"|rollouts/\w+/(entropy|log_prob_increment)|covariance/(mean|at/\w+)|entropy_change/\w+|asymgrpo/\w+|training/epoch"
)
NAME = re.compile(r"(.+)-seed(\d+)")
LAST = 10  # steps that most numbers are the mean of
TREND = "rank correlation of p and Cov(p)"
MARGIN = 0.02  # of accuracy: "at least as accurate" allows this much less
# Quantiles of Student's t for a two-sided 95% interval, by degrees of freedom.
T95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 22: 2.074}

# Name of a number -> (metric, n): the number is the mean of the metric over the last n steps.
NUMBERS = {
    "accuracy": ("evaluation/avg@8", 1),
    "pass@8": ("evaluation/pass@8", 1),
    "entropy": ("actor/entropy", LAST),
    "entropy, correct": ("rollouts/correct/entropy", LAST),
    "entropy, incorrect": ("rollouts/incorrect/entropy", LAST),
    "none-solved": ("groups/none_solved", 2 * LAST),
    "all-solved": ("groups/all_solved", 2 * LAST),
    "increment, correct": ("rollouts/correct/log_prob_increment", STEPS),
    "increment, incorrect": ("rollouts/incorrect/log_prob_increment", STEPS),
}


class Claim(NamedTuple):
    """The claim that `method` has more (`sign` 1), less (-1) or at least as much (0) of a number than `other`."""

    name: str
    method: str
    other: str
    number: str
    sign: int


CLAIMS = [
    Claim("a", "pos_only", "reinforce", "entropy", 1),
    Claim("a", "pos_only", "reinforce", "none-solved", -1),
    Claim("b", "neg_only", "reinforce", "entropy", -1),
    Claim("b", "neg_only", "reinforce", "accuracy", 0),
    Claim("c", "neg_only", "reinforce", "increment, correct", 1),
    Claim("c", "beta_neg_0.75", "neg_only", "increment, correct", -1),
    Claim("d", "ent_decrease", "grpo", "entropy", -1),
    Claim("d", "ent_increase", "grpo", "entropy", 1),
    Claim("d", "ent_decrease", "grpo", "accuracy", -1),
    Claim("d", "ent_increase", "grpo", "accuracy", -1),
    Claim("e", "asymgrpo", "grpo", "accuracy", 1),
    Claim("e", "asymgrpo", "symmetric", "accuracy", 1),
    Claim("f", "asymgrpo_clip_higher", "asymgrpo", "accuracy", 1),
]


def collect(out: Path) -> pd.DataFrame:
    """Return the metrics of the finished runs in `out`, a row per value: method, seed, step, key, value."""
    rows = []
    for place in sorted(path for path in out.glob("*-seed*") if is_done(path)):
        method, seed = NAME.fullmatch(place.name).groups()
        for row in read_metrics(place / "metrics.jsonl"):
            kept = {key: value for key, value in row.items() if KEPT.fullmatch(key)}
            rows += [(method, int(seed), row["step"], key, value) for key, value in kept.items()]
        (found,) = json.loads((place / "evaluation" / "results.json").read_text())["benchmarks"].values()
        rows.append((method, int(seed), STEPS, "evaluation/avg@8", found["metrics"]["avg@8"]["mean"]))
        rows.append((method, int(seed), STEPS, "evaluation/pass@8", found["metrics"]["pass@8"]["mean"]))
    table = pd.DataFrame(rows, columns=["method", "seed", "step", "key", "value"])
    return table.astype({"seed": "int8", "step": "int16", "value": "float32"})


def keep(table: pd.DataFrame, runs: Path) -> None:
    """Write the runs of `table` into the file `runs`, instead of the same runs there; other runs stay as they are."""
    if runs.exists():
        before, run = pd.read_parquet(runs), ["method", "seed"]
        others = before[~before.set_index(run).index.isin(table.set_index(run).index)]
        table = pd.concat([others, table], ignore_index=True)
    with atomic(runs) as partly:
        table.to_parquet(partly, compression="zstd")


def numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row per (method, seed), with a column per number of NUMBERS."""
    columns = {}
    for name, (key, last) in NUMBERS.items():
        chosen = table[(table.key == key) & (table.step > STEPS - last)]
        columns[name] = chosen.groupby(["method", "seed"]).value.mean()
    return pd.DataFrame(columns)


def interval(values: list[float]) -> tuple[float, float]:
    """Return the mean and half its 95% interval by Student's t; the half is NaN for a single value."""
    if len(values) < 2:
        return (values or [math.nan])[0], math.nan
    half = T95[len(values) - 1] * statistics.stdev(values) / len(values) ** 0.5
    return statistics.fmean(values), half


def difference(found: pd.DataFrame, method: str, other: str, number: str) -> tuple[float, float]:
    """Return mean and half 95% interval of `method` minus `other`, paired by seed."""
    pairs = found.loc[method][number] - found.loc[other][number]
    return interval(pairs.dropna().tolist())


def covariance_trend(table: pd.DataFrame, method: str) -> list[float]:
    """Return for each seed the rank correlation of k and Cov(k/8), -1 to 1, over the mixed groups of all steps."""
    trends = []
    for _, of_seed in table[table.method == method].groupby("seed"):
        values = of_seed.pivot(index="step", columns="key", values="value")
        covariance = []
        for k in range(1, 8):
            at, share = values[f"covariance/at/{k}_of_8"], values[f"groups/solved/{k}_of_8"]
            covariance.append((at * share).sum() / share[at.notna()].sum())
        ranks = pd.Series(covariance).dropna().rank()
        trends.append(ranks.corr(pd.Series(ranks.index, index=ranks.index).rank()))
    return trends


def verdict(claim: Claim, mean: float, half: float) -> str:
    """Return confirmed, contradicted or undecided, by the rule in README.md (Analysis)."""
    sign = claim.sign or 1
    if sign * mean - half > (0 if claim.sign else -MARGIN):
        return "confirmed"
    if sign * mean + half < 0:
        return "contradicted"
    return "undecided"


def markdown(header: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, ["---"] * len(header), *rows])


def with_half(mean: float, half: float, signed: bool = False) -> str:
    text = f"{mean:{'+' if signed else ''}.3f}"
    return text if math.isnan(half) else f"{text} ± {half:.3f}"


def method_table(found: pd.DataFrame) -> str:
    """Return the table of methods: mean and 95% interval over seeds, and the accuracy minus GRPO's, paired by seed."""
    rows = []
    for method in METHODS:
        seeds = found.loc[[method]] if method in found.index else found.iloc[:0]
        if seeds.empty:
            continue
        cells = [with_half(*interval(seeds[name].dropna().tolist())) for name in NUMBERS]
        minus = "" if method == "grpo" else with_half(*difference(found, method, "grpo", "accuracy"), signed=True)
        rows.append([method, str(len(seeds)), minus, *cells])
    return markdown(["method", "seeds", "accuracy minus GRPO's", *NUMBERS], rows)


def weigh_claims(found: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return a row per claim whose methods have runs: claim, text, number, mean, half, verdict."""
    words = {1: "more {} than", -1: "less {} than", 0: "at least as much {} as"}
    there, rows = set(found.index.get_level_values("method")), []
    for claim in CLAIMS:
        if {claim.method, claim.other} <= there:
            mean, half = difference(found, claim.method, claim.other, claim.number)
            text = f"{claim.method} has {words[claim.sign].format(claim.number)} {claim.other}"
            rows.append([claim.name, text, claim.number, mean, half, verdict(claim, mean, half)])
    for method in [method for method in ("grpo", "asymgrpo") if method in there]:
        mean, half = interval(covariance_trend(table, method))
        rising = Claim("g", method, "", TREND, 1)
        rows.append(["g", f"Cov(p) grows with p, {method}", TREND, mean, half, verdict(rising, mean, half)])
    return pd.DataFrame(rows, columns=["claim", "text", "number", "mean", "half", "verdict"])


def claim_table(claims: pd.DataFrame) -> str:
    rows = [
        [row.claim, row.text, with_half(row.mean, row.half, signed=True), row.verdict] for row in claims.itertuples()
    ]
    return markdown(["claim", "here", "difference, or correlation", "verdict"], rows)


def slopes(found: pd.DataFrame, number: str) -> tuple[tuple[float, float], tuple[float, float], float]:
    """Fit the plane c + a beta_pos + b beta_neg to the grid; return (a, half), (b, half) and the scatter.

    a and b are per 1 of beta, each with half its 95% interval. The scatter is the standard deviation of the residuals,
    in the unit of `number`.
    """
    design = np.array([[1, pos, neg] for pos in BETAS for neg in BETAS])
    fitted, squares, _, _ = np.linalg.lstsq(design, np.ravel(grid_of(found, number)))
    freedom = len(design) - design.shape[1]
    scatter = math.sqrt(squares.item() / freedom)
    half = T95[freedom] * scatter * np.sqrt(np.diag(np.linalg.inv(design.T @ design)))
    return (fitted[1].item(), half[1].item()), (fitted[2].item(), half[2].item()), scatter


def slope_table(found: pd.DataFrame) -> str:
    rows = []
    for number in NUMBERS:
        pos, neg, scatter = slopes(found, number)
        rows.append([number, with_half(*pos, signed=True), with_half(*neg, signed=True), f"{scatter:.3f}"])
    return markdown(["25 pairs, one seed", "per 1 of beta_pos", "per 1 of beta_neg", "scatter"], rows)


def schedule_table(found: pd.DataFrame) -> str:
    """Return the table of the schedules, beside the three best pairs of the grid, asymgrpo and grpo; one seed each."""
    seed = found.xs(SEEDS[0], level="seed")
    pairs = seed[seed.index.str.startswith("betas_")].accuracy.nlargest(3).index
    chosen = [*(name for name in GRID if name.startswith("schedule_")), *pairs, "asymgrpo", "grpo"]
    rows = [[name, *(f"{value:.3f}" for value in seed.loc[name][list(NUMBERS)])] for name in chosen]
    return markdown(["one seed", *NUMBERS], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collect", type=Path, metavar="OUT")
    parser.add_argument("--figures", type=Path, nargs=2, metavar=("OUT", "FIGURES"))
    args = parser.parse_args()
    if args.figures:
        out, figures = args.figures
        runs = [f"{name}={out / f'{name}-seed{seed}'}" for name in METHODS for seed in SEEDS]
        done = [argument for argument in runs if is_done(Path(argument.split("=")[1]))]
        print(*page.write(done, figures), sep="\n")
        return
    if args.collect:
        keep(collect(args.collect), RUNS)
    table = pd.read_parquet(RUNS)
    found = numbers(table)
    claims = weigh_claims(found, table)
    print(method_table(found), claim_table(claims), sep="\n\n")
    draw_claims(claims, RUNS.with_name("claims.png"))
    if set(GRID) <= set(found.index.get_level_values("method")):
        print("", slope_table(found), "", schedule_table(found), sep="\n")
        draw_grid(found, RUNS.with_name("grid.png"))


if __name__ == "__main__":
    main()
