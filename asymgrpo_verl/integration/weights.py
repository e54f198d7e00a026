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
"""Multiply the advantages of any estimator by weights: `algorithm.ha_dw`, `codapo` and `token_weighting`.

Weights of whole rollouts come after the estimator, so `covariance/*` and `rollouts/*/advantage_mass` describe the
advantages with them. The entropy advantage comes next, and weights of tokens last.
"""

from statistics import fmean

import torch

from asymgrpo_verl.core.estimators import per_rollout
from asymgrpo_verl.core.shaping import confidence_weights, history_weights, token_weights
from asymgrpo_verl.integration.rollouts import Outputs, Rollouts
from asymgrpo_verl.integration.settings import ConfidenceSettings, HistorySettings, TokenWeightingSettings


def remembered(accuracies: tuple[float, ...], accuracy: float, window: int) -> tuple[float, ...]:
    """Return the last `window` batch accuracies after one more."""
    return (*accuracies, accuracy)[-window:]


def rollout_weights(
    rollouts: Rollouts,
    ha_dw: HistorySettings | None,
    codapo: ConfidenceSettings | None,
    accuracies: tuple[float, ...],
) -> torch.Tensor | None:
    """Return the weight of each rollout, (rollouts,) float64; None if no setting is on.

    Args:
        rollouts: of a trigger.
        accuracies: share of correct rollouts of the steps before, see `state.State`.
    """
    groups, weights = rollouts.groups, None
    if ha_dw:
        accuracy = (groups.solved.sum() / groups.size.sum().clamp(min=1)).item()
        belief = fmean(remembered(accuracies, accuracy, ha_dw.window))
        weights = per_rollout(groups, *history_weights(groups, belief, ha_dw.scale))
    if codapo:
        of_group = confidence_weights(groups, rollouts.mask, rollouts.log_probs, codapo.offset)
        weights = of_group[groups.index] * (1.0 if weights is None else weights)
    return weights


def weighted(outputs: Outputs, rollouts: Rollouts, weights: torch.Tensor) -> tuple[Outputs, Rollouts]:
    """Multiply the advantages of each rollout, and of all outputs of its session, by its weight."""
    factor = weights.to(outputs.advantages.dtype).unsqueeze(1)
    return (
        outputs._replace(advantages=outputs.advantages * factor[outputs.session]),
        rollouts._replace(advantages=rollouts.advantages * factor),
    )


def by_token(
    advantages: torch.Tensor, outputs: Outputs, correct: torch.Tensor, weighting: TokenWeightingSettings
) -> torch.Tensor:
    """Multiply the advantages of each channel by the weights of its tokens.

    Args:
        advantages: (bs, len), after the entropy advantage.
        correct: (bs, 1) bool, of the session of each output.
    """
    for kind, channel in ((weighting.correct, correct), (weighting.incorrect, ~correct)):
        if kind != "none":
            weights = token_weights(kind, outputs.mask, outputs.log_probs, outputs.entropy, weighting.top)
            advantages = torch.where(channel, advantages * weights, advantages)
    return advantages
