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
"""What `import verl` loads (entry point group verl.plugins, or VERL_USE_EXTERNAL_MODULES=asymgrpo_verl.plugin).

It imports nothing of verl. It leaves hooks that run when verl imports the module they are about, because every process
that imports verl comes by here, vLLM's too, and most need none of it. An error in a hook surfaces at that import.
"""

import os
from functools import partial, wraps

import wrapt


def _register_algorithms(core_algos) -> None:
    """verl.trainer.ppo.core_algos is imported: add the estimators and the policy loss to its registries."""
    from asymgrpo_verl.core.estimators import on_declared
    from asymgrpo_verl.integration import adapters

    on_declared(lambda name: core_algos.register_adv_est(name)(partial(adapters.outcome_advantage, estimator=name)))
    core_algos.register_policy_loss("asymgrpo")(partial(adapters.asymgrpo_policy_loss, agg_loss=core_algos.agg_loss))


def _check_config_at_start(verl_config) -> None:
    """verl.utils.config is imported: have `validate_config`, which main_ppo calls before Ray starts, check ours too.

    verl 0.9 has no extension point for this; tests/test_upstream.py fails when the function changes.
    """
    from asymgrpo_verl.integration.startup_check import check_run_config

    original = verl_config.validate_config

    @wraps(original)
    def validate_config(config, *args, **kwargs):
        check_run_config(config)
        return original(config, *args, **kwargs)

    verl_config.validate_config = validate_config


def _register_trainer(trainer_sync) -> None:
    """verl.trainer.ppo.v1.trainer_sync is imported: add our trainer to verl's registry."""
    import asymgrpo_verl.integration.trainer  # noqa: F401


def _add_methods(hydra) -> None:
    """hydra is imported: add our config group `asymgrpo` to its search path."""
    import asymgrpo_verl.integration.search_path  # noqa: F401


def activate_cpu() -> None:
    """Support a CPU if VERL_PLATFORM=cpu. vLLM calls this function too (entry point group vllm.general_plugins)."""
    if "VERL_PLATFORM" in os.environ:  # a process for a GPU does not even import CPU support
        from asymgrpo_verl.cpu import hooks

        hooks.activate()


wrapt.register_post_import_hook(_register_algorithms, "verl.trainer.ppo.core_algos")
wrapt.register_post_import_hook(_check_config_at_start, "verl.utils.config")
wrapt.register_post_import_hook(_register_trainer, "verl.trainer.ppo.v1.trainer_sync")
wrapt.register_post_import_hook(_add_methods, "hydra")
activate_cpu()
