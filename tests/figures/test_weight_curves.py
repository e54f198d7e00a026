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
"""What `asymgrpo curves` prints and draws."""

import math
import subprocess
import sys

import pytest
from batches import batch_of, on_tensors

from asymgrpo_verl.figures.weight_curves import Setting, curve, curves_table

SETTINGS = [Setting(0.9, 0.4), Setting(0.0, 0.0), Setting(0.5, 0.5, "positive"), Setting(0.5, 0.5, "negative")]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
@pytest.mark.parametrize("n", [1, 2, 8])
def test_the_curve_is_what_the_estimator_gives(setting, n):
    values = curve(setting, n)
    for k in range(n + 1):
        rewards, mask, index = batch_of({"a": [1] * k + [0] * (n - k)})
        weights = on_tensors("asymgrpo")(rewards.double(), mask, index, *setting)[:, 0].tolist()
        assert values.positive[k] == pytest.approx(weights[0] if k else math.nan, nan_ok=True)
        assert values.negative[k] == pytest.approx(weights[-1] if k < n else math.nan, nan_ok=True)
        assert values.positive_sum[k] == pytest.approx(sum(weights[:k]))
        assert values.negative_sum[k] == pytest.approx(sum(weights[k:]))


def test_channels_of_grpo_balance_in_every_group():
    values = curve(Setting(0.5, 0.5), 8)
    assert values.positive_sum == pytest.approx([-value for value in values.negative_sum])


def test_the_table_has_a_line_for_each_number_of_correct_rollouts():
    lines = curves_table([Setting(1.0, 0.0)], 2).splitlines()
    assert lines[0] == "(1, 0), 2 rollouts"
    assert [line.split() for line in lines[2:5]] == [
        ["0", "0.000", "-", "-1.000", "0.000", "-2.000"],
        ["1", "0.500", "1.000", "-1.000", "1.000", "-1.000"],
        ["2", "1.000", "0.000", "-", "0.000", "0.000"],
    ]


def curves(*arguments: str, cwd) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "asymgrpo_verl.cli", "curves", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


def test_the_command_prints_the_table_and_saves_a_picture(tmp_path):
    done = curves("0.9,0.4", "0.5,0.5,negative", "--n", "4", "--out", "new/picture.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "(0.9, 0.4), 4 rollouts" in done.stdout and "(0.5, 0.5, A- reflected), 4 rollouts" in done.stdout
    assert (tmp_path / "new" / "picture.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("text", ["0.9", "0.9,", "-1,0.4", "0.9,0.4,both", "0.9,0.4,positive,1", "inf,1"])
def test_a_setting_that_is_none_is_refused(text, tmp_path):
    done = curves("--", text, cwd=tmp_path)
    assert done.returncode == 2 and f"got '{text}', expected two numbers >= 0" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("out, message", [("a.xyz", "xyz"), ("file/a.png", "file: File exists.")])
def test_a_picture_that_cannot_be_saved_is_one_line(out, message, tmp_path):
    (tmp_path / "file").touch()
    done = curves("--out", out, cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("asymgrpo curves: ") and message in done.stderr
    assert done.stderr.count("\n") == 1
