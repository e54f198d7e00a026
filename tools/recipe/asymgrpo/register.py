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
"""Register the advantage estimator `asymgrpo` and the policy losses `asymgrpo` and `up` in verl.

VERL_USE_EXTERNAL_MODULES=recipe.asymgrpo.register loads this module in every process that imports verl.
"""

import sys
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import torch
from asymgrpo_verl.integration.adapters import asymgrpo_policy_loss
from recipe.asymgrpo.core_algos import compute_advantages

from verl.trainer.ppo import core_algos


@dataclass(frozen=True)
class AsymGRPOSettings:
    """The keys of `algorithm.asymgrpo`.

    Attributes:
        beta_pos, beta_neg: exponents of the advantage of correct and of incorrect rollouts, finite, >= 0.
        flip: "none", or the curve that is reflected: "positive" or "negative". See `core_algos.reflected`.
        reward_threshold: a rollout is correct if its summed reward is greater than this finite number.

    Raises:
        ValueError: a value is out of range.
        TypeError: a key is unknown, or a value is not a number.
    """

    beta_pos: float = 0.9
    beta_neg: float = 0.4
    flip: str = "none"
    reward_threshold: float = 0.5

    def __post_init__(self) -> None:
        for key, lowest in (("beta_pos", 0.0), ("beta_neg", 0.0), ("reward_threshold", -sys.float_info.max)):
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(f"algorithm.asymgrpo.{key}: got {value!r}; expected a number.")
            if not lowest <= value <= sys.float_info.max:
                raise ValueError(f"algorithm.asymgrpo.{key}: got {value}; expected a finite number >= {lowest:g}.")
        if self.flip not in ("none", "positive", "negative"):
            raise ValueError(f"algorithm.asymgrpo.flip: got {self.flip!r}; expected none, positive or negative.")


def asymgrpo_outcome_advantage(
    token_level_rewards: torch.Tensor, response_mask: torch.Tensor, index: np.ndarray, config=None, **kwargs
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute the advantages of `algorithm.adv_estimator=asymgrpo`. Return (advantages, returns), one tensor twice.

    Args:
        config: verl's `algorithm`: a DictConfig, AlgoConfig, dict, or None. The first three arguments are those of
            `compute_advantages`; kwargs are not used, verl passes them.

    Raises:
        ValueError: the reward has a KL penalty.
        TypeError, ValueError: as `compute_advantages` and `AsymGRPOSettings`.
    """
    config = {} if config is None else config
    if config.get("use_kl_in_reward", False):
        raise ValueError(
            "algorithm.use_kl_in_reward: got True; expected False, because the summed reward tells correct from "
            "incorrect rollouts, and a KL penalty changes it. Use actor_rollout_ref.actor.use_kl_loss=True."
        )
    settings = AsymGRPOSettings(**(config.get("asymgrpo", None) or {}))
    advantages = compute_advantages(token_level_rewards, response_mask, index, **asdict(settings))
    return advantages, advantages


core_algos.register_adv_est("asymgrpo")(asymgrpo_outcome_advantage)
loss = partial(asymgrpo_policy_loss, agg_loss=core_algos.agg_loss)
core_algos.register_policy_loss("asymgrpo")(loss)
core_algos.register_policy_loss("up")(partial(loss, anchored=True))
