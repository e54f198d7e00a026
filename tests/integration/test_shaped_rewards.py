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
"""The verifier's verdict decides which rollouts are correct, whatever is added to the reward."""

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from composing import composed
from verl.experimental.reward_loop.reward_manager.dapo import DAPORewardManager
from verl.protocol import DataProto

from asymgrpo_verl.core.estimators import ESTIMATORS, compute_advantages
from asymgrpo_verl.integration.shaped_rewards import outcome_rewards, overlong_penalty
from asymgrpo_verl.integration.startup_check import check_run_config

OURS = "trainer.v1.trainer_mode=asymgrpo"


def run_config(*overrides: str, factor: float = 1.0):
    """A configuration with verl's DAPO manager: responses of 4 tokens, the last 2 of them in the overlong buffer."""
    overlong = f"+reward.reward_kwargs.overlong_buffer_cfg={{enable:true,len:2,penalty_factor:{factor},log:false}}"
    dapo = ["reward.reward_manager.name=dapo", "+reward.reward_kwargs.max_resp_len=4", overlong]
    dapo += ["data.max_response_length=4", "algorithm.adv_estimator=asymgrpo", "actor_rollout_ref.rollout.n=8"]
    return composed("verl.trainer.config", "ppo_trainer", *dapo, *overrides)


def scored(config, score, length: int) -> tuple[float, dict]:
    """Return (reward, extra fields of the rollout) that verl's DAPO manager gives to a response of `length` tokens."""
    tokenizer = SimpleNamespace(decode=lambda ids, **kwargs: "text")

    async def score_one(data: DataProto) -> dict:
        return await DAPORewardManager(config, tokenizer, lambda **kwargs: score).run_single(data)

    mask = torch.tensor([[1] + [1] * length + [0] * (4 - length)])
    tensors = {"responses": torch.ones(1, 4, dtype=torch.long), "attention_mask": mask}
    row = {"data_source": np.array(["a"]), "reward_model": np.array([{"ground_truth": "1"}], dtype=object)}
    result = asyncio.run(score_one(DataProto.from_dict(tensors, non_tensors=row)))
    return float(result["reward_score"]), {"reward_extra_info": result["reward_extra_info"]}


def batch(config, scores: list, lengths: list[int]):
    rows = [scored(config, score, length) for score, length in zip(scores, lengths, strict=True)]
    mask = torch.tensor([[1] * length + [0] * (4 - length) for length in lengths])
    rewards = torch.zeros(len(rows), 4)
    for row, ((reward, _), length) in enumerate(zip(rows, lengths, strict=True)):
        rewards[row, length - 1] = reward
    return [extra for _, extra in rows], rewards, mask


@pytest.mark.parametrize("truth", [lambda ok: float(ok), lambda ok: {"score": 2.0 * ok - 1, "acc": ok}])
def test_a_correct_rollout_of_full_length_counts_as_correct(truth):
    """3 of 8 are correct, one of them with the whole penalty of 1. By the reward 2 of 8 would be."""
    config = run_config(OURS)
    scores = [truth(ok) for ok in (True, True, True, False, False, False, False, False)]
    extra, rewards, mask = batch(config, scores, [4, 1, 2, 1, 4, 3, 2, 1])
    settings = ESTIMATORS["asymgrpo"].settings()
    uids = ["a"] * 8

    seen = compute_advantages("asymgrpo", rewards, mask, uids, settings)[:, 0]
    torch.testing.assert_close(seen[[0, 1, 2]], torch.tensor([-0.64439, 2.68787, 2.68787]), rtol=1e-4, atol=0)
    outcomes = outcome_rewards(config, extra, rewards, mask, settings.reward_threshold)
    right = compute_advantages("asymgrpo", outcomes, mask, uids, settings)[:, 0]
    expected = torch.tensor([1.58367] * 3 + [-0.81519] * 5)
    torch.testing.assert_close(right, expected, rtol=1e-4, atol=0)


def test_without_a_difference_the_rewards_are_returned_as_they_are():
    config = run_config(OURS)
    extra, rewards, mask = batch(config, [1.0, 0.0], [2, 4])
    assert outcome_rewards(config, extra, rewards, mask, 0.5) is rewards


def test_a_reward_function_without_acc_ends_the_run_only_if_the_penalty_can_change_a_verdict():
    config = run_config(OURS)
    extra, rewards, mask = batch(config, [{"score": 1.0}, {"score": 0.0}], [1, 1])
    with pytest.raises(ValueError, match="because the reward function returns no acc and .* by up to 1"):
        outcome_rewards(config, extra, rewards, mask, 0.5)
    assert outcome_rewards(run_config(OURS, factor=0.4), extra, rewards, mask, 0.5) is rewards


def verdicts(infos: list[dict], sums: list[float], threshold: float, *overrides: str) -> list[bool]:
    """Return which of the rollouts, each of one token, are correct."""
    config = run_config(OURS, "reward.reward_manager.name=naive", *overrides)
    extra, rewards = [{"reward_extra_info": info} for info in infos], torch.tensor(sums).unsqueeze(1)
    outcomes = outcome_rewards(config, extra, rewards, torch.ones(len(sums), 1), threshold)
    return (outcomes.sum(1) > threshold).tolist()


@pytest.mark.parametrize("true, false", [(True, False), (1, 0), (1.0, 0.0), (np.bool_(True), np.bool_(False))])
@pytest.mark.parametrize(
    "scores, threshold", [([10.0, 0.0], 5), ([1.0, -1.0], -0.5), ([2.0, 0.0], 1), ([0.1, 0.2], 0.5)]
)
def test_acc_beside_a_score_is_the_verdict_whatever_the_scale_of_the_score(true, false, scores, threshold):
    infos = [{"score": score, "acc": acc} for score, acc in zip(scores, (true, false), strict=True)]
    assert verdicts(infos, scores, threshold) == [True, False]


def test_acc_without_a_score_is_the_score_and_is_compared_with_the_threshold():
    assert verdicts([{"acc": 10.0}, {"acc": 3.0}], [10.0, 3.0], 5) == [True, False]


def test_a_row_without_acc_changes_the_verdict_of_no_other_row():
    infos = [{"score": 1.6, "acc": True}, {"score": 0.6, "acc": False}, {"score": 0.6, "acc": False}, {"score": 0.2}]
    assert verdicts(infos, [1.6, 0.6, 0.6, 0.2], 0.5) == [True, False, False, False]


@pytest.mark.parametrize("acc", ["1", "correct", [1], 0.7, float("nan"), 2])
def test_an_acc_that_is_no_verdict_is_an_error_for_an_estimator_of_ours(acc):
    with pytest.raises(ValueError, match="acc of the reward function: got .* expected True, False, 1 or 0"):
        verdicts([{"score": 1.0, "acc": acc}], [1.0], 0.5)
    assert verdicts([{"score": 1.0, "acc": acc}], [1.0], 0.5, "algorithm.adv_estimator=grpo") == [True]


def test_an_estimator_of_verls_is_not_ended_by_what_only_the_diagnostics_read():
    config = run_config(OURS, "algorithm.adv_estimator=grpo")
    extra, rewards, mask = batch(config, [{"score": 1.0}, {"score": 0.0}], [1, 1])
    assert outcome_rewards(config, extra, rewards, mask, 0.5) is rewards


@pytest.mark.parametrize(
    "factor, threshold, ranges",
    [
        (1.0, 0.5, r"in \(-1, 0\) for rewards of -1 and 1"),
        (0.5, 0.5, r"in \(0, 0.5\) for rewards of 0 and 1 or in \(-1, 0.5\) for rewards of -1 and 1"),
        (2.0, -0.5, "no overlong penalty"),
        (0.4, 0.59, None),
        (1.0, -0.5, None),
    ],
)
def test_under_a_trainer_that_reads_no_acc_the_threshold_must_be_in_the_safe_range(factor, threshold, ranges):
    overrides = [f"+algorithm.asymgrpo.reward_threshold={threshold}"]
    check_run_config(run_config(OURS, *overrides, factor=factor))
    if ranges is None:
        check_run_config(run_config(*overrides, factor=factor))
    else:
        with pytest.raises(ValueError, match=f"reward_threshold: got {threshold}; expected {ranges}, because this"):
            check_run_config(run_config(*overrides, factor=factor))


def test_a_maximum_in_the_reward_below_the_real_one_makes_the_penalty_larger():
    assert overlong_penalty(run_config()) == 1.0
    assert overlong_penalty(run_config("data.max_response_length=8")) == 3.0
    assert overlong_penalty(run_config("reward.reward_manager.name=naive")) == 0.0


def test_groups_are_filtered_by_the_verdict_and_not_by_the_shaped_reward():
    on = ["algorithm.filter_groups.enable=true", "algorithm.filter_groups.metric=reward"]
    with pytest.raises(ValueError, match="filter_groups.metric: got reward; expected acc"):
        check_run_config(run_config(OURS, *on))
    check_run_config(run_config(OURS, on[0], "algorithm.filter_groups.metric=acc"))
    check_run_config(run_config(OURS, *on, "reward.reward_manager.name=naive"))
