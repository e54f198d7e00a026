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

This module imports nothing of verl. It registers hooks, and each runs when verl imports the module that the hook
extends, because every process that imports verl loads this module, also those of vLLM, and most of them need no hook.
An error in a hook is raised by that import. A hook registers nothing if this verl lacks what we need of it. A run that
uses nothing of ours is then not affected, and `integration.capabilities.check_at_start` ends a run that does.
"""

import os
import sys
from functools import partial, wraps

import wrapt


def _register_algorithms(core_algos) -> None:
    """Add the estimators and the policy losses to the registries of verl.trainer.ppo.core_algos."""
    from asymgrpo_verl.core.estimators import on_declared
    from asymgrpo_verl.integration import adapters, capabilities

    if not capabilities.can_register():
        return
    on_declared(lambda name: core_algos.register_adv_est(name)(partial(adapters.outcome_advantage, estimator=name)))
    loss = partial(adapters.asymgrpo_policy_loss, agg_loss=core_algos.agg_loss)
    core_algos.register_policy_loss("asymgrpo")(loss)
    core_algos.register_policy_loss("up")(partial(loss, anchored=True))


def _check_config_at_start(verl_config) -> None:
    """Wrap verl.utils.config.validate_config, which main_ppo calls before Ray starts.

    It checks our settings first, and chooses our trainer (see `modes`): `python -m verl.trainer.main_ppo` calls the
    run_ppo of the module `__main__`, which no hook has wrapped. It is replaced because verl 0.9 has no extension point
    for this; tests/test_upstream.py fails when it changes.
    """
    from hydra.core.hydra_config import HydraConfig

    from asymgrpo_verl.integration.capabilities import check_at_start
    from asymgrpo_verl.integration.modes import use_our_trainer
    from asymgrpo_verl.integration.startup_check import check_run_config

    original = getattr(verl_config, "validate_config", None)
    if original is None:
        print("[asymgrpo_verl] verl.utils.config.validate_config: not found, so this verl cannot use asymgrpo_verl")
        return

    @wraps(original)
    def validate_config(config, *args, **kwargs):
        try:
            check_at_start(config)
            check_run_config(config)
        except (ValueError, TypeError) as error:
            if not HydraConfig.initialized():  # not the process of Hydra's main, which would print a traceback
                raise
            sys.exit(f"[asymgrpo_verl] {error}")
        if HydraConfig.initialized():
            use_our_trainer(config)
        return original(config, *args, **kwargs)

    verl_config.validate_config = validate_config


def _check_other_entry_points(main_ppo) -> None:
    """Wrap verl.trainer.main_ppo.run_ppo, which starts Ray: check our settings, and choose our trainer (see `modes`).

    verl's experimental trainers and users' own scripts import run_ppo, and have not called validate_config.
    """
    from asymgrpo_verl.integration.modes import use_our_trainer
    from asymgrpo_verl.integration.startup_check import check_run_config

    original = getattr(main_ppo, "run_ppo", None)
    if original is None:  # another verl; `capabilities` ends a run that needs us
        return

    @wraps(original)
    def run_ppo(config, *args, **kwargs):
        task_runner = args[0] if args else kwargs.get("task_runner_class")
        check_run_config(config, task_runner)
        use_our_trainer(config, task_runner)
        return original(config, *args, **kwargs)

    main_ppo.run_ppo = run_ppo


def _record_failed_rewards(agent_loop) -> None:
    """Wrap the method in which verl's agent loops call the reward, because verl drops a rollout whose reward raises."""
    from asymgrpo_verl.integration.failed_rewards import recording

    worker = getattr(agent_loop, "AgentLoopWorker", None)
    if hasattr(worker, "_compute_score"):  # another verl has another method, and then `capabilities` misses it
        worker._compute_score = recording(worker._compute_score)


def _register_trainers(trainer_sync) -> None:
    """Add our trainers to verl's registry when verl imports its synchronous trainer, the last of its trainers."""
    from asymgrpo_verl.integration.capabilities import problems
    from asymgrpo_verl.integration.needs import COLOCATE_ASYNC, NEEDS, SEPARATE_ASYNC, TRAINER

    if problems(NEEDS[TRAINER]):
        return
    import asymgrpo_verl.integration.trainer  # noqa: F401

    if not problems(NEEDS[COLOCATE_ASYNC]):
        import asymgrpo_verl.integration.colocate_async  # noqa: F401
    if not problems(NEEDS[SEPARATE_ASYNC]):
        import asymgrpo_verl.integration.separate_async  # noqa: F401


def _add_methods(hydra) -> None:
    """Add our config group `asymgrpo` to Hydra's search path."""
    import asymgrpo_verl.integration.search_path  # noqa: F401


def activate_cpu() -> None:
    """Support a CPU if VERL_PLATFORM=cpu. vLLM calls this function too (entry point group vllm.general_plugins)."""
    if "VERL_PLATFORM" in os.environ:  # a process for a GPU does not even import CPU support
        from asymgrpo_verl.cpu import hooks

        hooks.activate()


wrapt.register_post_import_hook(_register_algorithms, "verl.trainer.ppo.core_algos")
wrapt.register_post_import_hook(_check_config_at_start, "verl.utils.config")
wrapt.register_post_import_hook(_check_other_entry_points, "verl.trainer.main_ppo")
wrapt.register_post_import_hook(_record_failed_rewards, "verl.experimental.agent_loop.agent_loop")
wrapt.register_post_import_hook(_register_trainers, "verl.trainer.ppo.v1.trainer_sync")
wrapt.register_post_import_hook(_add_methods, "hydra")
activate_cpu()
