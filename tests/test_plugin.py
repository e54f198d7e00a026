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
"""The plugin in fresh processes: the real entry point registers it once, and an error of it ends the start."""

import os
import subprocess
import sys

import pytest
from fresh import fresh_python

pytestmark = pytest.mark.process

REGISTERED = """
import verl
from verl.trainer.ppo.core_algos import get_adv_estimator_fn, get_policy_loss_fn
print(get_adv_estimator_fn("asymgrpo").keywords["estimator"], get_policy_loss_fn("asymgrpo").func.__name__)
"""


def python(code: str, **env: str) -> str:
    """Return the last line that `code` prints in a new Python, without the verl and Ray variables of this session."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("VERL_", "RAY_"))}
    done = subprocess.run([sys.executable, "-c", code], env={**clean, **env}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"VERL_USE_EXTERNAL_PLUGINS": "none", "VERL_USE_EXTERNAL_MODULES": "asymgrpo_verl.plugin"},
        {"VERL_USE_EXTERNAL_MODULES": "asymgrpo_verl.plugin"},
    ],
    ids=["entry point", "external module", "both"],
)
def test_import_verl_registers_estimator_and_loss(env):
    assert fresh_python(REGISTERED, **env) == "asymgrpo asymgrpo_policy_loss"


def test_the_plugin_may_be_imported_before_verl():
    assert fresh_python("import asymgrpo_verl.plugin\n" + REGISTERED) == "asymgrpo asymgrpo_policy_loss"


def test_without_the_plugin_there_is_no_asymgrpo():
    code = "import verl.trainer.ppo.core_algos as c; print('asymgrpo' in c.ADV_ESTIMATOR_REGISTRY)"
    assert fresh_python(code, VERL_USE_EXTERNAL_PLUGINS="none") == "False"


def test_a_run_does_not_take_a_users_data_prep_for_ours(tmp_path):
    """`python -m` puts the working directory first, and every v1 run imports our trainer."""
    (tmp_path / "data_prep.py").write_text("raise ImportError('not ours')")
    code = "import verl.trainer.ppo.v1, asymgrpo_verl.evaluation.command, asymgrpo_verl.figures.page; print('imported')"
    assert python(code, PYTHONPATH=str(tmp_path), VERL_PLATFORM="cpu") == "imported"


def test_importing_the_package_does_nothing():
    assert python("import asymgrpo_verl, sys; print([m for m in sys.modules if m in ('torch', 'verl', 'ray')])") == "[]"


def test_the_core_does_not_import_verl():
    code = "import asymgrpo_verl.core.estimators, asymgrpo_verl.core.losses, asymgrpo_verl.core.diagnostics, sys; "
    code += "print([m for m in sys.modules if m.split('.')[0] in ('verl', 'ray', 'vllm', 'omegaconf')])"
    assert python(code) == "[]"


def test_loading_the_plugin_imports_no_verl_module_of_its_own():
    code = "import sys, verl; print(sorted(m for m in sys.modules if m.startswith(('verl.', 'vllm'))))"
    assert fresh_python(code) == fresh_python(code, VERL_USE_EXTERNAL_PLUGINS="none")


def test_an_error_while_registering_surfaces():
    code = """
import asymgrpo_verl, sys
sys.modules["asymgrpo_verl.integration.adapters"] = None
import verl
try:
    import verl.trainer.ppo.core_algos
except ImportError as error:
    print("surfaced:", error)
"""
    assert fresh_python(code).startswith("surfaced: import of asymgrpo_verl.integration.adapters halted")


def test_cpu_support_is_neither_imported_nor_patched_without_its_platform():
    code = """
import sys, verl
import verl.utils.distributed as d, verl.workers.engine
from verl.plugin.platform.platform_manager import PlatformRegistry
print([m for m in sys.modules if m.startswith("asymgrpo_verl.cpu")], PlatformRegistry.get("cpu"),
      d.initialize_global_process_group_ray.__module__)
"""
    assert fresh_python(code) == "[] None verl.utils.distributed"


def test_our_trainers_are_registered_beside_those_of_verl():
    from verl.trainer.ppo.v1 import get_trainer_cls

    from asymgrpo_verl.integration.trainer import OurTrainer

    assert get_trainer_cls("asymgrpo").__module__ == "asymgrpo_verl.integration.trainer"
    for mode in ("colocate_async", "separate_async"):
        ours, verls = get_trainer_cls(f"asymgrpo_{mode}"), get_trainer_cls(mode)
        assert (
            issubclass(ours, OurTrainer)
            and issubclass(ours, verls)
            and ours.__mro__.index(OurTrainer) < ours.__mro__.index(verls)
        )


def test_a_dry_run_without_the_plugin_says_that_the_method_was_not_chosen(tmp_path):
    command = [sys.executable, "-m", "asymgrpo_verl.dry_run", "+asymgrpo=f_grpo"]
    env = {**os.environ, "VERL_USE_EXTERNAL_PLUGINS": "none"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env)
    assert done.returncode == 1
    assert "+asymgrpo=f_grpo: got a key of the configuration; expected a method" in done.stderr


def test_a_bad_setting_ends_main_ppo_before_ray_starts(tmp_path):
    command = [sys.executable, "-m", "verl.trainer.main_ppo", "algorithm.adv_estimator=asymgrpo"]
    command += ["+algorithm.asymgrpo.beta_pos=-1", "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=1"]
    command += ["hydra.run.dir=.", "hydra.output_subdir=null"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert "algorithm.asymgrpo.beta_pos: got -1; expected a number >= 0" in done.stderr
    assert "ray init kwargs" not in done.stdout
