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
"""`asymgrpo curves`: the curves, the table, the figure and the errors."""

import math

import pytest
from batches import batch_of, on_tensors
from console import asymgrpo

from asymgrpo_verl.figures.weight_curves import Betas, curve, curves_table

PAIRS = [Betas(0.9, 0.4), Betas(0.0, 0.0), Betas(0.5, 0.5, "positive"), Betas(0.5, 0.5, "negative")]


@pytest.mark.parametrize("betas", PAIRS, ids=str)
@pytest.mark.parametrize("n", [1, 2, 8])
def test_the_curve_has_the_advantages_of_the_estimator(betas, n):
    values = curve(betas, n)
    for k in range(n + 1):
        rewards, mask, index = batch_of({"a": [1] * k + [0] * (n - k)})
        advantages = on_tensors("asymgrpo")(rewards.double(), mask, index, *betas)[:, 0].tolist()
        assert values.positive[k] == pytest.approx(advantages[0] if k else math.nan, nan_ok=True)
        assert values.negative[k] == pytest.approx(advantages[-1] if k < n else math.nan, nan_ok=True)
        assert values.positive_sum[k] == pytest.approx(sum(advantages[:k]))
        assert values.negative_sum[k] == pytest.approx(sum(advantages[k:]))


def test_with_grpos_betas_the_sums_of_both_channels_cancel_in_every_group():
    values = curve(Betas(0.5, 0.5), 8)
    assert values.positive_sum == pytest.approx([-value for value in values.negative_sum])


def test_the_table_has_a_line_for_each_number_of_correct_rollouts():
    lines = curves_table([Betas(1.0, 0.0)], 2).splitlines()
    assert lines[0] == "(1, 0), 2 rollouts"
    assert [line.split() for line in lines[2:5]] == [
        ["0", "0.000", "-", "-1.000", "0.000", "-2.000"],
        ["1", "0.500", "1.000", "-1.000", "1.000", "-1.000"],
        ["2", "1.000", "0.000", "-", "0.000", "0.000"],
    ]


def test_the_command_prints_the_table_and_writes_the_figure(tmp_path):
    out = tmp_path / "new" / "figure.png"
    done = asymgrpo("curves", "0.9,0.4", "0.5,0.5,negative", "--n", 4, "--out", out)
    assert done.status == 0, done.stderr
    assert "(0.9, 0.4), 4 rollouts" in done.stdout and "(0.5, 0.5, A- reflected), 4 rollouts" in done.stdout
    assert done.stdout.endswith(f"\n{out}\n") and out.read_bytes().startswith(b"\x89PNG")


def test_without_arguments_the_command_compares_asymgrpo_and_grpo_in_curves_png(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = asymgrpo("curves")
    assert "(0.9, 0.4), 8 rollouts" in done.stdout and "(0.5, 0.5), 8 rollouts" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]


@pytest.mark.parametrize("text", ["0.9", "0.9,", "-1,0.4", "0.9,0.4,both", "0.9,0.4,positive,1", "inf,1"])
def test_a_text_that_is_not_a_pair_of_betas_is_an_error(text, tmp_path):
    done = asymgrpo("curves", "--out", tmp_path / "figure.png", "--", text)
    message = f"got '{text}'; expected BETA_POS,BETA_NEG or BETA_POS,BETA_NEG,FLIP, with betas >= 0"
    assert done.status == 2 and message in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("out, message", [("a.xyz", "xyz"), ("file/a.png", "file: File exists.")])
def test_a_figure_that_cannot_be_written_is_an_error_of_one_line(out, message, tmp_path):
    (tmp_path / "file").touch()
    done = asymgrpo("curves", "--out", tmp_path / out)
    assert done.status == 1 and done.stderr.startswith("asymgrpo curves: ") and message in done.stderr
    assert done.stderr.count("\n") == 1
