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
"""Read our settings under verl's `algorithm`: once before Ray starts (`startup_check`), and again where they are used.

`algorithm.<estimator>` holds the settings of an estimator of ours (`core.estimators`). The trainer reads
`algorithm.asymgrpo.schedule`, and with any estimator the groups of TRAINER_GROUPS.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import OmegaConf

from asymgrpo_verl.core.estimators import ESTIMATORS, OutcomeSettings
from asymgrpo_verl.core.fields import check_group, choice, number, read, unknown_key
from asymgrpo_verl.core.schedules import KINDS, Constant, Entropy, EntropyCoefficient, RepoR, Schedule

TRAINER_GROUPS = (
    "ha_dw",
    "codapo",
    "entropy_advantage",
    "token_weighting",
    "entropy_coefficient",
    "repo_r",
    "diagnostics",
    "zero_weight",
)


@dataclass(frozen=True)
class HistorySettings:
    """HA-DW's weights of rollouts by the accuracy of the last steps: see `core.shaping.history_weights`.

    Attributes:
        scale: factor of all weights, > 0. The paper's best is 1.3, the authors' code has 1.5.
        window: number of steps whose accuracy is averaged, this one included, >= 1; the authors' script has 10.
    """

    scale: float = number(1.3, above=0)
    window: int = number(10, at_least=1)


@dataclass(frozen=True)
class ConfidenceSettings:
    """CoDaPO's weights of groups by confidence and difficulty: see `core.shaping.confidence_weights`.

    Attributes:
        offset: added to every weight, >= 0. The paper has none, the authors' code 0.1.
    """

    offset: float = number(0.0, at_least=0)


@dataclass(frozen=True)
class EntropyAdvantageSettings:
    """A_t + min(alpha H_t, |A_t|/kappa) (arXiv 2506.14758). The defaults are those of the paper's Table 1.

    Attributes:
        alpha: factor of the token entropy H_t in nats, >= 0; 0 switches it off.
        kappa: the bonus is at most |A_t|/kappa, and kappa > 1, so that no advantage changes its sign.
    """

    alpha: float = number(0.4, at_least=0)
    kappa: float = number(2.0, above=1)


@dataclass(frozen=True)
class TokenWeightingSettings:
    """How the tokens of a rollout share its advantage, in each channel: see `core.shaping.token_weights`.

    Attributes:
        correct, incorrect: "none" gives all tokens the same weight. "surprisal" weights by -log pi_old(y_t). "entropy"
            keeps only the tokens with the highest entropy of the policy (arXiv 2506.01939).
        top: the share of a rollout's tokens that "entropy" keeps, in (0, 1].
    """

    correct: str = choice("none", "surprisal", "entropy")
    incorrect: str = choice("none", "surprisal", "entropy")
    top: float = number(0.2, above=0, at_most=1)


@dataclass(frozen=True)
class DiagnosticsSettings:
    """Metrics that cost a pass over the batch, each computed every so many steps, 0 is never; and a limit on errors.

    Attributes:
        log_prob_increment_every: one forward pass after the update, see `core.diagnostics.update_metrics`.
        gradient_share_every: two forward and backward passes before it, see `integration.worker`.
        bypass_mode: with `algorithm.rollout_correction.bypass_mode=True` verl computes neither log-probabilities nor
            entropy of the policy before an update. "nothing" leaves it so. "measure" computes both by one forward pass
            before each update, for the metrics and for all settings that need them; training uses verl's.
        max_failed_rewards: the run ends if the reward function raises for a larger share of a step's rollouts.
    """

    log_prob_increment_every: int = number(0, at_least=0)
    gradient_share_every: int = number(0, at_least=0)
    bypass_mode: str = choice("nothing", "measure")
    max_failed_rewards: float = number(0.01, at_least=0, at_most=1)


@dataclass(frozen=True)
class ZeroWeightSettings:
    """What an update does with rollouts whose advantages are 0 on every token: see `integration.zero_weight`.

    Attributes:
        rollouts: "skip" leaves them out of the forward and backward passes if the gradient stays the same without them.
            "train" runs them as verl does.
        mean_over: what the loss divides by. "all" divides by the tokens or rollouts of the whole mini-batch, as verl
            does. "nonzero" leaves those with advantage 0 out of the count, so the gradient is larger in mini-batches
            with many of them. That is another method.
    """

    rollouts: str = choice("skip", "train")
    mean_over: str = choice("all", "nonzero")


def _group(algorithm: Mapping, name: str) -> Any:
    """Return `algorithm.<name>` as plain Python, None if it is absent."""
    node = algorithm.get(name, None)
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


def settings_from(algorithm: Mapping | None, estimator: str = "asymgrpo") -> OutcomeSettings:
    """Read the settings of an estimator of ours from verl's `algorithm`: a DictConfig, AlgoConfig, dict, or None.

    Raises:
        ValueError: an unknown key (with the nearest known one), a value out of range, or a KL penalty in the reward.
        TypeError: `algorithm.<estimator>` is not a mapping, or a value has the wrong type.
    """
    holds = ESTIMATORS[estimator].settings
    if algorithm is None:
        return holds()
    if algorithm.get("use_kl_in_reward", False):
        raise ValueError(
            f"algorithm.use_kl_in_reward: got True; expected False, because algorithm.adv_estimator={estimator} tells "
            "correct from incorrect rollouts by their summed reward, and a KL penalty changes that sum. Use the KL "
            "loss instead: actor_rollout_ref.actor.use_kl_loss=True."
        )
    node = _group(algorithm, estimator)
    if estimator == "asymgrpo" and isinstance(node, Mapping):
        node = {key: value for key, value in node.items() if key != "schedule"}  # schedules_from reads it
    return read(node, f"algorithm.{estimator}", holds)


def ha_dw_from(algorithm: Mapping) -> HistorySettings | None:
    """Read `algorithm.ha_dw`; None if it is absent. Raises as `settings_from` does."""
    node = _group(algorithm, "ha_dw")
    return None if node is None else read(node, "algorithm.ha_dw", HistorySettings)


def codapo_from(algorithm: Mapping) -> ConfidenceSettings | None:
    """Read `algorithm.codapo`; None if it is absent. Raises as `settings_from` does."""
    node = _group(algorithm, "codapo")
    return None if node is None else read(node, "algorithm.codapo", ConfidenceSettings)


def entropy_advantage_from(algorithm: Mapping) -> EntropyAdvantageSettings | None:
    """Read `algorithm.entropy_advantage`; None if it is absent or alpha is 0. Raises as `settings_from` does."""
    node = _group(algorithm, "entropy_advantage")
    if node is None:
        return None
    settings = read(node, "algorithm.entropy_advantage", EntropyAdvantageSettings)
    return settings if settings.alpha else None


def token_weighting_from(algorithm: Mapping) -> TokenWeightingSettings | None:
    """Read `algorithm.token_weighting`; None if both channels have "none". Raises as `settings_from` does."""
    settings = read(_group(algorithm, "token_weighting"), "algorithm.token_weighting", TokenWeightingSettings)
    return None if settings.correct == settings.incorrect == "none" else settings


def entropy_coefficient_from(algorithm: Mapping) -> EntropyCoefficient | None:
    """Read `algorithm.entropy_coefficient`; None if it is absent.

    Raises:
        ValueError, TypeError: as `settings_from`; a minimum above the maximum.
    """
    key, node = "algorithm.entropy_coefficient", _group(algorithm, "entropy_coefficient")
    if node is None:
        return None
    schedule = read(node, key, EntropyCoefficient)
    _check_bounds(key, schedule)
    return schedule


def repo_r_from(algorithm: Mapping) -> RepoR | None:
    """Read `algorithm.repo_r`; None if it is absent.

    Raises:
        ValueError, TypeError: as `settings_from`; a minimum above the maximum; a start outside them.
    """
    key, node = "algorithm.repo_r", _group(algorithm, "repo_r")
    if node is None:
        return None
    schedule = read(node, key, RepoR)
    _check_bounds(key, schedule)
    if not schedule.minimum <= abs(schedule.start) <= schedule.maximum:
        raise ValueError(
            f"{key}.start: got {schedule.start}; expected a number whose size is from {key}.minimum={schedule.minimum} "
            f"to {key}.maximum={schedule.maximum}."
        )
    return schedule


def _check_bounds(key: str, schedule: Entropy | EntropyCoefficient | RepoR) -> None:
    if schedule.minimum > schedule.maximum:
        raise ValueError(
            f"{key}.minimum: got {schedule.minimum}; expected a number <= {key}.maximum={schedule.maximum}."
        )


def diagnostics_from(algorithm: Mapping) -> DiagnosticsSettings:
    """Read `algorithm.diagnostics`. Raises as `settings_from` does."""
    return read(_group(algorithm, "diagnostics"), "algorithm.diagnostics", DiagnosticsSettings)


def zero_weight_from(algorithm: Mapping) -> ZeroWeightSettings:
    """Read `algorithm.zero_weight`. Raises as `settings_from` does."""
    return read(_group(algorithm, "zero_weight"), "algorithm.zero_weight", ZeroWeightSettings)


def schedules_from(algorithm: Mapping) -> dict[str, Schedule]:
    """Read the schedules of beta_pos and beta_neg from `algorithm.asymgrpo.schedule`; constant if there is none.

    Raises:
        ValueError, TypeError: as `settings_from`; an unknown kind; a minimum above the maximum.
    """
    where = "algorithm.asymgrpo.schedule"
    node = _group(algorithm, "asymgrpo") or {}
    check_group(node, "algorithm.asymgrpo", "beta_pos=0.9")
    node = {} if node.get("schedule") is None else node["schedule"]
    check_group(node, where, "beta_pos.kind=linear")
    schedules: dict[str, Schedule] = {"beta_pos": Constant(), "beta_neg": Constant()}
    for name, settings in node.items():
        key = f"{where}.{name}"
        if name not in schedules:
            raise unknown_key(where, name, list(schedules))
        check_group(settings, key, "kind=linear")
        kind = settings.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            raise ValueError(f"{key}.kind: got {kind!r}; expected one of {', '.join(KINDS)}.")
        schedule = read({k: v for k, v in settings.items() if k != "kind"}, key, KINDS[kind])
        if isinstance(schedule, Entropy):
            _check_bounds(key, schedule)
        schedules[name] = schedule
    return schedules
