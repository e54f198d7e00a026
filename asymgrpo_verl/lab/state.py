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
"""What runs that train side by side have between two steps: weights, optimizer, random numbers, memory of schedules."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from asymgrpo_verl.core.schedules import Memory
from asymgrpo_verl.files import atomic
from asymgrpo_verl.lab.methods import Method
from asymgrpo_verl.lab.policies import Weights

MAX_GRADIENT = 1.0  # verl's actor.grad_clip


class Budget(NamedTuple):
    """What a run is given.

    Attributes:
        steps: trainer steps.
        prompts: of a step; n: rollouts of a prompt; updates: mini-batches of a step, of consecutive prompts.
        learning_rate, weight_decay: of AdamW, constant.
    """

    steps: int = 400
    prompts: int = 32
    n: int = 8
    updates: int = 2
    learning_rate: float = 5e-4
    weight_decay: float = 0.01


class State:
    """The state of runs that train side by side.

    Attributes:
        step: how many steps are done.
        seeds: of the runs.
        flat: (runs, parameters) float32, the weights; `weights` are views of it.
        optimizer: AdamW over `flat`.
        generators: of the tokens, on the CPU; `rngs`: of the prompts, one each per run.
        memories: of the schedules of each run.
    """

    def __init__(self, base: Weights, method: Method, seeds: list[int], budget: Budget, device: torch.device):
        count = len(seeds)
        self.step, self.seeds, self.budget = 0, seeds, budget
        self.flat = torch.cat([weight.reshape(1, -1) for weight in base.values()], dim=1).to(device).repeat(count, 1)
        sizes = [weight.numel() for weight in base.values()]
        self.weights = {
            name: part.view(count, *weight.shape[1:]).requires_grad_()
            for (name, weight), part in zip(base.items(), self.flat.split(sizes, dim=1), strict=True)
        }
        self.optimizer = torch.optim.AdamW(
            [self.flat], budget.learning_rate, weight_decay=budget.weight_decay, fused=True
        )
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.rngs = [np.random.default_rng(seed) for seed in seeds]
        self.memories = [{name: Memory() for name in method.schedules} for _ in seeds]

    def update(self) -> torch.Tensor:
        """Take one step of AdamW along the gradients of the weights, each run's clipped to a norm of MAX_GRADIENT.

        Returns:
            (runs,) the norms before.
        """
        gradient = torch.cat([weight.grad.reshape(len(self.flat), -1) for weight in self.weights.values()], dim=1)
        # torch's norm along a long row is 2e-5 too small in float32; a sum of squares is not.
        norm = gradient.square().sum(dim=1, keepdim=True).sqrt()
        self.flat.grad = gradient.mul_((MAX_GRADIENT / (norm + 1e-6)).clamp(max=1))  # as clip_grad_norm_ does
        self.optimizer.step()
        for weight in self.weights.values():
            weight.grad = None
        return norm.squeeze(1)

    def save(self, path: Path) -> None:
        """Write everything into one file, so that no run of it is ahead of another."""
        moments = self.optimizer.state[self.flat]
        state = {
            "step": self.step,
            "seeds": self.seeds,
            "flat": self.flat,
            "moments": [moments[name] for name in ("exp_avg", "exp_avg_sq")],
            "generators": [generator.get_state() for generator in self.generators],
            "rngs": [json.dumps(rng.bit_generator.state) for rng in self.rngs],
            "memories": [{name: tuple(memory) for name, memory in each.items()} for each in self.memories],
        }
        with atomic(path) as partial:
            torch.save(state, partial)

    def load(self, path: Path) -> None:
        """Read what `save` wrote, of runs with the same seeds, method and budget."""
        state = torch.load(path, map_location=self.flat.device)
        self.step = state["step"]
        self.flat.copy_(state["flat"])
        first, second = state["moments"]
        updates = torch.tensor(float(self.step * self.budget.updates), device=self.flat.device)
        self.optimizer.state[self.flat] = {"step": updates, "exp_avg": first, "exp_avg_sq": second}
        for generator, saved in zip(self.generators, state["generators"], strict=True):
            generator.set_state(saved.cpu())
        for rng, saved in zip(self.rngs, state["rngs"], strict=True):
            rng.bit_generator.state = json.loads(saved)
        self.memories = [{name: Memory(*memory) for name, memory in each.items()} for each in state["memories"]]


def saved(path: Path) -> tuple[list[int], int]:
    """Return of a file of `State.save` the seeds of its runs, and how many steps are done."""
    state = torch.load(path, mmap=True)
    return state["seeds"], state["step"]
