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

import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from verl.trainer.ppo.checkpoint_callback import CheckpointCallback

from asymgrpo_verl.files import atomic
from asymgrpo_verl.method_files import check_composed
from asymgrpo_verl.paper import SELECTION_BENCHMARK
from asymgrpo_verl.runs.logs import read_metrics, validation_accuracy

WRITTEN = "keep_best.json"  # beside the checkpoints: the name and the fingerprint of each one that the run wrote


class KeepBest(CheckpointCallback):
    """Keep the checkpoint just saved, to resume from, and the best one before it, which `asymgrpo select` returns.

    The best one has the highest validation accuracy on MATH-500; of equals it is the earliest. The accuracy comes from
    VERL_FILE_LOGGER_PATH, where verl's logger `file` writes. These checkpoints are never removed:

    - one that was not validated, or whose accuracy is NaN
    - one of a later step, which a run has that was set back to an earlier step
    - one that this run did not write, or that has changed since. WRITTEN says what a run wrote. A run that resumes from
      one of these checkpoints is the same run.

    After the start no error ends the run. It is printed, and what could not be done is left undone.
    """

    def __init__(self, config=None):
        """Check that the accuracy will be in the log. verl calls this before it loads a checkpoint.

        Raises:
            ValueError: trainer.logger has no `file`, or VERL_FILE_LOGGER_PATH is not set; or `+asymgrpo=METHOD` is set,
                but verl has not loaded our plugin.
        """
        super().__init__(config)
        check_composed(config)  # because a launcher's run has this callback, also if verl has not loaded the plugin
        self.printed: set[str] = set()
        self.written: dict[str, str] = {}  # name of a checkpoint -> fingerprint
        self.others: set[str] = set()  # names that another run's checkpoints had when this run started
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
            self._print(
                f"trainer.save_freq={trainer.save_freq} is not a multiple of trainer.test_freq="
                f"{trainer.test_freq}, so checkpoints that are not validated all stay on the disk"
            )
        with self._going_on("the checkpoints from before this start stay on the disk"):
            directory = Path(trainer.default_local_dir)
            if _resumes_in_its_own_directory(trainer):
                self.written = _read_written(directory / WRITTEN)
            else:
                self.others = {path.name for path in directory.glob("global_step_*")}

    def on_save(self, trainer, global_step: int, checkpoint_dir: str, async_save: bool = False, **kwargs) -> None:
        """Remove the validated checkpoints before this one, except the best. verl calls this after it has saved one."""
        if async_save:  # the new checkpoint may not be whole yet, so the run may still need an older one
            return
        new = Path(checkpoint_dir)
        with self._going_on("a start that resumes keeps the checkpoints of today"):
            self._write_down(new)
        with self._going_on("no checkpoint is removed"):
            self._remove(new.parent, global_step)

    def _write_down(self, new: Path) -> None:
        """Add a checkpoint to WRITTEN, unless another run has files in it; drop those that are gone."""
        if new.name not in self.others and not new.is_symlink():
            self.written[new.name] = _fingerprint(new)
        self.written = {name: known for name, known in self.written.items() if (new.parent / name).exists()}
        with atomic(new.parent / WRITTEN) as partial:
            partial.write_text(json.dumps(self.written, indent=2) + "\n", encoding="utf-8")

    def _remove(self, directory: Path, before: int) -> None:
        rows = read_metrics(Path(os.environ["VERL_FILE_LOGGER_PATH"]), skip=self._print)
        accuracy = validation_accuracy(rows, SELECTION_BENCHMARK)
        own = {step: directory / f"global_step_{step}" for step in accuracy if step < before}
        own = {step: path for step, path in own.items() if path.exists() and path.name in self.written}
        unchanged = [step for step, path in own.items() if not math.isnan(accuracy[step]) and self._is_unchanged(path)]
        best = min(unchanged, key=lambda step: (-accuracy[step], step), default=None)
        for step in unchanged:
            if step != best:
                with self._going_on(f"{own[step]} could not be removed"):
                    shutil.rmtree(own[step])

    def _is_unchanged(self, checkpoint: Path) -> bool:
        if not checkpoint.is_symlink() and _fingerprint(checkpoint) == self.written[checkpoint.name]:
            return True
        self._print(f"{checkpoint} has changed since this run saved it, so it stays on the disk")
        return False

    @contextmanager
    def _going_on(self, consequence: str) -> Iterator[None]:
        """Print any error of the block, and go on, because no trouble with old checkpoints is worth a training run."""
        try:
            yield
        except Exception as error:  # whatever it is: the log, the disk and the file system may fail in any way
            self._print(f"{consequence}, because of {type(error).__name__}: {error}")

    def _print(self, message: str) -> None:
        """Print a message once in a run, for example about a damaged line of the log that is read at each save."""
        if message not in self.printed:
            self.printed.add(message)
            with suppress(Exception):  # because stdout may be a file on the disk that is full
                print(f"[asymgrpo_verl] KeepBest: {message}", flush=True)


def _resumes_in_its_own_directory(trainer) -> bool:
    """Return whether verl will resume from a checkpoint in trainer.default_local_dir: then this run is its writer."""
    directory = Path(trainer.default_local_dir)
    if trainer.resume_mode == "resume_path":
        return Path(trainer.resume_from_path).resolve().parent == directory.resolve()
    latest = directory / "latest_checkpointed_iteration.txt"
    if trainer.resume_mode != "auto" or not latest.is_file():
        return False
    return (directory / f"global_step_{latest.read_text().strip()}").exists()  # if not, verl starts from scratch


def _read_written(path: Path) -> dict[str, str]:
    """Return what an earlier start of the run wrote there; {} if there is no such file, as in runs of 0.1.0."""
    if not path.is_file():
        return {}
    written = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(written, dict):
        raise ValueError(f"{path}: got {written!r:.80}; expected an object.")
    return written


def _fingerprint(checkpoint: Path) -> str:
    """Return a hash of the names, sizes and times of a checkpoint's files, which are others in another checkpoint."""
    about = []
    for path in sorted(checkpoint.rglob("*")):
        if not path.is_dir() or path.is_symlink():
            status = path.lstat()
            # seconds, because a network file system may round the time of a file that it has just written
            about.append((str(path.relative_to(checkpoint)), status.st_size, int(status.st_mtime)))
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]
