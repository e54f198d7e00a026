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
"""Compare the estimators and the policy loss on the accelerator with the CPU: python -m asymgrpo_verl.smoke.device

`command` runs this in a process of its own, because a process that has used a GPU keeps memory there until it ends.
"""

import json
from typing import NamedTuple

import numpy as np
import torch

from asymgrpo_verl.core.estimators import ESTIMATORS, compute_advantages
from asymgrpo_verl.core.losses import two_channel_loss

GROUPS, N, LENGTH = 32, 8, 64
# Largest difference by dtype, relative to the value or to 1: a few roundings. Devices round exp and pow differently,
# and add in different orders.
TOLERANCES = {torch.float64: 1e-12, torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}


class Finding(NamedTuple):
    """One thing that was checked.

    Attributes:
        what: what is good if there is no problem.
        problem: empty if there is none.
    """

    what: str
    problem: str = ""


def batch(dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Make GROUPS groups of N rollouts: rewards, mask, log-probabilities and advantages, (GROUPS * N, LENGTH) each."""
    generator = torch.Generator().manual_seed(0)
    rows = GROUPS * N
    mask = torch.arange(LENGTH) < torch.randint(0, LENGTH + 1, (rows, 1), generator=generator)
    rewards = torch.zeros(rows, LENGTH, dtype=dtype)
    rewards[:, 0] = torch.randint(0, 2, (rows,), generator=generator).to(dtype)
    old = -3 * torch.rand(rows, LENGTH, generator=generator)
    new = old + 0.3 * torch.randn(rows, LENGTH, generator=generator)
    advantages = torch.randn(rows, 1, generator=generator).expand(rows, LENGTH)
    floats = {"rewards": rewards, "old": old.to(dtype), "new": new.to(dtype), "advantages": advantages.to(dtype)}
    return floats | {"mask": mask}


def loss_and_gradient(tensors: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """Compute the loss, its gradient in the log-probabilities, and its metrics as one tensor."""
    mask, new = tensors["mask"], tensors["new"].detach().requires_grad_()

    def mean(losses: torch.Tensor) -> torch.Tensor:
        return (losses * mask).sum() / mask.sum()

    loss, metrics = two_channel_loss(tensors["old"], new, tensors["advantages"], mask, mean, 0.2, 0.2, 3.0)
    loss.backward()
    return [loss.detach(), new.grad * mask.sum(), torch.tensor([*metrics.values()], device=loss.device)]


def difference(expected: list[torch.Tensor], found: list[torch.Tensor], device: str, tolerance: float) -> str:
    """Return how results differ in device or value; empty if they do not."""
    for one, other in zip(expected, found, strict=True):
        if other.device.type != device:
            return f"got a result on {other.device}; expected {device}."
        distance = (one.double() - other.cpu().double()).abs() / one.double().abs().clamp(min=1)
        if not (distance <= tolerance).all():
            return f"got values up to {distance.max():.1e} from the CPU's; expected at most {tolerance:.0e}."
    return ""


def findings(device: str) -> list[Finding]:
    """Compare every estimator with its default settings, and the loss with gradient and metrics, for every dtype."""
    index = np.repeat(np.arange(GROUPS), N)
    found = []
    for dtype, tolerance in TOLERANCES.items():
        here = batch(dtype)
        there = {name: tensor.to(device) for name, tensor in here.items()}

        def advantages(name: str, tensors: dict[str, torch.Tensor]) -> list[torch.Tensor]:
            settings = ESTIMATORS[name].settings()
            return [compute_advantages(name, tensors["rewards"], tensors["mask"], index, settings)]

        problems = {
            name: difference(advantages(name, here), advantages(name, there), device, tolerance) for name in ESTIMATORS
        }
        problem = " ".join(f"{name}: {problem}" for name, problem in problems.items() if problem)
        found.append(Finding(f"{len(ESTIMATORS)} estimators in {str(dtype)[6:]} on {device} equal the CPU's", problem))
        problem = difference(loss_and_gradient(here), loss_and_gradient(there), device, tolerance)
        found.append(Finding(f"loss, gradient and metrics in {str(dtype)[6:]} on {device} equal the CPU's", problem))
    return found


if __name__ == "__main__":
    from verl.utils.device import get_device_name

    name = get_device_name()
    if name != "cpu" and not torch.get_device_module(name).is_available():
        name = "cpu"  # verl names cuda if there is nothing
    print(json.dumps([name, findings(name)]))
