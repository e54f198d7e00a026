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
"""The tensors of a step, as our trainers read them from verl's TransferQueue: rows, rollouts, groups.

A row of a batch is one output, and most rollouts have one output. A rollout with several outputs is a session of an
agent loop, and its last output decides: see `sessions`.
"""

from typing import NamedTuple

import numpy as np
import torch

from asymgrpo_verl.core.groups import Groups, gather_groups


class Outputs(NamedTuple):
    """All rows of a trigger's batch, after verl's rollout correction.

    Attributes:
        uid, last, session: what `sessions.read_keys` returns.
        nested_mask: the response mask as the TransferQueue holds it: nested, each row as long as its response.
        mask, rewards: (bs, len), the response mask and the token-level rewards, as `shaped_rewards.outcome_rewards`
            returns them.
        log_probs, entropy: (bs, len), of the policy before the update, in nats; entropy is NaN in bypass mode.
        verl_advantages: (bs, len), as verl has put them into the TransferQueue.
        advantages: (bs, len), the same; but computed anew if the estimator is ours, and a session has several outputs
            or the verifier's verdict differs from what the reward says.
        staleness: (bs,) float64, number of weight syncs from the weights that drew the row's first token to those at
            the start of the step.
    """

    uid: np.ndarray
    last: np.ndarray
    session: np.ndarray
    nested_mask: torch.Tensor
    mask: torch.Tensor
    rewards: torch.Tensor
    log_probs: torch.Tensor
    entropy: torch.Tensor
    verl_advantages: torch.Tensor
    advantages: torch.Tensor
    staleness: torch.Tensor


class Rollouts(NamedTuple):
    """The rollouts of a trigger, or of all triggers of a step: the last output of each session.

    Attributes:
        rows: (rollouts,) int64, the row of each rollout in the batch.
        session: (bs,) int64, the place of each row's session in `rows`.
        groups: their groups.
        mask, advantages, log_probs, entropy: (rollouts, len), as in `Outputs`.
        staleness: (rollouts,), as in `Outputs`.
    """

    rows: np.ndarray
    session: np.ndarray
    groups: Groups
    mask: torch.Tensor
    advantages: torch.Tensor
    log_probs: torch.Tensor
    entropy: torch.Tensor
    staleness: torch.Tensor


def last_outputs(outputs: Outputs, reward_threshold: float) -> Rollouts:
    """Return the last output of each session, and gather them into groups. Raises as `gather_groups` does."""
    tensors = (outputs.rewards, outputs.mask, outputs.advantages, outputs.log_probs, outputs.entropy, outputs.staleness)
    if len(outputs.last) < len(outputs.session):  # If every row is a last output, no copy is needed.
        tensors = [tensor[outputs.last] for tensor in tensors]
    rewards, mask, *others = tensors
    groups = gather_groups(rewards, mask, outputs.uid[outputs.last], reward_threshold)
    return Rollouts(outputs.last, outputs.session, groups, mask, *others)


def join(triggers: list[Rollouts]) -> Rollouts:
    """Return the rollouts of a step's triggers as those of one batch, in which the triggers' rows follow each other.

    verl samples all rollouts of a prompt for one trigger, so no group is in two of them. A single trigger is returned
    as it is; several are copied, padded to the longest response.
    """
    if len(triggers) == 1:
        return triggers[0]
    rows, rollouts, groups = (
        np.cumsum([0, *lengths])
        for lengths in zip(*((len(t.session), len(t.rows), len(t.groups.size)) for t in triggers), strict=True)
    )
    width = max(trigger.mask.shape[1] for trigger in triggers)

    def padded(name: str) -> torch.Tensor:
        whole = getattr(triggers[0], name).new_zeros(rollouts[-1], width)
        for start, trigger in zip(rollouts, triggers, strict=False):
            part = getattr(trigger, name)
            whole[start : start + len(part), : part.shape[1]] = part
        return whole

    return Rollouts(
        np.concatenate([trigger.rows + start for trigger, start in zip(triggers, rows, strict=False)]),
        np.concatenate([trigger.session + start for trigger, start in zip(triggers, rollouts, strict=False)]),
        Groups(
            *(torch.cat([getattr(trigger.groups, name) for trigger in triggers]) for name in ("size", "solved")),
            torch.cat([trigger.groups.index + int(start) for trigger, start in zip(triggers, groups, strict=False)]),
            *(torch.cat([getattr(trigger.groups, name) for trigger in triggers]) for name in ("alive", "correct")),
        ),
        *(padded(name) for name in ("mask", "advantages", "log_probs", "entropy")),
        torch.cat([trigger.staleness for trigger in triggers]),
    )
