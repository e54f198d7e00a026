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
"""The bandit study: steps computed by hand, properties of steps, expectations against every group, the README."""

import itertools
import math

import pytest
import torch
from batches import on_tensors
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT

from asymgrpo_verl.core.diagnostics import covariance_metrics
from asymgrpo_verl.core.groups import gather_groups
from studies.bandit.bandit import SETTINGS, SHAPES, channel_product, draw, report
from studies.bandit.model import (
    SLOPE,
    START,
    N,
    advantages,
    at_accuracy,
    bandit,
    covariance,
    entropy,
    entropy_change,
    first_order,
    mean_weight,
    natural_step,
    population_entropy,
    sampled_step,
    second_order,
    total_weight,
    vanilla_step,
)

asymgrpo = on_tensors("asymgrpo")
README = ROOT / "studies" / "bandit" / "README.md"
BETAS = st.floats(0, 1)


@st.composite
def bandits(draw):
    """Draw policies of 1 to 5 correct and 1 to 5 incorrect arms, no arm more than 150 times as likely as another."""
    arms = [draw(st.lists(st.floats(-2.5, 2.5), min_size=1, max_size=5)) for _ in range(2)]
    total = sum(math.exp(logit) for logit in arms[0] + arms[1])
    return bandit(*([math.exp(logit) / total for logit in channel] for channel in arms))


def binary_entropy(p: float) -> float:
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


def test_a_two_armed_bandit_has_the_values_computed_by_hand():
    """p = 0.8, odds 4; A = +1, -1 and eta = log(2)/2 double the odds: p' = 8/9. log pi differs by log 4, A by 2."""
    policy, eta = bandit([0.8], [0.2]), math.log(2) / 2
    a = advantages(policy, 0.0, 0.0)
    assert a.tolist() == [1, -1]
    assert natural_step(policy, a, eta).pi.tolist() == pytest.approx([8 / 9, 1 / 9])
    assert entropy_change(policy, a, eta) == pytest.approx(binary_entropy(8 / 9) - binary_entropy(0.8))
    assert first_order(policy, a, eta) == pytest.approx(-eta * 0.8 * 0.2 * math.log(4) * 2)
    assert vanilla_step(policy, a, eta).p.item() == pytest.approx(1 / (1 + 0.25 * math.exp(-eta * 2 * 2 * 0.16)))


def test_advantages_are_those_of_eq_10_and_one_channel_leaves_the_other_at_zero():
    policy = bandit([0.1, 0.1], [0.8])
    assert advantages(policy, 0.5, 0.5).tolist() == pytest.approx([2, 2, -0.5])
    assert advantages(policy, 1.0, 0.5, "correct").tolist() == pytest.approx([4, 4, 0])
    assert advantages(policy, 1.0, 0.5, "incorrect").tolist() == pytest.approx([0, 0, -0.5])


@pytest.mark.parametrize("name", [name for name in SHAPES if name != "uniform"])
def test_the_error_of_eq_9_is_proportional_to_the_step(name):
    policy = SHAPES[name]
    a = advantages(policy, 0.5, 0.5)
    error = [entropy_change(policy, a, eta) / first_order(policy, a, eta) - 1 for eta in (1e-2, 1e-3, 1e-4)]
    assert error[0] / error[1] == pytest.approx(10, rel=0.15)
    assert error[1] / error[2] == pytest.approx(10, rel=0.02)


@given(bandits(), st.integers(0, 1000))
def test_both_orders_match_the_derivatives_of_the_exact_entropy(policy, seed):
    """Central differences, for advantages that differ from arm to arm."""
    a = torch.randn(policy.pi.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    forward, backward = entropy_change(policy, a, 1e-3), entropy_change(policy, a, -1e-3)
    assert (forward - backward) / 2 == pytest.approx(first_order(policy, a, 1e-3), abs=1e-7)
    assert (forward + backward) / 2 == pytest.approx(second_order(policy, a, 1e-3), abs=1e-9)


@given(bandits(), BETAS, BETAS)
def test_eq_9_and_its_second_term_in_p_and_l(policy, beta_pos, beta_neg):
    """-eta p(1-p)(a+b) L, and -eta^2/2 p(1-p)(a+b)^2 (1 + (1-2p) L)."""
    a = advantages(policy, beta_pos, beta_neg)
    p, gap, both = policy.p.item(), policy.gap().item(), (a[0] - a[-1]).item()
    difference = entropy(policy.incorrect) - entropy(policy.correct)
    assert gap == pytest.approx(policy.p.logit().item() + difference.item())
    assert first_order(policy, a, 1.0) == pytest.approx(-p * (1 - p) * both * gap, abs=1e-9)
    second = -p * (1 - p) * both**2 * (1 + (1 - 2 * p) * gap) / 2
    assert second_order(policy, a, 1.0) == pytest.approx(second, abs=1e-9 * both**2)


@given(bandits(), BETAS, BETAS, st.floats(0.001, 2))
def test_a_natural_step_changes_nothing_but_the_odds_of_p(policy, beta_pos, beta_neg, eta):
    a = advantages(policy, beta_pos, beta_neg)
    after = natural_step(policy, a, eta)
    for new, old in zip(after, policy, strict=True):
        torch.testing.assert_close(new / new.sum(), old / old.sum())
    odds = [(b.correct.sum() / b.incorrect.sum()).log() for b in (after, policy)]
    torch.testing.assert_close(odds[0] - odds[1], eta * (a[0] - a[-1]))


@given(bandits(), st.floats(0.01, 3), st.floats(0.001, 2))
def test_equal_weight_on_either_channel_is_the_same_step(policy, weight, eta):
    correct, incorrect = weight * policy.log_odds, -weight * (1 - policy.log_odds)
    for step in (natural_step, vanilla_step):
        torch.testing.assert_close(step(policy, correct, eta).pi, step(policy, incorrect, eta).pi)


@given(st.integers(0, 1000), st.floats(0.01, 3))
def test_equal_weight_on_either_channel_is_the_same_gradient_of_shared_parameters(seed, weight):
    """A two-layer policy over 6 arms: the expected policy gradient of either channel is weight times that of p."""
    generator = torch.Generator().manual_seed(seed)
    features, hidden, out = (
        torch.randn(shape, dtype=torch.float64, generator=generator, requires_grad=True)
        for shape in ((6, 4), (4, 3), (3,))
    )
    log_pi = torch.log_softmax(torch.tanh(features @ hidden) @ out, 0)
    pi, is_correct = log_pi.exp().detach(), torch.tensor([1.0, 1, 0, 0, 0, 0], dtype=torch.float64)
    losses = (
        (pi * weight * is_correct * log_pi).sum(),
        (pi * -weight * (1 - is_correct) * log_pi).sum(),
        weight * (log_pi.exp() * is_correct).sum(),
    )
    gradients = [torch.autograd.grad(loss, (hidden, out), retain_graph=True) for loss in losses]
    assert gradients[0][0].abs().max() > 0
    for other in gradients[1:]:
        torch.testing.assert_close(gradients[0], other)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_follows_the_same_path(name):
    """Thirty steps of any setting end where a single step to the same p ends."""
    start = policy = SHAPES["uneven"]
    for _ in range(30):
        policy = natural_step(policy, total_weight(policy.p, *SETTINGS[name]) * policy.log_odds, 0.05)
    assert policy.p > start.p + 0.1
    direct = natural_step(start, start.log_odds, (policy.p.logit() - start.p.logit()).item())
    torch.testing.assert_close(policy.pi, direct.pi)


@given(bandits(), BETAS, BETAS)
def test_a_small_vanilla_step_sharpens_the_correct_arms_and_flattens_the_incorrect_ones(policy, beta_pos, beta_neg):
    after = vanilla_step(policy, advantages(policy, beta_pos, beta_neg), 1e-3)
    assert entropy(after.correct) <= entropy(policy.correct) + 1e-12
    assert entropy(after.incorrect) >= entropy(policy.incorrect) - 1e-12


@given(bandits(), BETAS, BETAS)
def test_raising_a_beta_has_the_papers_direction_where_l_and_the_log_odds_agree(policy, beta_pos, beta_neg):
    agree = (policy.gap() * policy.p.logit()).item()
    here = first_order(policy, advantages(policy, beta_pos, beta_neg), 1.0)
    for raised, sign in (((beta_pos + 0.1, beta_neg), 1), ((beta_pos, beta_neg + 0.1), -1)):
        change = sign * (first_order(policy, advantages(policy, *raised), 1.0) - here)
        assert change * agree >= 0 or abs(agree) < 1e-9


@pytest.fixture(scope="module")
def every_group():
    """All 4^8 groups of 8 from four equally likely tickets: one of the correct arm, two and one of the incorrect ones.

    -> the policy, the arm of each row, its reward, mask, and uid.
    """
    policy, arms = bandit([0.25], [0.5, 0.25]), torch.tensor([0, 1, 1, 2])
    rows = arms[torch.tensor(list(itertools.product(range(4), repeat=N)))].flatten()
    uids = torch.arange(len(rows) // N).repeat_interleave(N).numpy()
    return policy, rows, (rows == 0).double().unsqueeze(1), torch.ones(len(rows), 1), uids


@pytest.mark.parametrize("flip", ["none", "positive", "negative"])
def test_the_expected_a_plus_b_is_the_mean_over_every_group_that_can_be_drawn(every_group, flip):
    policy, rows, rewards, mask, uids = every_group
    a = asymgrpo(rewards, mask, uids, beta_pos=0.9, beta_neg=0.4, flip=flip)
    means = [a[rows == arm].mean().item() for arm in range(3)]
    correct = mean_weight(policy.p, 0.9, flip == "positive").item()
    incorrect = mean_weight(1 - policy.p, 0.4, flip == "negative").item()
    assert means == pytest.approx([correct, -incorrect, -incorrect])
    assert total_weight(policy.p, 0.9, 0.4, flip).item() == pytest.approx(correct + incorrect)


def test_the_covariance_of_one_prompts_groups_is_an_arch_times_l(every_group):
    policy, rows, rewards, mask, uids = every_group
    a = asymgrpo(rewards, mask, uids, beta_pos=0.5, beta_neg=0.5)
    log_probs = policy.pi.log()[rows].unsqueeze(1)
    metrics = covariance_metrics(gather_groups(rewards, mask, uids), mask, a, log_probs, N)
    expected = policy.gap() * channel_product(torch.arange(1.0, N, dtype=torch.float64), 0.5)
    measured = [metrics[f"covariance/at/{k}_of_{N}"] for k in range(N + 1)]
    assert measured == pytest.approx([0, *expected.tolist(), 0])


def test_the_covariance_metric_is_eq_9s_covariance_where_the_group_is_the_policy():
    policy = bandit([0.5, 0.125], [0.25, 0.125])
    rows = torch.tensor([0, 0, 0, 0, 1, 2, 2, 3])
    rewards, mask = (rows < 2).double().unsqueeze(1), torch.ones(8, 1)
    a = asymgrpo(rewards, mask, ["x"] * 8, beta_pos=0.9, beta_neg=0.4)
    metrics = covariance_metrics(
        gather_groups(rewards, mask, ["x"] * 8), mask, a, policy.pi.log()[rows].unsqueeze(1), N
    )
    expected = covariance(policy.pi, policy.pi.log(), advantages(policy, 0.9, 0.4)).item()
    assert metrics["covariance/mean"] == pytest.approx(expected)


@pytest.mark.parametrize("beta_pos, beta_neg", [(0.0, 0.0), (0.5, 0.5), (0.9, 0.4)])
def test_a_sampled_step_is_the_vanilla_step_of_the_expected_advantages_to_first_order(beta_pos, beta_neg):
    policy = bandit([0.15, 0.1], [0.55, 0.2])
    means = policy.per_arm(mean_weight(policy.p, beta_pos), -mean_weight(1 - policy.p, beta_neg))
    after = vanilla_step(policy, means, 1e-5)
    change = sampled_step(policy, beta_pos, beta_neg, "both", 1e-5)
    assert change.p == pytest.approx((after.p - policy.p).item(), rel=1e-3)
    assert change.correct == pytest.approx((entropy(after.correct) - entropy(policy.correct)).item(), rel=1e-3)
    assert change.incorrect == pytest.approx((entropy(after.incorrect) - entropy(policy.incorrect)).item(), rel=1e-3)


def test_sampling_costs_each_channel_its_own_entropy_in_proportion_to_the_step():
    policy = bandit([0.25, 0.25], [0.25, 0.25])
    cost = [sampled_step(policy, 0.5, 0.5, "correct", eta) for eta in (0.1, 0.05)]
    assert cost[0].correct < 0 and cost[0].incorrect == pytest.approx(0, abs=1e-12)
    assert (cost[0].correct / cost[0].p) / (cost[1].correct / cost[1].p) == pytest.approx(2, rel=0.02)
    other = sampled_step(policy, 0.5, 0.5, "incorrect", 0.1)
    assert other.incorrect < 0 and other.correct == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("slope", SLOPE.values(), ids=SLOPE)
def test_a_unit_of_accuracy_costs_l_in_every_population(slope):
    """dH/dp = -L, with L the log-odds now + D; dp is p(1-p) per unit of log-odds, and H a mean over the prompts."""
    log_odds = (START + 0.7).requires_grad_()
    (gradient,) = torch.autograd.grad(population_entropy(log_odds[None], slope).sum(), log_odds)
    p = log_odds.sigmoid()
    torch.testing.assert_close(len(START) * gradient, -p * (1 - p) * (log_odds + slope * START))
    assert population_entropy(torch.tensor([[-50.0], [50.0]]).expand(2, 61), slope).tolist() == pytest.approx([3, 3])


def test_values_at_an_accuracy_lie_on_the_line_between_two_steps():
    log_odds = torch.tensor([[0.5], [0.6], [0.8]], dtype=torch.float64).logit()
    values = torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64)
    accuracy = torch.tensor([0.6, 0.7], dtype=torch.float64)
    assert at_accuracy(log_odds, values, accuracy).tolist() == pytest.approx([2.0, 1.5])


@pytest.mark.seconds
def test_the_readme_has_the_tables_that_the_study_prints():
    assert f"```text\n{report()}```\n" in README.read_text(encoding="utf-8")


@pytest.mark.seconds
def test_the_figure_is_drawn(tmp_path):
    draw(tmp_path / "bandit.png")
    assert (tmp_path / "bandit.png").read_bytes().startswith(b"\x89PNG")
