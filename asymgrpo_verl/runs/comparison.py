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
"""The runs that `asymgrpo figures` compares: what each logged, how it was set, and which are seeds of one method."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from asymgrpo_verl import paper
from asymgrpo_verl.runs.logs import read_events, read_metrics

SEED = re.compile(r"(.*[._])?seed")
# Where a run writes, what it keeps and from which checkpoint it goes on: no curve depends on these.
PLACE = re.compile(
    r"ray_kwargs\..*|trainer\.(experiment_name|project_name|logger|default_\w+_dir|\w+_data_dir|save_freq|resume_\w+"
    r"|checkpoint_callback_class|max_\w+_ckpt_to_keep)"
)
METHOD = re.compile(r"\+{0,2}asymgrpo=(\w+)")


class Run(NamedTuple):
    """A run.

    Attributes:
        path: as it was given.
        label: the method it is a run of.
        rows: see `runs.read_metrics`; never empty.
        config: verl's configuration, "a.b.c" -> value; empty where it is unknown.
    """

    path: Path
    label: str
    rows: list[dict]
    config: dict[str, Any]

    @property
    def last_step(self) -> int:
        return self.rows[-1]["step"]


class Method(NamedTuple):
    name: str
    seeds: list[Run]


def read_run(argument: str) -> Run:
    """The run of "LABEL=PATH" or "PATH": a run directory, with metrics.jsonl or with event files in it or in its
    tensorboard/; or a log of verl's logger `file`. Without LABEL it is METHOD of `+asymgrpo=METHOD`, else the
    experiment's name, else the path's own. A row of the paper's Table 1 is found by its name and by its METHOD.

    Raises:
        OSError, ValueError: there is no such path, no log in it, or one that cannot be read.
    """
    cuts = [i for i, letter in enumerate(argument) if letter == "=" and not Path(argument).exists()]
    # A label may hold a = too, as in beta_neg=0.75=RUN.
    cut = next((i for i in cuts if Path(argument[i + 1 :]).exists()), cuts[0] if cuts else -1)
    label, path = argument[: max(cut, 0)].strip(), Path(argument[cut + 1 :])
    if cuts and not (label and argument[cut + 1 :]):
        raise ValueError(f"{argument}: expected LABEL=RUN.")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or directory.")
    rows = _read_log(path)
    if not rows:
        raise ValueError(f"{path}: holds no step.")
    config, method = _read_hydra(path if path.is_dir() else path.parent)
    if not cuts:
        own_name = path.absolute().name if path.is_dir() else path.stem
        label = method or config.get("trainer.experiment_name") or own_name
    known = {key.casefold(): row.name for row in paper.TABLE_1 for key in (row.method, row.name)}
    return Run(path, known.get(label.casefold(), label), rows, config)


def _read_log(path: Path) -> list[dict]:
    if path.is_file():
        if path.suffix != ".jsonl":
            raise ValueError(f"{path}: expected a run directory or a .jsonl file of verl's logger `file`.")
        return read_metrics(path)
    if rows := read_metrics(path / "metrics.jsonl"):
        return rows
    for directory in (path, path / "tensorboard"):
        if any(directory.glob("*tfevents*")):
            return read_events(directory)
    raise ValueError(
        f"{path}: holds neither metrics.jsonl nor TensorBoard's event files, nor does its tensorboard/. verl's logger "
        "`file` writes to VERL_FILE_LOGGER_PATH, else to ./<trainer.project_name>/<trainer.experiment_name>.jsonl, "
        "which can be given too."
    )


def _read_hydra(directory: Path) -> tuple[dict[str, Any], str | None]:
    """(configuration, METHOD) of what Hydra left in our launchers' run directory or in its own."""
    found = [place for place in (directory / "hydra" / ".hydra", directory / ".hydra") if place.is_dir()]
    if not found:
        return {}, None
    config, overrides = (_read_yaml(found[0] / name) for name in ("config.yaml", "overrides.yaml"))
    methods = [match[1] for override in overrides or [] if (match := METHOD.fullmatch(override))]
    return _flat(config or {}), methods[-1] if methods else None


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not YAML: {' '.join(str(error).split())}.") from error


def _flat(node: dict, prefix: str = "") -> dict[str, Any]:
    leaves = {}
    for key, value in node.items():
        leaves |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return leaves


def differing(runs: list[Run]) -> list[str]:
    """The settings, seeds among them, that are not the same in all runs whose configuration is known."""
    configs = [run.config for run in runs if run.config]
    keys = dict.fromkeys(key for config in configs for key in config if not PLACE.fullmatch(key))
    return [key for key in keys if any(config.get(key) != configs[0].get(key) for config in configs)]


def by_method(runs: list[Run]) -> tuple[list[Method], list[str]]:
    """The runs by their label, rows of Table 1 first and in its order, and what there is to say about them.

    Raises:
        ValueError: runs of one label differ in more than their seeds.
    """
    labels = dict.fromkeys([row.name for row in paper.TABLE_1] + [run.label for run in runs])
    methods = [Method(label, [run for run in runs if run.label == label]) for label in labels]
    methods = [method for method in methods if method.seeds]
    remarks = []
    for name, seeds in methods:
        if keys := [key for key in differing(seeds) if not SEED.fullmatch(key)]:
            values = [", ".join(dict.fromkeys(str(run.config.get(key)) for run in seeds if run.config)) for key in keys]
            listed = "; ".join(f"{key}: {value}" for key, value in zip(keys[:5], values, strict=False))
            listed += f"; and {len(keys) - 5} more" if len(keys) > 5 else ""
            raise ValueError(
                f"{', '.join(str(run.path) for run in seeds)}: all are {name}, and differ in more than the seed "
                f"({listed}). Seeds are averaged, other settings are not: give each a label of its own, LABEL=RUN."
            )
        if len(seeds) > 1 and (unknown := [str(run.path) for run in seeds if not run.config]):
            remarks.append(
                f"{name}: taken for seeds of one method on the label's word, as there is no hydra/.hydra/config.yaml "
                f"beside {', '.join(unknown)}"
            )
        if len({run.last_step for run in seeds}) > 1:
            ends = ", ".join(map(str, sorted(run.last_step for run in seeds)))
            remarks.append(f"{name}: its seeds end at steps {ends}; drawn are the steps that all have")
    return methods, remarks
