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
from typing import NamedTuple

from omegaconf import DictConfig

from asymgrpo_verl.core.diagnostics import EpochCounts
from asymgrpo_verl.core.schedules import Memory

STATE_FILE = "asymgrpo.json"  # in a checkpoint's directory
NAN = float("nan")


class State(NamedTuple):
    """Plain numbers.

    Attributes:
        epoch: counts of the epoch so far.
        beta_pos, beta_neg: the memory of the beta's schedule.
        entropy: mean token entropy of the previous step's rollouts in nats; NaN before the first step.
        accuracies: the share of correct rollouts of the last steps, the latest last, that `algorithm.ha_dw` averages.
    """

    epoch: EpochCounts = EpochCounts(0)
    beta_pos: Memory = Memory()
    beta_neg: Memory = Memory()
    entropy: float = NAN
    accuracies: tuple[float, ...] = ()


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
    kinds = {"epoch": EpochCounts, "beta_pos": Memory, "beta_neg": Memory}
    state = State(**{name: kinds[name](*value) if name in kinds else value for name, value in saved.items()})
    return state._replace(accuracies=tuple(state.accuracies))
