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
"""What our trainers keep between steps, and save in STATE_FILE of a checkpoint."""

import json
import os
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from omegaconf import DictConfig

from asymgrpo_verl.core.diagnostics import EpochCounts
from asymgrpo_verl.core.schedules import (
    Coefficient,
    EntropyCoefficient,
    Memory,
    RepoR,
    Schedule,
    next_coefficient,
    next_zeta,
    observe,
)
from asymgrpo_verl.integration.settings import HistorySettings
from asymgrpo_verl.integration.weights import remembered

STATE_FILE = "asymgrpo.json"  # in a checkpoint's directory
NAN = float("nan")


class State(NamedTuple):
    """Plain numbers.

    Attributes:
        epoch: counts of the epoch so far.
        beta_pos, beta_neg: the memory of the beta's schedule.
        entropy: mean token entropy of the previous step's rollouts in nats; NaN before the first step.
        accuracies: the share of correct rollouts of the last steps, the latest last, that `algorithm.ha_dw` averages.
        entropy_coefficient: of the next step, with `algorithm.entropy_coefficient`; None before the first step.
        zeta: of the next step, with `algorithm.repo_r`; None before the first step.
    """

    epoch: EpochCounts = EpochCounts(0)
    beta_pos: Memory = Memory()
    beta_neg: Memory = Memory()
    entropy: float = NAN
    accuracies: tuple[float, ...] = ()
    entropy_coefficient: Coefficient | None = None
    zeta: float | None = None


def before_step(
    state: State, entropy_coefficient: EntropyCoefficient | None, start: float, repo_r: RepoR | None
) -> tuple[State, dict[str, float], dict[str, float]]:
    """Return the state with what the loss of this step has, the same as our worker reads it, and as metrics.

    Args:
        entropy_coefficient, repo_r: the settings of the run; None if they are off.
        start: the configured entropy coefficient.
    """
    for_worker, metrics = {}, {}
    if entropy_coefficient:
        held = state.entropy_coefficient or Coefficient(start)
        state = state._replace(entropy_coefficient=held)
        for_worker["entropy_coeff"] = held.applied
        metrics |= {"entropy_coefficient/value": held.value, "entropy_coefficient/applied": held.applied}
    if repo_r:
        state = state._replace(zeta=repo_r.start if state.zeta is None else state.zeta)
        for_worker["repo_r_zeta"] = metrics["repo_r/zeta"] = state.zeta
    return state, for_worker, metrics


def after_step(
    state: State,
    metrics: dict[str, float],
    schedules: dict[str, Schedule],
    ha_dw: HistorySettings | None,
    entropy_coefficient: EntropyCoefficient | None,
    repo_r: RepoR | None,
) -> tuple[State, dict[str, float]]:
    """Let what adapts to the run read the metrics of a step.

    Args:
        metrics: of the step, with the betas it had.
        schedules, ha_dw, entropy_coefficient, repo_r: the settings of the run; {} and None if they are off.

    Returns:
        The state for the next step, and the averages that it rests on, as metrics.
    """
    averages = {}
    for name, schedule in schedules.items():
        memory = observe(schedule, name, metrics[f"asymgrpo/{name}"], getattr(state, name), metrics)
        state = state._replace(**{name: memory})
        averages[f"asymgrpo/{name}_signal"] = NAN if memory.signal is None else memory.signal
    if entropy_coefficient:
        after = next_coefficient(entropy_coefficient, state.entropy_coefficient, metrics["rollouts/entropy"])
        state = state._replace(entropy_coefficient=after)
    if repo_r:
        state = state._replace(zeta=next_zeta(repo_r, state.zeta, metrics["rollouts/entropy"]))
    if ha_dw:
        state = state._replace(accuracies=remembered(state.accuracies, metrics["rollouts/correct/share"], ha_dw.window))
        averages["ha_dw/belief"] = fmean(state.accuracies)
    return state, averages


def as_text(state: State) -> str:
    """Return the text of STATE_FILE."""
    return json.dumps(state._asdict())


def saved_state(trainer: DictConfig, step: int) -> State:
    """Return the state of the checkpoint that a run resumes from.

    It is that of a new run if another trainer saved the checkpoint. What an earlier version has not saved is as at the
    start of a run.

    Args:
        trainer: verl's settings of that name.
        step: of the checkpoint.
    """
    resumed = os.path.join(trainer.default_local_dir, f"global_step_{step}")
    path = Path(trainer.resume_from_path if trainer.resume_mode == "resume_path" else resumed) / STATE_FILE
    if not path.exists():
        print(
            f"[asymgrpo_verl] {path} does not exist, because another trainer saved the checkpoint: schedules and the "
            "counts of the epoch start anew"
        )
        return State()
    saved = json.loads(path.read_text())
    kinds = {"epoch": EpochCounts, "beta_pos": Memory, "beta_neg": Memory, "entropy_coefficient": Coefficient}
    made = {name: kinds[name](*value) if name in kinds and value else value for name, value in saved.items()}
    return State(**made | {"accuracies": tuple(saved.get("accuracies", ()))})
