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
"""trainer.checkpoint_callback_class=asymgrpo_verl.checkpoints.KeepBest: a run leaves two checkpoints, not dozens."""

import os
import shutil
from pathlib import Path

from verl.trainer.ppo.checkpoint_callback import CheckpointCallback

from asymgrpo_verl.paper import SELECTION_BENCHMARK
from asymgrpo_verl.runs.logs import read_metrics, validation_accuracy
from asymgrpo_verl.runs.weights import find_checkpoints


class KeepBest(CheckpointCallback):
    """Keeps the checkpoint just saved, from which the run resumes, and the best so far, which `asymgrpo select` takes.

    The best is by validation accuracy on MATH-500 in the file that verl's logger `file` writes, VERL_FILE_LOGGER_PATH.
    A checkpoint at a step without such a validation is never removed, nor one of a later step.
    """

    def __init__(self, config=None):
        super().__init__(config)
        trainer = config.trainer
        if trainer.save_freq <= 0:
            return
        loggers = [trainer.logger] if isinstance(trainer.logger, str) else list(trainer.logger)
        if "VERL_FILE_LOGGER_PATH" not in os.environ or "file" not in loggers:
            raise ValueError(
                f"trainer.logger={loggers}: has to hold file, and VERL_FILE_LOGGER_PATH to name its path, for "
                "trainer.checkpoint_callback_class=asymgrpo_verl.checkpoints.KeepBest to know the best checkpoint."
            )
        if trainer.test_freq <= 0 or trainer.save_freq % trainer.test_freq:
            print(
                f"[asymgrpo_verl] trainer.save_freq={trainer.save_freq} is no multiple of trainer.test_freq="
                f"{trainer.test_freq}: the checkpoints that are not validated all stay on the disk"
            )

    def on_save(self, trainer, global_step: int, checkpoint_dir: str, async_save: bool = False, **kwargs) -> None:
        if async_save:  # the new one is not yet on the disk
            return
        accuracy = validation_accuracy(read_metrics(Path(os.environ["VERL_FILE_LOGGER_PATH"])), SELECTION_BENCHMARK)
        saved = find_checkpoints(Path(checkpoint_dir).parent)
        judged = [step for step in saved if step in accuracy and step < global_step]
        best = min(judged, key=lambda step: (-accuracy[step], step), default=None)
        for step in judged:
            if step != best:
                shutil.rmtree(saved[step])
