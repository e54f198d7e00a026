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
"""The study in the lab trains the rows of Table 1, and its verdicts follow the rule of PLAN.md."""

import json

import pandas as pd
import pytest

from asymgrpo_verl import paper
from asymgrpo_verl.lab.methods import read
from studies.lab.results import CLAIMS, RUN, Claim, Test, collect, covariance_trend, holm, report, test_claim, verdict
from studies.lab.run import ROWS

test_claim.__test__ = Test.__test__ = False  # names that pytest would take for tests
MORE, AT_LEAST = Claim("x", "ours", "grpo", "accuracy", 1), Claim("x", "ours", "grpo", "accuracy", 0)


def test_every_trained_row_of_table_1_is_a_row_that_the_lab_can_train():
    assert {row.method for row in paper.TABLE_1} - {"untrained"} == {*ROWS} - {"neg_only:beta_neg=0.75"}
    assert all(read(row, 8) for row in ROWS)


def test_every_claim_names_rows_of_the_plan():
    assert {claim.row for claim in CLAIMS} | {claim.other for claim in CLAIMS if claim.other} <= {*ROWS}


def test_holm_multiplies_the_smallest_p_value_by_their_number():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]


def outcome(mean, half, by_instance=(1, 1)):
    low, high = mean - half, mean + half
    return Test(mean, half, 0.0, low, high, [mean * one for one in by_instance], [mean - half, mean + half])


@pytest.mark.parametrize(
    "claim, test, adjusted, expected",
    [
        (MORE, outcome(0.03, 0.02), 0.01, "confirmed"),
        (MORE, outcome(-0.03, 0.02), 0.01, "contradicted"),
        (MORE, outcome(0.03, 0.02, (1, -1)), 0.01, "confirmed, not on every instance"),
        (MORE, outcome(0.03, 0.02), 0.2, "undecided (18 pairs)"),
        (MORE, outcome(0.001, 0.003), 0.6, "equivalent"),
        (AT_LEAST, outcome(0.03, 0.034), 0.2, "confirmed"),
        (AT_LEAST, outcome(-0.03, 0.02), 0.01, "contradicted"),
    ],
)
def test_the_verdict_follows_the_plan(claim, test, adjusted, expected):
    assert verdict(claim, test, adjusted).split(" (")[0] == expected.split(" (")[0]


def numbers(values: dict[tuple[str, int, int], float]) -> pd.DataFrame:
    rows = [["facts", instance, 5e-4, row, seed, "accuracy", value] for (row, instance, seed), value in values.items()]
    return pd.DataFrame(rows, columns=[*RUN, "number", "value"])


def test_pairs_are_of_one_instance_and_one_seed():
    values = {("grpo", i, s): i + s for i in (1, 2) for s in (1, 2)}
    values |= {("ours", i, s): i + s + (0.1 if i == 1 else 0.3) for i in (1, 2) for s in (1, 2)}
    test = test_claim(numbers(values), MORE)
    assert test.mean == pytest.approx(0.2) and test.by_instance == pytest.approx([0.1, 0.3])
    assert len(test.differences) == 4 and 0.1 <= test.low < test.high <= 0.3
    assert test_claim(numbers(values), Claim("x", "other", "grpo", "accuracy", 1)) is None


def test_collected_runs_are_the_finished_ones_and_are_reported(tmp_path):
    for row, gain in (("grpo", 0.0), ("asymgrpo", 0.1)):
        for seed in (101, 102, 103):
            place = tmp_path / "facts-101-0.0005" / f"{row}-seed{seed}"
            place.mkdir(parents=True)
            last = 400 if seed < 103 else 350
            data = {"val-core/facts/acc/mean@8": 0.5 + gain + seed / 1e4, "rollouts/entropy": 0.3}
            (place / "metrics.jsonl").write_text(json.dumps({"step": last, "data": data}) + "\n")
    table = collect(tmp_path)
    assert {*table.seed} == {101, 102} and {*table.task} == {"facts"} and {*table.rate} == {5e-4}
    assert "| facts | 0.0005 | e1: accuracy, asymgrpo - grpo | +0.100 ± 0.000 | 2 |" in report(table)


def test_the_trend_of_the_covariance_is_a_rank_correlation():
    rows = [{f"covariance/at/{k}_of_8": k**2 for k in range(9)} | {f"groups/solved/{k}_of_8": 0.1 for k in range(9)}]
    assert covariance_trend(rows) == pytest.approx(1)
