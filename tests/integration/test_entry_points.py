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
"""Every entry point of verl checks our settings before Ray starts, whatever trainer it has."""

import asyncio
from types import SimpleNamespace

import pytest
import ray
from composing import composed
from verl.trainer import main_ppo
from verl.trainer.main_ppo_v0 import TaskRunner

from asymgrpo_verl import plugin
from asymgrpo_verl.integration.failed_rewards import recording

NOTHING_OF_OURS = ["algorithm.adv_estimator=gae", "trainer.v1.trainer_mode=sync"]
OURS = ["algorithm.adv_estimator=asymgrpo", "actor_rollout_ref.rollout.n=8", "trainer.v1.trainer_mode=asymgrpo"]
LINEAR = ["+algorithm.asymgrpo.schedule.beta_pos.kind=linear", "+algorithm.asymgrpo.schedule.beta_pos.end=0"]
ENTROPY_ADVANTAGE = ["+algorithm.entropy_advantage.alpha=0.4"]
TOKEN_WEIGHTING = ["+algorithm.token_weighting.incorrect=surprisal"]
DIAGNOSTICS = ["+algorithm.diagnostics.log_prob_increment_every=5"]


class RayStarts(Exception):
    pass


@pytest.fixture
def start(monkeypatch):
    """Return a function that starts a run with a task runner's class, up to the start of Ray; it keeps `config`."""

    def no_ray(*args, **kwargs):
        raise RayStarts

    monkeypatch.setattr(ray, "init", no_ray)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)

    def run(runner, *overrides):
        run.config = composed("verl.trainer.config", "ppo_trainer", *OURS, *overrides)
        main_ppo.run_ppo(run.config, runner)

    return run


def one_step_off():
    from verl.experimental.one_step_off_policy.main_ppo import OneStepTaskRunner

    return OneStepTaskRunner


def fully_async():
    from verl.experimental.fully_async_policy.fully_async_main import FullyAsyncTaskRunner

    return FullyAsyncTaskRunner


class OwnOfTheLegacyTrainer(TaskRunner.__ray_actor_class__):
    pass


@pytest.mark.parametrize(
    "runner, module",
    [
        (one_step_off, "verl.experimental.one_step_off_policy.main_ppo"),
        (fully_async, "verl.experimental.fully_async_policy.fully_async_main"),
        (lambda: ray.remote(OwnOfTheLegacyTrainer), "verl.trainer.main_ppo_v0"),
    ],
    ids=["one_step_off", "fully_async", "legacy"],
)
def test_a_trainer_that_ignores_what_our_trainer_reads_is_refused_whatever_trainer_mode_says(
    start, runner, module, capsys
):
    for overrides in (LINEAR, ENTROPY_ADVANTAGE, TOKEN_WEIGHTING):
        with pytest.raises(ValueError, match=f"got a value, but {module} ignores it; expected trainer.v1.trainer_mode"):
            start(runner(), *overrides)
    with pytest.raises(RayStarts):
        start(runner(), *DIAGNOSTICS)
    assert f"algorithm.diagnostics is set but unused: {module}\n" in capsys.readouterr().out


def test_a_bad_setting_is_refused_by_an_entry_point_that_calls_no_validation_of_verl(start):
    with pytest.raises(ValueError, match="algorithm.asymgrpo.beta_pos: got -1"):
        start(fully_async(), "+algorithm.asymgrpo.beta_pos=-1")


class Own(main_ppo.TaskRunnerV1.__ray_actor_class__):
    """A user's task runner; main_ppo chooses its trainer by `trainer.v1.trainer_mode`."""


class FromScratch:
    pass


@pytest.mark.parametrize("own", [Own, FromScratch])
def test_a_users_own_task_runner_has_the_trainer_that_the_configuration_names(start, own):
    for overrides in (LINEAR, ENTROPY_ADVANTAGE, TOKEN_WEIGHTING, DIAGNOSTICS):
        with pytest.raises(RayStarts):
            start(ray.remote(own), *overrides)
    with pytest.raises(ValueError, match="trainer.v1.trainer_mode=own ignores it"):
        start(ray.remote(own), *LINEAR, "trainer.v1.trainer_mode=own")


@pytest.mark.parametrize("runner", [main_ppo.TaskRunnerV1, ray.remote(Own), ray.remote(FromScratch)])
def test_a_run_with_verls_name_of_a_mode_gets_our_trainer_of_that_mode_if_it_needs_it(start, runner, capsys):
    for needs, expected in ((DIAGNOSTICS, "asymgrpo_colocate_async"), ([], "colocate_async")):
        with pytest.raises(RayStarts):
            start(runner, *needs, "trainer.v1.trainer_mode=colocate_async")
        assert start.config.trainer.v1.trainer_mode == expected
    assert capsys.readouterr().out.count("asymgrpo_colocate_async instead of colocate_async") == 1


def test_a_trainer_of_its_own_keeps_the_mode_that_it_ignores(start):
    with pytest.raises(RayStarts):
        start(one_step_off(), *DIAGNOSTICS, "trainer.v1.trainer_mode=sync")
    assert start.config.trainer.v1.trainer_mode == "sync"


@pytest.mark.parametrize("runner", [one_step_off, fully_async, lambda: ray.remote(OwnOfTheLegacyTrainer)])
def test_a_trainer_that_calls_no_callback_cannot_keep_the_best_checkpoint(start, runner):
    keep_best = "trainer.checkpoint_callback_class=asymgrpo_verl.checkpoints.KeepBest"
    with pytest.raises(ValueError, match="KeepBest; expected null, because verl.* calls no callback"):
        start(runner(), keep_best)
    with pytest.raises(RayStarts):
        start(main_ppo.TaskRunnerV1, keep_best)


@pytest.mark.parametrize("removed", ["~trainer.use_v1", "~trainer.v1"])
def test_a_run_that_uses_nothing_of_ours_may_lack_what_another_verl_has_not(start, removed):
    with pytest.raises(RayStarts):
        start(main_ppo.TaskRunnerV1, *NOTHING_OF_OURS, removed)


@pytest.mark.parametrize("key", ["diagnostic=1", "token_weights=[1,2]"])
def test_a_key_that_resembles_ours_is_a_line_in_a_run_that_uses_nothing_of_ours(start, key, capsys):
    with pytest.raises(RayStarts):
        start(main_ppo.TaskRunnerV1, *NOTHING_OF_OURS, f"+algorithm.{key}")
    assert "got a key that neither verl nor asymgrpo_verl reads; did you mean algorithm." in capsys.readouterr().out


@pytest.mark.parametrize(
    "settings, message",
    [
        (["actor_rollout_ref.rollout.n=null"], "actor_rollout_ref.rollout.n: got None"),
        (["actor_rollout_ref.rollout.n=abc"], "actor_rollout_ref.rollout.n: got 'abc'"),
        (["actor_rollout_ref.rollout.n=1.5"], "actor_rollout_ref.rollout.n: got 1.5"),
        (
            [
                "reward.custom_reward_function.path=pkg://asymgrpo_verl.rewards",
                "+reward.custom_reward_function.reward_kwargs=5",
            ],
            "reward.custom_reward_function.reward_kwargs: got 5; expected a group",
        ),
        (["+reward.reward_kwargs.overlong_buffer_cfg=true"], "overlong_buffer_cfg: got True; expected a group of keys"),
        (["+reward.reward_kwargs.overlong_buffer_cfg={enable:true}"], "max_resp_len: got None"),
        (
            [
                "+reward.reward_kwargs.overlong_buffer_cfg={enable:true,len:0,penalty_factor:1}",
                "+reward.reward_kwargs.max_resp_len=9",
            ],
            "overlong_buffer_cfg.len: got 0; expected an integer >= 1",
        ),
    ],
)
def test_a_setting_that_the_check_computes_with_is_checked_by_name(start, settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        start(main_ppo.TaskRunnerV1, "reward.reward_manager.name=dapo", *settings)


def test_hooks_on_a_verl_without_what_they_wrap_change_nothing():
    for hook in (plugin._check_other_entry_points, plugin._record_failed_rewards):
        module = SimpleNamespace()
        hook(module)
        assert vars(module) == {}
    module = SimpleNamespace(AgentLoopWorker=type("AgentLoopWorker", (), {}))
    plugin._record_failed_rewards(module)
    assert not hasattr(module.AgentLoopWorker, "_compute_score")


def test_a_wrapped_entry_point_takes_the_parameters_of_another_verl():
    seen = []
    module = SimpleNamespace(
        run_ppo=lambda config, task_runner_class=None, *, dry=False: seen.append((task_runner_class, dry))
    )
    plugin._check_other_entry_points(module)
    config = composed("verl.trainer.config", "ppo_trainer", *NOTHING_OF_OURS)
    module.run_ppo(config)
    module.run_ppo(config, task_runner_class=Own, dry=True)
    assert seen == [(None, False), (Own, True)]


@pytest.mark.parametrize("arguments", [{"kwargs": {"uid": 1}}, {"prompts": [1], "row": 2}])
def test_a_wrapped_reward_takes_the_parameters_of_another_verl(arguments):
    async def compute_score(self, output, **named):
        return output, named

    wrapped = recording(compute_score)
    assert asyncio.run(wrapped(None, "output", **arguments)) == ("output", arguments)
