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
"""Print and check the configuration of `python -m verl.trainer.main_ppo ARGS`: python -m asymgrpo_verl.dry_run ARGS"""

import sys

import hydra
import verl  # noqa: F401  loads the plugin, and the plugin adds the methods to Hydra
from omegaconf import DictConfig, OmegaConf


def check_run(config: DictConfig) -> None:
    """Check a run's configuration as verl does before Ray starts, and look up every name that verl's workers look up.

    Raises:
        Whatever verl or `asymgrpo_verl` raises about it.
    """
    from verl.trainer.ppo.checkpoint_callback import build_checkpoint_callback
    from verl.trainer.ppo.core_algos import get_adv_estimator_fn, get_policy_loss_fn
    from verl.trainer.ppo.reward import get_custom_reward_fn
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.trainer.ppo.v1 import get_trainer_cls
    from verl.utils.config import omega_conf_to_dataclass, validate_config

    validate_config(config, need_reference_policy(config), need_critic(config))
    omega_conf_to_dataclass(config.actor_rollout_ref.rollout)
    get_adv_estimator_fn(config.algorithm.adv_estimator)
    get_policy_loss_fn(config.actor_rollout_ref.actor.policy_loss.loss_mode)
    get_trainer_cls(config.trainer.v1.trainer_mode)
    get_custom_reward_fn(config)
    build_checkpoint_callback(config)


@hydra.main(config_path="pkg://verl.trainer.config", config_name="ppo_trainer", version_base=None)
def main(config: DictConfig) -> None:
    """Print the configuration as YAML, then check it."""
    print(OmegaConf.to_yaml(config, resolve=True))
    check_run(config)
    print("dry run: the configuration is good; nothing was started", file=sys.stderr)


if __name__ == "__main__":
    # Without these, Hydra would make a directory for the run and write a log file into it.
    sys.argv += ["hydra.run.dir=.", "hydra.output_subdir=null", "hydra/job_logging=none"]
    main()
