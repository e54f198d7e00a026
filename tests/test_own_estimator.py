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
"""A user's own estimator: the package examples/own_estimator, installed, and nothing else.

docs/own_estimator.md is its guide.
"""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
from places import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.process]

PACKAGE = ROOT / "examples" / "own_estimator"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "1", "--timeout", "20"]


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    """The directory that the package is installed in, as in an environment, with its metadata."""
    place = tmp_path_factory.mktemp("installed")
    here = ["--no-build-isolation"] if find_spec("setuptools") else []  # else pip gets it from a registry
    copy = tmp_path_factory.mktemp("source") / "own_estimator"  # because the build writes into its folder
    subprocess.run(["cp", "-r", str(PACKAGE), str(copy)], check=True)
    command = [*PIP, "install", "--quiet", "--no-deps", *here, "--target", str(place), str(copy)]
    subprocess.run(command, check=True)
    assert not find_spec("own_estimator"), "only the processes that a test starts have it"
    return place


def run(plugin, *command: str) -> subprocess.CompletedProcess:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(plugin), *filter(None, [os.environ.get("PYTHONPATH")])])}
    return subprocess.run([sys.executable, *command], env=env, cwd=plugin, capture_output=True, text=True)


IN_ONE_PROCESS = f"""
import sys
sys.path.insert(0, {str(ROOT / "benchmarks")!r})
import numpy as np, torch, verl
from verl.trainer.ppo.core_algos import get_adv_estimator_fn

uids = np.array(["x"] * 4, dtype=object)
rewards, mask = torch.tensor([[0.0, 1], [0, 0], [0, 0], [0, 0]]), torch.ones(4, 2)
def first_tokens(name, algorithm):
    return get_adv_estimator_fn(name)(rewards, mask, uids, config=algorithm)[0][:, 0].tolist()
assert first_tokens("hard_prompts", {{}}) == [0.75, -0.25, -0.25, -0.25]
assert first_tokens("hard_prompts", {{"hard_prompts": {{"power": 2}}}}) == [0.5625, -0.0625, -0.0625, -0.0625]

import fuzz, compare
kinds = [kind for kind, _ in fuzz.run("estimators", seed=1, numbers=range(300))]
assert any(kind.startswith("hard_prompts") for kind in kinds), "the fuzz does not find it"
assert fuzz.run("settings", seed=1, numbers=range(300)) and "hard_prompts" in fuzz.check_settings.__globals__["ALLOWED"]
compare.SIZES = ((8, 4, 2),)
compare.compare_estimators(repeats=1)

from asymgrpo_verl.core.estimators import estimator
@estimator()
def declared_late():
    return 1.0, 0.0
assert first_tokens("declared_late", {{}}) == [1, 0, 0, 0], "verl has imported its registry already"
"""


def test_registry_settings_fuzz_and_benchmark_find_it(plugin):
    done = run(plugin, "-c", IN_ONE_PROCESS)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "hard_prompts" in done.stdout, "the benchmark does not find it"


def test_its_method_is_composed_and_its_settings_are_checked_before_ray_starts(plugin):
    command = ["-m", "asymgrpo_verl.dry_run", "hydra.searchpath=[pkg://own_estimator]", "+asymgrpo=hard_prompts"]
    command += ["actor_rollout_ref.rollout.name=vllm", "actor_rollout_ref.rollout.n=8"]
    command += ["actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=1"]
    command += ["actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=1"]
    good, bad = run(plugin, *command), run(plugin, *command, "algorithm.hard_prompts.power=-1")
    assert good.returncode == 0, good.stderr[-2000:]
    printed = good.stdout.splitlines()
    assert "algorithm.hard_prompts: {'power': 2.0}" in printed and "trainer.v1.trainer_mode: asymgrpo" in printed
    assert bad.returncode == 1 and "algorithm.hard_prompts.power: got -1; expected a number >= 0." in bad.stderr


def test_asymgrpo_check_finds_it_here_and_in_a_ray_worker(plugin):
    done = run(plugin, "-m", "asymgrpo_verl.cli", "check")
    assert done.returncode == 0, done.stderr[-2000:]
    for place in ("this process", "a fresh Ray worker"):
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"{place}: estimators ")]
        assert "hard_prompts" in line
