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
"""One step of several runs side by side, as verl takes it: draw rollouts, verify them, compute advantages, update.

The runs have one method and one task, and a policy each. Two runs of one seed, also of two methods, have the same
prompts and the same random numbers.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from asymgrpo_verl.core import diagnostics
from asymgrpo_verl.core.estimators import compute_advantages
from asymgrpo_verl.core.groups import Groups, gather_groups
from asymgrpo_verl.core.losses import two_channel_loss
from asymgrpo_verl.core.schedules import Constant, beta_at, observe
from asymgrpo_verl.core.shaping import add_entropy, token_weights
from asymgrpo_verl.lab.methods import GRPO, Method
from asymgrpo_verl.lab.policies import Shape
from asymgrpo_verl.lab.sampling import Rollouts, response_log_probs, sample
from asymgrpo_verl.lab.state import State
from asymgrpo_verl.lab.tasks import Task

CLIP_C = 3.0  # verl's actor.clip_ratio_c
# The validation prompts and their random numbers are the same in every run of a task's instance.
VALIDATION_PROMPTS, VALIDATION_N, VALIDATION_SEED = 256, 8, 2**31


class Batch(NamedTuple):
    """What an update reads: the prompts, (runs, prompts, length), and (runs, prompts, tokens, n) each of the rest."""

    prompts: torch.Tensor
    responses: torch.Tensor
    mask: torch.Tensor
    log_probs: torch.Tensor
    advantages: torch.Tensor

    def chosen(self, places: torch.Tensor) -> "Batch":
        """Return the prompts at (runs, k) places."""
        return Batch(
            *(x.gather(1, places.view(*places.shape, *[1] * (x.dim() - 2)).expand(-1, -1, *x.shape[2:])) for x in self)
        )


def train_step(shape: Shape, state: State, task: Task, method: Method) -> list[dict[str, float]]:
    """Take one step with every run, and return what each logs, under the keys of `core.metrics`."""
    state.step += 1
    budget = state.budget
    drawn = [task.draw(rng, budget.prompts) for rng in state.rngs]
    prompts = torch.from_numpy(np.stack([each.tokens for each in drawn])).to(state.flat.device)
    rollouts = sample(
        shape, state.weights, prompts, budget.n, task.response_length, task.end, task.pad, state.generators
    )
    correct = verify(task, np.stack([each.solution for each in drawn]), rollouts.responses)
    drawn_by = Rollouts(*(part.cpu() for part in rollouts))
    groups, advantages, rows = zip(
        *(_advantages(method, i, correct[i], drawn_by, state) for i in range(len(correct))), strict=True
    )
    batch = Batch(
        prompts, rollouts.responses, rollouts.mask, rollouts.log_probs, torch.stack(advantages).to(prompts.device)
    )
    size = budget.prompts // budget.updates
    parts = [Batch(*(x[:, k * size : (k + 1) * size] for x in batch)) for k in range(budget.updates)]
    norms = torch.stack([_update(shape, state, task, method, part) for part in parts]).mean(0)
    for row, norm in zip(rows, norms.tolist(), strict=True):
        row["actor/grad_norm"] = norm
    if method.increment_every and state.step % method.increment_every == 0:
        with torch.no_grad():
            after = response_log_probs(shape, state.weights, prompts, rollouts.responses, task.pad, entropy=True)
        for i, row in enumerate(rows):
            mask, *values = (
                _by_row(x[i].cpu()) for x in (rollouts.mask, rollouts.log_probs, after[0], rollouts.entropy, after[1])
            )
            row |= diagnostics.update_metrics(groups[i], mask, *values)
    return list(rows)


def _by_row(x: torch.Tensor) -> torch.Tensor:
    """Return (prompts, tokens, n) as verl has it: (prompts * n, tokens)."""
    return x.transpose(1, 2).reshape(-1, x.shape[1])


def verify(task: Task, solutions: np.ndarray, responses: torch.Tensor) -> torch.Tensor:
    """Return whether each response is correct, (runs, prompts, n) bool on the CPU.

    Args:
        solutions: (runs, prompts, response_length).
        responses: (runs, prompts, tokens, n); all may end before `response_length` tokens.
    """
    given = responses.transpose(2, 3).cpu().numpy()
    padding = [(0, 0)] * 3 + [(0, task.response_length - given.shape[3])]
    given = np.pad(given, padding, constant_values=task.pad)
    return torch.from_numpy(task.correct(np.broadcast_to(solutions[:, :, None], given.shape), given))


def _advantages(
    method: Method, i: int, correct: torch.Tensor, rollouts: Rollouts, state: State
) -> tuple[Groups, torch.Tensor, dict[str, float]]:
    """Compute the groups of run i, its advantages, (prompts, tokens, n), and what it logs of its rollouts.

    The order is that of our trainer: the diagnostics read the estimator's advantages, before single tokens are shaped.
    """
    prompts, n = correct.shape
    mask, log_probs, entropy = (_by_row(x[i]) for x in (rollouts.mask, rollouts.log_probs, rollouts.entropy))
    rewards = torch.zeros(mask.shape)
    rewards[:, 0] = correct.flatten()
    uid = np.repeat(np.arange(prompts), n)
    groups = gather_groups(rewards, mask, uid, method.settings.reward_threshold)
    betas = {
        name: beta_at(schedule, getattr(method.settings, name), state.step, state.budget.steps, state.memories[i][name])
        for name, schedule in method.schedules.items()
    }
    if method.estimator == GRPO:
        advantages = grpo(groups, method.normalised).unsqueeze(1) * mask
    else:
        changed = {name: beta for name, beta in betas.items() if method.schedules[name] != Constant()}
        advantages = compute_advantages(method.estimator, rewards, mask, uid, replace(method.settings, **changed))
    row = {"critic/score/mean": correct.double().mean().item()}
    row |= diagnostics.group_metrics(groups, n)
    row |= diagnostics.channel_metrics(groups, mask, advantages, entropy)
    row |= diagnostics.covariance_metrics(groups, mask, advantages, log_probs, n)
    for name, beta in betas.items():
        row[f"asymgrpo/{name}"] = beta
        state.memories[i][name] = observe(method.schedules[name], name, beta, state.memories[i][name], row)
    if method.entropy_advantage:
        advantages = add_entropy(advantages, entropy, **vars(method.entropy_advantage))
    if weighting := method.token_weighting:
        for kind, members in ((weighting.correct, groups.correct), (weighting.incorrect, ~groups.correct)):
            if kind != "none":
                weights = token_weights(kind, mask, log_probs, entropy, weighting.top)
                advantages = torch.where(members.unsqueeze(1), advantages * weights, advantages)
    return groups, advantages.view(prompts, n, -1).transpose(1, 2), row


def grpo(groups: Groups, normalised: bool) -> torch.Tensor:
    """Compute verl's `grpo`, which is not in `core`: (r - p) / (s + 1e-6), or r - p; (rows,) float32.

    s is the sample standard deviation of the group. Groups of one, for which verl has a rule of its own, do not occur.
    """
    accuracy, size = groups.solved / groups.size, groups.size
    deviation = (size / (size - 1) * accuracy * (1 - accuracy)).sqrt() + 1e-6
    scale = 1 / deviation if normalised else torch.ones_like(deviation)
    return ((groups.correct.double() - accuracy[groups.index]) * scale[groups.index]).float()


def _update(shape: Shape, state: State, task: Task, method: Method, batch: Batch) -> torch.Tensor:
    """Update each policy on its mini-batch, with the mean over the mini-batch's tokens (Eq. 2); return gradient norms.

    A prompt whose advantages are 0 has no gradient, so it is left out; its tokens still count in the mean. A policy
    that learns from fewer prompts than another is filled up with such prompts.
    """
    share = 1 / batch.mask.sum(dim=(1, 2, 3), keepdim=True)
    if not method.entropy_coeff:
        teaches = (batch.advantages != 0).flatten(2).any(2)
        most = max(1, int(teaches.sum(1).max()))
        batch = batch.chosen(teaches.int().argsort(dim=1, descending=True, stable=True)[:, :most])
    log_probs, entropy = response_log_probs(
        shape, state.weights, batch.prompts, batch.responses, task.pad, entropy=bool(method.entropy_coeff)
    )
    # The sum over runs of each run's mean, so that the gradient of a policy is that of its own loss.
    weight = batch.mask * share
    loss, _ = two_channel_loss(
        *(x.flatten(1) for x in (batch.log_probs, log_probs, batch.advantages, batch.mask)),
        lambda losses: (losses * weight.flatten(1)).sum(),
        method.clip_low,
        method.clip_high,
        CLIP_C,
        anchored=method.anchored,
    )
    if method.entropy_coeff:
        loss = loss - method.entropy_coeff * (entropy * weight).sum()
    loss.backward()
    return state.update()


def validate(shape: Shape, state: State, task: Task) -> list[dict[str, float]]:
    """Return accuracy and pass@n of each policy on the validation prompts, at temperature 1."""
    drawn = task.draw(np.random.default_rng(VALIDATION_SEED), VALIDATION_PROMPTS, held_out=True)
    runs = len(state.flat)
    prompts = torch.from_numpy(drawn.tokens).to(state.flat.device).expand(runs, -1, -1)
    generators = [torch.Generator().manual_seed(VALIDATION_SEED) for _ in range(runs)]
    rollouts = sample(shape, state.weights, prompts, VALIDATION_N, task.response_length, task.end, task.pad, generators)
    solutions = np.broadcast_to(drawn.solution, (runs, *drawn.solution.shape))
    correct = verify(task, solutions, rollouts.responses).double()
    means = correct.mean(dim=(1, 2)).tolist(), correct.amax(dim=2).mean(dim=1).tolist()
    names = accuracy_key(task.name), pass_key(task.name)
    return [dict(zip(names, values, strict=True)) for values in zip(*means, strict=True)]


def accuracy_key(task: str) -> str:
    """Return the key of verl's validation accuracy."""
    return f"val-core/{task}/acc/mean@{VALIDATION_N}"


def pass_key(task: str) -> str:
    """Return the key of the share of prompts of which at least one of n responses is correct."""
    return f"val-core/{task}/acc/pass@{VALIDATION_N}"
