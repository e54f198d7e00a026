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
"""verl's signatures around our functions."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from asymgrpo_verl.core import advantages
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
    """`algorithm.adv_estimator=<estimator>`: see `advantages`. Returns the same as advantages and as returns.

    Raises:
        ValueError, TypeError: the settings under `algorithm.<estimator>` or the rewards are not usable.
    """
    settings = vars(settings_from(config, estimator))
    advantage = getattr(advantages, estimator)(token_level_rewards, response_mask, index, **settings)
    return advantage, advantage


def read_keys(batch_keys: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What verl's keys of a batch, uid_session_output, say about its rows.

    Returns:
        uid: (bs,) object. rows: (sessions,) int64, the row of the last output of each session. session: (bs,) int64,
        the place of each row's session in `rows`.
    """
    last: dict[str, tuple[int, int]] = {}
    names = [key.rsplit("_", 1)[0] for key in batch_keys]
    for row, (name, key) in enumerate(zip(names, batch_keys, strict=True)):
        last[name] = max(last.get(name, (-1, row)), (int(key.rsplit("_", 1)[1]), row))
    place = {name: i for i, name in enumerate(last)}
    uid = np.array([name.rsplit("_", 1)[0] for name in names], dtype=object)
    return uid, np.array([row for _, row in last.values()]), np.array([place[name] for name in names])


def multi_output_share(session: np.ndarray, alive: np.ndarray) -> float:
    """Share of the sessions that had several outputs; those that are not `alive`, verl's padding rows, are none."""
    several = (np.bincount(session) > 1)[alive]
    return float(several.mean()) if len(several) else 0.0


def weigh_sessions(
    weigh: Callable,
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    uid: np.ndarray,
    rows: np.ndarray,
    session: np.ndarray,
) -> torch.Tensor:
    """(bs, len) advantages where a session of an agent loop may have several outputs: its last one decides for all.

    As verl has it for `grpo` alone (verl.trainer.ppo.v1.utils.compute_advantage_for_multi_trajectories).

    Args:
        weigh: an estimator of one value on every token, such as `outcome_advantage`.
        uid, rows, session: see `read_keys`.
    """
    advantage, _ = weigh(token_level_rewards[rows], response_mask[rows], uid[rows])
    first = response_mask[rows].argmax(dim=1, keepdim=True)
    return advantage.gather(1, first)[session] * response_mask


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
) -> tuple[torch.Tensor, dict[str, float]]:
    """`actor.policy_loss.loss_mode=asymgrpo`: see `losses.two_channel_loss`; `config` is verl's ActorConfig."""
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
    )
