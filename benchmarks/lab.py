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
"""Measure the speed of `asymgrpo lab`, and how far it is from the speed of a matrix product.

python benchmarks/lab.py [PROCESSES]    in one process per core, or in so many; each trains four runs side by side

The first row is a policy of 2 layers of 64 on `facts`, 32 prompts x 8 rollouts of 5 tokens and two updates. The policy
is untrained and the method is REINFORCE, so no prompt is left out of an update. The second row is the policy of
studies/miniature (3 layers of 96) with responses of 16 tokens. A second is one of CPU time
in every process, because other programs on the machine change it less than the time on the wall.
"""

import multiprocessing
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from asymgrpo_verl.lab import methods
from asymgrpo_verl.lab.policies import Shape, draw_weights
from asymgrpo_verl.lab.state import Budget, State
from asymgrpo_verl.lab.steps import train_step
from asymgrpo_verl.lab.tasks import TASKS

RUNS, SECONDS = 4, 10.0


class Size(NamedTuple):
    """A measured size: `chain` is the longest chain of facts, and a response has a token more."""

    name: str
    chain: int
    layers: int
    hidden: int
    intermediate: int


SIZES = [Size("2 layers of 64, 5 tokens", 4, 2, 64, 192), Size("3 layers of 96, 16 tokens", 15, 3, 96, 288)]


def shape_of(size: Size) -> Shape:
    heads = size.hidden // 32
    vocab = TASKS["facts"](1, steps=size.chain).vocab
    return Shape(vocab, size.hidden, size.layers, heads, heads, intermediate=size.intermediate)


def flops_of_step(size: Size, budget: Budget) -> float:
    """Count the operations of the matrix products of one run's step: sampling, and the update's three passes.

    Attention is counted with the tokens that a token can see, not with those of the other responses, which the packed
    sequence computes and masks.
    """
    shape, task = shape_of(size), TASKS["facts"](1, steps=size.chain)
    prompt, response = task.prompt_length, task.response_length
    weights = sum(weight.numel() for name, weight in draw_weights(shape, 0).items() if weight.dim() == 3)
    head = shape.vocab * shape.hidden
    weights -= head
    inputs = prompt + budget.n * (response - 1)  # tokens that go through the layers
    seen = prompt * prompt / 2 + budget.n * (response - 1) * (prompt + response / 2)
    attention = 2 * shape.layers * shape.heads * shape.head_dim * seen
    forward = 2 * (weights * inputs + head * budget.n * response + attention)
    return budget.prompts * forward * (1 + 3)


def measure(size: Size, ready, results) -> None:
    """Train for some seconds; send steps of a run per second."""
    torch.set_num_threads(1)
    shape, task = shape_of(size), TASKS["facts"](1, steps=size.chain)
    method = methods.read("reinforce:algorithm.diagnostics.log_prob_increment_every=0", 8)
    base = draw_weights(shape, 0)
    state = State(base, method, list(range(RUNS)), Budget(), torch.device("cpu"))
    train_step(shape, state, task, method)
    ready.wait()
    began, done = time.process_time(), 0
    while time.process_time() - began < SECONDS:
        train_step(shape, state, task, method)
        done += RUNS
    speed = done / (time.process_time() - began)
    ready.wait()
    results.put((speed, matrix_product(shape, 1700), matrix_product(shape, 0)))


def matrix_product(shape: Shape, tokens: int) -> float:
    """Measure FLOP per second of the largest product of a layer for as many tokens, or of a square one of 1024."""
    rows, inner, columns = (tokens, shape.hidden, 2 * shape.intermediate) if tokens else (1024, 1024, 1024)
    one, other = torch.randn(RUNS, rows, inner), torch.randn(RUNS, inner, columns)
    out = torch.empty(RUNS, rows, columns)
    torch.bmm(one, other, out=out)
    began, count = time.process_time(), 0
    while time.process_time() - began < 2:
        torch.bmm(one, other, out=out)
        count += 1
    return 2 * RUNS * rows * inner * columns * count / (time.process_time() - began)


def main() -> None:
    processes = int(sys.argv[1]) if len(sys.argv) > 1 else len(os.sched_getaffinity(0))
    spawn = multiprocessing.get_context("spawn")
    print("| size | seed-steps per second | GFLOP/s | product of a layer | square product of 1024 |")
    print("|---|---|---|---|---|")
    for size in SIZES:
        ready, results = spawn.Barrier(processes), spawn.Queue()
        workers = [spawn.Process(target=measure, args=(size, ready, results)) for _ in range(processes)]
        for worker in workers:
            worker.start()
        speed, layer, square = (sum(column) for column in zip(*(results.get() for _ in workers), strict=True))
        for worker in workers:
            worker.join()
        used = speed * flops_of_step(size, Budget())
        print(f"| {size.name} | {speed:.1f} | {used / 1e9:.0f} | {layer / 1e9:.0f} | {square / 1e9:.0f} |", flush=True)


if __name__ == "__main__":
    main()
