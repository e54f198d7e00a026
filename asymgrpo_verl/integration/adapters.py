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
"""Wrap our estimators and our policy losses in the signatures that verl calls."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from asymgrpo_verl.core.estimators import compute_advantages
from asymgrpo_verl.core.losses import two_channel_loss
from asymgrpo_verl.integration.settings import settings_from


def outcome_advantage(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: np.ndarray,
    config=None,
    *,
    estimator: str,
    **kwargs,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute the advantages of `algorithm.adv_estimator=<estimator>`. Return (advantages, returns), one tensor twice.

    Args:
        config: verl's `algorithm`; kwargs are not used, verl passes them.

    Raises:
        ValueError, TypeError: as `core.estimators.compute_advantages` and `settings_from`.
    """
    settings = settings_from(config, estimator)
    advantage = compute_advantages(estimator, token_level_rewards, response_mask, index, settings)
    return advantage, advantage


def asymgrpo_policy_loss(
    old_log_prob: torch.Tensor,
    log_prob: torch.Tensor,
    advantages: torch.Tensor,
    response_mask: torch.Tensor,
    loss_agg_mode: str = "token-mean",
    config=None,
    rollout_is_weights: torch.Tensor | None = None,
    *,
    agg_loss: Callable,
    anchored: bool = False,
) -> tuple[torch.Tensor, dict[str, float]]:
    """Compute the loss of `actor.policy_loss.loss_mode=asymgrpo` or `=up`: see `core.losses.two_channel_loss`.

    Args:
        anchored: True is `up`.
        config: verl's ActorConfig, with the clip range and the counts of the global batch.
        agg_loss: verl.trainer.ppo.core_algos.agg_loss. All other arguments are those of any policy loss of verl.
    """
    low, high = config.clip_ratio_low, config.clip_ratio_high
    return two_channel_loss(
        old_log_prob,
        log_prob,
        advantages,
        response_mask,
        aggregate=partial(agg_loss, loss_mask=response_mask, loss_agg_mode=loss_agg_mode, **config.global_batch_info),
        clip_low=config.clip_ratio if low is None else low,
        clip_high=config.clip_ratio if high is None else high,
        clip_c=config.get("clip_ratio_c", 3.0),
        rollout_is_weights=rollout_is_weights,
        anchored=anchored,
    )
