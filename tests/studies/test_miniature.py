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
"""The miniature trains the paper's rows, and its verdicts follow the rule of the frozen plan."""

import itertools
import json
import math

import pandas as pd
import pytest

from asymgrpo_verl import paper
from studies.miniature import results
from studies.miniature.results import Claim
from studies.miniature.run import BETAS, GRID, METHODS, STEPS, is_done

MORE, LESS, AT_LEAST = (Claim("x", "ours", "other", "accuracy", sign) for sign in (1, -1, 0))


def test_every_trained_row_of_table_1_is_a_method():
    assert {row.method for row in paper.TABLE_1} - {"untrained"} == set(METHODS) - {"beta_neg_0.75"}


def test_every_claim_names_existing_methods_and_an_existing_number():
    for claim in results.CLAIMS:
        assert {claim.method, claim.other} <= set(METHODS) and claim.number in results.NUMBERS


def test_the_grid_is_five_by_five_and_has_three_schedules():
    assert sum(name.startswith("betas_") for name in GRID) == 25
    assert sum(name.startswith("schedule_") for name in GRID) == 3


def test_the_interval_is_that_of_students_t():
    mean, half = results.interval([1.0, 2.0, 3.0])
    assert mean == 2 and half == pytest.approx(4.303 / 3**0.5, rel=1e-3)


def test_one_seed_has_no_interval_and_leaves_the_claim_undecided():
    mean, half = results.interval([0.5])
    assert mean == 0.5 and math.isnan(half)
    assert results.with_half(mean, half) == "0.500"
    assert results.verdict(MORE, mean, half) == "undecided"


@pytest.mark.parametrize(
    "claim, mean, half, verdict",
    [
        (MORE, 0.03, 0.02, "confirmed"),
        (MORE, 0.03, 0.04, "undecided"),
        (MORE, -0.03, 0.02, "contradicted"),
        (LESS, -0.03, 0.02, "confirmed"),
        (LESS, 0.03, 0.02, "contradicted"),
        (AT_LEAST, 0.0, 0.015, "confirmed"),
        (AT_LEAST, 0.0, 0.03, "undecided"),
        (AT_LEAST, -0.03, 0.02, "contradicted"),
    ],
)
def test_a_claim_is_decided_only_if_the_whole_interval_is_on_one_side(claim, mean, half, verdict):
    assert results.verdict(claim, mean, half) == verdict


def test_differences_are_paired_by_seed():
    index = pd.MultiIndex.from_product([["grpo", "ours"], [1, 2, 3]], names=["method", "seed"])
    found = pd.DataFrame({"accuracy": [0.1, 0.5, 0.9, 0.2, 0.6, 1.0]}, index=index)
    mean, half = results.difference(found, "ours", "grpo", "accuracy")
    assert mean == pytest.approx(0.1) and half == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("direction", [1, -1])
def test_the_covariance_trend_is_the_rank_correlation_of_its_means_over_groups(direction):
    rows = []
    for k in range(1, 8):
        # the second step has more groups, so the mean over groups differs from the mean over steps
        for step, share, value in ((1, 0.1, direction * k), (2, 0.2, direction * k)):
            rows.append(("grpo", 1, step, f"covariance/at/{k}_of_8", value))
            rows.append(("grpo", 1, step, f"groups/solved/{k}_of_8", share))
    table = pd.DataFrame(rows, columns=["method", "seed", "step", "key", "value"])
    assert results.covariance_trend(table, "grpo") == [pytest.approx(direction)]


def test_slopes_recovers_the_plane_that_the_grid_was_made_from():
    noise = itertools.cycle([0.01, -0.01])  # a checkerboard over an odd grid: orthogonal to both betas
    index = [(f"betas_{pos}_{neg}", 1) for pos in BETAS for neg in BETAS]
    values = [0.5 + 0.2 * pos - 0.1 * neg + next(noise) for pos in BETAS for neg in BETAS]
    found = pd.DataFrame({"entropy": values}, index=pd.MultiIndex.from_tuples(index, names=["method", "seed"]))
    (pos, half_pos), (neg, half_neg), scatter = results.slopes(found, "entropy")
    assert pos == pytest.approx(0.2) and neg == pytest.approx(-0.1)
    # the mean of the checkerboard, 0.01 / 25, goes into c
    assert scatter == pytest.approx((25 * 1e-4 - 1e-4 / 25) ** 0.5 / 22**0.5)
    # the sum of squares of a beta about its mean is 5 * 2 * (0.5^2 + 0.25^2) = 3.125
    assert half_pos == half_neg == pytest.approx(2.074 * scatter / 3.125**0.5, rel=1e-3)


def finish(out, name: str, accuracy: float) -> None:
    """Write the files of a finished run with one logged step, as `run` does."""
    place = out / name
    (place / "evaluation").mkdir(parents=True)
    logged = {"actor/entropy": 0.5, "groups/accuracy": 0.4, "perf/throughput": 7.0}
    logged |= {f"covariance/at/{k}_of_8": 0.01 * k for k in range(1, 8)}
    logged |= {f"groups/solved/{k}_of_8": 0.1 for k in range(1, 8)}
    (place / "metrics.jsonl").write_text(json.dumps({"step": STEPS, "data": logged}) + "\n")
    metrics = {name: {"mean": accuracy} for name in ("avg@8", "pass@8")}
    (place / "evaluation" / "results.json").write_text(json.dumps({"benchmarks": {"sums": {"metrics": metrics}}}))


def test_numbers_are_collected_only_from_finished_runs(tmp_path):
    finish(tmp_path, "grpo-seed1", 0.5)
    finish(tmp_path, "beta_neg_0.75-seed2", 0.25)
    (tmp_path / "reinforce-seed1").mkdir()
    assert not is_done(tmp_path / "reinforce-seed1")
    table = results.collect(tmp_path)
    assert "perf/throughput" not in set(table.key)
    found = results.numbers(table)
    assert found.accuracy.to_dict() == {("grpo", 1): 0.5, ("beta_neg_0.75", 2): 0.25}
    assert found.entropy.tolist() == [0.5, 0.5]


def test_a_run_that_is_collected_again_replaces_only_itself(tmp_path):
    runs = tmp_path / "runs.parquet"
    for place, seed, accuracy in (("first", 1, 0.5), ("first", 2, 0.25), ("second", 2, 0.75)):
        finish(tmp_path / place, f"grpo-seed{seed}", accuracy)
    for place in ("first", "second", "second"):
        results.keep(results.collect(tmp_path / place), runs)
    table = pd.read_parquet(runs)
    assert results.numbers(table).accuracy.to_dict() == {("grpo", 1): 0.5, ("grpo", 2): 0.75}
    assert len(table) == len(results.collect(tmp_path / "first"))


def test_the_readme_has_the_tables_computed_from_the_stored_runs():
    table = pd.read_parquet(results.RUNS)
    found, page = results.numbers(table), (results.RUNS.parent / "README.md").read_text()
    assert results.method_table(found) in page
    assert results.claim_table(results.weigh_claims(found, table)) in page
    assert results.slope_table(found) in page and results.schedule_table(found) in page


@pytest.mark.seconds
def test_tables_and_figures_are_made_from_the_runs_that_are_done(tmp_path):
    for method, seed in [*itertools.product(METHODS, (1, 2)), *((name, 1) for name in GRID)]:
        finish(tmp_path, f"{method}-seed{seed}", 0.5 + 0.01 * seed + 0.1 * (method == "asymgrpo"))
    table = results.collect(tmp_path)
    found = results.numbers(table)
    claims = results.weigh_claims(found, table)
    assert "| asymgrpo | 2 | +0.100 ± 0.000 | 0.615 ± 0.064 |" in results.method_table(found)
    assert "| e | asymgrpo has more accuracy than grpo | +0.100 ± 0.000 | confirmed |" in results.claim_table(claims)
    assert results.schedule_table(found).count("\n") == 2 + 3 + 3 + 1
    assert results.slope_table(found).count("\n") == 1 + len(results.NUMBERS)
    results.draw_claims(claims, tmp_path / "claims.png")
    results.draw_grid(found, tmp_path / "grid.png")
    assert (tmp_path / "claims.png").stat().st_size > 5000 < (tmp_path / "grid.png").stat().st_size
