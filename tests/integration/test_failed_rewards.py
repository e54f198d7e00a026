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
"""A rollout whose reward function raised is counted (test_shaped_and_failed_rewards_cpu.py has a real run)."""

import inspect

import pytest
from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

from asymgrpo_verl.integration.failed_rewards import failed_share
from asymgrpo_verl.integration.trainer import NO_ROLLOUTS, AsymGRPOTrainer


def test_the_share_is_of_all_rollouts_of_the_step():
    assert failed_share([], 64, at_most=0.0) == 0 and failed_share([], 0, at_most=0.0) == 0
    assert failed_share(["KeyError: a"], 99, at_most=0.01) == 0.01


def test_a_larger_share_ends_the_run_with_the_first_error():
    with pytest.raises(RuntimeError, match="(?s)for 2 of 100 .*at most a share of 0.01.*: a$"):
        failed_share(["KeyError: a", "ValueError: b"], 98, at_most=0.01)


def test_verls_agent_loop_calls_our_wrapper():
    from verl.experimental.agent_loop.agent_loop import AgentLoopWorker

    assert AgentLoopWorker._compute_score.__wrapped__.__qualname__ == "AgentLoopWorker._compute_score"


def test_another_error_of_a_step_is_not_blamed_on_the_reward(monkeypatch):
    def step(*args):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(PPOTrainerSync, "_step_once", step)
    with pytest.raises(RuntimeError, match="^out of memory$"):
        AsymGRPOTrainer._step_once(object.__new__(AsymGRPOTrainer), {}, {}, 1)


def test_verls_error_for_a_batch_without_rollouts_has_the_words_that_we_look_for():
    assert NO_ROLLOUTS in inspect.getsource(ReplayBuffer.sample)
