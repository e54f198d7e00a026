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
"""The names that users write into commands, configurations and checkpoints keep their meaning.

The lists are written out here. A name may be added to them; to remove or change a name breaks a user's run.
"""

import json
import math
import runpy
import sys
from importlib import metadata

import pytest
from fresh import fresh_python
from omegaconf import OmegaConf
from places import ROOT

METHODS = """
    a_grae adaptive_entropy adaptive_entropy_trl asymgrpo asymgrpo_clip_higher cispo clip_cov clip_higher codapo dgae
    dr_grpo ent_decrease ent_increase
    entropy_advantage entropy_reg f_grpo grpo gspo ha_dw kl_cov maxrl neg_only nsr passk_training pos_only psr qae
    reinforce repo_r symmetric up_grpo w_reinforce
""".split()
ESTIMATORS = {  # algorithm.adv_estimator, and the keys under algorithm.<estimator>
    "asymgrpo": {"beta_pos", "beta_neg", "flip", "reward_threshold"},
    "reinforce_pm1": {"reward_threshold"},
    "psr": {"reward_threshold"},
    "nsr": {"reward_threshold"},
    "w_reinforce": {"lam", "reward_threshold"},
    "maxrl": {"reward_threshold"},
    "passk_training": {"k", "reward_threshold"},
    "f_grpo": {"gamma", "reward_threshold"},
    "a_grae": {"alpha", "reward_threshold"},
    "dgae": {"temperature", "reward_threshold"},
    "qae": {"quantile", "rule", "reward_threshold"},
}
STATE = """{"epoch": [1, 16, 3, 2, 9.25, [2, 1, 0, 3, 4, 1, 1, 1, 3]],
 "beta_pos": [0.93, 0.41, 7], "beta_neg": [null, null, 0], "entropy": NaN}"""


@pytest.mark.parametrize(
    "group, name, value",
    [
        ("verl.plugins", "asymgrpo", "asymgrpo_verl.plugin"),
        ("vllm.general_plugins", "asymgrpo_cpu", "asymgrpo_verl.plugin:activate_cpu"),
        ("console_scripts", "asymgrpo", "asymgrpo_verl.cli:main"),
    ],
)
def test_the_package_declares_its_entry_points(group, name, value):
    (found,) = metadata.entry_points(group=group, name=name)
    assert found.value == value and found.load()


@pytest.mark.parametrize("command", ["check", "curves", "evaluate", "figures", "select", "table"])
def test_asymgrpo_has_its_commands(command, monkeypatch, capsys):
    (script,) = metadata.entry_points(group="console_scripts", name="asymgrpo")
    monkeypatch.setattr(sys, "argv", ["asymgrpo", command, "--help"])
    with pytest.raises(SystemExit) as ended:
        script.load()()
    assert ended.value.code == 0 and f"asymgrpo {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "module", ["aime24", "aime25", "all", "amc23", "any", "gsm8k", "math", "math500", "olympiadbench", "overlap"]
)
def test_data_prep_has_its_commands(module, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [module, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"data_prep.{module}", run_name="__main__")
    flags = ("--local_save_dir", "--instruction", "--single-answer") if module != "overlap" else ("--threshold",)
    said = capsys.readouterr().out
    assert ended.value.code == 0 and all(flag in said for flag in flags)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_has_its_file(method):
    assert (ROOT / "asymgrpo_verl" / "configs" / "asymgrpo" / f"{method}.yaml").is_file()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_verl_knows_an_estimator_and_its_keys_are_read(estimator):
    from verl.trainer.ppo.core_algos import get_adv_estimator_fn

    from asymgrpo_verl.integration.settings import settings_from

    assert get_adv_estimator_fn(estimator).keywords == {"estimator": estimator}
    assert vars(settings_from(None, estimator)).keys() == ESTIMATORS[estimator]


def test_verl_knows_the_policy_losses_and_the_trainer_mode():
    from verl.trainer.ppo.core_algos import get_policy_loss_fn
    from verl.trainer.ppo.v1 import get_trainer_cls

    for name in ("asymgrpo", "up"):
        assert get_policy_loss_fn(name).func.__name__ == "asymgrpo_policy_loss"
    assert get_trainer_cls("asymgrpo").__name__ == "AsymGRPOTrainer"
    assert get_trainer_cls("asymgrpo_colocate_async").__name__ == "AsymGRPOColocateAsync"
    assert get_trainer_cls("asymgrpo_separate_async").__name__ == "AsymGRPOSeparateAsync"


def test_verl_loads_the_reward_function_by_its_path():
    from verl.trainer.ppo.reward import get_custom_reward_fn

    function = {"path": "pkg://asymgrpo_verl.rewards", "name": "compute_score", "reward_kwargs": {"time_limit": 5}}
    loaded = get_custom_reward_fn(OmegaConf.create({"reward": {"custom_reward_function": function}}))
    assert loaded.args[0].__name__ == "compute_score"


def test_verl_loads_the_checkpoint_callback_by_its_name():
    from verl.trainer.ppo.checkpoint_callback import build_checkpoint_callback

    name = "asymgrpo_verl.checkpoints.KeepBest"
    trainer = {"checkpoint_callback_class": name, "save_freq": -1}
    assert type(build_checkpoint_callback(OmegaConf.create({"trainer": trainer}))).__name__ == "KeepBest"


def test_verl_loads_the_agent_loop_manager_by_its_name():
    pytest.importorskip("vllm", reason="vLLM's CPU build comes with the extra [cpu]")
    from verl.trainer.ppo.v1 import AgentLoopManagerTQ
    from verl.utils.import_utils import load_class_from_fqn

    assert issubclass(load_class_from_fqn("asymgrpo_verl.cpu.agent_loop.LocalAgentLoopManager"), AgentLoopManagerTQ)


def test_a_checkpoint_of_an_earlier_version_is_resumed(tmp_path, monkeypatch):
    from verl.trainer.ppo.v1 import get_trainer_cls
    from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

    def load(self):
        self.global_steps = 7

    monkeypatch.setattr(PPOTrainerSync, "_load_checkpoint", load)
    (tmp_path / "global_step_7").mkdir()
    (tmp_path / "global_step_7" / "asymgrpo.json").write_text(STATE)
    trainer_class = get_trainer_cls("asymgrpo")
    trainer = trainer_class.__new__(trainer_class)  # because its __init__ builds the whole run
    trainer.config = OmegaConf.create({"trainer": {"default_local_dir": str(tmp_path), "resume_mode": "auto"}})
    trainer._load_checkpoint()
    epoch, beta_pos, beta_neg, entropy, *of_later_versions = trainer.state
    assert (epoch.epoch, epoch.prompts, epoch.all_solved, epoch.none_solved, epoch.accuracy) == (1, 16, 3, 2, 9.25)
    assert list(epoch.solved) == [2, 1, 0, 3, 4, 1, 1, 1, 3]
    assert (beta_pos.beta, beta_pos.signal, beta_pos.count) == (0.93, 0.41, 7)
    assert (beta_neg.beta, beta_neg.signal, beta_neg.count) == (None, None, 0)
    assert math.isnan(entropy) and of_later_versions == [(), None, None]


@pytest.mark.process
def test_verl_loads_the_plugin_by_its_module_if_the_entry_point_is_off():
    code = """
import json, verl
from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY, POLICY_LOSS_REGISTRY
from verl.trainer.ppo.v1 import get_trainer_cls
print(json.dumps([[*ADV_ESTIMATOR_REGISTRY], [*POLICY_LOSS_REGISTRY], get_trainer_cls("asymgrpo").__name__]))
"""
    env = {"VERL_USE_EXTERNAL_PLUGINS": "none", "VERL_USE_EXTERNAL_MODULES": "asymgrpo_verl.plugin"}
    estimators, losses, trainer = json.loads(fresh_python(code, **env))
    assert ESTIMATORS.keys() <= {*estimators} and "asymgrpo" in losses and trainer == "AsymGRPOTrainer"
