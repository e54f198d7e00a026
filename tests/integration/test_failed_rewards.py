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

import pytest

from asymgrpo_verl.integration.failed_rewards import failed_share


def test_the_share_is_of_all_rollouts_of_the_step():
    assert failed_share([], 64, at_most=0.0) == 0 and failed_share([], 0, at_most=0.0) == 0
    assert failed_share(["KeyError: a"], 99, at_most=0.01) == 0.01


def test_a_larger_share_ends_the_run_with_the_first_error():
    with pytest.raises(RuntimeError, match="(?s)for 2 of 100 .*at most a share of 0.01.*: a$"):
        failed_share(["KeyError: a", "ValueError: b"], 98, at_most=0.01)


def test_verls_agent_loop_calls_our_wrapper():
    from verl.experimental.agent_loop.agent_loop import AgentLoopWorker

    assert AgentLoopWorker._compute_score.__wrapped__.__qualname__ == "AgentLoopWorker._compute_score"
