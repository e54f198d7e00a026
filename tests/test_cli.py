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
"""The command in real processes; `asymgrpo check` with a real Ray worker. For the others see their modules' tests."""

import os
import subprocess
import sys
from importlib import metadata

import pytest

from asymgrpo_verl.core.estimators import ESTIMATORS


def check(**env: str) -> subprocess.CompletedProcess:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("VERL_", "RAY_"))}
    command = [sys.executable, "-m", "asymgrpo_verl.cli", "check"]
    return subprocess.run(command, env={**clean, **env}, capture_output=True, text=True)


def test_check_finds_the_plugin_here_and_in_a_ray_worker():
    done = check()
    assert done.returncode == 0, done.stderr
    assert f"verl {metadata.version('verl')}" in done.stdout
    for place in ("this process", "a fresh Ray worker"):
        assert f"{place}: estimators {', '.join(ESTIMATORS)} and policy losses asymgrpo registered" in done.stdout


def test_check_says_what_keeps_the_plugin_out():
    done = check(VERL_USE_EXTERNAL_PLUGINS="another")
    assert done.returncode == 1
    for place in ("this process", "a fresh Ray worker"):
        missing = ", ".join(f"estimator {name}" for name in ESTIMATORS)
        assert f"PROBLEM: {place}: not registered: {missing}, policy loss asymgrpo" in done.stderr
    assert "VERL_USE_EXTERNAL_PLUGINS: got another; expected a list with asymgrpo" in done.stderr


def test_check_shows_the_exception_of_a_failed_load(tmp_path):
    (tmp_path / "wrapt.py").write_text("raise ImportError('no wrapt for you')")
    done = check(PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.count("ImportError: no wrapt for you") == 2, "once a process"


@pytest.mark.parametrize("arguments", [["--help"], ["evaluate", "--help"], ["select", "--help"], ["table"]])
def test_what_needs_no_model_waits_for_no_import(arguments):
    """importtime rather than a clock, which is another's on a busy machine."""
    command = [sys.executable, "-X", "importtime", "-m", "asymgrpo_verl.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout
    imported = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "argparse" in imported
    assert not imported & {"torch", "verl", "vllm", "ray", "pandas", "numpy", "pyarrow"}
