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
"""`asymgrpo lab` from the command line: bad input is named before anything starts; a whole comparison; a kill."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch
from console import asymgrpo

from asymgrpo_verl.lab.policies import Shape, draw_weights
from asymgrpo_verl.lab.tasks import TASKS

FAST = ("--task", "facts", "--seeds", "2", "--steps", "4", "--prompts", "4", "--n", "4")


def with_base_policy(out):
    """Put an untrained base policy where the command keeps it, because its training takes minutes."""
    out.mkdir()
    torch.save(draw_weights(Shape(TASKS["facts"](1).vocab), seed=0), out / "facts-1.base")
    return out


@pytest.mark.parametrize(
    "methods, changes, message",
    [
        ("grpo", "--task sums", "argument --task: invalid choice: 'sums'"),
        ("grpo", "--seeds 0", "argument --seeds: got '0'; expected a number of seeds >= 1, or FIRST-LAST"),
        ("grpo", "--seeds 5-4", "argument --seeds: got '5-4'"),
        ("grpo", "--steps 0", "argument --steps: got '0'; expected an integer >= 1"),
        ("grpo", "--n 1", "argument --n: got '1'; expected an integer >= 2"),
        ("grpo", "--learning-rate nan", "argument --learning-rate: got 'nan'; expected a number > 0"),
        ("grpo", "--prompts 5", "asymgrpo lab: --prompts: got 5; expected a multiple of 2"),
        ("grpo grpo", "", "asymgrpo lab: METHOD: got grpo grpo; expected each method once."),
        ("asymgrpo:beta_pos=x", "", "asymgrpo lab: asymgrpo:beta_pos=x: algorithm.asymgrpo.beta_pos: got 'x'"),
        ("grpo nothing", "", "asymgrpo lab: nothing: got no method 'nothing'; expected one of"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(tmp_path, methods, changes, message):
    done = asymgrpo("lab", *methods.split(), "--out", tmp_path / "out", *FAST, *changes.split())
    assert done.status != 0 and message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_file_is_no_directory_for_the_runs(tmp_path):
    (tmp_path / "out").write_text("mine")
    done = asymgrpo("lab", "grpo", "--out", tmp_path / "out", *FAST)
    assert done.status == 1 and f"asymgrpo lab: {tmp_path / 'out'}: got a file; expected a directory" in done.stderr
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.process
def test_a_comparison_ends_with_a_table_and_is_not_trained_twice(tmp_path):
    out = with_base_policy(tmp_path / "out")
    methods = ("grpo", "asymgrpo:beta_pos=0.8", "psr")
    done = asymgrpo("lab", *methods, "--out", out, *FAST)
    assert done.status == 0, done.stderr
    assert "24 of 24 steps" in done.stderr
    heads = [line.split("|")[1].strip() for line in done.stdout.splitlines() if line.startswith("|")]
    assert heads == ["method", "---", *methods, "asymgrpo:beta_pos=0.8 - grpo", "psr - grpo"]
    assert (out / "table.md").read_text() == done.stdout
    logs = {path: path.read_bytes() for path in out.glob("*/metrics.jsonl")}
    again = asymgrpo("lab", *methods, "--out", out, *FAST)
    assert again.stdout == done.stdout and not again.stderr
    assert {path: path.read_bytes() for path in out.glob("*/metrics.jsonl")} == logs
    more = asymgrpo("lab", *methods, "--out", out, *FAST, "--seeds", "3")
    assert "12 of 12 steps" in more.stderr, "only the third seed is trained"
    other = asymgrpo("lab", *methods, "--out", out, *FAST, "--steps", "5")
    assert other.status == 1 and "trainer.total_training_steps: got 4; expected 5" in other.stderr

    runs = [*out.glob("*-seed*")]
    drawn = asymgrpo("figures", *runs, "--out", tmp_path / "figures")
    assert drawn.status == 0, drawn.stderr
    page = (tmp_path / "figures" / "index.html").read_text()
    assert "AsymGRPO (0.8, 0.4)" in page and ">psr<" in page.lower() and "GRPO" in page
    assert {path.name for path in (tmp_path / "figures").glob("*.png")} >= {"figure1.png", "figure2.png"}


@pytest.mark.slow
@pytest.mark.process
def test_killed_and_started_again_it_ends_as_if_it_had_not_been(tmp_path):
    arguments = ("grpo", "asymgrpo", *FAST, "--steps", "60")
    unbroken, killed = (with_base_policy(tmp_path / name) for name in ("unbroken", "killed"))
    expected = asymgrpo("lab", *arguments, "--out", unbroken)
    command = [sys.executable, "-m", "asymgrpo_verl.cli", "lab", *arguments, "--out", str(killed)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        watched = psutil.Process(process.pid)
        started = time.monotonic()
        while not (states := [*killed.glob("*.state")]) and time.monotonic() < started + 60:
            time.sleep(0.01)
        children = watched.children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
    assert states, "killed before the first state was saved"
    assert not psutil.wait_procs(children, timeout=10)[1], "its processes outlive it"
    resumed = asymgrpo("lab", *arguments, "--out", killed)
    assert resumed.stdout == expected.stdout
    for log in unbroken.glob("*/metrics.jsonl"):
        assert log.read_bytes() == (killed / log.relative_to(unbroken)).read_bytes()


def test_an_interrupted_block_has_to_be_asked_for_as_a_whole(tmp_path):
    out = with_base_policy(tmp_path / "out")
    torch.save({"seeds": [1, 2, 3], "step": 2}, out / "grpo-seeds1-3.state")
    done = asymgrpo("lab", "grpo", "--out", out, *FAST)
    assert done.status == 1 and "--seeds: got 1 to 2; expected 1 to 3 among them" in done.stderr
