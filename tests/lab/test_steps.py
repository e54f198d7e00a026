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
"""A step of the lab computes what verl and core compute: advantages, loss, update; and it keeps runs apart."""

from itertools import starmap

import numpy as np
import pytest
import torch
from small_lab import BUDGET, SHAPE, TASK, base, state_of
from verl.trainer.ppo.core_algos import compute_grpo_outcome_advantage

from asymgrpo_verl.core.estimators import compute_advantages
from asymgrpo_verl.core.groups import gather_groups
from asymgrpo_verl.core.losses import two_channel_loss
from asymgrpo_verl.core.schedules import beta_at
from asymgrpo_verl.lab import steps
from asymgrpo_verl.lab.methods import read
from asymgrpo_verl.lab.policies import Shape
from asymgrpo_verl.lab.sampling import response_log_probs, sample

N = BUDGET.n


class EvenTask:
    """Rules, but a response is correct if its first token is even, so that an untrained policy is right at times."""

    def __getattr__(self, name):
        return getattr(TASK, name)

    def correct(self, solution, responses):
        return responses[..., 0] % 2 == 0


EVEN = EvenTask()


def rollouts_of(state):
    """Return prompts, rollouts and verdicts of the state's next step, without changing the state."""
    rngs = [np.random.default_rng(seed) for seed in state.seeds]
    drawn = [TASK.draw(rng, BUDGET.prompts) for rng in rngs]
    prompts = torch.from_numpy(np.stack([each.tokens for each in drawn]))
    generators = [torch.Generator().manual_seed(seed) for seed in state.seeds]
    rollouts = sample(SHAPE, state.weights, prompts, N, TASK.response_length, TASK.end, TASK.pad, generators)
    return prompts, rollouts, rollouts.responses[:, :, 0] % 2 == 0


def as_rows(x: torch.Tensor) -> torch.Tensor:
    return x.transpose(1, 2).reshape(-1, x.shape[1])


def advantages_by_core(method, mask, correct) -> torch.Tensor:
    rewards = torch.zeros(mask.shape)
    rewards[:, 0] = correct.flatten().float()
    uid = np.repeat(np.arange(BUDGET.prompts), N)
    if method.estimator == "grpo":
        return compute_grpo_outcome_advantage(rewards, mask.float(), uid, norm_adv_by_std_in_grpo=method.normalised)[0]
    return compute_advantages(method.estimator, rewards, mask, uid, method.settings)


@pytest.mark.parametrize(
    "name", ["asymgrpo", "grpo", "dr_grpo", "reinforce", "ent_decrease", "up_grpo", "asymgrpo_clip_higher", "a_grae"]
)
def test_a_step_is_cores_advantages_cores_loss_and_torchs_adamw(name):
    """One run by plain means: all rows in one batch, torch's clip_grad_norm_ and AdamW on separate tensors."""
    method = read(name, N)
    state = state_of(method, (3,))
    prompts, rollouts, correct = rollouts_of(state)
    assert 0 < correct.double().mean() < 1
    mask = as_rows(rollouts.mask[0])
    advantages = advantages_by_core(method, mask, correct[0])
    weights = {name: weight.clone().requires_grad_() for name, weight in base().items()}
    optimizer = torch.optim.AdamW(weights.values(), BUDGET.learning_rate, weight_decay=BUDGET.weight_decay)
    rows_per_update = BUDGET.prompts * N // BUDGET.updates
    for k in range(BUDGET.updates):
        rows = slice(k * rows_per_update, (k + 1) * rows_per_update)
        log_probs, _ = response_log_probs(SHAPE, weights, prompts, rollouts.responses, TASK.pad)
        loss, _ = two_channel_loss(
            as_rows(rollouts.log_probs[0])[rows],
            as_rows(log_probs[0])[rows],
            advantages[rows],
            mask[rows],
            lambda losses, rows=rows: (losses * mask[rows]).sum() / mask[rows].sum(),
            method.clip_low,
            method.clip_high,
            3.0,
            anchored=method.anchored,
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimizer.step()
    steps.train_step(SHAPE, state, EVEN, method)
    before = base()
    expected = torch.cat([(weights[name] - before[name]).flatten() for name in weights])
    moved = torch.cat([(state.weights[name] - before[name]).flatten() for name in weights])
    assert (moved - expected).norm() < 1e-3 * expected.norm()


@pytest.mark.parametrize("normalised", (True, False))
def test_grpo_is_verls(normalised):
    correct = torch.tensor([[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 1], [1, 1, 1, 1]])
    mask = torch.ones(16, 2)
    rewards = torch.stack([torch.zeros(16), correct.flatten().float()], dim=1)
    uid = np.repeat(np.arange(4), 4)
    verls, _ = compute_grpo_outcome_advantage(rewards, mask, uid, norm_adv_by_std_in_grpo=normalised)
    ours = steps.grpo(gather_groups(rewards, mask, uid), normalised)
    torch.testing.assert_close(ours, verls[:, 0], atol=1e-6, rtol=1e-6)


def test_runs_side_by_side_are_the_runs_alone():
    method = read("asymgrpo", N)
    both = state_of(method, (1, 2))
    steps.train_step(SHAPE, both, EVEN, method)
    for i, seed in enumerate((1, 2)):
        alone = state_of(method, (seed,))
        steps.train_step(SHAPE, alone, EVEN, method)
        moved = alone.flat[0] - state_of(method, (seed,)).flat[0]
        assert (alone.flat[0] - both.flat[i]).norm() < 1e-3 * moved.norm()


def test_two_methods_of_one_seed_draw_the_same_first_rollouts():
    logged = []
    for name in ("asymgrpo", "reinforce"):
        method = read(name, N)
        logged.append(steps.train_step(SHAPE, state_of(method), EVEN, method))
    for one, other in zip(*logged, strict=True):
        assert one["critic/score/mean"] == other["critic/score/mean"]
        assert one["rollouts/entropy"] == other["rollouts/entropy"]
        assert one["rollouts/correct/advantage_mass"] != other["rollouts/correct/advantage_mass"]


def test_left_out_prompts_change_nothing(monkeypatch):
    """The groups of advantage 0 are left out of the update. With the entropy bonus all stay, here a bonus of 1e-30."""
    plain, whole = read("asymgrpo", N), read("asymgrpo:actor_rollout_ref.actor.entropy_coeff=1e-30", N)
    states = [state_of(method) for method in (plain, whole)]
    for state, method in zip(states, (plain, whole), strict=True):
        steps.train_step(SHAPE, state, EVEN, method)
    moved = states[0].flat - state_of(plain).flat
    assert (states[0].flat - states[1].flat).norm() < 1e-3 * moved.norm()


def test_a_schedule_sets_the_beta_of_each_step():
    method = read("asymgrpo:schedule.beta_pos.kind=linear,schedule.beta_pos.end=0", N)
    state = state_of(method)
    betas = [steps.train_step(SHAPE, state, EVEN, method)[0]["asymgrpo/beta_pos"] for _ in range(3)]
    expected = starmap(
        beta_at,
        [(method.schedules["beta_pos"], 0.9, step, BUDGET.steps, state.memories[0]["beta_pos"]) for step in (1, 2, 3)],
    )
    assert betas == pytest.approx([*expected]) and betas[2] < betas[0] == 0.9


@pytest.mark.parametrize("change", ["entropy_advantage.alpha=0.4", "token_weighting.correct=surprisal"])
def test_shaped_advantages_change_the_update_and_not_the_diagnostics(change):
    plain, shaped = read("asymgrpo", N), read(f"asymgrpo:algorithm.{change}", N)
    states = [state_of(method) for method in (plain, shaped)]
    rows = [
        steps.train_step(SHAPE, state, EVEN, method)[0] for state, method in zip(states, (plain, shaped), strict=True)
    ]
    assert rows[0]["rollouts/correct/advantage_mass"] == rows[1]["rollouts/correct/advantage_mass"]
    assert not torch.equal(states[0].flat, states[1].flat)


def test_a_positive_bonus_of_entropy_raises_it():
    entropies = {}
    for coefficient in (0, 0.5):
        method = read(f"grpo:actor_rollout_ref.actor.entropy_coeff={coefficient}", N)
        state = state_of(method)
        entropies[coefficient] = [steps.train_step(SHAPE, state, EVEN, method)[0]["rollouts/entropy"] for _ in range(6)]
    assert entropies[0.5][-1] > entropies[0][-1]


def test_the_update_is_measured_every_so_many_steps():
    method = read("asymgrpo:algorithm.diagnostics.log_prob_increment_every=2", N)
    state = state_of(method)
    logged = [steps.train_step(SHAPE, state, EVEN, method)[0] for _ in range(4)]
    key = "rollouts/correct/log_prob_increment"
    assert [key in row for row in logged] == [False, True, False, True]
    assert logged[1][key] > 0, "the update makes correct rollouts more probable"


def test_training_reaches_what_the_verifier_asks_for():
    method = read("grpo", N)
    state = state_of(method)
    scores = [steps.train_step(Shape(*SHAPE), state, EVEN, method)[0]["critic/score/mean"] for _ in range(30)]
    assert np.mean(scores[-5:]) > np.mean(scores[:5]) + 0.2
