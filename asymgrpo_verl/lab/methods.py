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
"""What METHOD means in the lab: the settings of a method's file, with changes from the command line."""

import importlib
import os
from importlib.metadata import entry_points
from typing import Any, NamedTuple

from omegaconf import OmegaConf

from asymgrpo_verl.core.estimators import ESTIMATORS, OutcomeSettings, learns_from_groups_of
from asymgrpo_verl.core.fields import check_value
from asymgrpo_verl.core.schedules import Schedule
from asymgrpo_verl.integration.settings import (
    EntropyAdvantageSettings,
    TokenWeightingSettings,
    diagnostics_from,
    entropy_advantage_from,
    schedules_from,
    settings_from,
    token_weighting_from,
)
from asymgrpo_verl.method_files import NOT_TRAINED, flat, method_names, read_method

GRPO = "grpo"  # verl's own estimator, which is not one of ESTIMATORS
ACTOR = "actor_rollout_ref.actor."
# Numbers of the actor that the lab has: default (the clip ratio of Eq. 2, and no bonus) and range.
NUMBERS = {
    "clip_ratio_low": (0.2, {"at_least": 0}),
    "clip_ratio_high": (0.2, {"at_least": 0}),
    "entropy_coeff": (0.0, {}),
}
LOSSES = ("asymgrpo", "vanilla", "up")
EVERY = "algorithm.diagnostics.log_prob_increment_every"


class Method(NamedTuple):
    """What the lab trains.

    Attributes:
        text: what the user wrote, METHOD or METHOD:KEY=VALUE,...
        estimator: of ESTIMATORS, or GRPO.
        settings: of the estimator; for GRPO only the threshold.
        normalised: for GRPO, whether the advantage is divided by the standard deviation of the group.
        clip_low, clip_high: of the ratio.
        anchored: whether the loss is UP-GRPO's, see `two_channel_loss`.
        entropy_coeff: factor of the entropy bonus in the loss.
        schedules: of both betas; {} for an estimator without them.
        increment_every: steps between two measurements of what the update did; 0 is never.
        config: its settings, as verl's configuration has them.
    """

    text: str
    estimator: str
    settings: OutcomeSettings
    normalised: bool
    clip_low: float
    clip_high: float
    anchored: bool
    entropy_coeff: float
    schedules: dict[str, Schedule]
    entropy_advantage: EntropyAdvantageSettings | None
    token_weighting: TokenWeightingSettings | None
    increment_every: int
    config: dict[str, Any]

    @property
    def file(self) -> str | None:
        """The name of the method's file in configs/asymgrpo; None for an estimator without one."""
        name = self.text.partition(":")[0]
        return name if name in method_names() else None


def load_plugins() -> None:
    """Import what declares a user's own estimators, as `import verl` does: modules of the environment, entry points.

    Raises:
        ImportError: of VERL_USE_EXTERNAL_MODULES, or of a plugin that is installed.
    """
    for module in filter(None, os.environ.get("VERL_USE_EXTERNAL_MODULES", "").split(",")):
        importlib.import_module(module.strip())
    for plugin in entry_points(group="verl.plugins"):
        plugin.load()


def read(text: str, n: int) -> Method:
    """Read METHOD or METHOD:KEY=VALUE,...; KEY is a setting of the estimator, or of verl with its full name.

    Args:
        n: rollouts of a prompt.

    Raises:
        ValueError, TypeError: an unknown METHOD or key, a value out of range, a setting that the lab does not have, or
            an estimator that learns nothing from groups of n.
    """
    name, _, changes = text.partition(":")
    settings = read_method(name)
    if not settings and name in ESTIMATORS:
        settings = {"algorithm.adv_estimator": name}
    if not settings:
        known = ", ".join(sorted({*method_names(), *ESTIMATORS}))
        raise ValueError(f"{text}: got no method {name!r}; expected one of {known}.")
    try:
        return _read(text, settings, _changes(changes, settings["algorithm.adv_estimator"]), n)
    except (ValueError, TypeError) as error:
        raise type(error)(f"{text}: {error}") from error


def _changes(text: str, estimator: str) -> dict[str, Any]:
    """Return the settings of KEY=VALUE,... with their full names; values are read as Hydra reads them."""
    changes = {}
    for change in filter(None, text.split(",")):
        key, equals, value = change.partition("=")
        if not equals:
            raise ValueError(f"got {change!r}; expected KEY=VALUE, such as beta_pos=0.8.")
        full = key if "." in key and not key.startswith("schedule.") else f"algorithm.{estimator}.{key}"
        if full.startswith(NOT_TRAINED) and full != EVERY:
            raise ValueError(f"{key}: got a setting of verl's trainer; expected one of the method.")
        changes |= flat(OmegaConf.to_container(OmegaConf.from_dotlist([f"{full}={value}"])))
    return changes


def _read(text: str, settings: dict[str, Any], changes: dict[str, Any], n: int) -> Method:
    settings = settings | changes
    estimator = settings["algorithm.adv_estimator"]
    for key, value in settings.items():
        _check_has(key, value, estimator)
    config = nested(settings)
    algorithm = config["algorithm"]
    numbers = {}
    for name, (default, allowed) in NUMBERS.items():
        numbers[name] = check_value(ACTOR + name, settings.get(ACTOR + name, default), default, allowed)
    ours = estimator in ESTIMATORS
    own = settings_from(algorithm, estimator) if ours else OutcomeSettings()
    if ours and not learns_from_groups_of(estimator, n, own):
        raise ValueError(f"got an estimator that learns nothing from {n} rollouts per prompt; expected more. Set --n.")
    return Method(
        text=text,
        estimator=estimator,
        settings=own,
        normalised=algorithm.get("norm_adv_by_std_in_grpo", True),
        clip_low=numbers["clip_ratio_low"],
        clip_high=numbers["clip_ratio_high"],
        anchored=settings.get(f"{ACTOR}policy_loss.loss_mode") == "up",
        entropy_coeff=numbers["entropy_coeff"],
        schedules=schedules_from(algorithm) if estimator == "asymgrpo" else {},
        entropy_advantage=entropy_advantage_from(algorithm),
        token_weighting=token_weighting_from(algorithm),
        increment_every=diagnostics_from(algorithm).log_prob_increment_every,
        config=config,
    )


def _check_has(key: str, value: Any, estimator: str) -> None:
    """Raise a ValueError if the lab lacks the setting, so that a run would train something else than its name says."""
    has = key.startswith((*NOT_TRAINED, "algorithm.entropy_advantage.", "algorithm.token_weighting."))
    has |= key.startswith(f"algorithm.{estimator}.") and estimator in ESTIMATORS
    has |= key == "algorithm.adv_estimator" and (value == GRPO or value in ESTIMATORS)
    has |= key == "algorithm.norm_adv_by_std_in_grpo" and estimator == GRPO and isinstance(value, bool)
    has |= key in [ACTOR + name for name in NUMBERS]
    has |= key == f"{ACTOR}policy_loss.loss_mode" and value in LOSSES
    has |= key == f"{ACTOR}loss_agg_mode" and value == "token-mean"
    if not has:
        raise ValueError(
            f"{key}: got {value!r}; expected no such setting, because the lab does not have it. Train this method with "
            "verl: METHOD=... bash recipes/quickstart/quickstart.sh."
        )


def nested(settings: dict[str, Any]) -> dict[str, Any]:
    """Return "a.b.c" -> value as nested mappings, the inverse of `method_files.flat`."""
    tree = OmegaConf.create()
    for key, value in settings.items():
        OmegaConf.update(tree, key, value, force_add=True)
    return OmegaConf.to_container(tree)
