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
"""Which of our trainers a run gets, and what an asynchronous one is told before Ray starts."""

import pytest
from composing import composed
from verl.trainer.ppo.v1.trainer_base import get_trainer_cls
from verl.trainer.ppo.v1.utils import MetricsAggregator

from asymgrpo_verl.integration.modes import OURS, VERLS, trainer_mode, use_our_trainer
from asymgrpo_verl.integration.startup_check import check_run_config

SEPARATE = [
    "trainer.v1.trainer_mode=asymgrpo_separate_async",
    "trainer.v1.separate_async.parameter_sync_step=2",
    "data.train_batch_size=64",
    "actor_rollout_ref.actor.ppo_mini_batch_size=32",
    "actor_rollout_ref.rollout.nnodes=1",
    "actor_rollout_ref.rollout.n_gpus_per_node=4",
    "actor_rollout_ref.rollout.checkpoint_engine.backend=nccl",
]
CORRECTED = "algorithm.rollout_correction.rollout_is=token"


def run_config(*overrides: str):
    return composed("verl.trainer.config", "ppo_trainer", "actor_rollout_ref.rollout.n=8", *overrides)


@pytest.mark.parametrize("ours, verls", VERLS.items())
def test_a_method_gets_our_trainer_of_the_mode_that_the_user_has_set(ours, verls, capsys):
    for mode in (ours, verls):
        config = run_config("+asymgrpo=grpo", f"trainer.v1.trainer_mode={mode}")
        assert trainer_mode(config) == ours
        use_our_trainer(config)
        use_our_trainer(config)
        assert config.trainer.v1.trainer_mode == ours
    line = f"trainer.v1.trainer_mode={ours} instead of {verls}, because only our trainers read algorithm.diagnostics"
    assert capsys.readouterr().out == f"[asymgrpo_verl] {line}\n"
    assert get_trainer_cls(ours).verls_mode == verls


@pytest.mark.parametrize("verls", OURS)
def test_a_run_that_sets_nothing_for_our_trainers_keeps_verls(verls, capsys):
    mode = f"trainer.v1.trainer_mode={verls}"
    for config in (
        run_config("algorithm.adv_estimator=asymgrpo", "+algorithm.asymgrpo.beta_pos=0.7", mode),
        run_config("+asymgrpo=asymgrpo", "algorithm.diagnostics=null", mode),
    ):
        use_our_trainer(config)
        assert config.trainer.v1.trainer_mode == verls
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "setting",
    [
        "+algorithm.entropy_advantage.alpha=0.4",
        "+algorithm.token_weighting.correct=entropy",
        "+algorithm.diagnostics.log_prob_increment_every=5",
        "+algorithm.asymgrpo.schedule.beta_pos={kind: linear, end: 0}",
    ],
)
def test_each_group_of_settings_that_only_our_trainers_read_needs_one(setting):
    assert trainer_mode(run_config("algorithm.adv_estimator=asymgrpo", setting)) == "asymgrpo"


def test_a_trainer_of_the_users_own_is_not_replaced():
    assert trainer_mode(run_config("+asymgrpo=asymgrpo", "trainer.v1.trainer_mode=own")) == "own"


def test_a_sound_configuration_of_separate_async_starts():
    check_run_config(run_config("+asymgrpo=asymgrpo", *SEPARATE))


@pytest.mark.parametrize(
    "override, message",
    [
        (
            "data.train_batch_size=128",
            "parameter_sync_step: got 2; expected 4 = data.train_batch_size=128 / .*ppo_mini_batch_size=32",
        ),
        ("actor_rollout_ref.rollout.nnodes=0", "rollout.nnodes: got 0; expected 1 or more"),
        ("actor_rollout_ref.rollout.n_gpus_per_node=0", "rollout.n_gpus_per_node: got 0; expected 1 or more"),
        ("actor_rollout_ref.rollout.checkpoint_engine.backend=naive", "backend: got naive; expected one that moves"),
        ("actor_rollout_ref.rollout.checkpoint_engine.backend=gloo", "backend: got gloo; expected one that moves"),
        ("trainer.device=cpu", "backend: got nccl; expected gloo, .* with trainer.device=cpu"),
        ("reward.reward_model.enable=True", "enable_resource_pool: got False; expected True"),
        ("actor_rollout_ref.actor.fsdp_config.param_offload=True", "param_offload: got True; expected False"),
    ],
)
def test_what_separate_async_cannot_do_is_said_before_ray_starts(override, message):
    with pytest.raises(ValueError, match=message):
        check_run_config(run_config("+asymgrpo=asymgrpo", *SEPARATE, override))


@pytest.mark.parametrize(
    "override", ["algorithm.rollout_correction.bypass_mode=True", "actor_rollout_ref.actor.ppo_mini_batch_size=64"]
)
def test_offloaded_weights_are_allowed_if_verl_saves_none(override):
    one_update = ["trainer.v1.separate_async.parameter_sync_step=1"] if "mini_batch" in override else []
    offloaded = "actor_rollout_ref.actor.fsdp_config.param_offload=True"
    check_run_config(run_config("algorithm.adv_estimator=grpo", *SEPARATE, offloaded, override, *one_update))


@pytest.mark.parametrize("mode", OURS)
def test_an_asynchronous_run_is_told_what_corrects_for_stale_rollouts(mode, capsys):
    overrides = [*SEPARATE, f"trainer.v1.trainer_mode={mode}"]
    check_run_config(run_config("+asymgrpo=asymgrpo", *overrides, CORRECTED))
    assert capsys.readouterr().out == ""
    check_run_config(run_config("+asymgrpo=asymgrpo", *overrides))
    assert ("rollouts come from older policies" in capsys.readouterr().out) == (mode != "sync")


def test_verl_averages_what_each_update_of_a_step_logs():
    """This is why no metric of ours is logged by an update: a count would be divided, and a NaN would spread."""
    aggregator = MetricsAggregator()
    aggregator.add_step_metrics({"epoch/prompts": 8, "rollouts/incorrect/length": float("nan")}, sample_count=64)
    aggregator.add_step_metrics({"epoch/prompts": 16, "rollouts/incorrect/length": 3.0}, sample_count=64)
    averaged = aggregator.get_aggregated_metrics()
    assert averaged["epoch/prompts"] == 12
    assert averaged["rollouts/incorrect/length"] != averaged["rollouts/incorrect/length"]
