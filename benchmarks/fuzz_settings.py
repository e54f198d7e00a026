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
"""Random settings under `algorithm`: settings within their range, or an error that names a key that is wrong.

Each value is drawn with whether it is allowed. The ranges are those that the settings declare, and what a range means
is written down here once more.
"""

import contextlib
import io
import math
import random
from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any

from omegaconf import DictConfig, OmegaConf

from asymgrpo_verl.core.estimators import ESTIMATORS
from asymgrpo_verl.core.schedules import EntropyCoefficient, RepoR
from asymgrpo_verl.integration.settings import (
    ConfidenceSettings,
    DiagnosticsSettings,
    EntropyAdvantageSettings,
    HistorySettings,
    TokenWeightingSettings,
    ZeroWeightSettings,
    codapo_from,
    diagnostics_from,
    entropy_advantage_from,
    entropy_coefficient_from,
    ha_dw_from,
    repo_r_from,
    settings_from,
    token_weighting_from,
    zero_weight_from,
)
from asymgrpo_verl.integration.startup_check import check_run_config

VALUES = (
    *(0, 0.0, -0.0, 1, 2, 17, 0.5, 1.0, 1.5, 1e-8, 5e-324, 1e308, 2**100, -1, -1e-9, -1e308),
    *(10**400, -(10**400), math.nan, math.inf, -math.inf, True, False, None),
    *(
        "none",
        "positive",
        "negative",
        "surprisal",
        "entropy",
        "skip",
        "nonzero",
        "None",
        "0.5",
        "",
        "high",
        "???",
        "${nope}",
        "a\nb",
    ),
    *([], [0.5], {}, {"beta_pos": 1}, [None]),
)
# Whole groups that are none, and keys that nobody knows.
NO_GROUPS = (0.9, 0, "", "asymgrpo", False, True, [], [1])
UNKNOWN = ("beta", "beta_positive", "BETA_POS", "kk", "xyz", "", "reward", "ß", "beta_pos ", "_target_", 1, 1.5, True)


def number(
    low: float = -math.inf, above: float = -math.inf, high: float = math.inf, below: float = math.inf
) -> Callable[[Any], bool]:
    def allows(value) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) > 1.79e308:
            return False
        return low <= value <= high and above < value < below

    return allows


def integer(low: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value < 1.79e308


def choice(*options: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in options


def allows(key: Field) -> Callable[[Any], bool]:
    """What a declared setting allows, decided here once more."""
    allowed = key.metadata
    if "options" in allowed:
        return choice(*allowed["options"])
    if isinstance(key.default, int):
        return integer(allowed["at_least"])
    names = {"at_least": "low", "above": "above", "at_most": "high", "below": "below"}
    return number(**{names[name]: value for name, value in allowed.items()})


GROUPS = {name: estimator.settings for name, estimator in ESTIMATORS.items()} | {
    "ha_dw": HistorySettings,
    "codapo": ConfidenceSettings,
    "entropy_advantage": EntropyAdvantageSettings,
    "entropy_coefficient": EntropyCoefficient,
    "repo_r": RepoR,
    "token_weighting": TokenWeightingSettings,
    "diagnostics": DiagnosticsSettings,
    "zero_weight": ZeroWeightSettings,
}
ADAPTIVE = ("entropy_coefficient", "repo_r")
ALLOWED = {name: {key.name: allows(key) for key in fields(settings)} for name, settings in GROUPS.items()}
READERS = {
    "ha_dw": ha_dw_from,
    "codapo": codapo_from,
    "entropy_advantage": entropy_advantage_from,
    "entropy_coefficient": entropy_coefficient_from,
    "repo_r": repo_r_from,
    "token_weighting": token_weighting_from,
    "diagnostics": diagnostics_from,
    "zero_weight": zero_weight_from,
}


def draw_group(rng: random.Random, name: str) -> tuple[Any, list[str]]:
    """What stands at algorithm.<name>, and the keys in it that are wrong."""
    if rng.random() < 0.1:
        return (None, []) if rng.random() < 0.3 else (rng.choice(NO_GROUPS), [f"algorithm.{name}"])
    group, wrong, pool = {}, [], rng.choice((VALUES, (0, 0.5, 1, 2, 1.5, "none")))
    for key, allows in ALLOWED[name].items():
        if rng.random() < 0.6:
            group[key] = rng.choice(pool)
            if not allows(group[key]):
                wrong.append(f"algorithm.{name}.{key}")
    if rng.random() < 0.15:
        key = rng.choice(UNKNOWN)
        group[key] = rng.choice(VALUES)
        wrong.append(f"algorithm.{name}.{key}")
    if name in ADAPTIVE and not wrong:
        schedule = vars(GROUPS[name]()) | group
        wrong += [f"algorithm.{name}.minimum"] if schedule["minimum"] > schedule["maximum"] else []
        within = schedule["minimum"] <= abs(schedule.get("start", schedule["minimum"])) <= schedule["maximum"]
        wrong += [f"algorithm.{name}.start"] if not within else []
    items = list(group.items())
    rng.shuffle(items)
    return dict(items), wrong


def as_config(rng: random.Random, tree: dict) -> DictConfig | dict:
    """As Hydra gives it: no new keys, interpolations unresolved."""
    config = OmegaConf.create(tree)
    OmegaConf.set_struct(config, rng.random() < 0.5)
    return config


def check_error(error: Exception, wrong: list[str]) -> None:
    message = str(error)
    assert wrong, f"an error where nothing is wrong: {message}"
    assert any(key.rstrip(".") in message for key in wrong), f"{message!r} names none of {wrong}"


def check_settings(rng: random.Random) -> tuple[str, ...]:
    """One group of settings, read as the estimator or the trainer reads it. Returns what it was, for the tally."""
    name = rng.choice(tuple(ALLOWED))
    group, wrong = draw_group(rng, name)
    tree = {"algorithm": {name: group}}
    if plain := rng.random() < 0.5:
        algorithm = tree["algorithm"]
    else:
        algorithm = as_config(rng, tree).algorithm
    try:
        settings = READERS[name](algorithm) if name in READERS else settings_from(algorithm, name)
    except (ValueError, TypeError) as error:
        check_error(error, wrong)
        return f"{name}, {'dict' if plain else 'OmegaConf'}", f"refused: {type(error).__name__}"
    assert not wrong, f"accepted, though {wrong} is wrong: {group!r} -> {settings}"
    if settings is not None:  # None is off
        for key, value in (group or {}).items():
            assert getattr(settings, key) == value, f"algorithm.{name}.{key}={value!r} was read as {settings}"
        for key, allows in ALLOWED[name].items():
            assert allows(getattr(settings, key)), f"{key} of {settings} is out of its range"
    return f"{name}, {'dict' if plain else 'OmegaConf'}", "settings"


def check_run(rng: random.Random) -> tuple[str, ...]:
    """A whole run's configuration, checked as before Ray starts: accepted, or refused with a key in the message."""
    estimator = rng.choice((*ESTIMATORS, *ESTIMATORS, "grpo"))
    algorithm, wrong = {"adv_estimator": estimator}, []
    for name in {estimator, rng.choice(tuple(ALLOWED))} - {"grpo"}:
        if rng.random() < 0.7:
            algorithm[name], bad = draw_group(rng, name)
            wrong += bad if name == estimator or name in READERS else []
    if rng.random() < 0.2:
        key = rng.choice((*UNKNOWN, "AsymGRPO", "asym_grpo", "entropy_advantge", "beta_pos", "diagnostic"))
        algorithm[key] = rng.choice(VALUES[:8])
    config = {
        "algorithm": algorithm,
        "actor_rollout_ref": {
            "rollout": {"n": rng.choice((1, 2, 8))},
            "actor": {
                "strategy": rng.choice(("fsdp", "fsdp2")),
                "use_kl_loss": rng.random() < 0.2,
                "entropy_coeff": rng.choice((0, 0, 0, 0.01)),
                "calculate_entropy": rng.random() < 0.1,
                "policy_loss": {"loss_mode": rng.choice(("asymgrpo", "vanilla", "kl_cov"))},
                "loss_agg_mode": rng.choice(("token-mean", "token-sum", "seq-mean-token-sum-norm")),
                "loss_scale_factor": rng.choice((None, 1024)),
                "use_prefix_grouper": False,
            },
        },
        "trainer": {"use_v1": rng.random() < 0.8, "v1": {"trainer_mode": rng.choice(("sync", "asymgrpo"))}},
        "reward": {"custom_reward_function": {"path": None}},
    }
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            check_run_config(as_config(rng, config))
    except (ValueError, TypeError) as error:
        keys = ("algorithm.", "actor_rollout_ref.rollout.n:")
        assert any(key in str(error) for key in keys), f"no key in {str(error)!r}"
        return estimator, f"refused: {type(error).__name__}"
    assert not wrong, f"accepted, though {wrong} is wrong: {algorithm!r}"
    return estimator, "accepted"
