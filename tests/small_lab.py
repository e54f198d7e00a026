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
"""A small run of the lab: a task, a policy that has learnt nothing, and a budget of few steps."""

import torch

from asymgrpo_verl.lab.methods import Method, read
from asymgrpo_verl.lab.policies import Shape, Weights, draw_weights
from asymgrpo_verl.lab.state import Budget, State
from asymgrpo_verl.lab.tasks import TASKS

TASK = TASKS["rules"](1, symbols=3, rules=2)
SHAPE = Shape(TASK.vocab, hidden=16, head_dim=8, intermediate=32)
BUDGET = Budget(steps=6, prompts=8, n=4, learning_rate=1e-2)
CPU = torch.device("cpu")


def base(seed: int = 0) -> Weights:
    return draw_weights(SHAPE, seed, scale=0.3)


def state_of(method: Method | str, seeds: tuple[int, ...] = (1, 2), budget: Budget = BUDGET) -> State:
    method = read(method, budget.n) if isinstance(method, str) else method
    return State(base(), method, [*seeds], budget, CPU)
