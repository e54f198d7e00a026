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
"""A real run whose reward is lowered by verl's overlong penalty, fails once in step 1, and always from step 3 on."""

import json

import pytest
from tiny_run import REAL_RUN, prepare, start_run

pytestmark = REAL_RUN

N, PROMPTS = 8, 8
# 64 rollouts a step; the agent loops and the reward run in the trainer's process.
REWARD = """
import itertools
calls = itertools.count(1)

def compute_score(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    call = next(calls)
    if call == 10 or call > 128:
        raise KeyError(f"no answer in call {call}")
    return float(len(solution_str) % 2)
"""
# Every response is in the overlong buffer, and each of its tokens costs 1, so no reward is above 0.
SHAPED = [
    "reward.reward_manager.name=dapo",
    "+reward.reward_kwargs.max_resp_len=1000",
    "+reward.reward_kwargs.overlong_buffer_cfg={enable:true,len:1000,penalty_factor:1000,log:false}",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory, base_policy):
    """Return (output of the run, metrics per step)."""
    place = tmp_path_factory.mktemp("run")
    prepare(place, base_policy)
    (place / "reward.py").write_text(REWARD)
    with (place / "log").open("wb") as log:
        process = start_run(place, log, [*SHAPED, "+algorithm.diagnostics.max_failed_rewards=0.05"])
        assert process.wait(timeout=900) == 1
    lines = (place / "out" / "metrics.jsonl").read_text().splitlines()
    return (place / "log").read_text(errors="replace"), [json.loads(line)["data"] for line in lines]


def test_a_dropped_rollout_is_counted(run):
    _, steps = run
    assert [step["groups/failed_rewards"] for step in steps] == [1 / (N * PROMPTS), 0]
    assert [step["groups/odd_size"] for step in steps] == [1 / PROMPTS, 0]


def test_the_run_ends_with_the_first_error_if_too_many_fail(run):
    log, _ = run
    assert "RuntimeError: reward function: got an error for 64 of 64 rollouts of this step; expected at most" in log
    assert "no answer in call" in log.split("The first error:")[-1][:3000]


def test_the_verdict_decides_though_no_reward_is_above_the_threshold(run):
    _, steps = run
    for step in steps:
        assert step["critic/score/max"] <= 0 and 0 < step["groups/accuracy"] < 1
        assert step["actor/positive/token_frac"] > 0


def test_an_asynchronous_run_ends_too_and_does_not_replace_prompts_for_ever(tmp_path, base_policy):
    """There verl drops the prompts whose rewards failed, and draws others in their place."""
    prepare(tmp_path, base_policy)
    (tmp_path / "reward.py").write_text("def compute_score(*args, **kwargs): raise KeyError('no judge today')")
    with (tmp_path / "log").open("wb") as log:
        assert start_run(tmp_path, log, [], MODE="colocate_async").wait(timeout=900) == 1
    printed = (tmp_path / "log").read_text(errors="replace")
    assert "RuntimeError: reward function: got an error for " in printed
    assert "no judge today" in printed.split("The first error:")[-1][:3000]
    assert not (tmp_path / "out" / "metrics.jsonl").exists() or not (tmp_path / "out" / "metrics.jsonl").read_text()
