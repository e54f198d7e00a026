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
"""Read one run: its log, the configuration that Hydra left beside it, and the label of its method."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from asymgrpo_verl import paper
from asymgrpo_verl.method_files import differences, flat, read_method
from asymgrpo_verl.runs.labels import split_label
from asymgrpo_verl.runs.logs import read_events, read_metrics

# Among Hydra's overrides
METHOD = re.compile(r"\+{0,2}asymgrpo=['\"]?([\w.+-]+)['\"]?")
# The settings that a figure draws with, and their lowest and highest values.
NUMBERS = {
    "algorithm.asymgrpo.beta_pos": (0, 1000),
    "algorithm.asymgrpo.beta_neg": (0, 1000),
    "actor_rollout_ref.rollout.n": (1, 100_000),
}


class Run(NamedTuple):
    """One training run.

    Attributes:
        path: the path that the user gave.
        label: the name of the run's method; runs with one label are runs of one method.
        rows: a dict per step, see `runs.logs.read_metrics`; never empty.
        config: verl's configuration, "a.b.c" -> value; empty if it is unknown.
    """

    path: Path
    label: str
    rows: list[dict]
    config: dict[str, Any]

    @property
    def last_step(self) -> int:
        return self.rows[-1]["step"]


def read_run(argument: str) -> Run:
    """Read the run of "LABEL=PATH" or "PATH".

    PATH is a run directory, with metrics.jsonl or with event files in it or in its tensorboard/; or a log of verl's
    logger `file`. Without LABEL, the label is `method_label`, else the experiment's name, else the name of the path. If
    the label names a row of Table 1, the row's name replaces it (see `paper.row_name`).

    Raises:
        OSError, ValueError: there is no such path, no log in it, or the log or the configuration cannot be read.
    """
    label, path = split_label(argument)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or directory.")
    rows = _read_log(path)
    if not rows:
        raise ValueError(f"{path}: got a log without steps; expected one step or more.")
    config, method = read_hydra(path if path.is_dir() else path.parent)
    own_name = path.absolute().name if path.is_dir() else path.stem
    label = label or method or config.get("trainer.experiment_name") or own_name
    return Run(path, paper.row_name(str(label)), rows, config)  # str: an experiment's name may be a number


def _read_log(path: Path) -> list[dict]:
    if path.is_file():
        if path.suffix != ".jsonl":
            raise ValueError(
                f"{path}: got the suffix {path.suffix!r}; expected a run directory or a .jsonl of verl's logger `file`."
            )
        return read_metrics(path)
    if rows := read_metrics(path / "metrics.jsonl"):
        return rows
    for directory in (path, path / "tensorboard"):
        if any(directory.glob("*tfevents*")):
            return read_events(directory)
    raise ValueError(
        f"{path}: got a directory without a log; expected metrics.jsonl, or TensorBoard's event files here or in "
        "tensorboard/. verl's logger `file` writes to VERL_FILE_LOGGER_PATH, else to "
        "./<trainer.project_name>/<trainer.experiment_name>.jsonl: give that file instead."
    )


def read_hydra(directory: Path) -> tuple[dict[str, Any], str | None]:
    """Return (configuration, `method_label`) from the files that Hydra wrote for the run; ({}, None) without them."""
    config, overrides = _hydra_files(directory)
    return config, method_label(config, overrides)


def _hydra_files(directory: Path) -> tuple[dict[str, Any], list[str]]:
    """Return (configuration, overrides). Our launchers let Hydra write to hydra/.hydra, and Hydra itself to .hydra."""
    found = [place for place in (directory / "hydra" / ".hydra", directory / ".hydra") if place.is_dir()]
    if not found:
        return {}, []
    config, overrides = (_read_yaml(found[0] / name) for name in ("config.yaml", "overrides.yaml"))
    config, overrides = config or {}, overrides or []
    if not isinstance(config, dict) or not isinstance(overrides, list):
        raise ValueError(
            f"{found[0]}: got something else in its files; expected Hydra's config.yaml and overrides.yaml."
        )
    leaves = flat(config)
    for key, (lowest, highest) in NUMBERS.items():
        value = leaves.get(key)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (is_number and lowest <= value <= highest):
            raise ValueError(
                f"{found[0] / 'config.yaml'}: {key}: got {value!r:.80}; expected a number in [{lowest}, {highest}]."
            )
    return leaves, [str(override) for override in overrides]


def label_of_checkpoint(checkpoint: Path, label: str | None) -> str | None:
    """Return `label`, or the name of what the checkpoint's run trained (`method_label`) if `label` hides it.

    It does so if it is None, or if it is METHOD and the run differs from METHOD.

    Args:
        checkpoint: a directory inside a global_step_N of a run; any other path, or a name on the hub, is of no run.
    """
    for config, overrides in _hydra_files_of(checkpoint):
        if own := method_label(config, overrides):
            methods = [paper.row_name(match[1]) for override in overrides if (match := METHOD.fullmatch(override))]
            return own if label is None or paper.row_name(label) in methods else label
    return label


def base_model(checkpoint: Path) -> str | None:
    """Return the last part of the path of the model that the checkpoint's run started from; None if it is unknown."""
    for config, _ in _hydra_files_of(checkpoint):
        if path := config.get("actor_rollout_ref.model.path"):
            return Path(str(path)).name
    return None


def _hydra_files_of(checkpoint: Path) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Yield the configurations of the checkpoint's run: beside its directory of checkpoints, or in it."""
    step = next((path for path in (checkpoint, *checkpoint.parents) if path.name.startswith("global_step_")), None)
    for directory in list(step.absolute().parents)[:2] if step else ():
        yield _hydra_files(directory)


def method_label(config: dict[str, Any], overrides: list[str]) -> str | None:
    """Return the name of what a run trains, from its configuration and Hydra's overrides.

    It is NAME of `+asymgrpo_name=NAME`; else METHOD of `+asymgrpo=METHOD`, as Table 1 calls it, with the settings in
    which the run differs from METHOD, such as "AsymGRPO (0.8, 0.4)"; None without either.
    """
    # The name may be in a file of the user's too.
    names = [str(config["asymgrpo_name"])] if config.get("asymgrpo_name") is not None else []
    methods = [match[1] for override in overrides if (match := METHOD.fullmatch(override))]
    if names or not methods:
        return names[-1] if names else None
    changed = differences(read_method(methods[-1]), config)
    return paper.row_name(methods[-1]) + (f" ({', '.join(changed)})" if changed else "")


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: not UTF-8, or a number too long
        raise ValueError(f"{path}: got a file that is not YAML: {' '.join(str(error).split())}.") from error
