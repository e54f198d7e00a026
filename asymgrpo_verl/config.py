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
"""Our settings under `algorithm`, checked once before Ray starts and again where they are used.

`algorithm.<estimator>` for each estimator of ours, `algorithm.entropy_advantage` for any estimator.
"""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from omegaconf import DictConfig, OmegaConf

from asymgrpo_verl.rewards import check_time_limit


def _number(default: float, **allowed: float) -> Any:
    """A finite number, `at_least` or `above` something, or both unset; an integer where the default is one."""
    return field(default=default, metadata=allowed)


def _choice(*options: str) -> Any:
    return field(default=options[0], metadata={"options": options})


@dataclass(frozen=True)
class OutcomeConfig:
    """What every estimator of ours reads.

    Attributes:
        reward_threshold: a rollout is correct when its summed reward exceeds this.
    """

    reward_threshold: float = _number(0.5)


@dataclass(frozen=True)
class AsymGRPOConfig(OutcomeConfig):
    """The defaults are the paper's main setting (Table 1, row AsymGRPO).

    Attributes:
        beta_pos: exponent of the weight of correct rollouts, finite, >= 0.
        beta_neg: exponent of the weight of incorrect rollouts, finite, >= 0.
        flip: reflect no curve ("none"), A+ ("positive", EntDecrease) or A- ("negative", EntIncrease), Appendix D.
    """

    beta_pos: float = _number(0.9, at_least=0)
    beta_neg: float = _number(0.4, at_least=0)
    flip: str = _choice("none", "positive", "negative")


@dataclass(frozen=True)
class PassKConfig(OutcomeConfig):
    """k: the K of Pass@K, below the group size (arXiv 2508.10751; the paper's Table 1 has 5)."""

    k: int = _number(5, at_least=1)


@dataclass(frozen=True)
class WReinforceConfig(OutcomeConfig):
    """lam: what a correct rollout weighs where an incorrect one weighs 1 (arXiv 2506.01347)."""

    lam: float = _number(0.1, at_least=0)


@dataclass(frozen=True)
class FGRPOConfig(OutcomeConfig):
    """gamma: exponent of 1-p (arXiv 2602.06717 has 0.5 and 1)."""

    gamma: float = _number(0.5, at_least=0)


@dataclass(frozen=True)
class AGRAEConfig(OutcomeConfig):
    """alpha: accuracy of the batch from which positive advantages count in full (arXiv 2602.05548; 1 for maths)."""

    alpha: float = _number(1.0, above=0)


@dataclass(frozen=True)
class EntropyAdvantageConfig:
    """A_t + min(alpha H_t, |A_t|/kappa) (arXiv 2506.14758); the defaults are those of the paper's Table 1.

    Attributes:
        alpha: weight of the token entropy H_t in nats, >= 0; 0 is off.
        kappa: the bonus is at most |A_t|/kappa, > 1, so that no advantage changes its sign.
    """

    alpha: float = _number(0.4, at_least=0)
    kappa: float = _number(2.0, above=1)


# The estimators of ours: name in verl's registry and in `advantages`, settings under algorithm.<name>.
ESTIMATORS = {
    "asymgrpo": AsymGRPOConfig,
    "reinforce_pm1": OutcomeConfig,
    "passk_training": PassKConfig,
    "psr": OutcomeConfig,
    "nsr": OutcomeConfig,
    "w_reinforce": WReinforceConfig,
    "maxrl": OutcomeConfig,
    "f_grpo": FGRPOConfig,
    "a_grae": AGRAEConfig,
}
# What they are worth for a group of one: everything, though the group says nothing.
LEARN_FROM_ONE = ("reinforce_pm1", "psr", "nsr", "w_reinforce")


def _check_value(key: str, value: Any, default: Any, allowed: Mapping) -> None:
    if "options" in allowed:
        if value not in allowed["options"]:
            raise ValueError(f"{key}={value!r}: allowed is one of {', '.join(allowed['options'])}.")
        return
    kind, name = (int, "an integer") if isinstance(default, int) else (int | float, "a number")
    if isinstance(value, bool) or not isinstance(value, kind):
        raise TypeError(f"{key}={value!r} is a {type(value).__name__}: allowed is {name}.")
    if not math.isfinite(value):
        raise ValueError(f"{key}={value}: allowed is a finite number.")
    if value < allowed.get("at_least", -math.inf):
        raise ValueError(f"{key}={value}: allowed is {name} >= {allowed['at_least']}.")
    if value <= allowed.get("above", -math.inf):
        raise ValueError(f"{key}={value}: allowed is {name} > {allowed['above']}.")


def _nearest(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}."


def _read(algorithm: Mapping, name: str, settings: type) -> Any:
    """The dataclass `settings` from `algorithm.<name>`, which may be absent."""
    node = algorithm.get(name, None)
    if isinstance(node, DictConfig):
        node = OmegaConf.to_container(node, resolve=True)
    if node is None:
        return settings()
    if not isinstance(node, Mapping):
        raise TypeError(
            f"algorithm.{name}={node!r}: allowed is a group of keys, as in "
            f"algorithm.{name}.{fields(settings)[-1].name}={fields(settings)[-1].default}."
        )
    known = {key.name: key for key in fields(settings)}
    for key, value in node.items():
        if key not in known:
            raise ValueError(f"unknown key algorithm.{name}.{key}={value!r}: {_nearest(str(key), list(known))}")
        _check_value(f"algorithm.{name}.{key}", value, known[key].default, known[key].metadata)
    return settings(**node)


def settings_from(algorithm: Mapping | None, estimator: str = "asymgrpo") -> OutcomeConfig:
    """The settings of an estimator of ours in verl's `algorithm` node: a DictConfig, AlgoConfig, dict, or None.

    Raises:
        ValueError: an unknown key (named with the nearest known one), a value out of range, a KL penalty in the reward.
        TypeError: `algorithm.<estimator>` is not a mapping, or a value is of the wrong type.
    """
    if algorithm is None:
        return ESTIMATORS[estimator]()
    if algorithm.get("use_kl_in_reward", False):
        raise ValueError(
            "algorithm.use_kl_in_reward=True mixes a KL penalty into the rewards, so they are no outcomes any more and "
            "no group accuracy can be read from them. Set it to False and use the KL loss instead: "
            "actor_rollout_ref.actor.use_kl_loss=True."
        )
    return _read(algorithm, estimator, ESTIMATORS[estimator])


def entropy_advantage_from(algorithm: Mapping) -> EntropyAdvantageConfig | None:
    """The settings under `algorithm.entropy_advantage`; None where it is absent or alpha is 0: off.

    Raises:
        ValueError, TypeError: as `settings_from`.
    """
    if algorithm.get("entropy_advantage", None) is None:
        return None
    settings = _read(algorithm, "entropy_advantage", EntropyAdvantageConfig)
    return settings if settings.alpha else None


def _check_reward_kwargs(config: DictConfig) -> None:
    """compute_score takes whatever verl passes to it, and so a misspelt setting too."""
    function = OmegaConf.select(config, "reward.custom_reward_function")
    if function and function.get("path") == "pkg://asymgrpo_verl.rewards":
        for key, value in (function.get("reward_kwargs") or {}).items():
            if key != "time_limit":
                raise ValueError(f"unknown key reward.custom_reward_function.reward_kwargs.{key}: known is time_limit.")
            check_time_limit(value)


def _check_entropy_advantage(config: DictConfig) -> None:
    if entropy_advantage_from(config.algorithm) is None:
        return
    mode = config.trainer.v1.trainer_mode if config.trainer.use_v1 else "v0"
    if mode != "asymgrpo":
        raise ValueError(
            f"trainer.v1.trainer_mode={mode} knows no algorithm.entropy_advantage: allowed is asymgrpo with "
            "trainer.use_v1=True."
        )
    if OmegaConf.select(config, "algorithm.rollout_correction.bypass_mode"):
        raise ValueError(
            "algorithm.rollout_correction.bypass_mode=True computes no token entropy before the update, which "
            "algorithm.entropy_advantage needs: set it to False."
        )


def _check_keys_of_algorithm(algorithm: DictConfig, used: str) -> None:
    """verl passes `algorithm` on unread, so a misspelt group or a key one level too high would be ignored."""
    from verl.trainer.config import AlgoConfig

    for name in ESTIMATORS:
        if name != used and algorithm.get(name, None) is not None:
            print(f"[asymgrpo_verl] algorithm.{name} is set but unused: adv_estimator={algorithm.adv_estimator}")
    ours = used in ESTIMATORS
    nodes = [*ESTIMATORS, "entropy_advantage"]
    own = [key.name for key in fields(ESTIMATORS[used])] if ours else []
    # With an estimator of others, a key may be theirs: only what all but spells ours is taken for it.
    likely, cutoff = ([*nodes, *own], 0.5) if ours else (["entropy_advantage"], 0.8)
    for key in set(algorithm) - {key.name for key in fields(AlgoConfig)} - {"_target_", *nodes}:
        near = difflib.get_close_matches(key.lower(), likely, n=1, cutoff=cutoff)
        if near:
            meant = f"{used}.{near[0]}" if near[0] in own else near[0]
            raise ValueError(f"algorithm.{key} is read by nobody: did you mean algorithm.{meant}?")
        if ours:
            print(f"[asymgrpo_verl] algorithm.{key} is read neither by verl nor by asymgrpo_verl")


def _check_group_size(estimator: str, settings: OutcomeConfig, n: int) -> None:
    if estimator == "passk_training" and settings.k >= n:
        raise ValueError(
            f"algorithm.passk_training.k={settings.k}: allowed is an integer from 1 to one less than "
            f"actor_rollout_ref.rollout.n={n}; a group of k rollouts weighs 0."
        )
    speaks = estimator in LEARN_FROM_ONE or (estimator == "asymgrpo" and 0 in (settings.beta_pos, settings.beta_neg))
    if n < 2 and not speaks:
        raise ValueError(
            f"actor_rollout_ref.rollout.n={n} makes every group a group of one, whose advantage is 0 with "
            f"algorithm.adv_estimator={estimator}: nothing would be learnt. Use at least 2 (the paper uses 8)."
        )


def check_run_config(config: DictConfig) -> None:
    """Check the whole run's configuration, as `verl.trainer.main_ppo` has it before Ray starts.

    A key under `algorithm` that verl does not know is refused when it looks like ours, and named on standard output
    when it does not.

    Raises:
        ValueError, TypeError: see `settings_from`; also a key that nobody reads, groups that cannot teach anything, an
            entropy advantage without the entropy it needs.
    """
    estimator = config.algorithm.adv_estimator
    _check_reward_kwargs(config)
    _check_entropy_advantage(config)
    _check_keys_of_algorithm(config.algorithm, estimator)
    if estimator in ESTIMATORS:
        _check_group_size(estimator, settings_from(config.algorithm, estimator), config.actor_rollout_ref.rollout.n)
