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
"""METHOD in the lab: what a method's file sets, changes to it, and what is refused before anything starts."""

import pytest

from asymgrpo_verl.core.estimators import ESTIMATORS
from asymgrpo_verl.core.schedules import Constant, Linear
from asymgrpo_verl.lab.methods import load_plugins, read
from asymgrpo_verl.method_files import method_names

# Methods with another policy loss, or with a part that is in our trainer.
NOT_IN_THE_LAB = {"cispo", "clip_cov", "gspo", "kl_cov"}
NOT_IN_THE_LAB |= {"adaptive_entropy", "adaptive_entropy_trl", "codapo", "ha_dw", "repo_r"}


@pytest.mark.parametrize("name", sorted({*method_names()} - NOT_IN_THE_LAB))
def test_every_method_with_our_loss_can_be_read(name):
    assert read(name, 8).file == name


@pytest.mark.parametrize("name", sorted(NOT_IN_THE_LAB))
def test_another_method_is_refused(name):
    with pytest.raises(ValueError, match=f"^{name}: .*the lab does not have it"):
        read(name, 8)


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_every_estimator_is_a_method(name):
    assert read(name, 8).estimator == name


def test_a_change_sets_what_verls_configuration_would_have():
    method = read("asymgrpo:beta_pos=1e-1,schedule.beta_neg.kind=linear,schedule.beta_neg.end=0", 8)
    assert method.settings.beta_pos == 0.1 and method.settings.beta_neg == 0.4
    assert method.schedules == {"beta_pos": Constant(), "beta_neg": Linear(end=0.0)}
    assert method.config["algorithm"]["asymgrpo"]["beta_pos"] == 0.1


def test_a_setting_of_the_actor_is_changed_by_its_full_name():
    assert read("grpo:actor_rollout_ref.actor.clip_ratio_high=0.28", 8).clip_high == 0.28
    assert read("clip_higher", 8).clip_high == 0.28 and read("grpo", 8).clip_high == 0.2


@pytest.mark.parametrize(
    "text, message",
    [
        ("grpoo", "grpoo: got no method 'grpoo'; expected one of a_grae"),
        ("asymgrpo:beta=1", "did you mean algorithm.asymgrpo.beta_pos"),
        ("asymgrpo:beta_pos=-1", "beta_pos: got -1; expected a number >= 0"),
        ("asymgrpo:beta_pos", "got 'beta_pos'; expected KEY=VALUE"),
        ("grpo:beta_pos=1", "algorithm.grpo.beta_pos: got 1; .* the lab does not have it"),
        ("grpo:algorithm.entropy_advantage.alfa=2", "did you mean algorithm.entropy_advantage.alpha"),
        ("grpo:actor_rollout_ref.actor.clip_ratio_low=-1", "clip_ratio_low: got -1; expected a number >= 0"),
        ("grpo:actor_rollout_ref.actor.use_kl_loss=True", "use_kl_loss: got True; .* the lab does not have it"),
        ("asymgrpo:trainer.v1.trainer_mode=sync", "got a setting of verl's trainer"),
        ("passk_training:k=8", "learns nothing from 8 rollouts"),
    ],
)
def test_bad_input_is_named(text, message):
    with pytest.raises((ValueError, TypeError), match=message):
        read(text, 8)


def test_an_estimator_of_a_users_plugin_is_a_method(tmp_path, monkeypatch):
    (tmp_path / "plugin_of_the_lab_test.py").write_text(
        "from asymgrpo_verl.core.estimators import estimator, number\n"
        "@estimator(weight=number(2.0, above=0))\n"
        "def only_correct(weight):\n    return weight, 0.0\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("VERL_USE_EXTERNAL_MODULES", "plugin_of_the_lab_test")
    load_plugins()
    try:
        method = read("only_correct:weight=3", 8)
        assert method.settings.weight == 3 and method.file is None
    finally:
        del ESTIMATORS["only_correct"]
