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
"""Leave rollouts with advantage 0 out of the update: the settings, and whether the gradient of a run stays the same.

If all rollouts of a group are correct, or all incorrect, their advantages are 0 in most estimators. Such a rollout adds
0 to the policy loss and 0 to its gradient, so `integration.update` leaves it out of the forward and backward passes.
`algorithm.zero_weight` holds the settings. They need our trainer, and work with every estimator.
"""

from omegaconf import DictConfig, OmegaConf

from asymgrpo_verl.integration.capabilities import POLICY_LOSSES, problems
from asymgrpo_verl.integration.needs import NEEDS, WORKER
from asymgrpo_verl.integration.settings import ZeroWeightSettings, entropy_coefficient_from, zero_weight_from

# The policy losses that are a sum over rollouts, with 0 for a rollout whose advantages are 0. Not in it: clip_cov and
# kl_cov choose tokens by the mean advantage of a micro-batch, geo_mean divides by the rows of a micro-batch, dro has a
# term without advantage, bypass_mode normalizes by micro-batch. We know nothing of a loss of the user.
EXACT_LOSSES = (*POLICY_LOSSES, "vanilla", "gspo", "sapo", "gpg", "cispo", "dppo_tv", "dppo_kl")
STRATEGIES = ("fsdp", "fsdp2")


def why_all_rows(config: DictConfig) -> str | None:
    """Return why the update of a run has to run the rollouts with advantage 0 too; None if it need not.

    Args:
        config: verl's whole configuration.
    """
    select = OmegaConf.select
    actor, where, model = config.actor_rollout_ref.actor, "actor_rollout_ref.actor", "actor_rollout_ref.model"
    coefficient, loss, norm = actor.entropy_coeff, actor.policy_loss.loss_mode, "seq-mean-token-sum-norm"
    over_all = "is over all rollouts"
    reasons = (
        (zero_weight_from(config.algorithm).rollouts == "train", "algorithm.zero_weight.rollouts=train"),
        (entropy_coefficient_from(config.algorithm), f"algorithm.entropy_coefficient: the entropy bonus {over_all}"),
        (coefficient != 0, f"{where}.entropy_coeff={coefficient}: the entropy bonus {over_all}"),
        (actor.calculate_entropy, f"{where}.calculate_entropy=True: actor/entropy_loss {over_all}"),
        (actor.use_kl_loss, f"{where}.use_kl_loss=True: the KL loss {over_all}"),
        (select(config, "distillation.enabled"), f"distillation.enabled=True: the distillation loss {over_all}"),
        (select(config, f"{model}.mtp.enable"), f"{model}.mtp.enable=True: its loss {over_all}"),
        (
            select(config, f"{where}.fsdp_config.qat.enable"),
            f"{where}.fsdp_config.qat.enable=True: activations are scaled by those of all rollouts",
        ),
        (loss not in EXACT_LOSSES, f"{where}.policy_loss.loss_mode={loss}: it is not known to be a sum over rollouts"),
        (
            actor.loss_agg_mode == norm and actor.loss_scale_factor is None,
            f"{where}.loss_agg_mode={norm} without loss_scale_factor divides by the longest response of a micro-batch",
        ),
        (
            actor.strategy not in STRATEGIES,
            f"{where}.strategy={actor.strategy}: it works with {' and '.join(STRATEGIES)}",
        ),
        (actor.use_prefix_grouper, f"{where}.use_prefix_grouper=True keeps the rollouts of a prompt together"),
    )
    held = [reason for holds, reason in reasons if holds] or problems(NEEDS[WORKER])
    return held[0] if held else None


def worker_settings(config: DictConfig) -> dict[str, str]:
    """Return what the worker has to know in an update: nothing if it has to run all rows.

    Returns:
        {"zero_weight_mean_over": `ZeroWeightSettings.mean_over`}, or {}.
    """
    return {} if why_all_rows(config) else {"zero_weight_mean_over": zero_weight_from(config.algorithm).mean_over}


def check_zero_weight(config: DictConfig) -> None:
    """Say in one line why rollouts with advantage 0 are trained on, if this was not asked for.

    Raises:
        ValueError: `mean_over=nonzero` with a run that has to train on them, or whose loss is no mean.
    """
    settings, actor = zero_weight_from(config.algorithm), config.actor_rollout_ref.actor
    reason, key = why_all_rows(config), "algorithm.zero_weight.mean_over"
    if settings.mean_over == "nonzero" and (reason or actor.loss_agg_mode == "token-sum"):
        because = reason or "actor_rollout_ref.actor.loss_agg_mode=token-sum divides by nothing"
        raise ValueError(f"{key}: got nonzero; expected all, because {because}. Change that setting, or set {key}=all.")
    if reason and settings != ZeroWeightSettings(rollouts="train"):
        print(f"[asymgrpo_verl] the update also runs rollouts with advantage 0: {reason}")
