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
"""The command `asymgrpo`: version, help, fast start; `asymgrpo check` with a real Ray worker.

The other subcommands are tested with their rooms: select in tests/runs, evaluate, verdict and table in
tests/evaluation, figures and curves in tests/figures, lab in tests/lab.
"""

import os
import subprocess
import sys
from importlib import metadata

import pytest
from console import asymgrpo

from asymgrpo_verl.core.estimators import ESTIMATORS


def test_version_prints_the_version_of_the_package():
    done = asymgrpo("--version")
    assert done.status == 0 and done.stdout == f"asymgrpo_verl {metadata.version('asymgrpo_verl')}\n"


def test_help_lists_every_subcommand():
    done = asymgrpo("--help")
    assert done.status == 0
    assert "{check,evaluate,verdict,select,table,figures,curves,lab}" in done.stdout


@pytest.mark.parametrize("command", ["check", "evaluate", "verdict", "select", "table", "figures", "curves", "lab"])
def test_every_subcommand_has_help(command):
    done = asymgrpo(command, "--help")
    assert done.status == 0 and done.stdout.startswith(f"usage: asymgrpo {command} ")


def test_without_a_subcommand_the_command_is_an_error():
    assert asymgrpo().status == 2 and asymgrpo("train").status == 2


def check(**env: str) -> subprocess.CompletedProcess:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("VERL_", "RAY_"))}
    command = [sys.executable, "-m", "asymgrpo_verl.cli", "check"]
    return subprocess.run(command, env={**clean, **env}, capture_output=True, text=True)


@pytest.mark.process
def test_check_finds_the_plugin_in_this_process_and_in_a_ray_worker():
    done = check()
    assert done.returncode == 0, done.stderr
    assert f"verl {metadata.version('verl')}" in done.stdout
    for place in ("this process", "a fresh Ray worker"):
        assert f"{place}: estimators {', '.join(ESTIMATORS)} and policy losses asymgrpo, up registered" in done.stdout


@pytest.mark.process
def test_check_says_why_the_plugin_is_not_loaded():
    done = check(VERL_USE_EXTERNAL_PLUGINS="another")
    assert done.returncode == 1
    for place in ("this process", "a fresh Ray worker"):
        missing = ", ".join(f"estimator {name}" for name in ESTIMATORS)
        assert f"PROBLEM: {place}: not registered: {missing}, policy loss asymgrpo, policy loss up" in done.stderr
    assert "VERL_USE_EXTERNAL_PLUGINS: got another; expected a list with asymgrpo" in done.stderr


@pytest.mark.process
def test_check_shows_the_exception_of_a_failed_load(tmp_path):
    (tmp_path / "wrapt.py").write_text("raise ImportError('no wrapt for you')")
    done = check(PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.count("ImportError: no wrapt for you") == 2, "once per process"


@pytest.mark.process
@pytest.mark.parametrize("arguments", [["--help"], ["evaluate", "--help"], ["select", "--help"], ["table"]])
def test_a_command_without_a_model_imports_no_large_package(arguments):
    """We count imports, because a clock depends on what else runs on the machine."""
    command = [sys.executable, "-X", "importtime", "-m", "asymgrpo_verl.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout
    imported = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "argparse" in imported
    assert not imported & {"torch", "verl", "vllm", "ray", "pandas", "numpy", "pyarrow"}
