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
"""AsymGRPO's advantages: Eq. 10 by hand, the paper's identities as properties, and what is refused."""

import math
import uuid

import numpy as np
import pytest
import torch
from batches import batch_of, means_and_variances, on_tensors, per_row, ragged_batches
from hypothesis import given
from hypothesis import strategies as st

from asymgrpo_verl.core.shaping import add_entropy

asymgrpo = on_tensors("asymgrpo")
betas = st.floats(0, 3)


def brute_force(rewards, mask, index, beta_pos, beta_neg) -> torch.Tensor:
    """Eq. 10, one row at a time, from its definition."""
    values = torch.zeros(len(index), dtype=torch.float64)
    for i in range(len(index)):
        rows = [j for j in range(len(index)) if index[j] == index[i] and mask[j].any()]
        if i not in rows:
            continue
        p = sum(rewards[j].sum().item() > 0.5 for j in rows) / len(rows)
        correct = rewards[i].sum().item() > 0.5
        values[i] = ((1 - p) / p) ** beta_pos if correct else -((p / (1 - p)) ** beta_neg)
    return values


def test_equation_10_by_hand_at_group_size_eight():
    rewards, mask, index = batch_of({"a": [1, 1, 0, 0, 0, 0, 0, 0]})
    value = per_row(asymgrpo(rewards, mask, index, beta_pos=0.9, beta_neg=0.4), mask)
    assert value.tolist() == pytest.approx([3**0.9] * 2 + [-(3**-0.4)] * 6)


def test_groups_of_different_sizes_are_weighed_by_their_own_accuracy():
    rewards, mask, index = batch_of({"a": [1, 0], "b": [1, 0, 0], "c": [1, 1, 1, 1, 0]})
    value = per_row(asymgrpo(rewards, mask, index, beta_pos=1.0, beta_neg=0.5), mask)
    assert value.tolist() == pytest.approx([1, -1, 2, -math.sqrt(1 / 2), -math.sqrt(1 / 2)] + [1 / 4] * 4 + [-2])


def test_unanimous_groups_have_zero_advantage_for_positive_betas():
    rewards, mask, index = batch_of({"solved": [1, 1, 1], "unsolved": [0, 0]})
    assert not asymgrpo(rewards, mask, index).any()


def test_unanimous_groups_speak_for_zero_betas():
    rewards, mask, index = batch_of({"solved": [1, 1, 1], "unsolved": [0, 0]})
    assert per_row(asymgrpo(rewards, mask, index, 0.0, 0.0), mask).tolist() == [1, 1, 1, -1, -1]


def test_group_of_one_has_zero_advantage():
    rewards, mask, index = batch_of({"a": [1], "b": [0]})
    assert not asymgrpo(rewards, mask, index).any()
    assert not asymgrpo(rewards, mask, index, flip="positive").any()
    assert not asymgrpo(rewards, mask, index, flip="negative").any()


def test_flips_change_their_own_channel_only():
    rewards, mask, index = batch_of({"a": [1] * 2 + [0] * 6, "solved": [1] * 8, "unsolved": [0] * 8})
    rare, common = math.sqrt(3), math.sqrt(1 / 3)
    end = 2 * math.sqrt(7) - math.sqrt(3)
    for flip, expected in {
        "none": [rare] * 2 + [-common] * 6 + [0] * 16,
        "positive": [common] * 2 + [-common] * 6 + [end] * 8 + [0] * 8,
        "negative": [rare] * 2 + [-rare] * 6 + [0] * 8 + [-end] * 8,
    }.items():
        assert per_row(asymgrpo(rewards, mask, index, 0.5, 0.5, flip), mask).tolist() == pytest.approx(expected)


def test_rows_without_a_response_belong_to_no_group():
    rewards, mask, index = batch_of({"a": [1, 0, 0, 0]})
    mask[2:] = 0
    value = per_row(asymgrpo(rewards, mask, index, 1.0, 1.0), mask)
    assert value.tolist() == [1, -1, 0, 0]


def test_a_response_may_start_with_masked_tokens():
    rewards, mask, index = batch_of({"a": [1, 0]})
    mask[0, 0] = 0
    assert asymgrpo(rewards, mask, index).tolist() == [[0, 1, 1], [-1, -1, -1]]


def test_minus_one_and_one_are_outcomes_too():
    rewards, mask, index = batch_of({"a": [1, 0, 0]})
    signed = rewards.clone()
    signed[1:, -1] = -1
    assert torch.equal(asymgrpo(signed, mask, index), asymgrpo(rewards, mask, index))


def test_reward_threshold_is_exceeded_not_met():
    rewards, mask, index = batch_of({"a": [1, 0]})
    assert (asymgrpo(rewards * 0.6, mask, index, reward_threshold=0.5)[0] > 0).all()
    assert not asymgrpo(rewards * 0.5, mask, index, reward_threshold=0.5).any()


@pytest.mark.parametrize(
    "uids",
    [
        [1, 1, 2, 2],
        [("a", 1), ("a", 1), ("a", 2), ("a", 2)],
        [None, None, "x", "x"],
        [uuid.UUID(int=1)] * 2 + ["1"] * 2,
    ],
    ids=["int", "tuple", "None", "mixed"],
)
def test_any_hashable_is_a_uid(uids):
    rewards, mask, _ = batch_of({0: [1, 0], 1: [1, 1]})
    index = np.empty(4, dtype=object)
    index[:] = uids
    assert per_row(asymgrpo(rewards, mask, index), mask).tolist() == [1, -1, 0, 0]
    assert per_row(asymgrpo(rewards, mask, uids), mask).tolist() == [1, -1, 0, 0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("mask_dtype", [torch.bool, torch.long, torch.float32])
def test_advantages_have_the_dtype_of_the_rewards(dtype, mask_dtype):
    rewards, mask, index = batch_of({"a": [1, 0, 0]})
    before = mask.to(mask_dtype)
    advantages = asymgrpo(rewards.to(dtype), before, index)
    assert advantages.dtype == dtype and advantages.shape == mask.shape
    assert torch.equal(before, mask.to(mask_dtype)), "the mask is the caller's"


@given(ragged_batches(), betas, betas)
def test_advantages_are_equation_10(batch, beta_pos, beta_neg):
    rewards, mask, index = batch
    value = per_row(asymgrpo(rewards, mask, index, beta_pos, beta_neg), mask)
    torch.testing.assert_close(value.double(), brute_force(rewards, mask, index, beta_pos, beta_neg), rtol=1e-5, atol=0)


@given(ragged_batches(), betas, betas, st.sampled_from(["none", "positive", "negative"]), st.randoms())
def test_the_order_of_rows_does_not_matter(batch, beta_pos, beta_neg, flip, random):
    rewards, mask, index = batch
    order = list(range(len(index)))
    random.shuffle(order)
    shuffled = asymgrpo(rewards[order], mask[order], index[order], beta_pos, beta_neg, flip)
    assert torch.equal(shuffled, asymgrpo(rewards, mask, index, beta_pos, beta_neg, flip)[order])


@given(ragged_batches(), betas, betas, st.sampled_from(["none", "positive", "negative"]))
def test_the_sign_is_the_outcome_and_nothing_leaves_the_mask(batch, beta_pos, beta_neg, flip):
    rewards, mask, index = batch
    advantages = asymgrpo(rewards, mask, index, beta_pos, beta_neg, flip)
    assert torch.isfinite(advantages).all() and not advantages[mask == 0].any()
    correct = rewards.sum(1) > 0.5
    assert (advantages[correct] >= 0).all() and (advantages[~correct] <= 0).all()


@given(ragged_batches())
def test_zero_betas_are_reinforce(batch):
    rewards, mask, index = batch
    expected = (2 * rewards.sum(1, keepdim=True) - 1) * mask
    assert torch.equal(asymgrpo(rewards, mask, index, 0.0, 0.0), expected)


@given(ragged_batches())
def test_one_half_is_grpo_with_the_population_deviation(batch):
    rewards, mask, index = batch
    outcome, mean, variance = means_and_variances(rewards, mask, index)
    expected = torch.where(variance > 0, (outcome - mean) / variance.sqrt(), 0.0).unsqueeze(1) * mask
    torch.testing.assert_close(asymgrpo(rewards, mask, index, 0.5, 0.5).double(), expected, rtol=1e-5, atol=1e-6)


@given(ragged_batches())
def test_one_and_zero_is_maxrl_on_mixed_groups(batch):
    rewards, mask, index = batch
    outcome, mean, variance = means_and_variances(rewards, mask, index)
    mixed = variance > 0
    expected = ((outcome - mean) / mean).unsqueeze(1) * mask
    torch.testing.assert_close(asymgrpo(rewards, mask, index, 1.0, 0.0).double()[mixed], expected[mixed])


@pytest.mark.parametrize("reward", [math.nan, math.inf, -math.inf])
def test_a_reward_that_is_no_number_is_an_error_that_names_its_row(reward):
    rewards, mask, index = batch_of({"a": [1, 0, 0]})
    rewards[1, 0] = reward
    with pytest.raises(ValueError, match=r"row 1 \(uid 'a'\): got a summed reward of .*, as in 1 of 3 rows"):
        asymgrpo(rewards, mask, index)


def test_a_weight_out_of_the_dtypes_range_is_an_error():
    rewards, mask, index = batch_of({"a": [1] + [0] * 15})
    assert torch.isfinite(asymgrpo(rewards, mask, index, beta_pos=5.0)).all()
    with pytest.raises(
        ValueError, match="got an advantage of 759375; expected at most 65504, .*beta_pos=5.0, beta_neg=0.4"
    ):
        asymgrpo(rewards.half(), mask, index, beta_pos=5.0)


def test_an_index_of_another_length_is_an_error():
    rewards, mask, index = batch_of({"a": [1, 0]})
    with pytest.raises(ValueError, match="1 uids for 2 rows"):
        asymgrpo(rewards, mask, index[:1])


def test_an_empty_batch_has_no_advantages():
    empty = torch.zeros(0, 4)
    assert asymgrpo(empty, empty.long(), []).shape == (0, 4)


def test_the_entropy_bonus_is_capped_by_the_advantage():
    advantages = torch.tensor([[1.0, 1.0, -1.0, -1.0, 0.0]])
    entropy = torch.tensor([[0.5, 5.0, 0.5, 5.0, 5.0]])
    expected = torch.tensor([[1.2, 1.5, -0.8, -0.5, 0.0]])
    assert torch.allclose(add_entropy(advantages, entropy, alpha=0.4, kappa=2.0), expected)


@given(
    st.lists(st.tuples(st.floats(-100, 100, width=32, allow_subnormal=False), st.floats(0, 12, width=32)), min_size=1),
    st.floats(0, 10),
    st.floats(1.01, 10),
)
def test_the_entropy_bonus_is_never_negative_and_changes_no_sign(tokens, alpha, kappa):
    advantages, entropy = torch.tensor(tokens).unbind(1)
    raised = add_entropy(advantages, entropy, alpha, kappa)
    assert (raised >= advantages).all()
    assert torch.equal(raised.sign(), advantages.sign())


def test_no_gradient_flows_through_the_entropy():
    entropy = torch.ones(1, 2, requires_grad=True)
    assert not add_entropy(torch.ones(1, 2), entropy, 0.4, 2.0).requires_grad
