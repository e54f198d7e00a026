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
"""Diagnostics, schedules and shaped advantages for each of verl's trainers, and verl's synchronous trainer with them.

`OurTrainer` overrides methods of the base class of verl's trainers, so a trainer of ours is `OurTrainer` before one of
verl's: `AsymGRPOTrainer` here, and one each in `colocate_async` and `separate_async`. A step of verl's trainer has
one trigger or several, and a trigger calls `_compute_advantage` and then `_update_actor`. The tensors of a batch are in
verl's TransferQueue; a batch holds only their keys (see `rollouts`).
"""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import ray
import torch
import transfer_queue as tq
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl.trainer.ppo.v1.trainer_base import PPOTrainer, register_trainer
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync
from verl.utils.debug import marked_timer
from verl.workers.utils.padding import response_from_nested, response_to_nested

from asymgrpo_verl.core import diagnostics
from asymgrpo_verl.core.estimators import ESTIMATORS, OutcomeSettings
from asymgrpo_verl.core.schedules import Constant, beta_at
from asymgrpo_verl.core.shaping import add_entropy
from asymgrpo_verl.files import atomic
from asymgrpo_verl.integration import settings
from asymgrpo_verl.integration.adapters import outcome_advantage
from asymgrpo_verl.integration.failed_rewards import failed_share, failures, forget_validation, take_failures
from asymgrpo_verl.integration.modes import MODE
from asymgrpo_verl.integration.rollouts import Outputs, Rollouts, join, last_outputs
from asymgrpo_verl.integration.sessions import advantages_by_session, multi_output_share, read_keys
from asymgrpo_verl.integration.shaped_rewards import outcome_rewards
from asymgrpo_verl.integration.spread import spread_rows
from asymgrpo_verl.integration.state import NAN, STATE_FILE, State, after_step, as_text, before_step, saved_state
from asymgrpo_verl.integration.validation import pass_metrics
from asymgrpo_verl.integration.watch import watch_actors
from asymgrpo_verl.integration.weights import by_token, rollout_weights, weighted
from asymgrpo_verl.integration.zero_weight import worker_settings

POLL_SECONDS = 0.1
GRADIENT_KEYS = ("gradient/positive/norm", "gradient/negative/norm", "gradient/positive/share")
NO_ROLLOUTS = "no materializable trajectories"  # in the error of verl's ReplayBuffer.sample


class OurTrainer(PPOTrainer):
    """Train as one of verl's trainers does, with any estimator, and log both channels (see `core.diagnostics`).

    It reads `algorithm.asymgrpo.schedule` and the groups of `settings.TRAINER_GROUPS`. A NaN or infinite reward raises
    ValueError with every estimator. The last output of a session decides whether the session is correct with every
    estimator of ours.

    A trainer step is everything between two weight syncs, in which the rollout servers get the policy's weights. In
    `separate_async` it has `parameter_sync_step` triggers, each of which samples rollouts of its own and trains the
    policy on them, and in the other modes one. The betas are set, the schedules observe, and the metrics are computed
    once per step, over the rollouts of all its triggers. verl averages the metrics that a trigger logs, so that a count
    would be divided and a NaN would spread; so no metric of ours goes that way.

    In the asynchronous modes the rollouts of a step come from older policies. verl computes `old_log_probs` and the
    entropy with the weights at the start of the step, for all its triggers; in bypass mode `old_log_probs` are the
    rollout server's, of the policies that drew the tokens, and there is no entropy, unless
    `algorithm.diagnostics.bypass_mode=measure` computes both with the weights before each trigger's update.

    Attributes:
        verls_mode: verl's name of the trainer that a subclass extends.
    """

    verls_mode = ""

    def __init__(self, config):
        """Read our settings, and give verl's `__init__` its own name of the mode.

        verl keeps the mode it reads there, and compares it with "sync" in many places. Afterwards the configuration has
        our mode again, because the loggers store the configuration; and verl's settings of the mode under our name too,
        because verl's `skip` reads them later.
        """
        mode = OmegaConf.select(config, MODE)
        OmegaConf.update(config, MODE, self.verls_mode)
        algorithm = config.algorithm
        self.estimator = algorithm.adv_estimator
        ours = self.estimator in ESTIMATORS
        self.estimator_settings = settings.settings_from(algorithm, self.estimator) if ours else OutcomeSettings()
        self.schedules = settings.schedules_from(algorithm) if self.estimator == "asymgrpo" else {}
        self.entropy_advantage = settings.entropy_advantage_from(algorithm)
        self.token_weighting = settings.token_weighting_from(algorithm)
        self.ha_dw, self.codapo = settings.ha_dw_from(algorithm), settings.codapo_from(algorithm)
        self.diagnostics_settings = settings.diagnostics_from(algorithm)
        self.entropy_coefficient = settings.entropy_coefficient_from(algorithm)
        self.repo_r = settings.repo_r_from(algorithm)
        if self.entropy_coefficient:
            # verl computes the entropy in an update if this is set, or if the configured coefficient is not 0.
            OmegaConf.update(config, "actor_rollout_ref.actor.calculate_entropy", True)
        self.for_worker: dict[str, Any] = worker_settings(config)  # what our worker reads in an update
        self.state = State()
        # What verl or we compute with the policy before an update, beside `old_log_probs`. In bypass mode verl uses the
        # rollout server's log-probabilities as the old ones, and computes no entropy.
        self.of_policy = ["entropy"]
        if OmegaConf.select(config, "algorithm.rollout_correction.bypass_mode"):
            self.of_policy = ["log_probs", "entropy"] if self.diagnostics_settings.bypass_mode == "measure" else []
        self.triggers: list[Rollouts] = []  # of this step so far
        self.bonuses: list[tuple[float, int]] = []  # sum of the entropy advantage's bonus and number of tokens, of each
        self.gradients: dict[str, float] = {}
        super().__init__(config)
        OmegaConf.update(config, MODE, mode)
        OmegaConf.update(config, f"trainer.v1.{mode}", config.trainer.v1[self.verls_mode], force_add=True)

    def _build_replay_buffer(self):
        """Override verl's method because its buffer looks for finished rollouts only every 2 s, so a step loses 1 s."""
        buffer = super()._build_replay_buffer()
        buffer.poll_interval = POLL_SECONDS
        return buffer

    def _init_resource_pool_mgr(self):
        """Override verl's method because it chooses the actor's worker class. Ours is `worker.ActorWorker`."""
        super()._init_resource_pool_mgr()
        adaptive = self.entropy_coefficient or self.repo_r
        if self.diagnostics_settings.gradient_share_every or adaptive or self.for_worker:
            # Imported here, because the trainer also has to work with a verl in which these workers do not.
            from asymgrpo_verl.integration.worker import OUR_WORKERS

            for role, worker in self.role_worker_mapping.items():
                if ours := OUR_WORKERS.get(worker.__ray_actor_class__):
                    self.role_worker_mapping[role] = ray.remote(ours)

    def on_init_end(self):
        """Override verl's method because all workers and rollout servers run by then, so we can watch them."""
        watch_actors()
        super().on_init_end()

    def on_validate_end(self):
        """Override verl's method to forget the failed rewards of a validation, which verl counts as incorrect."""
        super().on_validate_end()
        forget_validation()

    def _val_metrics_update(self, data_sources, sample_uids, reward_extra_infos_dict, sample_turns, **expected):
        """Override verl's method to add the unbiased pass@k beside verl's best@k."""
        found = data_sources, sample_uids, reward_extra_infos_dict
        passes = pass_metrics(*found, **expected, threshold=self.estimator_settings.reward_threshold)
        return super()._val_metrics_update(*found, sample_turns, **expected) | passes

    def _add_prompts_to_generate(self, num_prompts: int) -> int:
        """Override verl's method, which replaces dropped prompts, to end a run in which too many rewards fail.

        The asynchronous trainers drop a prompt if one of its rollouts fails, and would replace prompts for ever.
        """
        rollouts = self.config.data.train_batch_size * self.config.actor_rollout_ref.rollout.n
        failed_share(failures(), rollouts, self.diagnostics_settings.max_failed_rewards)
        return super()._add_prompts_to_generate(num_prompts)

    def step(self, metrics: dict, timing_raw: dict):
        """Override verl's method, which runs the triggers of a step, to log the step as a whole.

        - `groups/*`, `rollouts/*`, `covariance/*` describe the rollouts of all triggers as one batch, and `epoch/*`
          counts each group once. An epoch is as many steps as the training data has batches. In the asynchronous modes
          prompts are trained in the order in which they finish, so near the end of an epoch a prompt of the next pass
          may stand for one of this pass.
        - `covariance/*` and `entropy_change/predicted` use `old_log_probs` (see the class) on rollouts that older
          policies drew, so Eq. 12-14 hold only as well as these policies resemble each other.
        - `log_prob_increment` and `entropy_change/measured` compare the policy after the last trigger with the one at
          the start of the step, on the rollouts of all triggers.
        - `gradient/*` is measured before the first trigger trains, on its rollouts alone, because those of the later
          triggers are not sampled yet.
        """
        self.state, for_worker, given = before_step(
            self.state, self.entropy_coefficient, self.config.actor_rollout_ref.actor.entropy_coeff, self.repo_r
        )
        self.for_worker.update(for_worker)
        given |= self._set_betas()
        self.triggers, self.bonuses, self.gradients = [], [], {}
        # A step that does not measure these logs them too, because every step must have the same keys.
        timing_raw.update({"gradient_share": 0.0, "log_prob_increment": 0.0})
        batch = super().step(metrics, timing_raw)
        with marked_timer("diagnostics", timing_raw):
            rollouts = join(self.triggers)
            self.triggers = []
            metrics.update(given | self._diagnose(rollouts))
            adaptive = self.schedules, self.ha_dw, self.entropy_coefficient, self.repo_r
            self.state, averages = after_step(self.state, metrics, *adaptive)
            metrics.update(averages)
        n = self.config.actor_rollout_ref.rollout.n
        update_keys = (*diagnostics.UPDATE_KEYS, *diagnostics.displacement_keys(n))
        metrics.update(dict.fromkeys(("entropy_change/predicted", *update_keys, *GRADIENT_KEYS), NAN))
        metrics.update(self.gradients)
        if "actor/lr" in metrics:  # if not, trainer.critic_warmup leaves the actor as it is
            metrics["entropy_change/predicted"] = -metrics["actor/lr"] * metrics["covariance/mean"]
            if self._is_due(self.diagnostics_settings.log_prob_increment_every):
                with marked_timer("log_prob_increment", timing_raw):
                    metrics.update(self._measure_update(batch, rollouts))
        return batch

    def _step_once(self, metrics: dict, timing_raw: dict, sample_batch_size: int):
        """Override verl's method because it does not say that a batch is empty since every reward failed."""
        try:
            return super()._step_once(metrics, timing_raw, sample_batch_size)
        except RuntimeError as error:
            if NO_ROLLOUTS in str(error):
                failed_share(take_failures(), 0, self.diagnostics_settings.max_failed_rewards)
            raise

    def _save_checkpoint(self):
        """Override verl's method to save our state too, and to say which checkpoint could not be saved.

        Our state comes first, because verl's method ends by naming this checkpoint as the one to resume from. Its
        errors say too little: on a full disk torch raises "unexpected pos 576 vs 534".

        Raises:
            RuntimeError: the checkpoint could not be saved.
            Whatever the checkpoint callback raises.
        """
        path = Path(self.config.trainer.default_local_dir) / f"global_step_{self.global_steps}" / STATE_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with atomic(path) as partly:
                partly.write_text(as_text(self.state))
            super()._save_checkpoint()
        except Exception as error:  # because torch, the file system and Ray raise different types
            latest = path.parents[1] / "latest_checkpointed_iteration.txt"
            if latest.is_file() and latest.read_text() == str(self.global_steps):
                raise  # because the checkpoint is whole, and the checkpoint callback failed
            free = shutil.disk_usage(path.parent).free / 2**20
            raise RuntimeError(
                f"{path.parent} could not be saved, with {free:.0f} MiB free on the disk. Fix the error above, and "
                "start the run again to resume from the last checkpoint that was saved."
            ) from error

    def _load_checkpoint(self):
        """Override verl's method to load our state too."""
        super()._load_checkpoint()
        if self.global_steps:
            self.state = saved_state(self.config.trainer, self.global_steps)

    def _compute_advantage(self, batch, metrics: dict):
        """Override verl's method to keep the rollouts for the metrics of the step, and to shape the advantages."""
        batch = super()._compute_advantage(batch, metrics)
        if "log_probs" in self.of_policy:
            with marked_timer("bypass_mode", self.timing_raw):
                self._forward(batch)
        with marked_timer("diagnostics", self.timing_raw):
            outputs = self._read_outputs(batch)
            rollouts = last_outputs(outputs, self.estimator_settings.reward_threshold)
            weights = rollout_weights(rollouts, self.ha_dw, self.codapo, self.state.accuracies)
            if weights is not None:
                outputs, rollouts = weighted(outputs, rollouts, weights)
            self.triggers.append(rollouts)
        return self._shape_advantages(batch, outputs)

    def _update_actor(self, batch, metrics: dict):
        """Override verl's method to choose the rows that train, and to measure the gradient before the first trigger.

        The rows are spread over the ranks for the update alone; the caller keeps its order.
        """
        batch.extra_info.update(self.for_worker)
        if self.local_trigger_step == 0 and self._is_due(self.diagnostics_settings.gradient_share_every):
            with marked_timer("gradient_share", self.timing_raw):
                self.gradients = self._measure_gradients(batch)
        super()._update_actor(spread_rows(batch, self.actor_rollout_wg, self.config), metrics)
        return batch

    def _is_due(self, every: int) -> bool:
        return every > 0 and self.global_steps % every == 0

    def _set_betas(self) -> dict[str, float]:
        """Put the betas of this step into the configuration, where the estimator reads them, and return them."""
        metrics = {}
        for name, schedule in self.schedules.items():
            start, memory = getattr(self.estimator_settings, name), getattr(self.state, name)
            beta = beta_at(schedule, start, self.global_steps, self.total_training_steps, memory)
            if schedule != Constant():
                OmegaConf.update(self.config, f"algorithm.asymgrpo.{name}", beta, force_add=True)
            metrics[f"asymgrpo/{name}"] = beta
        return metrics

    def _read_outputs(self, batch) -> Outputs:
        """Read the batch. This comes after verl's rollout correction, because a row that it masks is in no group."""
        fields = ["response_mask", "rm_scores", "advantages", "old_log_probs", "extra_fields", *self.of_policy]
        nested = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=fields)
        extra_fields = list(nested.pop("extra_fields"))
        nested_mask = nested["response_mask"]
        if "log_probs" in self.of_policy:
            nested["old_log_probs"] = response_from_nested(nested.pop("log_probs"), nested_mask)
            nested["entropy"] = response_from_nested(nested["entropy"], nested_mask)
        data = nested.to_padded_tensor()
        mask, rewards, log_probs = data["response_mask"], data["rm_scores"], data["old_log_probs"]
        uid, last, session = read_keys(batch.keys)
        outcomes = outcome_rewards(self.config, extra_fields, rewards, mask, self.estimator_settings.reward_threshold)
        advantages = data["advantages"]
        if (len(last) < len(batch) or outcomes is not rewards) and self.estimator in ESTIMATORS:
            estimate = partial(outcome_advantage, config=self.config.algorithm, estimator=self.estimator)
            advantages = advantages_by_session(estimate, outcomes, mask, uid, last, session)
        return Outputs(
            uid=uid,
            last=last,
            session=session,
            nested_mask=nested_mask,
            mask=mask,
            rewards=outcomes,
            log_probs=log_probs,
            entropy=data["entropy"] if self.of_policy else torch.full_like(log_probs, NAN),
            verl_advantages=data["advantages"],
            advantages=advantages,
            staleness=torch.tensor(
                [self.global_steps - 1 - tag["min_global_steps"] for tag in batch.tags], dtype=torch.float64
            ),
        )

    def _shape_advantages(self, batch, outputs: Outputs):
        """Add the entropy advantage, weight the tokens, and put the advantages back if they are no longer verl's."""
        shaped = outputs.advantages
        if self.entropy_advantage:
            shaped = add_entropy(shaped, outputs.entropy, **vars(self.entropy_advantage))
            self.bonuses.append(((shaped - outputs.advantages).sum().item(), int(outputs.mask.sum())))
        if self.token_weighting:
            correct = self.triggers[-1].groups.correct[outputs.session].unsqueeze(1)
            shaped = by_token(shaped, outputs, correct, self.token_weighting)
        if shaped is outputs.verl_advantages:
            return batch
        fields = TensorDict({"advantages": response_to_nested(shaped, outputs.nested_mask)}, batch_size=len(batch))
        return tq.kv_batch_put(keys=batch.keys, partition_id=batch.partition_id, fields=fields)

    def _diagnose(self, rollouts: Rollouts) -> dict[str, float]:
        """Return the metrics of the step's rollouts before it trains, and count their groups into the epoch.

        Raises:
            RuntimeError: the reward function failed for too many rollouts.
        """
        _, session, groups, mask, advantages, log_probs, entropy, staleness = rollouts
        n = self.config.actor_rollout_ref.rollout.n
        at_most = self.diagnostics_settings.max_failed_rewards
        failed = failed_share(take_failures(), int(groups.alive.sum()), at_most)
        bonus, tokens = map(sum, zip((0.0, 0), *self.bonuses, strict=True))
        counts = diagnostics.count_epoch(self.state.epoch, (self.global_steps - 1) // self.steps_per_epoch, groups, n)
        channels = diagnostics.channel_metrics(groups, mask, advantages, entropy)
        change = channels["rollouts/entropy"] - self.state.entropy
        self.state = self.state._replace(epoch=counts, entropy=channels["rollouts/entropy"])
        return (
            diagnostics.group_metrics(groups, n)
            | diagnostics.epoch_metrics(counts)
            | channels
            | diagnostics.staleness_metrics(groups, staleness)
            | diagnostics.covariance_metrics(groups, mask, advantages, log_probs, n)
            | {"entropy_change/between_steps": change, "groups/failed_rewards": failed}
            | {"groups/multi_output": multi_output_share(session, groups.alive.numpy())}
            | ({"entropy_advantage/bonus": bonus / max(tokens, 1)} if self.entropy_advantage else {})
        )

    def _measure_gradients(self, batch) -> dict[str, float]:
        """Return GRADIENT_KEYS; the share is NaN if both norms are 0."""
        batch.extra_info.update(self._pass_settings(calculate_entropy=False), global_batch_size=len(batch))
        norms = self.actor_rollout_wg.gradient_norms_by_sign(batch)["metrics"]
        both = norms["positive"] + norms["negative"]
        share = norms["positive"] / both if both else NAN
        return dict(zip(GRADIENT_KEYS, (norms["positive"], norms["negative"], share), strict=True))

    def _measure_update(self, batch, rollouts: Rollouts) -> dict[str, float]:
        """Compute log-probabilities and entropy again, after the last trigger; return the metrics of the update."""
        rows, groups, mask = rollouts.rows, rollouts.groups, rollouts.mask
        self._forward(batch)
        fields = ["log_probs", "entropy", "response_mask"]
        data = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=fields)
        for name in ("log_probs", "entropy"):
            data[name] = response_from_nested(data[name], data["response_mask"])
        data = data.to_padded_tensor()
        n, old, new = self.config.actor_rollout_ref.rollout.n, rollouts.log_probs, data["log_probs"][rows]
        return diagnostics.update_metrics(
            groups, mask, old, new, rollouts.entropy, data["entropy"][rows]
        ) | diagnostics.displacement_metrics(groups, mask, old, new, n)

    def _forward(self, batch) -> None:
        """Let the policy compute `log_probs` and `entropy` of the batch, which go into the TransferQueue."""
        batch.extra_info.update(self._pass_settings(calculate_entropy=True))
        self.actor_rollout_wg.compute_log_prob(batch)

    def _pass_settings(self, calculate_entropy: bool) -> dict[str, Any]:
        """Return what the worker has to know for one pass over the batch, as in verl's `_compute_old_log_prob`."""
        temperature = self.config.actor_rollout_ref.rollout.temperature
        return {"calculate_entropy": calculate_entropy, "compute_loss": False, "temperature": temperature}


@register_trainer("asymgrpo")
class AsymGRPOTrainer(OurTrainer, PPOTrainerSync):
    """Train as verl's mode `sync` does: generation and training take turns, and no rollout is stale."""

    verls_mode = "sync"
