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
"""What the user of `asymgrpo lab` asks for: check it, write it beside the logs, and find what is still to train."""

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from asymgrpo_verl.files import atomic
from asymgrpo_verl.lab import methods
from asymgrpo_verl.lab.state import Budget, saved
from asymgrpo_verl.lab.training import Block, log_of
from asymgrpo_verl.method_files import flat
from asymgrpo_verl.runs.logs import read_metrics


class Comparison(NamedTuple):
    """What the user asks for.

    Attributes:
        methods: METHOD or METHOD:KEY=VALUE,...; the first is the one that the others are compared with.
        seeds: of the runs, the same for all methods.
        task: of TASKS.
        instance: the seed from which the task draws everything about itself, and the one of its base policy.
        reach: the accuracy in training to which the table counts the steps.
        out: the directory of the runs.
    """

    methods: list[str]
    seeds: list[int]
    task: str
    instance: int
    budget: Budget
    reach: float
    out: Path

    @property
    def base(self) -> Path:
        """The file of the base policy, from which all runs start."""
        return self.out / f"{self.task}-{self.instance}.base"


def blocks_to_train(asked: Comparison, side_by_side: int) -> list[Block]:
    """Check what was asked, and return what is to be trained, with the blocks that were interrupted as they were.

    Raises:
        OSError, ValueError, TypeError: an unknown method or setting; a method twice; prompts that the updates cannot
            share; an `out` that is no directory, that has a run of other settings, or an interrupted block with runs
            that were not asked for.
    """
    if len({*asked.methods}) < len(asked.methods):
        raise ValueError(f"METHOD: got {' '.join(asked.methods)}; expected each method once.")
    prompts, updates = asked.budget.prompts, asked.budget.updates
    if prompts % updates:
        raise ValueError(
            f"--prompts: got {prompts}; expected a multiple of {updates}, because a step has {updates} updates."
        )
    read = [methods.read(text, asked.budget.n) for text in asked.methods]
    if asked.out.exists() and not asked.out.is_dir():
        raise NotADirectoryError(20, "got a file; expected a directory", str(asked.out))
    for method in read:
        for seed in asked.seeds:
            _check_settings(asked, method, seed)
    return [block for method in asked.methods for block in _blocks(asked, method, side_by_side)]


def _blocks(asked: Comparison, method: str, side_by_side: int) -> list[Block]:
    interrupted = []
    for path in sorted(asked.out.glob("*.state")):
        if path.name.startswith(f"{method}-seeds"):
            seeds, done = saved(path)
            if not {*seeds} <= {*asked.seeds}:
                raise ValueError(
                    f"--seeds: got {_range(asked.seeds)}; expected {_range(seeds)} among them, because the runs of "
                    f"{path} were interrupted. Ask for these seeds too, or remove this file."
                )
            interrupted.append(Block(method, seeds, asked.out, done))
    known = {seed for block in interrupted for seed in block.seeds}
    rest = [seed for seed in asked.seeds if seed not in known and not _is_done(asked, method, seed)]
    chunks = [rest[i : i + side_by_side] for i in range(0, len(rest), side_by_side)]
    return interrupted + [Block(method, chunk, asked.out, 0) for chunk in chunks]


def _range(seeds: list[int]) -> str:
    return f"{seeds[0]} to {seeds[-1]}"


def _is_done(asked: Comparison, method: str, seed: int) -> bool:
    rows = read_metrics(log_of(asked.out, method, seed))
    return bool(rows) and rows[-1]["step"] == asked.budget.steps


def write_settings(asked: Comparison, block: Block) -> None:
    """Write the settings of a block's runs beside their logs, where Hydra leaves them for `asymgrpo figures`."""
    method = methods.read(block.method, asked.budget.n)
    for seed in block.seeds:
        overrides = [f"+asymgrpo={method.file}"] if method.file else []
        for name, content in (("config.yaml", settings(asked, method, seed)), ("overrides.yaml", overrides)):
            with atomic(_hydra(asked, method, seed) / name) as partial:
                partial.write_text(yaml.safe_dump(content), encoding="utf-8")


def settings(asked: Comparison, method: methods.Method, seed: int) -> dict[str, Any]:
    """Return the settings of a run as verl's configuration has them, and under `lab` what verl has not."""
    budget = asked.budget
    tree = {
        "actor_rollout_ref": {
            "actor": {
                "optim": {"lr": budget.learning_rate, "weight_decay": budget.weight_decay},
                "ppo_mini_batch_size": budget.prompts // budget.updates,
                "clip_ratio_low": method.clip_low,
                "clip_ratio_high": method.clip_high,
                "entropy_coeff": method.entropy_coeff,
            },
            "rollout": {"n": budget.n},
        },
        "data": {"train_batch_size": budget.prompts, "seed": seed},
        "trainer": {"total_training_steps": budget.steps},
        "lab": {"task": asked.task, "instance": asked.instance},
    }
    if method.file is None:
        tree["asymgrpo_name"] = method.text
    return methods.nested(flat(method.config) | flat(tree))


def _hydra(asked: Comparison, method: methods.Method, seed: int) -> Path:
    return log_of(asked.out, method.text, seed).parent / "hydra" / ".hydra"


def _check_settings(asked: Comparison, method: methods.Method, seed: int) -> None:
    """Raise a ValueError if the run is in `out` with other settings."""
    path = _hydra(asked, method, seed) / "config.yaml"
    if path.exists():
        there = flat(yaml.safe_load(path.read_text(encoding="utf-8")))
        wanted = flat(settings(asked, method, seed))
        for key in sorted({*there, *wanted}):
            if there.get(key) != wanted.get(key):
                raise ValueError(
                    f"{path}: {key}: got {there.get(key)!r}; expected {wanted.get(key)!r}, because the runs of a "
                    "directory have the same settings. Choose another --out."
                )
