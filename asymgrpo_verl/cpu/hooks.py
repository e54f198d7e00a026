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
"""Apply CPU support to a module of verl or vLLM when the module is imported, before other code refers to its names."""

import os
import sys

import wrapt

from asymgrpo_verl.cpu.metadata import VllmCpuFinder


def activate() -> None:
    """Install the import hooks if VERL_PLATFORM=cpu, once per process.

    Every process that imports verl calls this through `asymgrpo_verl.plugin`, and so does every process of vLLM through
    the entry point group vllm.general_plugins.
    """
    if os.environ.get("VERL_PLATFORM", "").strip().lower() != "cpu":
        return
    if any(isinstance(finder, VllmCpuFinder) for finder in sys.meta_path):
        return  # because a process that imports both verl and vLLM calls this twice
    from asymgrpo_verl.cpu import patches

    sys.meta_path.append(VllmCpuFinder())
    for module, hook in (
        ("verl.plugin.platform.platform_manager", _register_platform),
        ("verl.workers.engine", _register_engine),
        ("verl.checkpoint_engine", _register_checkpoint_engine),
        ("verl.utils.distributed", patches.use_gloo_alone),
        ("verl.utils.fsdp_utils", patches.copy_saved_weights),
        ("verl.workers.rollout.vllm_rollout.bucketed_weight_transfer", patches.copy_received_weights),
        ("verl.workers.rollout.vllm_rollout.bucketed_weight_transfer", patches.keep_files_together),
        ("vllm.model_executor.layers.utils", patches.keep_linear_weights),
    ):
        wrapt.register_post_import_hook(hook, module)


def _register_platform(module) -> None:
    import asymgrpo_verl.cpu.platform  # noqa: F401


def _register_engine(module) -> None:
    import asymgrpo_verl.cpu.engine  # noqa: F401


def _register_checkpoint_engine(module) -> None:
    import asymgrpo_verl.cpu.checkpoint_engine  # noqa: F401
