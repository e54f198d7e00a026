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
"""The reward-only baselines: each by hand, from its definition on ragged batches, and the identities between them."""

import math
import statistics
from fractions import Fraction
from functools import partial
from itertools import combinations

import numpy as np
import pytest
import torch
from batches import batch_of, means_and_variances, on_tensors, per_row, ragged_batches
from hypothesis import given, note
from hypothesis import strategies as st

asymgrpo = on_tensors("asymgrpo")
GROUPWISE = maxrl, passk_training, f_grpo, a_grae, dgae, qae = [
    on_tensors(name) for name in ("maxrl", "passk_training", "f_grpo", "a_grae", "dgae", "qae")
]
GROUPLESS = reinforce_pm1, psr, nsr, w_reinforce = [
    on_tensors(name) for name in ("reinforce_pm1", "psr", "nsr", "w_reinforce")
]
BASELINES = (*GROUPLESS, *GROUPWISE)
every_baseline = pytest.mark.parametrize("baseline", BASELINES, ids=lambda baseline: baseline.__name__)


def each_of(baselines):
    """Yield the baselines for one batch; if a test fails, hypothesis prints the names up to the one that fails."""
    for baseline in baselines:
        note(baseline.__name__)
        yield baseline


def on(baseline, groups: dict[str, list[int]], **own) -> list[float]:
    """What each row of a batch written by hand gets, in float64."""
    rewards, mask, index = batch_of(groups)
    return per_row(baseline(rewards.double(), mask, index, **own), mask).tolist()


def outcomes_by_uid(batch) -> dict[str, list[int]]:
    """The 1/0 outcomes of each uid's rows that have a response, in the order of the batch."""
    rewards, mask, index = batch
    outcomes = {}
    for row, uid in enumerate(index):
        if mask[row].any():
            outcomes.setdefault(uid, []).append(int(rewards[row].sum() > 0.5))
    return outcomes


def assert_follows(definition, baseline, batch) -> None:
    """`definition` takes the outcomes of one group to the advantages of its rows; rows without a response get 0."""
    rewards, mask, index = batch
    of_group = {uid: iter(definition(outcomes)) for uid, outcomes in outcomes_by_uid(batch).items()}
    expected = [next(of_group[uid]) if mask[row].any() else 0.0 for row, uid in enumerate(index)]
    value = per_row(baseline(rewards.double(), mask, index), mask)
    torch.testing.assert_close(value, torch.tensor(expected, dtype=torch.float64), rtol=1e-9, atol=1e-12)


def normalized(values: list[float]) -> list[float]:
    """(value - mean)/deviation with the population standard deviation; zeros where all values are one."""
    mean, deviation = statistics.mean(values), statistics.pstdev(values)
    return [(value - mean) / deviation if deviation else 0.0 for value in values]


def test_reinforce_pm1_psr_and_nsr_by_hand():
    groups = {"a": [1, 0, 0], "solved": [1, 1], "unsolved": [0]}
    assert on(reinforce_pm1, groups) == [1, -1, -1, 1, 1, -1]
    assert on(psr, groups) == [1, 0, 0, 1, 1, 0]
    assert on(nsr, groups) == [0, -1, -1, 0, 0, -1]


def test_w_reinforce_scales_the_correct_rows_only():
    groups = {"a": [1, 0, 0], "solved": [1, 1]}
    assert on(w_reinforce, groups) == [0.1, -1, -1, 0.1, 0.1]
    assert on(w_reinforce, groups, lam=0.25) == [0.25, -1, -1, 0.25, 0.25]


def test_maxrl_by_hand():
    assert on(maxrl, {"a": [1, 0, 0, 0], "b": [1, 1, 0]}) == pytest.approx([3, -1, -1, -1, 0.5, 0.5, -1])


@pytest.mark.parametrize("solved, positive, negative", [(1, 0.775, -0.111), (2, 0.346, -0.115), (3, 0.135, -0.081)])
def test_passk_training_by_hand_at_group_size_eight_and_k_five(solved, positive, negative):
    expected = [positive] * solved + [negative] * (8 - solved)
    assert on(passk_training, {"a": [1] * solved + [0] * (8 - solved)}) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize("solved", range(4, 9))
def test_passk_training_has_zero_advantage_if_every_subset_of_k_has_a_correct_rollout(solved):
    assert not any(on(passk_training, {"a": [1] * solved + [0] * (8 - solved)}, k=5))


def test_passk_training_has_zero_advantage_in_groups_of_fewer_than_k():
    values = on(passk_training, {"three": [1, 0, 0], "four": [1, 0, 0, 0], "five": [1, 0, 0, 0, 0], "one": [1]}, k=4)
    assert values == pytest.approx([0] * 3 + [0] * 4 + [1 / 2] + [-1 / 8] * 4 + [0])


def test_f_grpo_by_hand():
    grpo = [math.sqrt(3)] * 2 + [-math.sqrt(1 / 3)] * 6
    assert on(f_grpo, {"a": [1, 1] + [0] * 6}) == pytest.approx([math.sqrt(3 / 4) * value for value in grpo])
    assert on(f_grpo, {"a": [1, 1] + [0] * 6}, gamma=1.0) == pytest.approx([3 / 4 * value for value in grpo])


def test_a_grae_by_hand():
    # p = 1/9 and 1, so P = 5/9; in the first group 1 - sqrt(p) = 2/3 and sqrt(p) = 1/3
    groups = {"a": [1] + [0] * 8, "solved": [1, 1]}
    scale = 0.5 * (4 / 9 * 3 / 2 + 5 / 9 * 3)
    correct, incorrect = scale * math.sqrt(8), -scale * math.sqrt(1 / 8)
    assert on(a_grae, groups) == pytest.approx([5 / 9 * correct] + [incorrect] * 8 + [0, 0])
    assert on(a_grae, groups, alpha=0.75) == pytest.approx([20 / 27 * correct] + [incorrect] * 8 + [0, 0])
    assert on(a_grae, groups, alpha=0.5) == pytest.approx([correct] + [incorrect] * 8 + [0, 0])


THREE_OF_EIGHT = {"a": [1, 1, 1, 0, 0, 0, 0, 0]}
FIVE_OF_EIGHT = {"a": [1, 1, 1, 1, 1, 0, 0, 0]}
DEVIATION = math.sqrt(15) / 8  # of both: sqrt(3/8 * 5/8)


def test_dgae_by_hand():
    assert on(dgae, THREE_OF_EIGHT) == pytest.approx([4 / 3] * 3 + [-4 / 5] * 5)
    assert sum(map(abs, on(dgae, FIVE_OF_EIGHT))) == pytest.approx(8)


def test_dgae_weighs_a_mixed_group_by_its_difficulty_among_the_mixed_groups():
    # p = 3/8 and 3/4: with T = 2 the weights are 2/(1 + e^(-3/16)) and 2/(1 + e^(3/16)); unanimous groups do not count
    groups = THREE_OF_EIGHT | {"easy": [1, 1, 1, 0], "solved": [1, 1], "unsolved": [0, 0], "one": [1]}
    hard, easy = 2 / (1 + math.exp(-3 / 16)), 2 / (1 + math.exp(3 / 16))
    expected = [hard * 4 / 3] * 3 + [-hard * 4 / 5] * 5 + [easy * 2 / 3] * 3 + [-easy * 2] + [0] * 5
    assert on(dgae, groups, temperature=2.0) == pytest.approx(expected)
    assert [hard, hard * 4 / 3, -hard * 4 / 5] == pytest.approx([1.09348, 1.45797, -0.87478], abs=1e-5)


@pytest.mark.parametrize("temperature, weights", [(5e-324, (2, 0)), (1e300, (1, 1))])
def test_dgaes_weights_are_finite_at_any_temperature(temperature, weights):
    values = on(dgae, {"hard": [1, 0, 0, 0], "easy": [1, 1, 1, 0]}, temperature=temperature)
    assert [values[0], values[4]] == pytest.approx([weights[0] * 2, weights[1] * 2 / 3])
    assert on(dgae, {"solved": [1, 1], "one": [0]}, temperature=temperature) == [0, 0, 0]


def test_qae_by_hand():
    # the 0.4-quantile: 0 where at least 2/5 of the group is incorrect, 1 where less is
    assert on(qae, THREE_OF_EIGHT) == pytest.approx([1 / DEVIATION] * 3 + [0] * 5)
    assert on(qae, FIVE_OF_EIGHT) == pytest.approx([0] * 5 + [-1 / DEVIATION] * 3)
    assert 1 / DEVIATION == pytest.approx(2.06559, abs=1e-5)


def test_qae_interpolated_by_hand():
    # position 0.4 * 7 = 2.8 in 0 0 0 1 1 1 1 1 is 4/5 of the way from a 0 to a 1
    values = on(qae, FIVE_OF_EIGHT, rule="interpolated")
    assert values == pytest.approx([0.2 / DEVIATION] * 5 + [-0.8 / DEVIATION] * 3)
    # position 0.6 * 7 = 4.2 in 0 0 0 0 0 1 1 1 is 1/5 of the way; by the threshold 5/8 >= 0.6, so b = 0
    values = on(qae, THREE_OF_EIGHT, quantile=0.6, rule="interpolated")
    assert values == pytest.approx([0.8 / DEVIATION] * 3 + [-0.2 / DEVIATION] * 5)
    assert on(qae, THREE_OF_EIGHT, quantile=0.6) == pytest.approx([1 / DEVIATION] * 3 + [0] * 5)


@pytest.mark.parametrize("rule", ["threshold", "interpolated"])
def test_qae_is_exact_if_the_quantile_falls_on_a_rollout(rule):
    """One group of each number of incorrect rollouts, at a quantile that is a whole number of rollouts."""
    for size, percent in [(10, 30), (100, 7), (100, 58), (20, 35), (5, 40), (101, 7), (11, 30), (201, 29)]:
        groups = {solved: [1] * solved + [0] * (size - solved) for solved in range(1, size)}
        values = on(qae, groups, quantile=percent / 100, rule=rule)
        steps = Fraction(percent, 100) * (size if rule == "threshold" else size - 1)
        for solved in groups:
            start = size * (solved - 1)
            correct, incorrect = values[start], values[start + size - 1]
            baseline = size - solved < steps if rule == "threshold" else min(max(steps - size + solved + 1, 0), 1)
            assert (correct == 0, incorrect == 0) == (baseline == 1, baseline == 0), (size, percent, solved)


@pytest.mark.parametrize("baseline", GROUPWISE, ids=lambda baseline: baseline.__name__)
def test_unanimous_groups_and_groups_of_one_have_zero_advantage(baseline):
    groups = {"mixed": [1, 0, 0, 0, 0, 0], "solved": [1] * 6, "unsolved": [0] * 6, "one": [1], "another": [0]}
    values = on(baseline, groups)
    assert values[0] > 0 and max(values[1:6]) <= 0 and not any(values[6:])
    assert all(values[1:6]) or baseline is qae


@given(ragged_batches(), st.floats(0, 3))
def test_w_reinforce_is_its_definition(batch, lam):
    assert_follows(lambda outcomes: [lam if r else -1.0 for r in outcomes], partial(w_reinforce, lam=lam), batch)


@given(ragged_batches())
def test_maxrl_is_its_definition(batch):
    def definition(outcomes):
        p = statistics.mean(outcomes)
        return [(r - p) / p if p else 0.0 for r in outcomes]

    assert_follows(definition, maxrl, batch)


@given(ragged_batches(), st.integers(1, 10))
def test_passk_training_is_the_mean_over_all_subsets_of_k(batch, k):
    def definition(outcomes):
        rows = range(len(outcomes))
        subsets = list(combinations(rows, k))
        if not subsets:
            return [0.0] * len(outcomes)
        of_subset = normalized([max(outcomes[row] for row in subset) for subset in subsets])
        return [
            statistics.mean(a for a, subset in zip(of_subset, subsets, strict=True) if row in subset) for row in rows
        ]

    assert_follows(definition, partial(passk_training, k=k), batch)


@pytest.mark.parametrize("size, k", [(8, 5), (16, 4), (64, 8), (512, 5), (1024, 512)])
def test_passk_training_is_equations_14_and_15(size, k):
    for incorrect in range(1, size, max(1, size // 16)):
        failure = math.comb(incorrect, k) / math.comb(size, k)
        all_incorrect = math.comb(incorrect - 1, k - 1) / math.comb(size - 1, k - 1)
        deviation = math.sqrt(failure * (1 - failure))
        values = on(passk_training, {"a": [1] * (size - incorrect) + [0] * incorrect}, k=k)
        expected = [failure / deviation, (failure - all_incorrect) / deviation] if deviation else [0, 0]
        assert [values[0], values[-1]] == pytest.approx(expected, rel=1e-9)


@given(ragged_batches(), st.floats(0, 3))
def test_f_grpo_is_grpo_times_the_focal_weight(batch, gamma):
    def definition(outcomes):
        return [(1 - statistics.mean(outcomes)) ** gamma * value for value in normalized(outcomes)]

    assert_follows(definition, partial(f_grpo, gamma=gamma), batch)


@given(ragged_batches(), st.floats(0.1, 2))
def test_a_grae_is_its_definition(batch, alpha):
    accuracies = [statistics.mean(outcomes) for outcomes in outcomes_by_uid(batch).values()]
    overall = statistics.mean(accuracies) if accuracies else 0.0

    def definition(outcomes):
        p = statistics.mean(outcomes)
        if p in (0, 1):
            return [0.0] * len(outcomes)
        scale = 0.5 * (1 - overall) / (1 - math.sqrt(p)) + 0.5 * overall / math.sqrt(p)
        return [scale * value * (min(1, overall / alpha) if value > 0 else 1) for value in normalized(outcomes)]

    assert_follows(definition, partial(a_grae, alpha=alpha), batch)


@given(ragged_batches(), st.floats(0.1, 3))
def test_dgae_is_its_definition(batch, temperature):
    accuracies = [statistics.mean(outcomes) for outcomes in outcomes_by_uid(batch).values()]
    weights = [math.exp(-p / temperature) for p in accuracies if 0 < p < 1]

    def definition(outcomes, weighted=True):
        p = statistics.mean(outcomes)
        spread = statistics.mean(abs(r - p) for r in outcomes)
        weight = len(weights) * math.exp(-p / temperature) / sum(weights) if weighted and spread else 1.0
        return [weight * (r - p) / spread if spread else 0.0 for r in outcomes]

    assert_follows(definition, partial(dgae, temperature=temperature), batch)
    assert_follows(partial(definition, weighted=False), dgae, batch)


@given(ragged_batches(), st.floats(0.01, 0.99), st.sampled_from(["threshold", "interpolated"]))
def test_qae_is_its_definition(batch, quantile, rule):
    def definition(outcomes):
        ordered, deviation = sorted(outcomes), statistics.pstdev(outcomes)
        if rule == "interpolated":
            baseline = np.quantile(ordered, quantile)
        else:  # the empirical distribution function is i/N at the i-th of them, or more if the next ones are equal
            baseline = next(r for i, r in enumerate(ordered, 1) if i / len(ordered) >= quantile)
        return [(r - baseline) / deviation if deviation else 0.0 for r in outcomes]

    assert_follows(definition, partial(qae, quantile=quantile, rule=rule), batch)


@given(ragged_batches(), st.floats(0, 3))
def test_the_groupless_ones_are_sums_of_each_other(batch, lam):
    assert torch.equal(reinforce_pm1(*batch), asymgrpo(*batch, 0.0, 0.0))
    assert torch.equal(psr(*batch) + nsr(*batch), reinforce_pm1(*batch))
    assert torch.equal(lam * psr(*batch) + nsr(*batch), w_reinforce(*batch, lam=lam))


@given(ragged_batches())
def test_grpo_is_f_grpo_without_focus_and_pass_at_one_training(batch):
    grpo = asymgrpo(*batch, 0.5, 0.5)
    assert torch.equal(f_grpo(*batch, gamma=0.0), grpo)
    torch.testing.assert_close(passk_training(*batch, k=1), grpo)


@given(ragged_batches())
def test_maxrl_is_the_beta_family_on_mixed_groups(batch):
    mixed = means_and_variances(*batch)[2] > 0
    assert torch.equal(maxrl(*batch)[mixed], asymgrpo(*batch, 1.0, 0.0)[mixed])
    assert not maxrl(*batch)[~mixed].any()


@given(batch=ragged_batches())
def test_nothing_leaves_the_mask_and_all_is_finite(batch):
    for baseline in each_of(BASELINES):
        values = baseline(*batch)
        assert torch.isfinite(values).all() and not values[batch[1] == 0].any()


@given(batch=ragged_batches())
def test_rows_without_a_response_change_nothing(batch):
    rewards, mask, index = batch
    alive = mask.any(1)
    for baseline in each_of(BASELINES):
        without = baseline(rewards[alive], mask[alive], index[alive.numpy()])
        torch.testing.assert_close(baseline(*batch)[alive], without, rtol=1e-6, atol=0)


@given(batch=ragged_batches(), random=st.randoms())
def test_the_order_of_rows_does_not_matter(batch, random):
    rewards, mask, index = batch
    order = list(range(len(index)))
    random.shuffle(order)
    for baseline in each_of(BASELINES):
        shuffled = baseline(rewards[order], mask[order], index[order])
        torch.testing.assert_close(shuffled, baseline(*batch)[order], rtol=1e-6, atol=0)


@every_baseline
def test_the_threshold_decides_what_is_correct(baseline):
    rewards, mask, index = batch_of({"a": [1, 0, 0, 0, 0, 0]})
    signed = 2 * rewards - (torch.arange(3) == 2).float()
    assert torch.equal(baseline(signed, mask, index), baseline(rewards, mask, index))
    assert torch.equal(baseline(rewards * 0.2, mask, index, reward_threshold=0.1), baseline(rewards, mask, index))


@every_baseline
@pytest.mark.parametrize("mask_dtype", [torch.bool, torch.long, torch.float32])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dtype_and_shape_are_those_of_the_rewards(baseline, dtype, mask_dtype):
    rewards, mask, index = batch_of({"a": [1, 0, 0, 0, 0, 0]})
    values = baseline(rewards.to(dtype), mask.to(mask_dtype), index)
    assert values.dtype == dtype and values.shape == mask.shape
    torch.testing.assert_close(values.float(), baseline(rewards, mask, index), rtol=1e-2, atol=0)


@every_baseline
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_device_is_that_of_the_rewards(baseline):
    rewards, mask, index = batch_of({"a": [1, 0, 0, 0, 0, 0], "b": [1, 1, 0, 0, 0]})
    values = baseline(rewards.cuda(), mask.cuda(), index)
    assert values.is_cuda
    torch.testing.assert_close(values.cpu(), baseline(rewards, mask, index))


@every_baseline
@pytest.mark.parametrize("reward", [math.nan, math.inf])
def test_a_reward_that_is_no_number_is_an_error_that_names_its_row(baseline, reward):
    rewards, mask, index = batch_of({"a": [1, 0, 0]})
    rewards[1, 0] = reward
    with pytest.raises(ValueError, match=r"row 1 \(uid 'a'\): got a summed reward of .*, as in 1 of 3 rows"):
        baseline(rewards, mask, index)


@every_baseline
def test_an_index_of_another_length_and_rewards_of_integers_are_errors(baseline):
    rewards, mask, index = batch_of({"a": [1, 0]})
    with pytest.raises(ValueError, match="1 uids for 2 rows"):
        baseline(rewards, mask, index[:1])
    with pytest.raises(TypeError, match="torch.int64"):
        baseline(rewards.long(), mask, index)


@every_baseline
def test_an_empty_batch_has_no_advantages(baseline):
    assert baseline(torch.zeros(0, 4), torch.zeros(0, 4).long(), []).shape == (0, 4)


def test_a_weight_out_of_the_dtypes_range_is_an_error():
    rewards, mask, index = batch_of({"a": [1, 0]})
    with pytest.raises(ValueError, match="got an advantage of 100000; expected at most 65504"):
        w_reinforce(rewards.half(), mask, index, lam=1e5)
