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
"""Compute exactly what AsymGRPO does to a softmax bandit: a step on one prompt, a sampled group, many prompts.

One prompt is a bandit: an arm y is a response, pi(y) its probability, some arms are correct, p = pi(correct). H+ and H-
are the entropies of pi within its correct and within its incorrect arms, in nats. Then

    H = h(p) + p H+ + (1-p) H-,   h(p) = -p log p - (1-p) log(1-p).

A natural-gradient step is pi' ~ pi exp(eta A), with step size eta. Every estimator here gives the advantage A+ = a to
all correct arms and A- = -b to all incorrect arms. So the step adds eta (a+b) to the log-odds of p and leaves H+ and H-
as they are. Eq. 9 of arXiv 2604.04894 then becomes

    dH ~ -eta Cov(log pi, A) = -eta p(1-p) (a+b) L,   L = E[log pi | correct] - E[log pi | incorrect].
"""

import functools
import itertools
from typing import NamedTuple

import torch

from asymgrpo_verl.core.estimators import asymgrpo
from asymgrpo_verl.core.groups import Groups

N = 8  # rollouts of a group, as in the paper


class Bandit(NamedTuple):
    """Hold a policy: probabilities of the correct and of the incorrect arms, each (..., arms), > 0, together 1."""

    correct: torch.Tensor
    incorrect: torch.Tensor

    @property
    def pi(self) -> torch.Tensor:
        return torch.cat([self.correct, self.incorrect], -1)

    @property
    def p(self) -> torch.Tensor:
        return self.correct.sum(-1)

    def per_arm(self, correct: torch.Tensor, incorrect: torch.Tensor) -> torch.Tensor:
        """Return (arms,): one value for every correct arm, another for every incorrect arm."""
        return torch.cat([correct.expand_as(self.correct), incorrect.expand_as(self.incorrect)])

    @property
    def log_odds(self) -> torch.Tensor:
        """Return the advantage whose natural-gradient step adds eta to the log-odds of p: 1 on correct arms, else 0."""
        return torch.cat([torch.ones_like(self.correct), torch.zeros_like(self.incorrect)], -1)

    def moved(self, logits: torch.Tensor) -> "Bandit":
        """Return the policy after `logits`, (..., arms), are added to log pi."""
        return Bandit(*torch.softmax(self.pi.log() + logits, -1).split([len(self.correct), len(self.incorrect)], -1))

    def gap(self) -> torch.Tensor:
        """Return L: the mean log-probability of a correct rollout minus that of an incorrect rollout."""
        correct, incorrect = self.correct / self.correct.sum(), self.incorrect / self.incorrect.sum()
        return (correct * self.correct.log()).sum() - (incorrect * self.incorrect.log()).sum()


def bandit(correct: list[float], incorrect: list[float]) -> Bandit:
    return Bandit(torch.tensor(correct, dtype=torch.float64), torch.tensor(incorrect, dtype=torch.float64))


def entropy(pi: torch.Tensor) -> torch.Tensor:
    """Return the entropy in nats, (..., arms) -> (...), of `pi` divided by its sum, so that `pi` may be one channel."""
    pi = pi / pi.sum(-1, keepdim=True)
    return -(pi * pi.log()).sum(-1)


def covariance(pi: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (pi * (x - (pi * x).sum()) * (y - (pi * y).sum())).sum()


def advantages(policy: Bandit, beta_pos: float, beta_neg: float, channel: str = "both") -> torch.Tensor:
    """Return A of every arm, (arms,), at the exact p (Eq. 10); with one `channel`, the other channel's arms get 0."""
    groups = Groups(size=torch.ones((), dtype=torch.float64), solved=policy.p)
    correct, incorrect = asymgrpo(groups, beta_pos, beta_neg, "none")
    return policy.per_arm(correct * (channel != "incorrect"), incorrect * (channel != "correct"))


def natural_step(policy: Bandit, advantage: torch.Tensor, eta: float) -> Bandit:
    return policy.moved(eta * advantage)


def vanilla_step(policy: Bandit, advantage: torch.Tensor, eta: float) -> Bandit:
    """Return the policy after a step along the policy gradient in the logits, pi(y) (A(y) - E[A])."""
    return policy.moved(eta * policy.pi * (advantage - (policy.pi * advantage).sum()))


def entropy_change(policy: Bandit, advantage: torch.Tensor, eta: float) -> float:
    """Return H(pi') - H(pi) of a natural-gradient step, exactly."""
    return (entropy(natural_step(policy, advantage, eta).pi) - entropy(policy.pi)).item()


def first_order(policy: Bandit, advantage: torch.Tensor, eta: float) -> float:
    """Return the change of entropy that Eq. 9 predicts."""
    return -eta * covariance(policy.pi, policy.pi.log(), advantage).item()


def second_order(policy: Bandit, advantage: torch.Tensor, eta: float) -> float:
    """Return the term after Eq. 9: -eta^2/2 (Var(A) + E[(A - E A)^2 (log pi - E log pi)])."""
    centred = (advantage - (policy.pi * advantage).sum()) ** 2
    curvature = covariance(policy.pi, advantage, advantage) + covariance(policy.pi, centred, policy.pi.log())
    return -(eta**2) / 2 * curvature.item()


def channel_weight(members: torch.Tensor, size: torch.Tensor | float, beta: float, flip: bool = False) -> torch.Tensor:
    """Compute |A| in a channel of `members` out of `size` rollouts; both channels have the same curve (Eq. 7)."""
    groups = Groups(size=torch.full_like(members, size), solved=members)
    return asymgrpo(groups, beta, 0.0, "positive" if flip else "none")[0]


def mean_weight(share: torch.Tensor, beta: float, flip: bool = False) -> torch.Tensor:
    """Return the mean of |A| of a rollout of a channel over groups of N drawn from the policy, (prompts,).

    Args:
        share: (prompts,) probability of the channel; Binomial(N-1, share) of the N-1 other rollouts are in it.
    """
    others = torch.arange(N, dtype=torch.float64)
    weight = channel_weight(others + 1, N, beta, flip)
    return torch.distributions.Binomial(N - 1, share.unsqueeze(-1)).log_prob(others).exp() @ weight


def total_weight(p: torch.Tensor, beta_pos: float, beta_neg: float, flip: str = "none") -> torch.Tensor:
    """Return the expected a+b over groups of N, (prompts,); the betas act on a prompt only through this number."""
    return mean_weight(p, beta_pos, flip == "positive") + mean_weight(1 - p, beta_neg, flip == "negative")


class Noise(NamedTuple):
    """Hold the expected changes of p, of H+ and of H- over one step from one sampled group."""

    p: float
    correct: float
    incorrect: float


def sampled_step(policy: Bandit, beta_pos: float, beta_neg: float, channel: str, eta: float) -> Noise:
    """Compute the expected changes in a vanilla step from one group of N, summed over every group that can be drawn."""
    groups = [counts for counts in itertools.product(range(N + 1), repeat=len(policy.pi)) if sum(counts) == N]
    counts = torch.tensor(groups, dtype=torch.float64)
    correct, incorrect = counts.split([len(policy.correct), len(policy.incorrect)], dim=1)
    signal = torch.cat(
        [
            correct * group_weight(correct, beta_pos) * (channel != "incorrect"),
            -incorrect * group_weight(incorrect, beta_neg) * (channel != "correct"),
        ],
        dim=1,
    )
    after = policy.moved(eta / N * (signal - policy.pi * signal.sum(1, keepdim=True)))
    chance = torch.distributions.Multinomial(N, policy.pi).log_prob(counts).exp()
    changes = (after.p - policy.p, *(entropy(new) - entropy(old) for new, old in zip(after, policy, strict=True)))
    return Noise(*((chance * change).sum().item() for change in changes))


def group_weight(counts: torch.Tensor, beta: float) -> torch.Tensor:
    """Return |A| of a channel in sampled groups of N, (groups, 1); 0 in a group without the channel.

    Args:
        counts: (groups, arms), how often each arm of the channel was drawn.
    """
    members = counts.sum(1, keepdim=True)
    return torch.where(members > 0, channel_weight(members, N, beta), 0.0)


class Betas(NamedTuple):
    beta_pos: float
    beta_neg: float
    flip: str = "none"


# A population of prompts with p from 0.05 to 0.95; START are their log-odds. D = H- - H+ is SLOPE times the log-odds at
# the start. So L = log-odds + D rises with p over the prompts, is the same for all, or falls. The mean of H+ and H- is
# 3 nats.
START = torch.linspace(-3, 3, 61, dtype=torch.float64)
SLOPE = {"L rises": 0.0, "L flat": -1.0, "L falls": -2.0}


@functools.cache
def train(setting: Betas, steps: int = 300, eta: float = 0.02) -> torch.Tensor:
    """Take natural-gradient steps of the expected gradient from START; return the log-odds of p, (steps + 1, prompts).

    H+ and H- do not change, so only the log-odds move, and their path does not depend on any entropy.
    """
    path = [START]
    for _ in range(steps):
        path.append(path[-1] + eta * total_weight(path[-1].sigmoid(), *setting))
    return torch.stack(path)


def population_entropy(log_odds: torch.Tensor, slope: float) -> torch.Tensor:
    """Return the mean over the prompts of H = h(p) + p H+ + (1-p) H-: (steps, prompts) -> (steps,)."""
    p, difference = log_odds.sigmoid(), slope * START
    split = -(p * p.log() + (1 - p) * (-log_odds).sigmoid().log())
    return (split + 3 + (0.5 - p) * difference).mean(1)


def at_accuracy(log_odds: torch.Tensor, values: torch.Tensor, accuracy: torch.Tensor) -> torch.Tensor:
    """Return `values`, one per step, at the point where the population's mean p is `accuracy`; linear between steps.

    The result has the shape of `accuracy`.
    """
    mean = log_odds.sigmoid().mean(1)
    after = torch.searchsorted(mean, accuracy)
    part = (accuracy - mean[after - 1]) / (mean[after] - mean[after - 1])
    return torch.lerp(values[after - 1], values[after], part)
