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
"""Find the model weights that a verl run saved: its checkpoints and the best of them; merge shards into one model."""

import hashlib
import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

from asymgrpo_verl.runs.logs import data_sources, read_metrics, validation_accuracy

SHARD = re.compile(r"model_world_size_(\d+)_rank_\d+\.pt")
STEP = re.compile(r"global_step_(\d+)")


def find_checkpoints(run: Path) -> dict[int, Path]:
    """Return step -> global_step_N, from `run` and from run/checkpoints, for the checkpoints with the actor's weights.

    verl removes the weights of old checkpoints (max_actor_ckpt_to_keep) and leaves their directories, so a directory
    without weights is not a checkpoint.
    """
    found = [path for root in (run, run / "checkpoints") for path in root.glob("global_step_*")]
    named = [(STEP.fullmatch(path.name), path) for path in found]
    return {int(match[1]): path for match, path in named if match and _has_weights(path / "actor")}


def best_checkpoint(run: Path, metrics: Path, data_source: str) -> tuple[Path, list[str]]:
    """Return the checkpoint with the best validation accuracy, and messages for the user.

    If several checkpoints have the best accuracy, the earliest is returned. A checkpoint whose accuracy is NaN is not
    considered.

    Raises:
        OSError, ValueError: no log, a damaged log, no validation on the data source, no checkpoint at a validated step.
    """
    rows = read_metrics(metrics)
    if not rows:
        raise FileNotFoundError(
            f"{metrics}: no such file, or an empty one. verl's logger `file` writes to VERL_FILE_LOGGER_PATH, else to "
            "./<trainer.project_name>/<trainer.experiment_name>.jsonl: give that file with --metrics."
        )
    validated = validation_accuracy(rows, data_source)
    accuracy = {step: value for step, value in validated.items() if not math.isnan(value)}
    if not validated:
        found = ", ".join(sorted(data_sources(rows))) or "no data source"
        raise ValueError(
            f"{metrics}: got validations on {found}; expected {data_source}. Choose another with --data-source."
        )
    if not accuracy:
        raise ValueError(
            f"{metrics}: got no number in any validation on {data_source}; expected at least one, because verl logs "
            "null for a NaN. Check the reward function, or choose another data source with --data-source."
        )
    checkpoints = find_checkpoints(run)
    saved = [step for step in accuracy if step in checkpoints]
    if not saved:
        raise ValueError(
            f"{run}: got checkpoints at steps {_steps(checkpoints)}; expected one at a validated step: "
            f"{_steps(accuracy)}."
        )

    def rank(step: int) -> tuple[float, int]:
        return -accuracy[step], step

    best, best_saved = min(accuracy, key=rank), min(saved, key=rank)
    messages = [f"step {best_saved}: {accuracy[best_saved]:.4f} on {data_source}, the best of {len(saved)} checkpoints"]
    if accuracy[best] > accuracy[best_saved]:
        messages.append(f"step {best}: validated at {accuracy[best]:.4f}, but it has no checkpoint")
    if numberless := sorted(checkpoints.keys() & (validated.keys() - accuracy.keys())):
        messages.append(
            f"not considered, because the accuracy in the log is not a number at these steps: {_steps(numberless)}"
        )
    unvalidated = sorted(checkpoints.keys() - validated.keys())
    if unvalidated:
        messages.append(f"not considered, because the log has no validation at these steps: {_steps(unvalidated)}")
    return checkpoints[best_saved], messages


def _steps(steps) -> str:
    return ", ".join(map(str, sorted(steps))) or "none"


def _shards(actor: Path) -> list[Path]:
    return sorted(path for path in actor.glob("model_world_size_*") if SHARD.fullmatch(path.name))


def _has_weights(actor: Path) -> bool:
    return bool(_shards(actor) or _huggingface_weights(actor / "huggingface"))


def _huggingface_weights(directory: Path) -> list[Path]:
    return sorted([*directory.glob("*.safetensors"), *directory.glob("pytorch_model*.bin")])


def locate_model(model: str) -> tuple[Path | None, str | None]:
    """Find a model's weights.

    Args:
        model: a Hugging Face model's directory; a verl checkpoint, global_step_N or its actor/; else a name on the hub.
    Returns:
        (directory of weights or shards, fingerprint that changes when the weights change), or (None, None) for a name
        on the hub.
    Raises:
        FileNotFoundError: `model` does not exist and cannot be a name on the hub.
        ValueError: a path without weights, or with fewer FSDP shards than the run had ranks.
    """
    path = Path(model)
    if not path.exists():
        if path.is_absolute() or model.count("/") > 1 or model.startswith("."):
            raise FileNotFoundError(f"{model}: no such directory.")
        print(f"{model}: no such directory here, so we look for this name on the hub", file=sys.stderr)
        return None, None
    for directory in (path, path / "huggingface", path / "actor" / "huggingface"):
        if (directory / "config.json").is_file() and (files := _huggingface_weights(directory)):
            return directory, _fingerprint(files)
    for directory in (path, path / "actor"):
        if shards := _shards(directory):
            ranks = int(SHARD.fullmatch(shards[0].name)[1])
            if len(shards) != ranks:
                raise ValueError(f"{directory}: got {len(shards)} FSDP shards; expected {ranks}, one per rank.")
            if not (directory / "huggingface" / "config.json").is_file():
                raise ValueError(f"{directory}: expected huggingface/config.json, which verl saves beside the shards.")
            return directory, _fingerprint(shards)
    raise ValueError(
        f"{model}: got a directory without weights; expected a Hugging Face model (config.json with *.safetensors) or "
        "a verl FSDP checkpoint (model_world_size_*_rank_*.pt, in actor/)."
    )


def _fingerprint(files: list[Path]) -> str:
    about = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr(about).encode()).hexdigest()[:16]


def merge_shards(actor: Path, target: Path) -> Path:
    """Merge FSDP shards into `target`, a Hugging Face model in bfloat16, with verl's model merger; return `target`.

    If `target` exists, it is kept.

    Raises:
        SystemExit: the merger failed; the message has the end of its output.
    """
    if target.is_dir():
        return target
    print(f"merging the shards of {actor} into {target}", file=sys.stderr)
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [sys.executable, "-m", "verl.model_merger", "merge", "--backend", "fsdp"]
    command += ["--local_dir", str(actor), "--target_dir", str(partial)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        end = done.stdout.splitlines()[-25:]
        sys.exit("\n".join([*end, f"{actor}: verl's model merger failed. The end of its output is above."]))
    partial.rename(target)
    return target
