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
"""`asymgrpo check --train`: what it checks, what it says if something is wrong."""

import itertools
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
import torch
import yaml
from places import ROOT

from asymgrpo_verl.core.estimators import ESTIMATORS
from asymgrpo_verl.core.metrics import METRICS, expand
from asymgrpo_verl.smoke import command, device
from asymgrpo_verl.smoke.reward import compute_score


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Return the directory in which the command makes its own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_on_one_device_estimators_and_loss_equal_themselves_for_every_dtype():
    found = device.findings("cpu")
    assert len(found) == 2 * len(device.TOLERANCES) and not [finding for finding in found if finding.problem]


@pytest.mark.parametrize("error, dtypes_that_hold_it", [(1e-4, 2), (1e-2, 1), (0.1, 0)])
def test_an_advantage_that_differs_on_the_device_is_found_within_the_tolerance_of_its_dtype(
    error, dtypes_that_hold_it, monkeypatch
):
    real, factors = device.compute_advantages, itertools.cycle([1] * len(ESTIMATORS) + [1 + error] * len(ESTIMATORS))
    monkeypatch.setattr(device, "compute_advantages", lambda *given: real(*given) * next(factors))
    good = [finding for finding in device.findings("cpu") if "estimators" in finding.what and not finding.problem]
    assert len(good) == dtypes_that_hold_it


def test_a_loss_or_a_gradient_that_differs_on_the_device_is_found(monkeypatch):
    real, factors = device.two_channel_loss, itertools.cycle([1, 1.1])

    def different(*given):
        loss, metrics = real(*given)
        return loss * next(factors), metrics

    monkeypatch.setattr(device, "two_channel_loss", different)
    losses = [finding for finding in device.findings("cpu") if "loss" in finding.what]
    assert losses and all("from the CPU's; expected at most" in finding.problem for finding in losses)


def test_a_result_on_another_device_and_a_nan_are_found():
    one = [torch.ones(3)]
    assert "got a result on cpu; expected cuda" in device.difference(one, one, "cuda", 1e-5)
    assert "got values up to nan from the CPU's" in device.difference(one, [one[0] * torch.nan], "cpu", 1e-5)


def test_about_half_of_all_texts_are_correct_for_the_reward():
    scores = [compute_score("asymgrpo/sums", f"text {i}", "7")["score"] for i in range(400)]
    assert {*scores} == {0.0, 1.0} and 150 < sum(scores) < 250


def good_rows() -> list[dict]:
    """Return a log of STEPS steps that has all it must, and the validation before the first step."""
    keys = [key for metric in METRICS for key in expand(metric.key, command.N)] + [*command.VERLS, command.AGREEMENT]
    return [{"step": 0, "val": 0.0}, *({"step": step} | dict.fromkeys(keys, 1.0) for step in (1, 2))]


def problems(rows: list[dict]) -> list[str]:
    return [f"{what}: {problem}" for what, problem in command.read_log(rows) if problem]


def test_a_log_with_every_metric_of_the_table_is_good():
    rows = good_rows()
    rows[1]["entropy_change/between_steps"] = rows[2]["covariance/at/0_of_8"] = None
    assert problems(rows) == []


@pytest.mark.parametrize(
    "step, change, message",
    [
        (2, {"entropy_change/between_steps": None}, "finite values: NaN or infinite: entropy_change/between_steps at"),
        (1, {"rollouts/correct/entropy": float("inf")}, "NaN or infinite: rollouts/correct/entropy at step 1"),
        (1, {"actor/pg_loss": None}, "NaN or infinite: actor/pg_loss at step 1"),
        (2, {"actor/grad_norm": 0.0}, "a gradient at every step: 0 or none at the steps [2]"),
        (2, {command.AGREEMENT: 0.1}, "got {2: 0.1} by step; expected at least 0.9"),
    ],
)
def test_a_bad_value_in_the_log_is_named(step, change, message):
    rows = good_rows()
    rows[step] |= change
    (problem,) = problems(rows)
    assert message in problem


def test_a_missing_key_and_a_missing_step_are_named():
    rows = good_rows()
    del rows[2]["gradient/positive/norm"]
    assert problems(rows) == ["111 metrics in the log: missing: gradient/positive/norm"]
    assert problems(good_rows()[:2]) == ["2 steps in the log: got the steps [1]."]
    assert problems([]) == ["2 steps in the log: got the steps []."]


def test_an_unknown_device_is_refused(monkeypatch):
    monkeypatch.setenv("DEVICE", "tpu")
    with pytest.raises(SystemExit, match="DEVICE: got tpu; expected gpu or cpu"):
        command.check_train()


@pytest.mark.process
@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_it_says_so_and_trains_nothing(temporary, monkeypatch, capsys):
    monkeypatch.setenv("DEVICE", "gpu")
    monkeypatch.delenv("VERL_PLATFORM")
    assert command.check_train() == 1
    assert "NOT good: DEVICE=gpu: torch finds no GPU" in capsys.readouterr().out
    assert not [*temporary.iterdir()]


@pytest.mark.process
def test_a_training_that_fails_shows_the_end_of_its_output_and_where_the_rest_is(temporary, monkeypatch, capsys):
    monkeypatch.setenv("DEVICE", "cpu")
    monkeypatch.setattr(command, "SETTINGS", ("algorithm.asymgrpo.beta_pos=-1",))
    assert command.check_train() == 1
    (log,) = temporary.glob("asymgrpo-check-*/train.log")
    said = capsys.readouterr().out
    assert "good: loss, gradient and metrics in float32 on cpu" in said
    assert "NOT good: training of 2 steps: exit status 1. The end of its output:" in said
    assert "algorithm.asymgrpo.beta_pos: got -1" in said and said.endswith(f"The whole output is in {log}\n")


@pytest.mark.process
def test_a_command_that_does_not_end_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "MINUTES", 0.01)
    with (tmp_path / "log").open("wb") as log:
        assert command.run(["sleep", "100"], {**os.environ}, log) is None


def dry_run(place: Path, device: str, quickstart: Path) -> dict:
    """Return the configuration that the launcher below `quickstart` would train with, and verl's checks accept."""
    (*_, train), env = command.commands(place, device)
    train[1] = str(quickstart / Path(train[1]).name)
    done = subprocess.run(train, env={**env, "DRY_RUN": "all"}, capture_output=True, text=True, cwd=place)
    assert done.returncode == 0 and "the configuration is good" in done.stderr, done.stderr[-3000:]
    lines = done.stdout.splitlines()[1:]  # after the command
    # without what Hydra and vLLM log
    return yaml.safe_load("\n".join(line for line in lines if not line.startswith(("[", "INFO ", "WARNING "))))


@pytest.mark.process
def test_on_a_gpu_the_training_has_the_settings_of_the_recipe_for_a_gpu(tmp_path):
    gpu, cpu = (dry_run(tmp_path, device, command.QUICKSTART) for device in ("gpu", "cpu"))
    assert gpu["trainer"]["device"] == "cuda" and cpu["trainer"]["device"] == "cpu"
    model, rollout = gpu["actor_rollout_ref"]["model"], gpu["actor_rollout_ref"]["rollout"]
    assert model["use_remove_padding"] and model["enable_gradient_checkpointing"]
    assert rollout["dtype"] == "bfloat16" and rollout["free_cache_engine"] and not rollout["enforce_eager"]
    assert gpu["trainer"]["n_gpus_per_node"] == gpu["trainer"]["nnodes"] == 1
    assert gpu["algorithm"] == cpu["algorithm"] and gpu["data"]["train_files"] == cpu["data"]["train_files"]


@pytest.mark.process
def test_the_wheel_has_the_launcher_and_what_it_needs(tmp_path):
    """The package of `pip install .` has no clone beside it."""
    source = tmp_path / "source"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    for name in listed.stdout.splitlines():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(ROOT / name, source / name, follow_symlinks=False)
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path)]
    done = subprocess.run([*build, str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    quickstart = tmp_path / "installed" / "asymgrpo_verl" / "recipes" / "quickstart"
    assert dry_run(tmp_path, "cpu", quickstart)["trainer"]["device"] == "cpu"
    (model, task, _), env = command.commands(tmp_path, "cpu")
    for make in (model, task):
        make[1] = str(quickstart / Path(make[1]).name)
        subprocess.run(make, env=env, check=True)
    assert (tmp_path / "model" / "config.json").is_file() and (tmp_path / "train.parquet").is_file()
