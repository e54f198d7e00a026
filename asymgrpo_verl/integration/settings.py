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

`algorithm.<estimator>` for each estimator of ours; `algorithm.asymgrpo.schedule`, `algorithm.entropy_advantage`,
`algorithm.token_weighting` and `algorithm.diagnostics` are the trainer's, the last three for any estimator.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from omegaconf import DictConfig, OmegaConf

from asymgrpo_verl.core.fields import check_group, choice, nearest, number, read
from asymgrpo_verl.core.schedules import KINDS, Constant, Entropy, Schedule
from asymgrpo_verl.rewards.maths import check_time_limit


@dataclass(frozen=True)
class OutcomeConfig:
    """What every estimator of ours reads.

    Attributes:
        reward_threshold: a rollout is correct when its summed reward exceeds this.
    """

    reward_threshold: float = number(0.5)


@dataclass(frozen=True)
class AsymGRPOConfig(OutcomeConfig):
    """The defaults are the paper's main setting (Table 1, row AsymGRPO).

    Attributes:
        beta_pos: exponent of the weight of correct rollouts, finite, >= 0.
        beta_neg: exponent of the weight of incorrect rollouts, finite, >= 0.
        flip: reflect no curve ("none"), A+ ("positive", EntDecrease) or A- ("negative", EntIncrease), Appendix D.
    """

    beta_pos: float = number(0.9, at_least=0)
    beta_neg: float = number(0.4, at_least=0)
    flip: str = choice("none", "positive", "negative")


@dataclass(frozen=True)
class PassKConfig(OutcomeConfig):
    """k: the K of Pass@K, below the group size (arXiv 2508.10751; the paper's Table 1 has 5)."""

    k: int = number(5, at_least=1)


@dataclass(frozen=True)
class WReinforceConfig(OutcomeConfig):
    """lam: what a correct rollout weighs where an incorrect one weighs 1 (arXiv 2506.01347)."""

    lam: float = number(0.1, at_least=0)


@dataclass(frozen=True)
class FGRPOConfig(OutcomeConfig):
    """gamma: exponent of 1-p (arXiv 2602.06717 has 0.5 and 1)."""

    gamma: float = number(0.5, at_least=0)


@dataclass(frozen=True)
class AGRAEConfig(OutcomeConfig):
    """alpha: accuracy of the batch from which positive advantages count in full (arXiv 2602.05548; 1 for maths)."""

    alpha: float = number(1.0, above=0)


@dataclass(frozen=True)
class EntropyAdvantageConfig:
    """A_t + min(alpha H_t, |A_t|/kappa) (arXiv 2506.14758); the defaults are those of the paper's Table 1.

    Attributes:
        alpha: weight of the token entropy H_t in nats, >= 0; 0 is off.
        kappa: the bonus is at most |A_t|/kappa, > 1, so that no advantage changes its sign.
    """

    alpha: float = number(0.4, at_least=0)
    kappa: float = number(2.0, above=1)


@dataclass(frozen=True)
class TokenWeightingConfig:
    """How the tokens of a rollout share its weight, in each channel: see `losses.token_weights`.

    Attributes:
        correct, incorrect: "none" is alike, "surprisal" by -log pi_old(y_t), "entropy" only on the tokens where the
            policy's entropy is highest (arXiv 2506.01939).
        top: the share of a rollout's tokens that "entropy" keeps, in (0, 1].
    """

    correct: str = choice("none", "surprisal", "entropy")
    incorrect: str = choice("none", "surprisal", "entropy")
    top: float = number(0.2, above=0, at_most=1)


@dataclass(frozen=True)
class DiagnosticsConfig:
    """What costs a pass over the batch, done every so many steps; 0 is never.

    Attributes:
        log_prob_increment_every: one forward pass after the update, see `diagnostics.update_metrics`.
        gradient_share_every: two forward and backward passes before it, see `worker.ChannelGradientWorker`.
    """

    log_prob_increment_every: int = number(0, at_least=0)
    gradient_share_every: int = number(0, at_least=0)


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
# The groups under `algorithm` that the trainer reads, with any estimator.
TRAINER_NODES = ("entropy_advantage", "token_weighting", "diagnostics")


def _node(algorithm: Mapping, name: str) -> Any:
    """`algorithm.<name>` as plain Python, None where it is absent."""
    node = algorithm.get(name, None)
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


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
    node = _node(algorithm, estimator)
    if estimator == "asymgrpo" and isinstance(node, Mapping):
        node = {key: value for key, value in node.items() if key != "schedule"}  # schedules_from reads it
    return read(node, f"algorithm.{estimator}", ESTIMATORS[estimator])


def entropy_advantage_from(algorithm: Mapping) -> EntropyAdvantageConfig | None:
    """The settings under `algorithm.entropy_advantage`; None where it is absent or alpha is 0: off.

    Raises:
        ValueError, TypeError: as `settings_from`.
    """
    node = _node(algorithm, "entropy_advantage")
    if node is None:
        return None
    settings = read(node, "algorithm.entropy_advantage", EntropyAdvantageConfig)
    return settings if settings.alpha else None


def token_weighting_from(algorithm: Mapping) -> TokenWeightingConfig | None:
    """The settings under `algorithm.token_weighting`; None where both channels have none. Raises as `settings_from`."""
    settings = read(_node(algorithm, "token_weighting"), "algorithm.token_weighting", TokenWeightingConfig)
    return None if settings.correct == settings.incorrect == "none" else settings


def diagnostics_from(algorithm: Mapping) -> DiagnosticsConfig:
    """The settings under `algorithm.diagnostics`. Raises as `settings_from`."""
    return read(_node(algorithm, "diagnostics"), "algorithm.diagnostics", DiagnosticsConfig)


def schedules_from(algorithm: Mapping) -> dict[str, Schedule]:
    """The schedules of beta_pos and beta_neg under `algorithm.asymgrpo.schedule`, constant where there is none.

    Raises:
        ValueError, TypeError: as `settings_from`; an unknown kind; a minimum above the maximum.
    """
    where = "algorithm.asymgrpo.schedule"
    node = _node(algorithm, "asymgrpo") or {}
    check_group(node, "algorithm.asymgrpo", "beta_pos=0.9")
    node = {} if node.get("schedule") is None else node["schedule"]
    check_group(node, where, "beta_pos.kind=linear")
    schedules: dict[str, Schedule] = {"beta_pos": Constant(), "beta_neg": Constant()}
    for name, settings in node.items():
        key = f"{where}.{name}"
        if name not in schedules:
            raise ValueError(f"unknown key {key}: {nearest(str(name), list(schedules))}")
        check_group(settings, key, "kind=linear")
        kind = settings.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            raise ValueError(f"{key}.kind={kind!r}: allowed is one of {', '.join(KINDS)}.")
        schedule = read({k: v for k, v in settings.items() if k != "kind"}, key, KINDS[kind])
        if isinstance(schedule, Entropy) and schedule.minimum > schedule.maximum:
            raise ValueError(f"{key}.minimum={schedule.minimum}: allowed is a number <= maximum={schedule.maximum}.")
        schedules[name] = schedule
    return schedules


def _check_reward_kwargs(config: DictConfig) -> None:
    """compute_score takes whatever verl passes to it, and so a misspelt setting too."""
    function = OmegaConf.select(config, "reward.custom_reward_function")
    if function and function.get("path") == "pkg://asymgrpo_verl.rewards":
        for key, value in (function.get("reward_kwargs") or {}).items():
            if key != "time_limit":
                raise ValueError(f"unknown key reward.custom_reward_function.reward_kwargs.{key}: known is time_limit.")
            check_time_limit(value)


def _check_trainer_settings(config: DictConfig) -> None:
    """What only our trainer reads, and what it needs the token entropy for."""
    algorithm = config.algorithm
    schedules, weighting = schedules_from(algorithm), token_weighting_from(algorithm)
    diagnostics = diagnostics_from(algorithm)
    if diagnostics.gradient_share_every and config.actor_rollout_ref.actor.strategy != "fsdp2":
        raise ValueError(
            f"algorithm.diagnostics.gradient_share_every={diagnostics.gradient_share_every}: allowed is 0 with "
            f"actor_rollout_ref.actor.strategy={config.actor_rollout_ref.actor.strategy}; it needs fsdp2."
        )
    if diagnostics.gradient_share_every and config.actor_rollout_ref.actor.use_kl_loss:
        raise ValueError(
            f"algorithm.diagnostics.gradient_share_every={diagnostics.gradient_share_every}: allowed is 0 with "
            "actor_rollout_ref.actor.use_kl_loss=True, whose gradient belongs to neither channel."
        )
    adapts = algorithm.adv_estimator == "asymgrpo" and any(schedule != Constant() for schedule in schedules.values())
    if adapts:
        start = settings_from(algorithm)
        for name, schedule in schedules.items():
            beta = getattr(start, name)
            if isinstance(schedule, Entropy) and not schedule.minimum <= beta <= schedule.maximum:
                raise ValueError(
                    f"algorithm.asymgrpo.{name}={beta}: allowed is a number from {schedule.minimum} to "
                    f"{schedule.maximum}, the bounds of algorithm.asymgrpo.schedule.{name}."
                )
    # setting -> is it on, does it read the old policy's entropy or log-probabilities
    settings = {
        "entropy_advantage": (entropy_advantage_from(algorithm), True),
        "token_weighting": (weighting, True),
        "diagnostics": (diagnostics != DiagnosticsConfig(), diagnostics.log_prob_increment_every),
        "asymgrpo.schedule": (adapts, any(isinstance(schedule, Entropy) for schedule in schedules.values())),
    }
    mode = config.trainer.v1.trainer_mode if config.trainer.use_v1 else "v0"
    bypass = OmegaConf.select(config, "algorithm.rollout_correction.bypass_mode")
    for name, (on, old_policy) in settings.items():
        if on and mode != "asymgrpo" and name == "diagnostics":  # they change nothing of the training
            print(f"[asymgrpo_verl] algorithm.diagnostics is set but unused: trainer.v1.trainer_mode={mode}")
        elif on and mode != "asymgrpo":
            raise ValueError(
                f"trainer.v1.trainer_mode={mode} knows no algorithm.{name}: allowed is asymgrpo with "
                "trainer.use_v1=True."
            )
        if on and bypass and old_policy:
            raise ValueError(
                "algorithm.rollout_correction.bypass_mode=True computes neither token entropy nor log-probabilities "
                f"before the update, which algorithm.{name} needs: set one of them off."
            )


def _check_keys_of_algorithm(algorithm: DictConfig, used: str) -> None:
    """verl passes `algorithm` on unread, so a misspelt group or a key one level too high would be ignored."""
    from verl.trainer.config import AlgoConfig

    for name in ESTIMATORS:
        if name != used and algorithm.get(name, None) is not None:
            print(f"[asymgrpo_verl] algorithm.{name} is set but unused: adv_estimator={algorithm.adv_estimator}")
    ours = used in ESTIMATORS
    nodes = [*ESTIMATORS, *TRAINER_NODES]
    own = [key.name for key in fields(ESTIMATORS[used])] if ours else []
    own += ["schedule"] if used == "asymgrpo" else []
    # A key may be the user's own, of a reward or an agent loop: only what all but spells ours is taken for it.
    likely = [*nodes, *own] if ours else [*TRAINER_NODES]
    for key in set(algorithm) - {key.name for key in fields(AlgoConfig)} - {"_target_", *nodes}:
        near = difflib.get_close_matches(str(key).lower(), likely, n=1, cutoff=0.75)
        unread = f"algorithm.{key} is read neither by verl nor by asymgrpo_verl"
        if near:
            meant = f"{used}.{near[0]}" if near[0] in own else near[0]
            raise ValueError(f"{unread}: did you mean algorithm.{meant}?")
        if ours:
            print(f"[asymgrpo_verl] {unread}")


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
    _check_trainer_settings(config)
    _check_keys_of_algorithm(config.algorithm, estimator)
    if estimator in ESTIMATORS:
        _check_group_size(estimator, settings_from(config.algorithm, estimator), config.actor_rollout_ref.rollout.n)
