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
"""Keep two checkpoints of a run, not dozens: trainer.checkpoint_callback_class=asymgrpo_verl.checkpoints.KeepBest"""

import os
import shutil
from pathlib import Path

from verl.trainer.ppo.checkpoint_callback import CheckpointCallback

from asymgrpo_verl.paper import SELECTION_BENCHMARK
from asymgrpo_verl.runs.logs import read_metrics, validation_accuracy
from asymgrpo_verl.runs.weights import find_checkpoints


class KeepBest(CheckpointCallback):
    """Keep the checkpoint just saved, to resume from, and the best one before it, which `asymgrpo select` returns.

    The best one has the highest validation accuracy on MATH-500; of equals it is the earliest. The accuracy comes from
    VERL_FILE_LOGGER_PATH, where verl's logger `file` writes. A checkpoint that was not validated is never removed. A
    checkpoint of a later step is not removed either: a run that was set back to an earlier step has such checkpoints.
    """

    def __init__(self, config=None):
        """Check that the accuracy will be in the log. verl calls this before Ray starts, with its whole configuration.

        Raises:
            ValueError: trainer.logger has no `file`, or VERL_FILE_LOGGER_PATH is not set.
        """
        super().__init__(config)
        trainer = config.trainer
        if trainer.save_freq <= 0:
            return
        loggers = [trainer.logger] if isinstance(trainer.logger, str) else list(trainer.logger)
        if "VERL_FILE_LOGGER_PATH" not in os.environ or "file" not in loggers:
            raise ValueError(
                f"trainer.logger: got {loggers} and VERL_FILE_LOGGER_PATH={os.environ.get('VERL_FILE_LOGGER_PATH')}; "
                "expected a list with file, and the path of its log, because "
                "trainer.checkpoint_callback_class=asymgrpo_verl.checkpoints.KeepBest reads the validation accuracy "
                "there. Set both, or remove trainer.checkpoint_callback_class."
            )
        if trainer.test_freq <= 0 or trainer.save_freq % trainer.test_freq:
            print(
                f"[asymgrpo_verl] trainer.save_freq={trainer.save_freq} is not a multiple of trainer.test_freq="
                f"{trainer.test_freq}, so checkpoints that are not validated all stay on the disk"
            )

    def on_save(self, trainer, global_step: int, checkpoint_dir: str, async_save: bool = False, **kwargs) -> None:
        """Remove the validated checkpoints before this one, except the best. verl calls this after it has saved one."""
        if async_save:  # the new checkpoint may not be whole yet, so the run may still need an older one
            return
        accuracy = validation_accuracy(read_metrics(Path(os.environ["VERL_FILE_LOGGER_PATH"])), SELECTION_BENCHMARK)
        saved = find_checkpoints(Path(checkpoint_dir).parent)
        validated = [step for step in saved if step in accuracy and step < global_step]
        best = min(validated, key=lambda step: (-accuracy[step], step), default=None)
        for step in validated:
            if step != best:
                shutil.rmtree(saved[step])
