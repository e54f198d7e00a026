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
"""verl's trainer `colocate_async` with all that is ours: `trainer.v1.trainer_mode=asymgrpo_colocate_async`."""

from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_colocate_async import PPOTrainerColocateAsync

from asymgrpo_verl.integration.trainer import OurTrainer


@register_trainer("asymgrpo_colocate_async")
class AsymGRPOColocateAsync(OurTrainer, PPOTrainerColocateAsync):
    """Train as verl's mode `colocate_async` does: rollouts that are not finished when training starts go on after it.

    So a rollout may begin with the tokens of older policies.
    """

    verls_mode = "colocate_async"
