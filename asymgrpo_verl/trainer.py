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
"""verl's synchronous trainer with diagnostics, chosen by `trainer.v1.trainer_mode=asymgrpo`."""

import numpy as np
import torch
import transfer_queue as tq
from omegaconf import OmegaConf, open_dict
from tensordict import TensorDict
from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync
from verl.workers.utils.padding import response_to_nested

from asymgrpo_verl.advantages import add_entropy
from asymgrpo_verl.config import ESTIMATORS, OutcomeConfig, entropy_advantage_from, settings_from
from asymgrpo_verl.diagnostics import channel_metrics, covariance_metrics, group_metrics
from asymgrpo_verl.groups import gather_groups

POLL_SECONDS = 0.1


@register_trainer("asymgrpo")
class AsymGRPOTrainer(PPOTrainerSync):
    """Trains as `sync` does, with any estimator, and logs what became of the groups (see `diagnostics`).

    With `algorithm.entropy_advantage` it adds that bonus to the advantages of any estimator. A reward that is no finite
    number is an error here with every estimator.
    """

    def __init__(self, config):
        # verl asks in many places whether the mode is "sync"; to all of them this trainer is.
        with open_dict(config):
            config.trainer.v1.trainer_mode = "sync"
        name = config.algorithm.adv_estimator
        settings = settings_from(config.algorithm, name) if name in ESTIMATORS else OutcomeConfig()
        self.reward_threshold = settings.reward_threshold
        self.entropy_advantage = entropy_advantage_from(config.algorithm)
        # In bypass mode verl takes the rollouts' log-probabilities for the old ones and computes no entropy.
        bypass = OmegaConf.select(config, "algorithm.rollout_correction.bypass_mode")
        self.entropy_field = [] if bypass else ["entropy"]
        super().__init__(config)

    def _build_replay_buffer(self):
        buffer = super()._build_replay_buffer()
        # verl looks for finished rollouts every 2 s, so a step waits 1 s for nothing on average.
        buffer.poll_interval = POLL_SECONDS
        return buffer

    def _compute_advantage(self, batch, metrics: dict):
        batch = super()._compute_advantage(batch, metrics)
        # Read after verl's rollout correction, which may mask rows: these are the groups that were weighed.
        fields = ["uid", "response_mask", "rm_scores", "advantages", "old_log_probs", *self.entropy_field]
        data = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=fields)
        uid = np.array(data.pop("uid").tolist(), dtype=object)
        nested_mask = data["response_mask"]
        data = data.to_padded_tensor()
        mask, advantages = data["response_mask"], data["advantages"]
        entropy = data["entropy"] if self.entropy_field else torch.full_like(advantages, float("nan"))
        groups = gather_groups(data["rm_scores"], mask, uid, self.reward_threshold)
        n = self.config.actor_rollout_ref.rollout.n
        metrics.update(group_metrics(groups, n))
        metrics.update(channel_metrics(groups, mask, advantages, entropy))
        metrics.update(covariance_metrics(groups, mask, advantages, data["old_log_probs"], n))
        if self.entropy_advantage:
            raised = add_entropy(advantages, entropy, **vars(self.entropy_advantage))
            metrics["entropy_advantage/bonus"] = ((raised - advantages).sum() / mask.sum().clamp(min=1)).item()
            fields = TensorDict({"advantages": response_to_nested(raised, nested_mask)}, batch_size=len(batch))
            batch = tq.kv_batch_put(keys=batch.keys, partition_id=batch.partition_id, fields=fields)
        return batch
