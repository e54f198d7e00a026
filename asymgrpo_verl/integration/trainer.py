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
"""verl's synchronous trainer with diagnostics and schedules, chosen by `trainer.v1.trainer_mode=asymgrpo`."""

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
from asymgrpo_verl.core.advantages import add_entropy
from asymgrpo_verl.core.groups import Groups, gather_groups
from asymgrpo_verl.core.losses import token_weights
from asymgrpo_verl.core.schedules import Constant, Memory, beta_at, observe
from asymgrpo_verl.files import atomic
from asymgrpo_verl.integration import settings
from asymgrpo_verl.integration.adapters import multi_output_share, outcome_advantage, read_keys, weigh_sessions
from asymgrpo_verl.integration.watch import watch_actors
from asymgrpo_verl.integration.worker import ChannelGradientWorker

MODE = "trainer.v1.trainer_mode"
POLL_SECONDS = 0.1
STATE_FILE = "asymgrpo.json"  # in a checkpoint's directory
GRADIENT_KEYS = ("gradient/positive/norm", "gradient/negative/norm", "gradient/positive/share")
NAN = float("nan")


class State(NamedTuple):
    """What outlives a step, as numbers that a checkpoint holds.

    Attributes:
        epoch: see `diagnostics.EpochCounts`.
        beta_pos, beta_neg: what their schedules remember.
        entropy: of the last step's rollouts, NaN before the first.
    """

    epoch: diagnostics.EpochCounts = diagnostics.EpochCounts(0)
    beta_pos: Memory = Memory()
    beta_neg: Memory = Memory()
    entropy: float = NAN


class Rollouts(NamedTuple):
    """The rollouts of a step, after verl's rollout correction; of a session with several outputs the last.

    Attributes:
        rows: (rollouts,) int64, which of the batch's rows they are.
        groups, mask, advantages, log_probs, entropy: of the rollouts, (rollouts, len) but for the first; the last two
            are those of the policy before the update.
    """

    rows: np.ndarray
    groups: Groups
    mask: torch.Tensor
    advantages: torch.Tensor
    log_probs: torch.Tensor
    entropy: torch.Tensor


@register_trainer("asymgrpo")
class AsymGRPOTrainer(PPOTrainerSync):
    """Trains as `sync` does, with any estimator, and logs what became of both channels (see `diagnostics`).

    It reads `algorithm.asymgrpo.schedule`, `algorithm.entropy_advantage`, `algorithm.token_weighting` and
    `algorithm.diagnostics` (see `config`). A reward that is no finite number is an error here with every estimator, and
    the last output of an agent loop's session decides its outcome with every estimator of ours.
    """

    def __init__(self, config):
        # verl's trainer takes the mode from here once, and asks in many places whether it is "sync": this one is.
        mode = OmegaConf.select(config, MODE)
        OmegaConf.update(config, MODE, "sync")
        algorithm = config.algorithm
        self.estimator = algorithm.adv_estimator
        ours = self.estimator in settings.ESTIMATORS
        self.outcome = settings.settings_from(algorithm, self.estimator) if ours else settings.OutcomeConfig()
        self.schedules = settings.schedules_from(algorithm) if self.estimator == "asymgrpo" else {}
        self.entropy_advantage = settings.entropy_advantage_from(algorithm)
        self.token_weighting = settings.token_weighting_from(algorithm)
        self.every = settings.diagnostics_from(algorithm)
        self.state = State()
        # In bypass mode verl takes the rollouts' log-probabilities for the old ones and computes no entropy.
        self.bypass = bool(OmegaConf.select(config, "algorithm.rollout_correction.bypass_mode"))
        super().__init__(config)
        OmegaConf.update(config, MODE, mode)  # which loggers keep

    def _build_replay_buffer(self):
        buffer = super()._build_replay_buffer()
        # verl looks for finished rollouts every 2 s, so a step waits 1 s for nothing on average.
        buffer.poll_interval = POLL_SECONDS
        return buffer

    def _init_resource_pool_mgr(self):
        super()._init_resource_pool_mgr()
        if self.every.gradient_share_every:
            for role, worker in self.role_worker_mapping.items():
                if worker.__ray_actor_class__ is ActorRolloutRefWorker:
                    self.role_worker_mapping[role] = ray.remote(ChannelGradientWorker)

    def on_init_end(self):
        watch_actors()
        super().on_init_end()

    def _save_checkpoint(self):
        # Before verl's own, whose last act is to name this checkpoint as the one to resume from.
        path = Path(self.config.trainer.default_local_dir) / f"global_step_{self.global_steps}" / STATE_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with atomic(path) as partly:
                partly.write_text(json.dumps(self.state._asdict()))
            super()._save_checkpoint()
        except Exception as error:  # of a full disk torch says "unexpected pos 576 vs 534"
            latest = path.parents[1] / "latest_checkpointed_iteration.txt"
            if latest.is_file() and latest.read_text() == str(self.global_steps):
                raise  # it is whole: the checkpoint callback failed
            free = shutil.disk_usage(path.parent).free / 2**20
            raise RuntimeError(f"{path.parent} could not be saved, with {free:.0f} MiB free on the disk") from error

    def _load_checkpoint(self):
        super()._load_checkpoint()
        if self.global_steps == 0:
            return
        trainer = self.config.trainer
        folder = os.path.join(trainer.default_local_dir, f"global_step_{self.global_steps}")
        path = Path(trainer.resume_from_path if trainer.resume_mode == "resume_path" else folder) / STATE_FILE
        if not path.exists():
            print(
                f"[asymgrpo_verl] no {path}, as other trainers save none: schedules and the epoch's counts start anew"
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
        metrics.update(self._set_betas())
        batch = super()._compute_advantage(batch, metrics)
        batch = self._diagnose_and_shape(batch, metrics)
        # The same keys at every step, also where nothing is measured.
        self.timing_raw.update({"gradient_share": 0.0, "log_prob_increment": 0.0})
        metrics.update(dict.fromkeys(("entropy_change/predicted", *diagnostics.UPDATE_KEYS, *GRADIENT_KEYS), NAN))
        return batch

    def _update_actor(self, batch, metrics: dict):
        if self._is_due(self.every.gradient_share_every):
            with marked_timer("gradient_share", self.timing_raw):
                metrics.update(self._channel_gradients(batch))
        batch = super()._update_actor(batch, metrics)
        metrics["entropy_change/predicted"] = -metrics["actor/lr"] * metrics["covariance/mean"]
        if self._is_due(self.every.log_prob_increment_every):
            with marked_timer("log_prob_increment", self.timing_raw):
                metrics.update(self._measure_update(batch))
        self.rollouts = None
        return batch

    def _is_due(self, every: int) -> bool:
        return every > 0 and self.global_steps % every == 0

    def _set_betas(self) -> dict[str, float]:
        """Put the betas of this step where the estimator reads them."""
        metrics = {}
        for name, schedule in self.schedules.items():
            start, memory = getattr(self.outcome, name), getattr(self.state, name)
            beta = beta_at(schedule, start, self.global_steps, self.total_training_steps, memory)
            if schedule != Constant():
                OmegaConf.update(self.config, f"algorithm.asymgrpo.{name}", beta, force_add=True)
            metrics[f"asymgrpo/{name}"] = beta
        return metrics

    def _diagnose_and_shape(self, batch, metrics: dict):
        """Log what became of the groups, and put the advantages back where a setting changes them."""
        with marked_timer("diagnostics", self.timing_raw):
            # Read after verl's rollout correction, which may mask rows: these are the groups that were weighed.
            fields = [
                "response_mask",
                "rm_scores",
                "advantages",
                "old_log_probs",
                *([] if self.bypass else ["entropy"]),
            ]
            data = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=fields)
            nested_mask = data["response_mask"]
            data = data.to_padded_tensor()
            mask, rewards, log_probs = data["response_mask"], data["rm_scores"], data["old_log_probs"]
            entropy = torch.full_like(log_probs, NAN) if self.bypass else data["entropy"]
            uid, rows, session = read_keys(batch.keys)
            weighed = data["advantages"]
            if len(rows) < len(batch) and self.estimator in settings.ESTIMATORS:
                weigh = partial(outcome_advantage, config=self.config.algorithm, estimator=self.estimator)
                weighed = weigh_sessions(weigh, rewards, mask, uid, rows, session)
            whole = (rewards, mask, weighed, log_probs, entropy)
            of_sessions = whole if len(rows) == len(batch) else [values[rows] for values in whole]
            groups = gather_groups(*of_sessions[:2], uid[rows], self.outcome.reward_threshold)
            self.rollouts = Rollouts(rows, groups, *of_sessions[1:])
            metrics["groups/multi_output"] = multi_output_share(session, groups.alive.numpy())
            metrics.update(self._diagnose())
            self._remember(metrics)

        shaped = weighed
        if self.entropy_advantage:
            shaped = add_entropy(weighed, entropy, **vars(self.entropy_advantage))
            metrics["entropy_advantage/bonus"] = ((shaped - weighed).sum() / mask.sum().clamp(min=1)).item()
        if self.token_weighting:
            top, correct = self.token_weighting.top, groups.correct[session].unsqueeze(1)
            for kind, channel in ((self.token_weighting.correct, correct), (self.token_weighting.incorrect, ~correct)):
                if kind != "none":
                    weights = token_weights(kind, mask, log_probs, entropy, top)
                    shaped = torch.where(channel, shaped * weights, shaped)
        if shaped is not data["advantages"]:
            fields = TensorDict({"advantages": response_to_nested(shaped, nested_mask)}, batch_size=len(batch))
            batch = tq.kv_batch_put(keys=batch.keys, partition_id=batch.partition_id, fields=fields)
        return batch

    def _diagnose(self) -> dict[str, float]:
        _, groups, mask, advantages, log_probs, entropy = self.rollouts
        n = self.config.actor_rollout_ref.rollout.n
        counts = diagnostics.count_epoch(self.state.epoch, (self.global_steps - 1) // self.steps_per_epoch, groups, n)
        channels = diagnostics.channel_metrics(groups, mask, advantages, entropy)
        between = channels["rollouts/entropy"] - self.state.entropy
        self.state = self.state._replace(epoch=counts, entropy=channels["rollouts/entropy"])
        return (
            diagnostics.group_metrics(groups, n)
            | diagnostics.epoch_metrics(counts)
            | channels
            | diagnostics.covariance_metrics(groups, mask, advantages, log_probs, n)
            | {"entropy_change/between_steps": between}
        )

    def _remember(self, metrics: dict) -> None:
        for name, schedule in self.schedules.items():
            memory = observe(schedule, name, metrics[f"asymgrpo/{name}"], getattr(self.state, name), metrics)
            self.state = self.state._replace(**{name: memory})
            metrics[f"asymgrpo/{name}_signal"] = NAN if memory.signal is None else memory.signal

    def _channel_gradients(self, batch) -> dict[str, float]:
        batch.extra_info.update(self._pass_settings(calculate_entropy=False), global_batch_size=len(batch))
        norms = self.actor_rollout_wg.channel_gradient_norms(batch)["metrics"]
        both = norms["positive"] + norms["negative"]
        share = norms["positive"] / both if both else NAN
        return dict(zip(GRADIENT_KEYS, (norms["positive"], norms["negative"], share), strict=True))

    def _measure_update(self, batch) -> dict[str, float]:
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
        """What a pass over the batch is told, as in verl's `_compute_old_log_prob`."""
        temperature = self.config.actor_rollout_ref.rollout.temperature
        return {"calculate_entropy": calculate_entropy, "compute_loss": False, "temperature": temperature}
