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
"""Schedules of the betas, the entropy coefficient and REPO-R's zeta, by the step or by what earlier steps measured.

The paper keeps both betas constant, and names schedules as future work. A schedule is a frozen dataclass. `beta_at`
computes its beta at a step, and `observe` updates its memory, which is plain numbers that a checkpoint can hold.
"""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from asymgrpo_verl.core.fields import checked, number


def check_points(key: str, value: Any) -> None:
    """Raise a ValueError if `value` is not {step: beta, ...} with steps >= 1 and betas >= 0."""

    def fits(step: Any, beta: Any) -> bool:
        if isinstance(step, bool) or isinstance(beta, bool):
            return False
        return isinstance(step, int) and step >= 1 and isinstance(beta, int | float) and 0 <= beta <= sys.float_info.max

    if not isinstance(value, Mapping) or not value or not all(fits(*point) for point in value.items()):
        raise ValueError(f"{key}: got {value!r}; expected {{step: beta, ...}} with steps from 1 and betas >= 0.")


@dataclass(frozen=True)
class Constant:
    """The configured beta at every step."""


@dataclass(frozen=True)
class Linear:
    """A straight line from the configured beta at step 1 to `end` at step number `steps`, and `end` from then on.

    Attributes:
        end: the last beta, >= 0.
        steps: the step that reaches it, >= 0; 0 stands for the number of steps of the run.
    """

    end: float = number(at_least=0)
    steps: int = number(0, at_least=0)


@dataclass(frozen=True)
class Cosine(Linear):
    """As `Linear`, but along half a cosine wave, which is flat at both ends."""


@dataclass(frozen=True)
class Piecewise:
    """The configured beta up to the first step of `points`, then the beta of the last point that was reached.

    Attributes:
        points: step, from 1 -> beta, >= 0.
    """

    points: dict[int, float] = checked(check_points)


@dataclass(frozen=True)
class Entropy:
    """A controller that moves the beta so that the entropy of its channel stays near a target.

    Each step adds gain x (target - entropy)/target to beta_pos, and subtracts it from beta_neg. The entropy is
    averaged, and the factor is clipped to [-1, 1]. So beta_pos rises while the entropy of correct rollouts is below the
    target, which puts more weight on hard prompts. beta_neg rises while the entropy of incorrect rollouts is above the
    target, which prunes them harder.

    Attributes:
        target: nats per token, > 0.
        gain: change per step, >= 0.
        minimum, maximum: bounds of the beta.
        average: number of steps that the entropy is averaged over, >= 1.
    """

    target: float = number(above=0)
    gain: float = number(0.02, at_least=0)
    minimum: float = number(0.0, at_least=0)
    maximum: float = number(1.5, at_least=0)
    average: int = number(10, at_least=1)


@dataclass(frozen=True)
class SolveRate:
    """none_solved + (all_solved - none_solved) p, where p is the averaged mean group accuracy of the steps before.

    Attributes:
        none_solved, all_solved: the beta at p = 0 and at p = 1, >= 0.
        average: number of steps that p is averaged over, >= 1.
    """

    none_solved: float = number(at_least=0)
    all_solved: float = number(at_least=0)
    average: int = number(10, at_least=1)


KINDS = {
    "constant": Constant,
    "linear": Linear,
    "cosine": Cosine,
    "piecewise": Piecewise,
    "entropy": Entropy,
    "solve_rate": SolveRate,
}
Schedule = Constant | Linear | Cosine | Piecewise | Entropy | SolveRate
# The metric that `Entropy` keeps near the target, by beta.
SIGNALS = {"beta_pos": "rollouts/correct/entropy", "beta_neg": "rollouts/incorrect/entropy"}


class Memory(NamedTuple):
    """What a schedule remembers of the steps before.

    Attributes:
        beta: the current beta of a controller; None before the first measurement.
        signal: the average of the measurements; None before the first one.
        count: number of measurements so far.
    """

    beta: float | None = None
    signal: float | None = None
    count: int = 0


def beta_at(schedule: Schedule, start: float, step: int, run_steps: int, memory: Memory) -> float:
    """Compute the beta of a step.

    Args:
        start: the configured beta.
        step: from 1.
        run_steps: number of steps of the whole run.
        memory: the result of `observe` after the step before.
    """
    match schedule:
        case Linear():
            last = (schedule.steps or run_steps) - 1
            share = min((step - 1) / last, 1.0) if last > 0 else 1.0
            if isinstance(schedule, Cosine):
                share = (1 - math.cos(math.pi * share)) / 2
            return start * (1 - share) + schedule.end * share
        case Piecewise():
            reached = [at for at in schedule.points if at <= step]
            return schedule.points[max(reached)] if reached else start
        case SolveRate() if memory.count:
            return schedule.none_solved * (1 - memory.signal) + schedule.all_solved * memory.signal
        case Entropy():
            return start if memory.beta is None else memory.beta
    return start


def observe(schedule: Schedule, name: str, beta: float, memory: Memory, metrics: dict[str, float]) -> Memory:
    """Return the memory after a step. A measurement that is NaN (its channel has no rollout) or infinite is ignored.

    The average is the mean of the first `average` measurements, and an exponential moving average from then on.

    Args:
        name: "beta_pos" or "beta_neg".
        beta: of the step.
        metrics: of the step, see `diagnostics`.
    """
    if not isinstance(schedule, Entropy | SolveRate):
        return memory
    measured = metrics[SIGNALS[name] if isinstance(schedule, Entropy) else "groups/accuracy"]
    if not math.isfinite(measured):
        return memory
    count = memory.count + 1
    signal = measured if memory.signal is None else memory.signal
    signal += (measured - signal) / min(count, schedule.average)
    if isinstance(schedule, Entropy):
        error = min(max((schedule.target - signal) / schedule.target, -1.0), 1.0)
        beta += schedule.gain * (error if name == "beta_pos" else -error)
        beta = min(max(beta, schedule.minimum), schedule.maximum)
    return Memory(beta, signal, count)


@dataclass(frozen=True)
class EntropyCoefficient:
    """The adaptive entropy coefficient of Skywork-OR1 (arXiv 2505.22312), with the defaults of its training scripts.

    After a step it rises by `step` if the entropy was below the target, and falls by `step` if not. The entropy bonus
    is on if the last entropy was below the target. TRL's defaults are a step of 0.005 and a maximum of 1.

    Attributes:
        target: nats per token, > 0.
        step: change per step, >= 0.
        minimum, maximum: bounds of the coefficient, >= 0.
    """

    target: float = number(0.2, above=0)
    step: float = number(1e-4, at_least=0)
    minimum: float = number(0.0, at_least=0)
    maximum: float = number(0.005, at_least=0)


class Coefficient(NamedTuple):
    """The entropy coefficient of a step.

    Attributes:
        value: what the controller holds.
        on: whether the bonus is on, so that the coefficient in the loss is `value`, and not 0.
    """

    value: float
    on: bool = True

    @property
    def applied(self) -> float:
        return self.value if self.on else 0.0


def next_coefficient(schedule: EntropyCoefficient, coefficient: Coefficient, entropy: float) -> Coefficient:
    """Return the coefficient after a step. It stays if the entropy is NaN.

    Skywork's code compares the mean of -log pi over the sampled tokens with the target, which estimates the entropy; we
    take the entropy itself, as TRL does.

    Args:
        entropy: mean token entropy of the step's rollouts, of the policy before the update, in nats.
    """
    if not math.isfinite(entropy):
        return coefficient
    below = entropy < schedule.target
    value = coefficient.value + (schedule.step if below else -schedule.step)
    return Coefficient(min(max(value, schedule.minimum), schedule.maximum), below)


@dataclass(frozen=True)
class RepoR:
    """The controller of REPO-R's zeta (arXiv 2603.11682, Appendix D.2; see `core.losses.repo_r_advantages`).

    Attributes:
        target: nats per token, > 0; SkyRL's example has 0.3.
        start: zeta at the first step; SkyRL's example has 0.001.
        minimum, maximum: bounds of |zeta|, > 0.
    """

    target: float = number(0.3, above=0)
    start: float = number(0.001)
    minimum: float = number(1e-4, above=0)
    maximum: float = number(0.05, above=0)


def next_zeta(schedule: RepoR, zeta: float, entropy: float) -> float:
    """Return zeta after a step: it moves up if the entropy is below the target, and down if it is above.

    On its way zeta doubles, up to the maximum, if it moves away from 0, and halves if it moves towards 0. Below the
    minimum it changes its sign. It stays if the entropy is at the target or NaN.
    """
    if not math.isfinite(entropy) or entropy == schedule.target:
        return zeta
    direction = 1.0 if entropy < schedule.target else -1.0
    if zeta * direction > 0:
        return direction * min(2 * abs(zeta), schedule.maximum)
    return zeta / 2 if abs(zeta) / 2 >= schedule.minimum else direction * schedule.minimum
