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
"""verl's synchronous trainer plus diagnostics, schedules and shaped advantages: `trainer.v1.trainer_mode=asymgrpo`.

A step of verl's trainer calls `_compute_advantage` and then `_update_actor`. Both are overridden here. The tensors of a
batch are in verl's TransferQueue; a batch holds only their keys. A row of a batch is one output, and most rollouts have
one output. A rollout with several outputs is a session of an agent loop, and its last output decides: see `sessions`.
"""

import json
import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import ray
import torch
import transfer_queue as tq
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync
from verl.utils.debug import marked_timer
from verl.workers.engine_workers import ActorRolloutRefWorker
from verl.workers.utils.padding import response_from_nested, response_to_nested

from asymgrpo_verl.core import diagnostics
from asymgrpo_verl.core.estimators import ESTIMATORS, OutcomeSettings
from asymgrpo_verl.core.groups import Groups, gather_groups
from asymgrpo_verl.core.schedules import Constant, Memory, beta_at, observe
from asymgrpo_verl.core.shaping import add_entropy, token_weights
from asymgrpo_verl.files import atomic
from asymgrpo_verl.integration import settings
from asymgrpo_verl.integration.adapters import outcome_advantage
from asymgrpo_verl.integration.failed_rewards import failed_share, take_failures
from asymgrpo_verl.integration.sessions import advantages_by_session, multi_output_share, read_keys
from asymgrpo_verl.integration.shaped_rewards import outcome_rewards
from asymgrpo_verl.integration.spread import spread_rows
from asymgrpo_verl.integration.watch import watch_actors
from asymgrpo_verl.integration.zero_weight import worker_settings

MODE = "trainer.v1.trainer_mode"
POLL_SECONDS = 0.1
STATE_FILE = "asymgrpo.json"  # in a checkpoint's directory
GRADIENT_KEYS = ("gradient/positive/norm", "gradient/negative/norm", "gradient/positive/share")
NAN = float("nan")


class State(NamedTuple):
    """State that the trainer keeps between steps and saves in STATE_FILE of a checkpoint, as plain numbers.

    Attributes:
        epoch: counts of the epoch so far.
        beta_pos, beta_neg: the memory of the beta's schedule.
        entropy: mean token entropy of the previous step's rollouts in nats; NaN before the first step.
    """

    epoch: diagnostics.EpochCounts = diagnostics.EpochCounts(0)
    beta_pos: Memory = Memory()
    beta_neg: Memory = Memory()
    entropy: float = NAN


class Outputs(NamedTuple):
    """All rows of a step's batch, after verl's rollout correction.

    Attributes:
        uid, last, session: what `sessions.read_keys` returns; `last` is its `rows`.
        nested_mask: the response mask as the TransferQueue holds it: nested, each row as long as its response.
        mask, rewards: (bs, len), the response mask and the token-level rewards, as `shaped_rewards.outcome_rewards`
            returns them.
        log_probs, entropy: (bs, len), of the policy before the update, in nats; entropy is NaN in bypass mode.
        verl_advantages: (bs, len), as verl has put them into the TransferQueue.
        advantages: (bs, len), the same; but computed anew if the estimator is ours, and a session has several outputs
            or the verifier's verdict differs from what the reward says.
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


class Rollouts(NamedTuple):
    """The rollouts of a step: the last output of each session.

    Attributes:
        rows: (rollouts,) int64, the row of each rollout in the batch.
        groups: their groups.
        mask, advantages, log_probs, entropy: (rollouts, len), as in `Outputs`.
    """

    rows: np.ndarray
    groups: Groups
    mask: torch.Tensor
    advantages: torch.Tensor
    log_probs: torch.Tensor
    entropy: torch.Tensor


def last_outputs(outputs: Outputs, reward_threshold: float) -> Rollouts:
    """Return the last output of each session, and gather them into groups. Raises as `gather_groups` does."""
    tensors = (outputs.rewards, outputs.mask, outputs.advantages, outputs.log_probs, outputs.entropy)
    if len(outputs.last) < len(outputs.session):  # if not, every row is a last output, and we save the copies
        tensors = [tensor[outputs.last] for tensor in tensors]
    rewards, mask, *others = tensors
    groups = gather_groups(rewards, mask, outputs.uid[outputs.last], reward_threshold)
    return Rollouts(outputs.last, groups, mask, *others)


@register_trainer("asymgrpo")
class AsymGRPOTrainer(PPOTrainerSync):
    """Train as verl's mode `sync` does, with any estimator, and log both channels (see `core.diagnostics`).

    It reads `algorithm.asymgrpo.schedule`, `algorithm.entropy_advantage`, `algorithm.token_weighting` and
    `algorithm.diagnostics` (see `settings`). A NaN or infinite reward raises ValueError with every estimator. The last
    output of a session decides whether the session is correct with every estimator of ours.
    """

    def __init__(self, config):
        """Read our settings, and give verl's `__init__` the mode "sync".

        verl keeps the mode it reads there and compares it with "sync" in many places, and this trainer is synchronous.
        Afterwards the configuration has our mode again, because the loggers store the configuration.
        """
        mode = OmegaConf.select(config, MODE)
        OmegaConf.update(config, MODE, "sync")
        algorithm = config.algorithm
        self.estimator = algorithm.adv_estimator
        ours = self.estimator in ESTIMATORS
        self.estimator_settings = settings.settings_from(algorithm, self.estimator) if ours else OutcomeSettings()
        self.schedules = settings.schedules_from(algorithm) if self.estimator == "asymgrpo" else {}
        self.entropy_advantage = settings.entropy_advantage_from(algorithm)
        self.token_weighting = settings.token_weighting_from(algorithm)
        self.diagnostics_settings = settings.diagnostics_from(algorithm)
        self.zero_weight = worker_settings(config)
        self.state = State()
        # In bypass mode verl uses the rollout server's log-probabilities as the old ones, and computes no entropy.
        self.bypass = bool(OmegaConf.select(config, "algorithm.rollout_correction.bypass_mode"))
        super().__init__(config)
        OmegaConf.update(config, MODE, mode)

    def _build_replay_buffer(self):
        """Override verl's method because its buffer looks for finished rollouts only every 2 s, so a step loses 1 s."""
        buffer = super()._build_replay_buffer()
        buffer.poll_interval = POLL_SECONDS
        return buffer

    def _init_resource_pool_mgr(self):
        """Override verl's method because it chooses the actor's worker class, and ours has one method more."""
        super()._init_resource_pool_mgr()
        if self.diagnostics_settings.gradient_share_every or self.zero_weight:
            # Imported here, because the trainer also has to work with a verl in which this worker does not.
            from asymgrpo_verl.integration.worker import GradientNormWorker

            for role, worker in self.role_worker_mapping.items():
                if worker.__ray_actor_class__ is ActorRolloutRefWorker:
                    self.role_worker_mapping[role] = ray.remote(GradientNormWorker)

    def on_init_end(self):
        """Override verl's method because all workers and rollout servers run by then, so we can watch them."""
        watch_actors()
        super().on_init_end()

    def on_validate_end(self):
        """Override verl's method to forget the failed rewards of a validation, which verl counts as incorrect."""
        super().on_validate_end()
        take_failures()

    def _step_once(self, metrics: dict, timing_raw: dict, sample_batch_size: int):
        """Override verl's method because it does not say that a batch is empty since every reward failed."""
        try:
            return super()._step_once(metrics, timing_raw, sample_batch_size)
        except RuntimeError:
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
                partly.write_text(json.dumps(self.state._asdict()))
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
        """Override verl's method to load our state too. The state stays new if another trainer saved the checkpoint."""
        super()._load_checkpoint()
        if self.global_steps == 0:
            return
        trainer = self.config.trainer
        folder = os.path.join(trainer.default_local_dir, f"global_step_{self.global_steps}")
        path = Path(trainer.resume_from_path if trainer.resume_mode == "resume_path" else folder) / STATE_FILE
        if not path.exists():
            print(
                f"[asymgrpo_verl] {path} does not exist, because another trainer saved the checkpoint: schedules and "
                "the counts of the epoch start anew"
            )
            return
        saved = json.loads(path.read_text())
        self.state = State(
            epoch=diagnostics.EpochCounts(*saved["epoch"]),
            beta_pos=Memory(*saved["beta_pos"]),
            beta_neg=Memory(*saved["beta_neg"]),
            entropy=saved["entropy"],
        )

    def _compute_advantage(self, batch, metrics: dict):
        """Override verl's method to set the betas before it, and log the groups and shape the advantages after it."""
        metrics.update(self._set_betas())
        batch = super()._compute_advantage(batch, metrics)
        with marked_timer("diagnostics", self.timing_raw):
            outputs = self._read_outputs(batch)
            self.rollouts = last_outputs(outputs, self.estimator_settings.reward_threshold)
            alive = self.rollouts.groups.alive
            at_most = self.diagnostics_settings.max_failed_rewards
            metrics["groups/failed_rewards"] = failed_share(take_failures(), int(alive.sum()), at_most)
            metrics["groups/multi_output"] = multi_output_share(outputs.session, alive.numpy())
            metrics.update(self._diagnose())
            self._remember(metrics)
        batch = self._shape_advantages(batch, outputs, metrics)
        # A step that does not measure these logs them too, because every step must have the same keys.
        self.timing_raw.update({"gradient_share": 0.0, "log_prob_increment": 0.0})
        metrics.update(dict.fromkeys(("entropy_change/predicted", *diagnostics.UPDATE_KEYS, *GRADIENT_KEYS), NAN))
        return batch

    def _update_actor(self, batch, metrics: dict):
        """Override verl's method to measure the gradient right before the update, and the policy right after it."""
        batch.extra_info.update(self.zero_weight)
        if self._is_due(self.diagnostics_settings.gradient_share_every):
            with marked_timer("gradient_share", self.timing_raw):
                metrics.update(self._measure_gradients(batch))
        super()._update_actor(spread_rows(batch, self.actor_rollout_wg, self.config), metrics)
        metrics["entropy_change/predicted"] = -metrics["actor/lr"] * metrics["covariance/mean"]
        if self._is_due(self.diagnostics_settings.log_prob_increment_every):
            with marked_timer("log_prob_increment", self.timing_raw):
                metrics.update(self._measure_update(batch))
        self.rollouts = None
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
        fields = ["response_mask", "rm_scores", "advantages", "old_log_probs", "extra_fields"]
        fields += [] if self.bypass else ["entropy"]
        nested = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=fields)
        extra_fields = list(nested.pop("extra_fields"))
        nested_mask = nested["response_mask"]
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
            entropy=torch.full_like(log_probs, NAN) if self.bypass else data["entropy"],
            verl_advantages=data["advantages"],
            advantages=advantages,
        )

    def _shape_advantages(self, batch, outputs: Outputs, metrics: dict):
        """Add the entropy advantage, weight the tokens, and put the advantages back if they are no longer verl's."""
        shaped = outputs.advantages
        if self.entropy_advantage:
            shaped = add_entropy(shaped, outputs.entropy, **vars(self.entropy_advantage))
            bonus = (shaped - outputs.advantages).sum() / outputs.mask.sum().clamp(min=1)
            metrics["entropy_advantage/bonus"] = bonus.item()
        if weighting := self.token_weighting:
            correct = self.rollouts.groups.correct[outputs.session].unsqueeze(1)
            for kind, channel in ((weighting.correct, correct), (weighting.incorrect, ~correct)):
                if kind != "none":
                    weights = token_weights(kind, outputs.mask, outputs.log_probs, outputs.entropy, weighting.top)
                    shaped = torch.where(channel, shaped * weights, shaped)
        if shaped is outputs.verl_advantages:
            return batch
        fields = TensorDict({"advantages": response_to_nested(shaped, outputs.nested_mask)}, batch_size=len(batch))
        return tq.kv_batch_put(keys=batch.keys, partition_id=batch.partition_id, fields=fields)

    def _diagnose(self) -> dict[str, float]:
        """Return the metrics of the rollouts before the update, and count their groups into the epoch."""
        _, groups, mask, advantages, log_probs, entropy = self.rollouts
        n = self.config.actor_rollout_ref.rollout.n
        counts = diagnostics.count_epoch(self.state.epoch, (self.global_steps - 1) // self.steps_per_epoch, groups, n)
        channels = diagnostics.channel_metrics(groups, mask, advantages, entropy)
        change = channels["rollouts/entropy"] - self.state.entropy
        self.state = self.state._replace(epoch=counts, entropy=channels["rollouts/entropy"])
        return (
            diagnostics.group_metrics(groups, n)
            | diagnostics.epoch_metrics(counts)
            | channels
            | diagnostics.covariance_metrics(groups, mask, advantages, log_probs, n)
            | {"entropy_change/between_steps": change}
        )

    def _remember(self, metrics: dict) -> None:
        """Let the schedules read the metrics of this step, and log the average that each of them uses."""
        for name, schedule in self.schedules.items():
            memory = observe(schedule, name, metrics[f"asymgrpo/{name}"], getattr(self.state, name), metrics)
            self.state = self.state._replace(**{name: memory})
            metrics[f"asymgrpo/{name}_signal"] = NAN if memory.signal is None else memory.signal

    def _measure_gradients(self, batch) -> dict[str, float]:
        """Return GRADIENT_KEYS; the share is NaN if both norms are 0."""
        batch.extra_info.update(self._pass_settings(calculate_entropy=False), global_batch_size=len(batch))
        norms = self.actor_rollout_wg.gradient_norms_by_sign(batch)["metrics"]
        both = norms["positive"] + norms["negative"]
        share = norms["positive"] / both if both else NAN
        return dict(zip(GRADIENT_KEYS, (norms["positive"], norms["negative"], share), strict=True))

    def _measure_update(self, batch) -> dict[str, float]:
        """Compute log-probabilities and entropy again, after the update, and return `diagnostics.update_metrics`."""
        rows, groups, mask, _, old_log_probs, old_entropy = self.rollouts
        batch.extra_info.update(self._pass_settings(calculate_entropy=True))
        self.actor_rollout_wg.compute_log_prob(batch)
        fields = ["log_probs", "entropy", "response_mask"]
        data = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=fields)
        for name in ("log_probs", "entropy"):
            data[name] = response_from_nested(data[name], data["response_mask"])
        data = data.to_padded_tensor()
        return diagnostics.update_metrics(
            groups, mask, old_log_probs, data["log_probs"][rows], old_entropy, data["entropy"][rows]
        )

    def _pass_settings(self, calculate_entropy: bool) -> dict[str, Any]:
        """Return what the worker has to know for one pass over the batch, as in verl's `_compute_old_log_prob`."""
        temperature = self.config.actor_rollout_ref.rollout.temperature
        return {"calculate_entropy": calculate_entropy, "compute_loss": False, "temperature": temperature}
