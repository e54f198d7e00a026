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
"""Name the extra of setup.py that has a package, because `pip install .` leaves out what a verl environment brings."""

import importlib.util

EXTRAS = {
    **dict.fromkeys(("matplotlib", "jinja2", "plotly"), "figures"),
    **dict.fromkeys(("verl", "torch", "ray", "tensordict", "transfer_queue", "hydra", "omegaconf", "numpy"), "verl"),
    "transformers": "verl",
    "vllm": "gpu",
}


def missing(package: str) -> str:
    """Return the sentence for a user who lacks `package`, which is one of EXTRAS."""
    other = ', or pip install ".[cpu]" without a GPU' if package == "vllm" else ""
    return (
        f'the package {package} is missing; run pip install ".[{EXTRAS[package]}]" in a clone of asymgrpo_verl{other}.'
    )


def need(package: str) -> None:
    """Raise ModuleNotFoundError if `package` is not installed, without importing it."""
    if importlib.util.find_spec(package) is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
