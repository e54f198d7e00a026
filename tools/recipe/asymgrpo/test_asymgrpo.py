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
"""Values by hand, and comparisons with verl's `grpo` and `vanilla`. Run: python3 -m pytest recipe/asymgrpo"""

import numpy as np
import pytest
import torch
from recipe.asymgrpo import register  # noqa: F401

from verl.trainer.ppo.core_algos import get_adv_estimator_fn, get_policy_loss_fn
from verl.workers.config import FSDPActorConfig

AGGREGATIONS = ["token-mean", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm"]


def batch_of(groups: dict[str, list[float]]) -> dict:
    """Return the batch of these groups: the reward of a rollout is on the last of its three tokens."""
    rewards = [reward for group in groups.values() for reward in group]
    token_level_rewards = torch.zeros(len(rewards), 3)
    token_level_rewards[:, -1] = torch.tensor(rewards)
    index = np.array([uid for uid, group in groups.items() for _ in group], dtype=object)
    return {"token_level_rewards": token_level_rewards, "response_mask": torch.ones(len(rewards), 3), "index": index}


def advantages_of(batch: dict, **settings) -> list[float]:
    """Return the advantage of each row, after a check that all its tokens have it."""
    advantages, returns = get_adv_estimator_fn("asymgrpo")(**batch, config={"asymgrpo": settings})
    assert returns is advantages
    first = advantages[:, :1]
    assert torch.equal(advantages, first * batch["response_mask"])
    return first.squeeze(1).tolist()


def loss_of(name: str, inputs: dict, **kwargs) -> tuple[torch.Tensor, torch.Tensor, dict]:
    """Return a policy loss of verl's registry, its gradient in log_prob, and its metrics."""
    config = FSDPActorConfig(strategy="fsdp2", rollout_n=8, ppo_micro_batch_size_per_gpu=1)
    log_prob = inputs["log_prob"].clone().requires_grad_()
    loss, metrics = get_policy_loss_fn(name)(**{**inputs, "log_prob": log_prob}, config=config, **kwargs)
    loss.backward()
    return loss.detach(), log_prob.grad, metrics


def loss_inputs(seed: int) -> dict:
    generator = torch.Generator().manual_seed(seed)
    old = -3 * torch.rand(6, 9, generator=generator)
    mask = torch.arange(9) < torch.tensor([[9], [7], [5], [3], [1], [9]])
    advantages = torch.tensor([[2.0], [-1.0], [0.0], [0.5], [-3.0], [1.0]]) * mask
    new = old + 0.5 * torch.randn(6, 9, generator=generator)
    return {"old_log_prob": old, "log_prob": new, "advantages": advantages, "response_mask": mask}


def test_one_of_four_correct():
    correct, *incorrect = advantages_of(batch_of({"x": [1, 0, 0, 0]}))
    assert correct == pytest.approx(3**0.9)
    assert incorrect == pytest.approx([-((1 / 3) ** 0.4)] * 3)


def test_the_exponents_are_separate():
    assert advantages_of(batch_of({"x": [1, 0, 0]}), beta_pos=1, beta_neg=0) == pytest.approx([2, -1, -1])
    assert advantages_of(batch_of({"x": [1, 0, 0]}), beta_pos=0, beta_neg=2) == pytest.approx([1, -0.25, -0.25])


def test_unanimous_groups_count_only_with_an_exponent_of_0():
    batch = batch_of({"all": [1, 1], "none": [0, 0], "one": [1]})
    assert advantages_of(batch) == [0, 0, 0, 0, 0]
    assert advantages_of(batch, beta_pos=0, beta_neg=0) == [1, 1, -1, -1, 1]


def test_a_reflected_curve_weighs_easy_prompts_more():
    one, three = batch_of({"x": [1, 0, 0, 0]}), batch_of({"x": [1, 1, 1, 0]})
    assert advantages_of(one, flip="positive", beta_pos=1)[0] == pytest.approx(1 / 3)
    assert advantages_of(three, flip="positive", beta_pos=1)[0] == pytest.approx(3)


def test_a_row_without_a_response_belongs_to_no_group():
    batch = batch_of({"x": [1, 0, 0]})
    batch["response_mask"][2] = 0
    assert advantages_of(batch, beta_pos=1, beta_neg=1) == pytest.approx([1, -1, 0])


def test_exponents_of_one_half_are_grpo_except_for_the_kind_of_standard_deviation():
    batch = batch_of({"x": [1, 0, 0, 1, 0, 0, 0, 0], "y": [1, 1, 1, 1, 1, 1, 1, 0]})
    grpo, _ = get_adv_estimator_fn("grpo")(**batch)
    ours = advantages_of(batch, beta_pos=0.5, beta_neg=0.5)
    assert grpo[:, 0].tolist() == pytest.approx([(7 / 8) ** 0.5 * value for value in ours], rel=1e-5)


@pytest.mark.parametrize("settings", [{"beta_pos": -1}, {"beta_neg": float("inf")}, {"flip": "both"}])
def test_a_value_out_of_range_is_an_error_that_names_its_key(settings):
    (key,) = settings
    with pytest.raises(ValueError, match=f"algorithm.asymgrpo.{key}"):
        advantages_of(batch_of({"x": [1, 0]}), **settings)


@pytest.mark.parametrize("settings", [{"beta_po": 1}, {"beta_pos": "0.9"}])
def test_an_unknown_key_or_a_text_is_an_error_that_names_its_key(settings):
    (key,) = settings
    with pytest.raises(TypeError, match=key):
        advantages_of(batch_of({"x": [1, 0]}), **settings)


def test_a_kl_penalty_in_the_reward_is_an_error():
    with pytest.raises(ValueError, match="use_kl_in_reward"):
        get_adv_estimator_fn("asymgrpo")(**batch_of({"x": [1, 0]}), config={"use_kl_in_reward": True})


def test_a_reward_that_is_not_finite_is_an_error():
    with pytest.raises(ValueError, match="row 1"):
        advantages_of(batch_of({"x": [1, float("nan")]}))


@pytest.mark.parametrize("mode", AGGREGATIONS)
def test_the_loss_has_the_value_and_the_gradient_of_vanilla(mode):
    inputs = loss_inputs(seed=0)
    loss, gradient, metrics = loss_of("asymgrpo", inputs, loss_agg_mode=mode)
    expected_loss, expected_gradient, expected_metrics = loss_of("vanilla", inputs, loss_agg_mode=mode)
    torch.testing.assert_close(loss, expected_loss)
    torch.testing.assert_close(gradient, expected_gradient)
    assert {key: metrics[key] for key in expected_metrics} == pytest.approx(expected_metrics, abs=1e-6)


def test_up_has_the_gradient_of_reinforce_where_the_advantage_is_positive():
    inputs = loss_inputs(seed=0)
    _, gradient, metrics = loss_of("up", inputs)
    _, clipped, _ = loss_of("asymgrpo", inputs)
    advantages, tokens = inputs["advantages"], inputs["response_mask"].sum()
    torch.testing.assert_close(gradient, torch.where(advantages > 0, -advantages / tokens, clipped))
    assert metrics["actor/positive/clipfrac"] == 0


@pytest.mark.parametrize("name", ["asymgrpo", "up"])
def test_every_micro_batch_has_the_same_metrics(name):
    inputs = loss_inputs(seed=0)
    *_, both = loss_of(name, inputs)
    *_, positive = loss_of(name, {**inputs, "advantages": inputs["advantages"].clamp(min=0)})
    assert positive.keys() == both.keys()
    assert positive["actor/negative/token_frac"] == 0 < both["actor/negative/token_frac"]
