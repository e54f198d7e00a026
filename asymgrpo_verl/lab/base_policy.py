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
"""Train the policy that all runs of a task start from: supervised, on responses of the task's teacher."""

import math
from pathlib import Path

import numpy as np
import torch

from asymgrpo_verl.files import atomic
from asymgrpo_verl.lab.policies import Shape, Weights, draw_weights
from asymgrpo_verl.lab.sampling import response_log_probs
from asymgrpo_verl.lab.tasks import Task

STEPS, ROWS, LEARNING_RATE, WARM_UP = 1500, 512, 3e-3, 0.1


def base_policy(task: Task, shape: Shape, seed: int, steps: int = STEPS, rows: int = ROWS) -> Weights:
    """Train a policy by next-token prediction on the teacher's responses.

    Returns:
        The weights of one policy, without gradient. The same seed gives the same weights on one machine.
    """
    rng = np.random.default_rng(seed)
    weights = {name: weight.requires_grad_() for name, weight in draw_weights(shape, seed).items()}
    optimizer = torch.optim.AdamW(weights.values(), LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    for step in range(steps):
        done = (step + 1) / steps
        decay = 0.5 * (1 + math.cos(math.pi * done))
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * min(1, done / WARM_UP) * decay
        prompts = task.draw(rng, rows)
        responses = torch.from_numpy(task.teach(prompts, rng)).view(1, rows, -1, 1)
        log_probs, _ = response_log_probs(
            shape, weights, torch.from_numpy(prompts.tokens).unsqueeze(0), responses, task.pad
        )
        taught = responses != task.pad
        optimizer.zero_grad()
        (-(log_probs * taught).sum() / taught.sum()).backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimizer.step()
    return {name: weight.detach() for name, weight in weights.items()}


def kept_base_policy(task: Task, shape: Shape, seed: int, path: Path) -> Weights:
    """Return the base policy that is saved at `path`; train it and save it there if it is not."""
    if not path.exists():
        with atomic(path) as partial:
            torch.save(base_policy(task, shape, seed), partial)
    return torch.load(path)
