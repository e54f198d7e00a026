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
"""Train a block: runs of one method that train side by side, to the end of their budget, with logs in verl's format."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from asymgrpo_verl.files import atomic
from asymgrpo_verl.lab.methods import Method
from asymgrpo_verl.lab.policies import Shape, Weights
from asymgrpo_verl.lab.state import Budget, State
from asymgrpo_verl.lab.steps import train_step, validate
from asymgrpo_verl.lab.tasks import Task

VALIDATE_EVERY = 50  # steps; the state is saved after each validation


class Block(NamedTuple):
    """Runs that train side by side. Their results depend on it in the last bits, so a resumed block has the same runs.

    Attributes:
        method: as `methods.read` reads it.
        seeds: of the runs.
        out: directory of all runs of the comparison.
        done: steps that an earlier call has done and saved.
    """

    method: str
    seeds: list[int]
    out: Path
    done: int

    @property
    def state(self) -> Path:
        return self.out / f"{self.method}-seeds{self.seeds[0]}-{self.seeds[-1]}.state"

    def logs(self) -> list[Path]:
        return [log_of(self.out, self.method, seed) for seed in self.seeds]


def log_of(out: Path, method: str, seed: int) -> Path:
    """Return the path of a run's log."""
    return out / f"{method}-seed{seed}" / "metrics.jsonl"


def train(
    shape: Shape,
    base: Weights,
    task: Task,
    method: Method,
    block: Block,
    budget: Budget,
    device: torch.device,
    progress: Callable[[int], None],
) -> None:
    """Train the runs of a block from their saved state, or from the base policy.

    Args:
        progress: called after each step with the number of runs.
    """
    state, logs = State(base, method, block.seeds, budget, device), block.logs()
    if block.done:
        state.load(block.state)
        for log in logs:
            _cut(log, state.step)
    else:
        _write(logs, 0, validate(shape, state, task), fresh=True)
    while state.step < budget.steps:
        rows = train_step(shape, state, task, method)
        validated = state.step % VALIDATE_EVERY == 0 or state.step == budget.steps
        if validated:
            rows = [row | more for row, more in zip(rows, validate(shape, state, task), strict=True)]
        _write(logs, state.step, rows)
        if validated and state.step < budget.steps:
            state.save(block.state)
        progress(len(logs))
    block.state.unlink(missing_ok=True)


def _write(logs: list[Path], step: int, rows: list[dict[str, float]], fresh: bool = False) -> None:
    for path, row in zip(logs, rows, strict=True):
        with path.open("w" if fresh else "a", encoding="utf-8") as log:
            log.write(json.dumps({"step": step, "data": {"training/global_step": step, **row}}) + "\n")


def _cut(log: Path, step: int) -> None:
    """Remove the steps after `step`, which a run that was killed had logged but not saved."""
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
    with atomic(log) as partial:
        partial.write_text("".join(kept), encoding="utf-8")
