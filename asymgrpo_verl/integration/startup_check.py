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
"""Check the whole configuration of a run before Ray starts, so that a mistake costs seconds and no GPU."""

from collections.abc import Mapping
from dataclasses import fields
from os.path import commonprefix
from typing import Any

from omegaconf import DictConfig, OmegaConf

from asymgrpo_verl.core.estimators import ESTIMATORS, OutcomeSettings, learns_from_groups_of, own_settings
from asymgrpo_verl.core.fields import check_group, check_value, unknown_key
from asymgrpo_verl.core.schedules import Constant, Entropy, EntropyCoefficient
from asymgrpo_verl.integration.capabilities import used_features
from asymgrpo_verl.integration.chosen_method import check_method
from asymgrpo_verl.integration.mode_check import check_mode
from asymgrpo_verl.integration.modes import MODE, other_trainer
from asymgrpo_verl.integration.needs import CPU
from asymgrpo_verl.integration.settings import (
    TRAINER_GROUPS,
    DiagnosticsSettings,
    ZeroWeightSettings,
    codapo_from,
    diagnostics_from,
    entropy_advantage_from,
    entropy_coefficient_from,
    ha_dw_from,
    repo_r_from,
    schedules_from,
    settings_from,
    token_weighting_from,
    zero_weight_from,
)
from asymgrpo_verl.integration.shaped_rewards import check_shaped_reward
from asymgrpo_verl.integration.zero_weight import STRATEGIES, check_zero_weight

LIMITS = ["time_limit", "batch_limit"]  # the settings of our reward function


def check_run_config(config: DictConfig, task_runner: Any = None) -> None:
    """Check a run's configuration as an entry point of verl has it before Ray starts.

    A key under `algorithm` that neither verl nor we read is an error if it nearly spells one of ours. If not, it is
    printed, because it may belong to a reward function or an agent loop of the user.

    Args:
        task_runner: the class that the entry point gives to `verl.trainer.main_ppo.run_ppo`, if it is known.

    Raises:
        ValueError, TypeError: as `settings_from`; also an unread key, a group size that nothing can be learnt from, or
            a setting without the trainer or the token entropy that it needs.
    """
    estimator = OmegaConf.select(config, "algorithm.adv_estimator")
    check_method(config)
    _check_reward_kwargs(config)
    other = other_trainer(config, task_runner)
    _check_trainer_settings(config, other)
    _check_callback(config, other)
    if other is None:
        check_mode(config)
    _check_keys_of_algorithm(config.algorithm, estimator, refuse=bool({*used_features(config)} - {CPU}))
    if estimator in ESTIMATORS:
        settings = settings_from(config.algorithm, estimator)
        _check_group_size(estimator, settings, config.actor_rollout_ref.rollout.n)
        check_shaped_reward(config, settings.reward_threshold, reads_acc=other is None)


def _check_reward_kwargs(config: DictConfig) -> None:
    """Check the settings of our reward function, because it takes any keyword and would ignore a misspelt one."""
    function = OmegaConf.select(config, "reward.custom_reward_function")
    if function and function.get("path") == "pkg://asymgrpo_verl.rewards":
        where = "reward.custom_reward_function.reward_kwargs"
        kwargs = {} if function.get("reward_kwargs") is None else function.reward_kwargs
        check_group(kwargs, where, "time_limit=1")
        for name, value in kwargs.items():
            if name not in LIMITS:
                raise unknown_key(where, name, LIMITS)
            check_value(f"{where}.{name}", value, None, {"above": 0})


def _check_callback(config: DictConfig, other: str | None) -> None:
    """Check that a trainer that is to keep the best checkpoint calls the callback, which only verl's v1 trainers do."""
    callback = str(OmegaConf.select(config, "trainer.checkpoint_callback_class"))
    if callback.startswith("asymgrpo_verl.") and other and not other.startswith(MODE):
        raise ValueError(
            f"trainer.checkpoint_callback_class: got {callback}; expected null, because {other} calls no callback and "
            "all checkpoints would stay on the disk. Remove it, or use a trainer of trainer.v1.trainer_mode."
        )


def _check_trainer_settings(config: DictConfig, other: str | None) -> None:
    """Check what only our trainers read, and that they can have the token entropy and the log-probabilities they need.

    Args:
        other: see `other_trainer`.
    """
    algorithm, actor = config.algorithm, config.actor_rollout_ref.actor
    schedules, weighting = schedules_from(algorithm), token_weighting_from(algorithm)
    diagnostics = diagnostics_from(algorithm)
    if every := diagnostics.gradient_share_every:
        key = "algorithm.diagnostics.gradient_share_every"
        if actor.strategy != "fsdp2":
            raise ValueError(
                f"{key}: got {every}; expected 0, because actor_rollout_ref.actor.strategy={actor.strategy} has no "
                f"separate gradient norms. Set actor_rollout_ref.actor.strategy=fsdp2, or {key}=0."
            )
        if actor.use_kl_loss:
            raise ValueError(
                f"{key}: got {every}; expected 0, because the gradient of actor_rollout_ref.actor.use_kl_loss=True "
                f"belongs to neither channel. Set use_kl_loss=False, or {key}=0."
            )
    coefficient, repo_r = entropy_coefficient_from(algorithm), repo_r_from(algorithm)
    if coefficient:
        _check_entropy_coefficient(coefficient, actor)
    for key in [key for key, on in (("entropy_coefficient", coefficient), ("repo_r", repo_r)) if on]:
        if actor.strategy not in STRATEGIES:
            raise ValueError(
                f"algorithm.{key}: got a value; expected none, because with actor_rollout_ref.actor.strategy="
                f"{actor.strategy} our worker cannot change the loss. Set strategy=fsdp2, or remove algorithm.{key}."
            )
    adapts = algorithm.adv_estimator == "asymgrpo" and any(schedule != Constant() for schedule in schedules.values())
    if adapts:
        configured = settings_from(algorithm)
        for name, schedule in schedules.items():
            beta, key = getattr(configured, name), f"algorithm.asymgrpo.schedule.{name}"
            if isinstance(schedule, Entropy) and not schedule.minimum <= beta <= schedule.maximum:
                raise ValueError(
                    f"algorithm.asymgrpo.{name}: got {beta}; expected a number from {key}.minimum={schedule.minimum} "
                    f"to {key}.maximum={schedule.maximum}, because the schedule starts there."
                )
    # setting -> (is it on, does it read the entropy or the log-probabilities of the policy before the update)
    settings = {
        "ha_dw": (ha_dw_from(algorithm), False),
        "codapo": (codapo_from(algorithm), True),
        "entropy_advantage": (entropy_advantage_from(algorithm), True),
        "token_weighting": (weighting, True),
        "entropy_coefficient": (coefficient, True),
        "repo_r": (repo_r, True),
        "diagnostics": (diagnostics != DiagnosticsSettings(), diagnostics.log_prob_increment_every),
        "zero_weight": (zero_weight_from(algorithm) != ZeroWeightSettings(), False),
        "asymgrpo.schedule": (adapts, any(isinstance(schedule, Entropy) for schedule in schedules.values())),
    }
    bypass = OmegaConf.select(config, "algorithm.rollout_correction.bypass_mode")
    unmeasured = bypass and diagnostics.bypass_mode == "nothing"
    if diagnostics.bypass_mode == "measure" and not bypass:
        print("[asymgrpo_verl] algorithm.diagnostics.bypass_mode is set but unused: verl is not in bypass mode")
    for name, (on, reads_old_policy) in settings.items():
        if on and other and name == "diagnostics":  # they change nothing of the training
            print(f"[asymgrpo_verl] algorithm.diagnostics is set but unused: {other}")
        elif on and other:
            raise ValueError(
                f"algorithm.{name}: got a value, but {other} ignores it; expected trainer.v1.trainer_mode=asymgrpo and "
                "trainer.use_v1=True in verl.trainer.main_ppo (or asymgrpo_colocate_async or asymgrpo_separate_async). "
                f"Set both, or remove algorithm.{name}."
            )
        if on and unmeasured and reads_old_policy:
            every = name == "diagnostics"  # METHOD sets it, so the user may not know its name
            key = f"algorithm.{name}" + (".log_prob_increment_every" if every else "")
            raise ValueError(
                f"{key}: got {reads_old_policy if every else 'a value'}, but "
                "algorithm.rollout_correction.bypass_mode=True computes neither token entropy nor log-probabilities "
                "before the update; expected bypass_mode=False. Set it, or algorithm.diagnostics.bypass_mode=measure, "
                f"which costs one forward pass per update, or {f'set {key}=0' if every else f'remove {key}'}."
            )
    if not other:
        check_zero_weight(config)


def _check_entropy_coefficient(schedule: EntropyCoefficient, actor: DictConfig) -> None:
    """Check that the coefficient starts within its bounds."""
    key = "algorithm.entropy_coefficient"
    if not schedule.minimum <= actor.entropy_coeff <= schedule.maximum:
        raise ValueError(
            f"actor_rollout_ref.actor.entropy_coeff: got {actor.entropy_coeff}; expected a number from "
            f"{key}.minimum={schedule.minimum} to {key}.maximum={schedule.maximum}, because it starts there."
        )


def _check_keys_of_algorithm(algorithm: DictConfig, used: str, refuse: bool) -> None:
    """Name the keys that nobody reads, because verl passes `algorithm` on without looking at it.

    Args:
        used: the estimator.
        refuse: whether a key that nearly spells one of ours is an error, because the run uses something of ours.
    """
    from verl.trainer.config import AlgoConfig

    for name in ESTIMATORS:
        if name != used and algorithm.get(name, None) is not None:
            print(f"[asymgrpo_verl] algorithm.{name} is set but unused: adv_estimator={algorithm.adv_estimator}")
    ours = used in ESTIMATORS
    groups = [*ESTIMATORS, *TRAINER_GROUPS]
    own = [key.name for key in fields(ESTIMATORS[used].settings)] if ours else []
    own += ["schedule"] if used == "asymgrpo" else []
    for key in set(algorithm) - {key.name for key in fields(AlgoConfig)} - {"_target_", *groups}:
        near = [name for name in (groups if ours else TRAINER_GROUPS) if nearly_spells(str(key), name)]
        # Anyone may call a key `schedule` or `k`, so a single word is ours only with a value that we would take.
        near += [f"{used}.{name}" for name in own if "_" in name and nearly_spells(str(key), name)]
        near += [f"{used}.{name}" for name in own if key == name and _would_be_read(algorithm, used, name)]
        if near:
            meant = near[0]
            message = f"algorithm.{key}: got a key that neither verl nor asymgrpo_verl reads; did you mean algorithm."
            if refuse:
                raise ValueError(f"{message}{meant}?")
            print(f"[asymgrpo_verl] {message}{meant}?")  # perhaps a key of the user's own
        if ours:
            print(f"[asymgrpo_verl] algorithm.{key} is read neither by verl nor by asymgrpo_verl")


def nearly_spells(key: str, name: str) -> bool:
    """Return whether `key` has the words of `name`, each with at most a slip, another ending, or written out.

    A slip is one letter that is missing, added, wrong or swapped with the next, in a word of five letters or more.
    Another ending leaves two thirds of the longer word. Written out: beta_positive for beta_pos.
    """

    def same(word: str, of_name: str) -> bool:
        start = len(commonprefix([word, of_name]))
        end = len(commonprefix([word[start:][::-1], of_name[start:][::-1]]))
        left, right = word[start : len(word) - end], of_name[start : len(of_name) - end]
        slip = max(len(left), len(right)) <= 1 or (len(left) == 2 and left == right[::-1])
        written_out = len(of_name) >= 3 and word.startswith(of_name)
        longer, shorter = max(len(word), len(of_name)), min(len(word), len(of_name))
        return word == of_name or written_out or 3 * start >= 2 * longer or (slip and shorter >= 5)

    words, of_name = key.lower().split("_"), name.split("_")
    same_words = len(words) == len(of_name) and all(map(same, words, of_name))
    return same_words or "".join(words) == "".join(of_name)


def _would_be_read(algorithm: DictConfig, used: str, name: str) -> bool:
    """Return whether the value of algorithm.NAME would be read in algorithm.USED.NAME, if it stood there."""
    value = algorithm[name]
    if name == "schedule":
        return isinstance(value, Mapping) and {*value} <= {"beta_pos", "beta_neg"}
    try:
        settings_from({used: {name: value}}, used)
    except (ValueError, TypeError):  # the value is of another kind, or out of range
        return False
    return True


def _check_group_size(estimator: str, settings: OutcomeSettings, n: int) -> None:
    check_value("actor_rollout_ref.rollout.n", n, 1, {"at_least": 1})
    if not learns_from_groups_of(estimator, n, settings):
        own = "".join(f", algorithm.{estimator}.{key}={value}" for key, value in own_settings(settings).items())
        raise ValueError(
            f"actor_rollout_ref.rollout.n: got {n}; expected more rollouts per prompt, because with "
            f"algorithm.adv_estimator={estimator}{own} every advantage in a group of {n} is 0. The paper uses n=8."
        )
