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
"""The two betas over training: functions of the step, or of what the diagnostics measured.

What the paper leaves open: it holds both constant. A schedule here is a frozen dataclass, `beta_at` is its value at a
step, and `observe` is what it remembers of a step, as plain numbers that a checkpoint can hold.
"""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from asymgrpo_verl.core.fields import checked, number


def check_points(key: str, value: Any) -> None:
    """Raise a ValueError where `value` is not {step from 1: beta >= 0, ...}."""

    def fits(step: Any, beta: Any) -> bool:
        whole = isinstance(step, int) and not isinstance(step, bool) and step >= 1
        return (
            whole and isinstance(beta, int | float) and not isinstance(beta, bool) and 0 <= beta <= sys.float_info.max
        )

    if not isinstance(value, Mapping) or not value or not all(fits(*point) for point in value.items()):
        raise ValueError(f"{key}: got {value!r}; expected {{step: beta, ...}} with steps from 1 and betas >= 0.")


@dataclass(frozen=True)
class Constant:
    """The beta that is configured, at every step."""


@dataclass(frozen=True)
class Linear:
    """From the beta that is configured, at step 1, to `end`, which holds from step number `steps` on.

    Attributes:
        end: >= 0.
        steps: >= 0; 0 is all steps of the run.
    """

    end: float = number(at_least=0)
    steps: int = number(0, at_least=0)


@dataclass(frozen=True)
class Cosine(Linear):
    """As linear, along half a cosine: slow at both ends."""


@dataclass(frozen=True)
class Piecewise:
    """The beta that is configured until a step of `points` is reached, then that point's value until the next.

    Attributes:
        points: step (from 1) -> value, >= 0.
    """

    points: dict[int, float] = checked(check_points)


@dataclass(frozen=True)
class Entropy:
    """Holds the entropy of the channel near a target: beta_pos that of correct, beta_neg that of incorrect rollouts.

    Each step moves the beta by gain times the relative distance of the averaged entropy from the target, at most by
    gain. beta_pos rises while the entropy of correct rollouts is below the target: more weight on hard prompts.
    beta_neg rises while the entropy of incorrect rollouts is above it, and falls below: for it the target is a floor,
    down to which it prunes.

    Attributes:
        target: nats a token, > 0.
        gain: >= 0, a step.
        minimum, maximum: the beta stays in between.
        average: steps that the entropy is averaged over, >= 1.
    """

    target: float = number(above=0)
    gain: float = number(0.02, at_least=0)
    minimum: float = number(0.0, at_least=0)
    maximum: float = number(1.5, at_least=0)
    average: int = number(10, at_least=1)


@dataclass(frozen=True)
class SolveRate:
    """A function of the averaged solve rate s, the mean group accuracy of the steps before: none + (all - none) s.

    Attributes:
        none_solved, all_solved: the beta at s = 0 and at s = 1, >= 0.
        average: steps that s is averaged over, >= 1.
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
# The metric that each beta's channel is held to.
SIGNALS = {"beta_pos": "rollouts/correct/entropy", "beta_neg": "rollouts/incorrect/entropy"}


class Memory(NamedTuple):
    """What a schedule remembers of the steps before.

    Attributes:
        beta: where a controller stands; None before the first measurement.
        signal: the average of what it measures; None before the first measurement.
        count: measurements so far.
    """

    beta: float | None = None
    signal: float | None = None
    count: int = 0


def beta_at(schedule: Schedule, start: float, step: int, run_steps: int, memory: Memory) -> float:
    """The beta of a step.

    Args:
        start: the beta that is configured.
        step: from 1.
        run_steps: steps of the whole run.
        memory: what `observe` made of the steps before this one.
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
    """What is remembered after a step. NaN, of a channel that the batch has not, and infinity change nothing.

    The average is the mean of the first `average` measurements, and from then on an exponential one of that length.

    Args:
        name: "beta_pos" or "beta_neg".
        beta: that of the step.
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
