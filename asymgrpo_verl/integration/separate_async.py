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
"""verl's trainer `separate_async` with all that is ours: `trainer.v1.trainer_mode=asymgrpo_separate_async`."""

import logging

from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_separate_async import PPOTrainerSeparateAsync

from asymgrpo_verl.integration.trainer import OurTrainer


@register_trainer("asymgrpo_separate_async")
class AsymGRPOSeparateAsync(OurTrainer, PPOTrainerSeparateAsync):
    """Train as verl's mode `separate_async` does: rollout servers of their own generate while the policy trains.

    A step has `parameter_sync_step` triggers, each with a mini-batch of its own. verl saves the weights of the step's
    start, and loads them to compute `old_log_probs` for each later trigger (not in bypass mode).
    """

    verls_mode = "separate_async"

    def _build_replay_buffer(self):
        """Override our method if GPUs are lent, because verl then takes a wait of one interval for an idle trainer."""
        lends = self.config.trainer.v1.separate_async.hybrid_rollout.enable_switch
        return (super(OurTrainer, self) if lends else super())._build_replay_buffer()

    def _setup(self):
        """Override verl's method, which with actor_rollout_ref.hybrid_engine=False ends in an error of its own.

        verl 0.9.1 calls `logger.info(..., flush=True)`, a TypeError unless the logger ignores the level INFO.
        """
        logger = logging.getLogger("verl.trainer.ppo.v1.trainer_separate_async")
        level = logger.level
        logger.setLevel(logging.WARNING)
        super()._setup()
        logger.setLevel(level)
