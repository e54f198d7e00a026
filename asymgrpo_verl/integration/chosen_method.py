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
"""Hold a run against the method that it is named after, METHOD of `+asymgrpo=METHOD`, and rename it if they differ.

Hydra knows METHOD only in the process of its `main`. Figures and table read it from the files that Hydra leaves
(`runs.run`).
"""

import re
from collections.abc import Mapping
from typing import Any

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from asymgrpo_verl import paper
from asymgrpo_verl.core.estimators import ESTIMATORS
from asymgrpo_verl.method_files import (
    NOT_TRAINED,
    differences,
    flat,
    is_strength,
    method_names,
    settings_that_define_methods,
)

NAME = re.compile(r"[A-Za-z0-9_.+-]+")


def check_method(config: DictConfig) -> None:
    """Check that a run trains METHOD, or has a name of its own; put the name into `trainer.experiment_name`.

    `+asymgrpo_name=NAME` says that other settings than METHOD's are meant. Other strengths than METHOD's, such as
    betas, need no name (`method_files`). In both cases the experiment's name has NAME or the strengths in METHOD's
    place.

    Raises:
        ValueError: a setting contradicts METHOD and there is no NAME; NAME has other characters than letters, digits
            and _ . + -, or is the name of a method.
    """
    method = _chosen()
    name = OmegaConf.select(config, "asymgrpo_name")
    if name is not None:
        _check_name(str(name))
    if method is None:
        return
    settings = _settings_of(method)
    values = flat(OmegaConf.to_container(config, resolve=False))
    for key in settings.keys() & values.keys():
        if values[key] != settings[key] and "${" in str(values[key]):
            values[key] = OmegaConf.select(config, key)
    contradictions = _contradictions(settings, values)
    if contradictions and name is None:
        listed = "; ".join(
            f"{key}: got {_text(got)}; expected {_text(wanted)}" for key, (got, wanted) in contradictions.items()
        )
        raise ValueError(
            f"{listed}, because +asymgrpo={method} means that, and log, figures and table would call the run {method}. "
            "Remove the setting, choose another method, or add +asymgrpo_name=NAME, the name of what this run trains."
        )
    for key, (got, wanted) in contradictions.items():
        print(f"[asymgrpo_verl] {name}: +asymgrpo={method} with {key}={_text(got)} instead of {_text(wanted)}")
    words = differences(settings, values)
    if name is not None or words:
        _rename(config, method, str(name) if name is not None else "-".join([method, *words]))


def _text(value: Any) -> str:
    return "none at all" if value is None else str(value)


def _chosen() -> str | None:
    """Return METHOD; None without one, and in a process without Hydra's main, such as a Ray worker.

    Raises:
        ValueError: the command line chooses several methods, or puts one into another package of the configuration.
    """
    if not HydraConfig.initialized():
        return None
    hydra = HydraConfig.get()
    for text in hydra.overrides.task:  # because `runtime.choices` has no list
        if re.match(r"[+~]*asymgrpo(@.*|=\[.*)", text):
            raise ValueError(f"{text}: got several methods, or one in a package; expected +asymgrpo=METHOD.")
    return hydra.runtime.choices.get("asymgrpo")


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(f"asymgrpo_name: got {name!r}; expected letters, digits and _ . + - alone.")
    if paper.row_name(name) != name or name in {row.name for row in paper.TABLE_1}:
        raise ValueError(
            f"asymgrpo_name: got {name}; expected another name, because that is {paper.row_name(name)} of Table 1."
        )
    if name in method_names():
        raise ValueError(f"asymgrpo_name: got {name}; expected another name, because +asymgrpo={name} is a method.")


def _settings_of(method: str) -> dict[str, Any]:
    """Compose METHOD alone, from wherever Hydra finds it: it may be a file of the user's."""
    sources = HydraConfig.get().runtime.config_sources
    paths = [f"'{source.schema}://{source.path}'" for source in sources if source.schema in ("file", "pkg")]
    alone = compose(None, [f"+asymgrpo={method}", f"hydra.searchpath=[{','.join(paths)}]"])
    return flat(OmegaConf.to_container(alone, resolve=False))


def _contradictions(settings: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return setting -> (value of the run, value of METHOD) for the settings that make another method of the run.

    They are settings of METHOD's file, and other settings by which our methods differ, if they are on the command line.
    For the latter METHOD's value is that of the configuration without the command line.
    """
    estimator = settings.get("algorithm.adv_estimator", "asymgrpo")
    others = tuple(f"algorithm.{name}." for name in ESTIMATORS if name != estimator)
    own = vars(ESTIMATORS[estimator].settings()) if estimator in ESTIMATORS else {}
    defaults = {f"algorithm.{estimator}.{key}": value for key, value in own.items()}
    keys = {key for key in settings if not key.startswith(NOT_TRAINED)}
    on_the_command_line = {text.split("=")[0].lstrip("+~") for text in HydraConfig.get().overrides.task}
    others_keys = {
        key
        for key in settings_that_define_methods() - keys
        if any(f"{key}.".startswith(f"{given}.") for given in on_the_command_line)
    }
    expected = (defaults | _without_values_of_the_command_line() if others_keys else {}) | settings
    found = {}
    for key in sorted(keys | others_keys):
        # A setting of METHOD that the command line removes has a default, but not METHOD's value.
        got, wanted = values.get(key, None if key in keys else defaults.get(key)), expected.get(key)
        # A strength of another type is left to `startup_check`, which says what type it expects.
        typed = is_strength(key, wanted, estimator) and isinstance(got, str | bool) and got != "???"
        if got != wanted and not key.startswith(others) and not is_strength(key, got, estimator) and not typed:
            found[key] = (got, wanted)
    return found


def _without_values_of_the_command_line() -> dict[str, Any]:
    """Compose the run's configuration again, with the groups that the command line chooses and without its values."""
    hydra = HydraConfig.get()
    groups = [text for text in hydra.overrides.task if text.split("=")[0].lstrip("+~") in hydra.runtime.choices]
    searchpath = [text for text in hydra.overrides.hydra if text.lstrip("+").startswith("hydra.searchpath=")]
    return flat(OmegaConf.to_container(compose(hydra.job.config_name, [*searchpath, *groups]), resolve=False))


def _rename(config: DictConfig, method: str, name: str) -> None:
    """Put `name` in METHOD's place in the experiment's name; a name of the experiment without METHOD stays.

    Where the experiment has `name` already, that stays too, because a run may be checked twice.
    """
    experiment = str(config.trainer.experiment_name)
    renamed, found = re.subn(rf"(?<!\w)({re.escape(name)}|{method})(?!\w)", lambda match: name, experiment)
    if not found:
        print(
            f"[asymgrpo_verl] this run is {name}, because settings differ from +asymgrpo={method}; "
            f"trainer.experiment_name={experiment} does not say it"
        )
    elif renamed != experiment:
        OmegaConf.update(config, "trainer.experiment_name", renamed)
        print(f"[asymgrpo_verl] trainer.experiment_name={renamed}, because settings differ from +asymgrpo={method}")
