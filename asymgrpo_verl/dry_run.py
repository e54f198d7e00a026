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
"""Print and check the configuration of `python -m verl.trainer.main_ppo ARGS`: python -m asymgrpo_verl.dry_run ARGS

It prints the settings that matter, or all of them with --all as the first argument.
"""

import sys

import hydra
import verl  # noqa: F401  loads the plugin, and the plugin adds the methods to Hydra
from omegaconf import DictConfig, OmegaConf

from asymgrpo_verl.integration.modes import use_our_trainer
from asymgrpo_verl.method_files import check_composed

PRINT_ALL = sys.argv[1:2] == ["--all"]
# Of each of these the whole group is printed. A name that a configuration does not have is left out.
MATTER = """
data.train_files data.val_files data.train_batch_size data.max_prompt_length data.max_response_length data.seed
data.apply_chat_template_kwargs
actor_rollout_ref.model.path actor_rollout_ref.model.lora_rank
actor_rollout_ref.actor.strategy actor_rollout_ref.actor.ppo_mini_batch_size actor_rollout_ref.actor.ppo_epochs
actor_rollout_ref.actor.ppo_max_token_len_per_gpu actor_rollout_ref.actor.optim.lr
actor_rollout_ref.actor.policy_loss.loss_mode actor_rollout_ref.actor.loss_agg_mode
actor_rollout_ref.actor.clip_ratio_low actor_rollout_ref.actor.clip_ratio_high
actor_rollout_ref.actor.entropy_coeff actor_rollout_ref.actor.use_kl_loss
actor_rollout_ref.rollout.name actor_rollout_ref.rollout.n actor_rollout_ref.rollout.temperature
actor_rollout_ref.rollout.tensor_model_parallel_size actor_rollout_ref.rollout.gpu_memory_utilization
actor_rollout_ref.rollout.seed
actor_rollout_ref.rollout.val_kwargs.n actor_rollout_ref.rollout.val_kwargs.temperature
reward.custom_reward_function.path
algorithm.adv_estimator algorithm.norm_adv_by_std_in_grpo algorithm.use_kl_in_reward
algorithm.{estimator} algorithm.entropy_advantage algorithm.token_weighting algorithm.zero_weight
trainer.v1.trainer_mode trainer.nnodes trainer.n_gpus_per_node trainer.total_epochs trainer.total_training_steps
trainer.test_freq trainer.save_freq trainer.checkpoint_callback_class trainer.resume_mode
trainer.experiment_name trainer.default_local_dir trainer.logger
""".split()


def settings_that_matter(config: DictConfig) -> str:
    """Return the settings of MATTER, one `key: value` per line, with `algorithm.<adv_estimator>` of this run."""
    names = [name.format(estimator=config.algorithm.adv_estimator) for name in MATTER]
    values = [(name, OmegaConf.select(config, name)) for name in names]
    plain = [
        (name, OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value)
        for name, value in values
        if value is not None
    ]
    return "\n".join(f"{name}: {value}" for name, value in plain if value != {})


def check_run(config: DictConfig) -> None:
    """Check a run's configuration as verl does before Ray starts, and look up every name that verl's workers look up.

    Raises:
        Whatever verl or `asymgrpo_verl` raises about it.
    """
    check_composed(config)  # before these imports, because on a CPU some fail without the plugin
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
    """Print the settings that matter, or with --all the whole configuration as YAML; then check it."""
    use_our_trainer(config)
    print(OmegaConf.to_yaml(config, resolve=True) if PRINT_ALL else settings_that_matter(config))
    try:
        check_run(config)
    except (ValueError, TypeError) as error:  # what verl and we raise about a setting
        sys.exit(f"dry run: {error}")
    print("dry run: the configuration is good; nothing was started", file=sys.stderr)


if __name__ == "__main__":
    if PRINT_ALL:
        del sys.argv[1]  # Hydra does not know it
    # Without these, Hydra would make a directory for the run and write a log file into it.
    sys.argv += ["hydra.run.dir=.", "hydra.output_subdir=null", "hydra/job_logging=none"]
    main()
