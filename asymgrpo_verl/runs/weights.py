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
import json
import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

from asymgrpo_verl.runs.logs import data_sources, read_metrics, validated_metrics, validation_accuracy

SHARD = re.compile(r"model_world_size_(\d+)_rank_\d+\.pt")
STEP = re.compile(r"global_step_(\d+)")
ADAPTER = "lora_adapter"  # verl's name for the directory of a LoRA adapter
LORA = "lora_train_meta.json"  # verl writes it beside the shards of a LoRA model
MERGE = "python -m asymgrpo_verl.runs.adapter"


def find_checkpoints(run: Path) -> dict[int, Path]:
    """Return step -> global_step_N, from `run` and from run/checkpoints, for the checkpoints with the actor's weights.

    verl removes the weights of old checkpoints (max_actor_ckpt_to_keep) and leaves their directories, so a directory
    without weights is not a checkpoint.
    """
    found = [path for root in (run, run / "checkpoints") for path in root.glob("global_step_*")]
    named = [(STEP.fullmatch(path.name), path) for path in found]
    return {int(match[1]): path for match, path in named if match and _has_weights(path / "actor")}


def best_checkpoint(run: Path, metrics: Path, data_source: str, by: str | None = None) -> tuple[Path, list[str]]:
    """Return the checkpoint with the best validation accuracy, and messages for the user.

    If several checkpoints have the best accuracy, the earliest is returned. A checkpoint whose accuracy is NaN is not
    considered.

    Args:
        by: the metric of the validation instead of the accuracy, such as pass@8: see `logs.validation_accuracy`.

    Raises:
        OSError, ValueError: no log, a damaged log, no validation on the data source, no checkpoint at a validated step.
    """
    rows = read_metrics(metrics)
    if not rows:
        raise FileNotFoundError(
            f"{metrics}: no such file, or an empty one. verl's logger `file` writes to VERL_FILE_LOGGER_PATH, else to "
            "./<trainer.project_name>/<trainer.experiment_name>.jsonl: give that file with --metrics."
        )
    validated = validation_accuracy(rows, data_source, by)
    accuracy = {step: value for step, value in validated.items() if not math.isnan(value)}
    if not validated and data_source in data_sources(rows):
        found = ", ".join(validated_metrics(rows, data_source))
        raise ValueError(
            f"{metrics}: got {found} on {data_source}; expected {by}. Choose another with --by. A validation has "
            "pass@k if our trainer made it with rollout.val_kwargs.n > 1."
        )
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
            f"{run}: got checkpoints at these steps: {_steps(checkpoints)}; expected one at a validated step: "
            f"{_steps(accuracy)}."
        )

    def rank(step: int) -> tuple[float, int]:
        return -accuracy[step], step

    best, best_saved = min(accuracy, key=rank), min(saved, key=rank)
    what = f"{by} {accuracy[best_saved]:.4f}" if by else f"{accuracy[best_saved]:.4f}"
    messages = [f"step {best_saved}: {what} on {data_source}, the best of {len(saved)} checkpoints"]
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
    found = [*directory.glob("*.safetensors"), *directory.glob("pytorch_model*.bin")]
    return sorted(path for path in found if path.name != "adapter_model.safetensors")


def find_adapter(directory: Path) -> Path | None:
    """Return the directory of the LoRA adapter that belongs to a model or to the shards in `directory`; None without.

    verl writes it in the actor's directory or beside it; peft writes it beside a model's weights.
    """
    places = [directory, directory / ADAPTER]
    places += [directory.parent / ADAPTER] if directory.name == "actor" else []
    return next((place for place in places if (place / "adapter_config.json").is_file()), None)


def _trained_lora(actor: Path) -> bool:
    return (actor / LORA).is_file() or find_adapter(actor) is not None


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
        # verl writes the weights of a LoRA model there under names that no engine reads
        of_lora = directory.name == "huggingface" and _trained_lora(directory.parent)
        if (directory / "config.json").is_file() and (files := _huggingface_weights(directory)) and not of_lora:
            return directory, _fingerprint(files, find_adapter(directory))
    for directory in (path, path / "actor", path.parent if path.name == "huggingface" else path):
        if shards := _shards(directory):
            ranks = int(SHARD.fullmatch(shards[0].name)[1])
            if len(shards) != ranks:
                raise ValueError(f"{directory}: got {len(shards)} FSDP shards; expected {ranks}, one per rank.")
            if not (directory / "huggingface" / "config.json").is_file():
                raise ValueError(f"{directory}: expected huggingface/config.json, which verl saves beside the shards.")
            return directory, _fingerprint([*shards, *directory.glob(LORA)], find_adapter(directory))
    if adapter := find_adapter(path) or find_adapter(path / "actor"):
        raise ValueError(
            f"{adapter}: got a LoRA adapter without its base model; expected a model with all its weights. "
            f"Run: {MERGE} BASE {adapter} TARGET, then evaluate TARGET."
        )
    raise ValueError(
        f"{model}: got a directory without weights; expected a Hugging Face model (config.json with *.safetensors) or "
        "a verl FSDP checkpoint (model_world_size_*_rank_*.pt, in actor/)."
    )


def _fingerprint(files: list[Path], adapter: Path | None) -> str:
    files = [*files, *(sorted(adapter.glob("adapter_*")) if adapter else [])]
    about = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr(about).encode()).hexdigest()[:16]


def must_be_merged(weights: Path) -> bool:
    """Return whether `weights` (see `locate_model`) are shards or have a LoRA adapter, which no engine loads as it is.

    Raises:
        ValueError: shards of a LoRA model whose lora_alpha is unknown.
    """
    if (weights / "config.json").is_file():
        return find_adapter(weights) is not None
    meta = weights / LORA
    if meta.is_file() and not find_adapter(weights) and not _alpha(meta):
        raise ValueError(
            f"{meta}: got {meta.read_text(errors='replace')!r:.80}; expected the rank and the alpha of the training, "
            'such as {"r": 8, "lora_alpha": 16}, because without them the adapter cannot be merged. Write them there.'
        )
    return True


def _alpha(meta: Path) -> float | None:
    try:
        found = json.loads(meta.read_text(encoding="utf-8"))["lora_alpha"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, int | float) else None


def merge(weights: Path, target: Path) -> Path:
    """Write `target`, a Hugging Face model: FSDP shards merged with verl's model merger, a LoRA adapter merged in.

    If `target` exists, it is kept.

    Returns:
        `target`.
    Raises:
        SystemExit: it failed; the message has the end of the merger's output.
    """
    if target.is_dir() and not find_adapter(target):
        return target
    shutil.rmtree(target, ignore_errors=True)  # version 0.1.0 left the adapter beside its base model
    partial, base = target.with_name(target.name + ".partial"), weights
    shutil.rmtree(partial, ignore_errors=True)
    if not (weights / "config.json").is_file():
        base = partial
        command = ["verl.model_merger", "merge", "--backend", "fsdp"]
        print(f"merging the shards of {weights} into {target}", file=sys.stderr)
        if not _succeeds([*command, "--local_dir", str(weights), "--target_dir", str(partial)]):
            advice = ""
            if find_adapter(partial) and not _huggingface_weights(partial):
                advice = (
                    " The shards hold a LoRA adapter without its base model, as save_lora_only=True saves it. "
                    f"Run: {MERGE} BASE {partial / ADAPTER} TARGET, then evaluate TARGET."
                )
            sys.exit(f"{weights}: verl's model merger failed. The end of its output is above.{advice}")
    # The shards of a LoRA model hold base and adapter, and verl's merger writes them beside each other.
    if adapter := find_adapter(weights) or find_adapter(base):
        print(f"merging the LoRA adapter {adapter} into {target}", file=sys.stderr)
        adapted = target.with_name(target.name + ".adapted")
        shutil.rmtree(adapted, ignore_errors=True)
        if not _succeeds(["asymgrpo_verl.runs.adapter", str(base), str(adapter), str(adapted)]):
            sys.exit(f"{adapter}: this LoRA adapter could not be merged. The end of the output is above.")
        shutil.rmtree(partial, ignore_errors=True)
        partial = adapted
    partial.rename(target)
    return target


def _succeeds(module: list[str]) -> bool:
    """Run a Python module with its arguments; print the end of its output if it fails."""
    command = [sys.executable, "-m", *module]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        print(*done.stdout.splitlines()[-25:], sep="\n", file=sys.stderr)
    return done.returncode == 0
