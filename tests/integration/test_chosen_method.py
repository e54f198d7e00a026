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
"""A run trains the method that it is named after, or it has a name of its own."""

import subprocess
import sys

import pytest
import verl  # noqa: F401  loads the plugin, which adds the methods to Hydra
from hydra import compose, initialize_config_module
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from asymgrpo_verl.integration.startup_check import check_run_config
from asymgrpo_verl.method_files import METHODS, flat, read_method

pytestmark = pytest.mark.seconds  # Hydra composes a run's whole configuration two or three times in each test

N = "actor_rollout_ref.rollout.n=8"
ACTOR = "actor_rollout_ref.actor"


@pytest.fixture
def start():
    """Return a function: overrides -> the configuration after our check, as Hydra's main hands it to verl."""
    with initialize_config_module("verl.trainer.config", version_base=None):

        def check(*overrides: str):
            whole = compose("ppo_trainer", [N, *overrides], return_hydra_config=True)
            HydraConfig.instance().set_config(whole)
            config = OmegaConf.masked_copy(whole, [key for key in whole if key != "hydra"])
            check_run_config(config)
            return config

        yield check
    HydraConfig.instance().cfg = None


@pytest.mark.parametrize(
    "method, override, message",
    [
        ("asymgrpo", "algorithm.adv_estimator=grpo", "algorithm.adv_estimator: got grpo; expected asymgrpo"),
        (
            "asymgrpo",
            f"{ACTOR}.policy_loss.loss_mode=gspo",
            f"{ACTOR}.policy_loss.loss_mode: got gspo; expected asymgr",
        ),
        ("ent_increase", "algorithm.asymgrpo.flip=none", "algorithm.asymgrpo.flip: got none; expected negative"),
        ("asymgrpo", "+algorithm.asymgrpo.flip=positive", "algorithm.asymgrpo.flip: got positive; expected none"),
        ("clip_higher", f"{ACTOR}.clip_ratio_high=0.2", f"{ACTOR}.clip_ratio_high: got 0.2; expected 0.28"),
        ("grpo", f"{ACTOR}.clip_ratio_high=0.28", f"{ACTOR}.clip_ratio_high: got 0.28; expected 0.2"),
        ("grpo", f"{ACTOR}.entropy_coeff=0.001", f"{ACTOR}.entropy_coeff: got 0.001; expected 0"),
        ("dr_grpo", "algorithm.norm_adv_by_std_in_grpo=true", "norm_adv_by_std_in_grpo: got True; expected False"),
        ("entropy_advantage", "algorithm.entropy_advantage.alpha=0", "entropy_advantage.alpha: got 0; expected 0.4"),
        ("grpo", "+algorithm.entropy_advantage.alpha=0.4", "entropy_advantage.alpha: got 0.4; expected none at all"),
    ],
)
def test_a_setting_that_contradicts_the_method_is_an_error_that_names_both(start, method, override, message):
    with pytest.raises(ValueError) as error:
        start(f"+asymgrpo={method}", override)
    assert message in str(error.value) and f"because +asymgrpo={method}" in str(error.value)
    assert "add +asymgrpo_name=NAME" in str(error.value)


@pytest.mark.parametrize(
    "override, removed",
    [
        ("~algorithm.asymgrpo.beta_pos", "beta_pos"),
        ("algorithm.asymgrpo.beta_neg=null", "beta_neg"),
        ("~algorithm.asymgrpo", "beta_pos"),
        ("algorithm.asymgrpo=null", "beta_pos"),
    ],
)
def test_a_setting_of_the_method_that_is_removed_is_an_error_because_it_has_another_default(start, override, removed):
    with pytest.raises(ValueError, match=f"algorithm.asymgrpo.{removed}: got none at all; expected 0.7"):
        start("+asymgrpo=symmetric", override)


@pytest.mark.parametrize("override", ["+asymgrpo=[grpo,clip_higher]", "+asymgrpo@_global_=grpo"])
def test_several_methods_or_a_method_elsewhere_is_an_error(start, override):
    with pytest.raises(ValueError, match="expected \\+asymgrpo=METHOD"):
        start(override)


@pytest.mark.parametrize("method", ["grpo", "gspo", "ent_increase", "entropy_advantage"])
def test_a_method_as_it_is_contradicts_nothing_and_keeps_its_name(start, method, capsys):
    config = start(f"+asymgrpo={method}", f"trainer.experiment_name=qwen-{method}")
    assert config.trainer.experiment_name == f"qwen-{method}" and "asymgrpo_name" not in capsys.readouterr().out


def test_the_files_are_read_without_hydra_as_hydra_reads_them():
    with initialize_config_module("verl.trainer.config", version_base=None):
        for path in METHODS.glob("[!_]*.yaml"):
            assert read_method(path.stem) == flat(OmegaConf.to_container(compose(None, [f"+asymgrpo={path.stem}"])))


def test_with_a_name_a_contradiction_is_meant_and_the_experiment_has_the_name(start, capsys):
    overrides = ["+asymgrpo=asymgrpo", f"{ACTOR}.clip_ratio_high=0.3", "+asymgrpo_name=wide-clip"]
    config = start(*overrides, "trainer.experiment_name=qwen3_4b-asymgrpo")
    assert config.trainer.experiment_name == "qwen3_4b-wide-clip"
    assert f"wide-clip: +asymgrpo=asymgrpo with {ACTOR}.clip_ratio_high=0.3 instead of 0.2" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["grpo", "psr", "clip_cov", "AsymGRPO", "a/b", "''"])
def test_a_name_that_is_a_methods_or_no_name_is_refused(start, name):
    with pytest.raises(ValueError, match="^asymgrpo_name: got "):
        start("+asymgrpo=asymgrpo", "algorithm.adv_estimator=grpo", f"+asymgrpo_name={name}")


@pytest.mark.parametrize(
    "method, overrides, name",
    [
        ("asymgrpo", ["algorithm.asymgrpo.beta_pos=0.8"], "asymgrpo-0.8-0.4"),
        ("asymgrpo", ["algorithm.asymgrpo.beta_pos=1.0"], "asymgrpo-1-0.4"),
        ("asymgrpo", ["algorithm.asymgrpo.beta_pos=1"], "asymgrpo-1-0.4"),
        ("asymgrpo", ["algorithm.asymgrpo.beta_pos=${algorithm.asymgrpo.beta_neg}"], "asymgrpo-0.4-0.4"),
        ("f_grpo", ["algorithm.f_grpo.gamma=1.0"], "f_grpo-gamma=1"),
        ("asymgrpo", ["+algorithm.token_weighting.incorrect=surprisal"], "asymgrpo-token_weighting"),
        ("grpo", [f"{ACTOR}.use_kl_loss=true"], "grpo-use_kl_loss=True"),
        ("grpo", ["algorithm.use_kl_in_reward=true"], "grpo-use_kl_in_reward=True"),
        ("asymgrpo", [f"{ACTOR}.clip_ratio_c=10"], "asymgrpo-clip_ratio_c=10"),
        ("asymgrpo", ["+algorithm.asymgrpo.reward_threshold=5"], "asymgrpo-reward_threshold=5"),
        ("grpo", ["+algorithm.zero_weight.mean_over=nonzero"], "grpo-mean_over=nonzero"),
        ("grpo", ["+algorithm.zero_weight.mean_over=all", "+algorithm.zero_weight.rollouts=train"], "grpo"),
        ("asymgrpo", ["algorithm.asymgrpo.beta_pos=0.9", "algorithm.diagnostics.gradient_share_every=5"], "asymgrpo"),
    ],
)
def test_strengths_may_be_changed_and_show_in_the_name(start, method, overrides, name):
    config = start(f"+asymgrpo={method}", *overrides, f"{ACTOR}.strategy=fsdp2", f"trainer.experiment_name=q-{method}")
    assert config.trainer.experiment_name == f"q-{name}"


def test_a_name_that_is_part_of_another_word_is_put_in_all_the_same(start):
    name = "+asymgrpo_name=clip"
    config = start("+asymgrpo=asymgrpo", f"{ACTOR}.clip_ratio_high=0.3", name, "trainer.experiment_name=clips-asymgrpo")
    assert config.trainer.experiment_name == "clips-clip"


@pytest.mark.parametrize("value, got", [("'0.9'", "'0.9', a str"), ("true", "True, a bool")])
def test_a_strength_of_another_type_is_told_the_type_and_not_another_method(start, value, got):
    with pytest.raises(TypeError, match=f"beta_pos: got {got}; expected a number"):
        start("+asymgrpo=asymgrpo", f"algorithm.asymgrpo.beta_pos={value}")


def test_an_experiment_that_is_not_named_after_the_method_keeps_its_name(start, capsys):
    config = start("+asymgrpo=asymgrpo", "algorithm.asymgrpo.beta_pos=0.8", "trainer.experiment_name=asymgrpo_2")
    assert config.trainer.experiment_name == "asymgrpo_2"
    assert "this run is asymgrpo-0.8-0.4, because settings differ from +asymgrpo=asymgrpo" in capsys.readouterr().out


@pytest.mark.process
def test_the_contradiction_ends_verls_own_entry_point_before_ray_starts(tmp_path):
    (tmp_path / "plugin" / "asymgrpo").mkdir(parents=True)
    (tmp_path / "plugin" / "asymgrpo" / "mine.yaml").write_text(
        "# @package _global_\ndefaults: [grpo, _self_]\nactor_rollout_ref: {actor: {clip_ratio_high: 0.25}}\n"
    )
    command = [f"hydra.searchpath=[file://{tmp_path / 'plugin'}]", "+asymgrpo=mine", f"{ACTOR}.clip_ratio_high=0.2"]
    command = [sys.executable, "-m", "verl.trainer.main_ppo", *command]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "Started a local Ray" not in done.stderr + done.stdout
    assert "clip_ratio_high: got 0.2; expected 0.25, because +asymgrpo=mine" in done.stderr


@pytest.mark.process
def test_verls_own_entry_point_gives_a_method_our_trainer_of_the_mode_that_is_set(tmp_path):
    """The line is printed before verl's own checks, of which this run lacks a micro-batch size."""
    command = [sys.executable, "-m", "verl.trainer.main_ppo", "+asymgrpo=asymgrpo", "actor_rollout_ref.rollout.n=8"]
    done = subprocess.run(
        [*command, "trainer.v1.trainer_mode=colocate_async"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1 and "micro_batch_size" in done.stderr
    assert "trainer.v1.trainer_mode=asymgrpo_colocate_async instead of colocate_async" in done.stdout


def test_a_run_that_is_checked_twice_has_the_difference_in_its_name_once(start):
    """verl's entry point calls validate_config and then run_ppo, and each checks."""
    mode = "trainer.v1.trainer_mode=colocate_async"
    config = start(
        "+asymgrpo=asymgrpo", "algorithm.asymgrpo.beta_pos=0.8", mode, "trainer.experiment_name=tiny-asymgrpo"
    )
    assert config.trainer.experiment_name == "tiny-asymgrpo-0.8-0.4-colocate_async"
    check_run_config(config)
    assert config.trainer.experiment_name == "tiny-asymgrpo-0.8-0.4-colocate_async"
