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
"""Tell correct from incorrect rollouts by the verifier's verdict, also if the reward has a penalty or a bonus on top.

verl's reward managers keep the verdict in the reward's extra info as `acc`, and its DAPO manager lowers only the
reward. Our trainer reads `acc`. Under verl's own trainers an estimator gets the summed reward alone. So there the
penalty must not move a rollout across the threshold.
"""

from collections.abc import Iterable

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from asymgrpo_verl.core.estimators import ESTIMATORS
from asymgrpo_verl.core.fields import check_group, check_value

# Values of filter_groups.metric that are the reward, with the penalty; other names are keys of the extra info.
REWARD_METRICS = ("reward", "seq_reward", "seq_final_reward")
BUFFER = "reward.reward_kwargs.overlong_buffer_cfg"


def overlong_penalty(config: DictConfig) -> float:
    """Return by how much verl's DAPO reward manager lowers the reward of the longest response; 0 without it.

    Raises:
        ValueError, TypeError: a setting of the penalty is missing, or out of range.
    """
    buffer = OmegaConf.select(config, BUFFER)
    if OmegaConf.select(config, "reward.reward_manager.name") != "dapo" or not buffer:
        return 0.0
    check_group(buffer, BUFFER, "enable=True")
    if not buffer.get("enable"):
        return 0.0
    most = OmegaConf.select(config, "reward.reward_kwargs.max_resp_len")
    check_value("reward.reward_kwargs.max_resp_len", most, 1, {"at_least": 1})
    check_value(f"{BUFFER}.len", buffer.get("len"), 1, {"at_least": 1})
    check_value(f"{BUFFER}.penalty_factor", buffer.get("penalty_factor"), None, {"at_least": 0})
    exceeds = max(config.data.max_response_length, most) - most + buffer.len
    return exceeds / buffer.len * buffer.penalty_factor


def keeps_the_verdict(penalty: float, threshold: float) -> bool:
    """Return whether a reward of 0 or 1, or of -1 or 1, minus the penalty stays on its side of the threshold."""
    return penalty == 0 or -1 < threshold < 1 - penalty


def check_shaped_reward(config: DictConfig, threshold: float, reads_acc: bool) -> None:
    """Check that an overlong penalty changes neither which rollouts are correct nor which groups are kept.

    Args:
        threshold: `reward_threshold` of the run's estimator, which is one of ours.
        reads_acc: whether the trainer is ours.

    Raises:
        ValueError: it does; the message has the safe range.
    """
    penalty = overlong_penalty(config)
    groups = OmegaConf.select(config, "algorithm.filter_groups")
    if penalty and groups and groups.get("enable") and groups.get("metric") in REWARD_METRICS:
        raise ValueError(
            f"algorithm.filter_groups.metric: got {groups.metric}; expected acc, because {BUFFER} lowers the reward of "
            "long responses, so groups without a correct rollout would be kept. Set algorithm.filter_groups.metric=acc."
        )
    if not reads_acc and not keeps_the_verdict(penalty, threshold):
        raise ValueError(_unsafe(config, threshold, penalty, "because this trainer reads no acc and"))


def _unsafe(config: DictConfig, threshold: float, penalty: float, reason: str) -> str:
    key = f"algorithm.{config.algorithm.adv_estimator}.reward_threshold"
    top = f"{1 - penalty:g}"
    ranges = [f"in (0, {top}) for rewards of 0 and 1"] if penalty < 1 else []
    ranges += [f"in (-1, {top}) for rewards of -1 and 1"] if penalty < 2 else []
    return (
        f"{key}: got {threshold}; expected {' or '.join(ranges) or 'no overlong penalty'}, {reason} {BUFFER} lowers "
        f"the reward by up to {penalty:g}. Set another reward_threshold, a smaller penalty_factor, or "
        "trainer.v1.trainer_mode=asymgrpo with a reward function that returns acc."
    )


def outcome_rewards(
    config: DictConfig, extra_fields: Iterable, rewards: torch.Tensor, mask: torch.Tensor, threshold: float
) -> torch.Tensor:
    """Return token-level rewards whose sum is above the threshold exactly for the rollouts that are correct.

    If the reward function returns a dict with `acc`, that is the verdict, whatever the scale of its `score`. If it
    returns a number, verl's managers set `acc` to it, and it is compared with the threshold. A row without `acc` is
    judged by its summed reward. If no verdict differs from the summed reward, the result is `rewards` itself.

    Args:
        extra_fields: verl's field of that name, one per row.
        rewards, mask: (bs, len).

    Raises:
        ValueError: with an estimator of ours: an `acc` that is no verdict; or a row has no `acc`, and the overlong
            penalty can move its reward across the threshold.
    """
    ours = config.algorithm.adv_estimator in ESTIMATORS
    penalty = overlong_penalty(config)
    needs_acc = ours and not keeps_the_verdict(penalty, threshold)
    alive, sums = mask.any(dim=1), rewards.sum(dim=1)
    correct = (sums > threshold).tolist()
    for row, (fields, has_response) in enumerate(zip(extra_fields, alive.tolist(), strict=True)):
        info = _extra_info(fields) if has_response else {}
        acc, is_number = info.get("acc"), not isinstance(info.get("acc"), bool | np.bool_)
        if acc is None:
            if needs_acc and has_response:
                raise ValueError(_unsafe(config, threshold, penalty, "because the reward function returns no acc and"))
        elif "score" not in info and is_number:
            correct[row] = acc > threshold
        elif acc in (0, 1):
            correct[row] = bool(acc)
        elif ours:
            raise ValueError(
                f"acc of the reward function: got {acc!r} with the score {info.get('score')!r}; expected True, False, "
                "1 or 0, because it decides whether a rollout is correct. Return the verifier's verdict as acc."
            )
    correct = torch.tensor(correct, device=rewards.device)
    moved = alive & torch.isfinite(sums) & (correct != (sums > threshold))
    if not moved.any():
        return rewards
    outcomes = rewards.clone()
    outcomes[moved] = 0
    outcomes[moved, mask[moved].long().argmax(dim=1)] = torch.where(correct[moved], threshold + 1, threshold - 1).to(
        rewards.dtype
    )
    return outcomes


def _extra_info(fields) -> dict:
    fields = getattr(fields, "data", fields)
    return (fields.get("reward_extra_info") or {}) if isinstance(fields, dict) else {}
