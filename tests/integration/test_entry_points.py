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

import pytest
import ray
from hydra import compose, initialize_config_module
from verl.trainer import main_ppo
from verl.trainer.main_ppo_v0 import TaskRunner

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
        run.config = compose("ppo_trainer", [*OURS, *overrides])
        main_ppo.run_ppo(run.config, runner)

    with initialize_config_module("verl.trainer.config", version_base=None):
        yield run


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
