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
"""verl's actor workers with our update (`integration.update`), plus one method: gradient norms by sign of advantage."""

import torch
from tensordict import TensorDict
from torch.distributed.tensor import DTensor
from verl.experimental.separation.engine_workers import DetachActorWorker
from verl.single_controller.base.decorator import make_nd_compute_dataproto_dispatch_fn, register
from verl.utils import tensordict_utils as tu
from verl.workers.engine_workers import ActorRolloutRefWorker

from asymgrpo_verl.integration.update import UpdateWorker, without_zero_weight


class ActorWorker(ActorRolloutRefWorker):
    """verl's actor worker. It can leave rollouts with advantage 0 out of an update, and measure gradient norms."""

    actor_worker_cls = UpdateWorker

    @register(dispatch_mode=make_nd_compute_dataproto_dispatch_fn(mesh_name="actor"))
    def gradient_norms_by_sign(self, data: TensorDict) -> TensorDict | None:
        """Compute the gradient norm of each part of the loss (Eq. 11): of the positive and of the negative advantages.

        The weights and the optimizer's state stay as they are. The loss is that of the whole batch in one mini-batch,
        without the entropy bonus. This costs two forward and two backward passes over the rows that an update runs. The
        two gradients add up to that of the whole loss, except in a loss that chooses tokens by all advantages
        (clip_cov, kl_cov).

        Args:
            data: the batch, with `advantages`; verl's dispatch gives each rank its part.

        Returns:
            "metrics" with the floats "positive" and "negative"; None on a rank whose outputs verl does not collect.
        """
        engine, defaults = self.actor.engine, self.actor.engine_config
        # verl's TrainingWorker.train_batch tells the engine the same before a backward pass.
        given = {
            "use_remove_padding": self.actor.model_config.get("use_remove_padding", False),
            "use_dynamic_bsz": defaults.use_dynamic_bsz,
            "max_token_len_per_gpu": defaults.max_token_len_per_gpu,
            "micro_batch_size_per_gpu": defaults.micro_batch_size_per_gpu,
            "use_fused_kernels": defaults.use_fused_kernels,
        }
        tu.assign_non_tensor(data, **given)
        tu.maybe_fix_3d_position_ids(data)  # of vision models; verl's train_batch calls it before a pass too
        if "zero_weight_mean_over" in data:
            data = without_zero_weight(data, engine, defaults)
        advantages, norms = data["advantages"], {}
        with engine.train_mode():
            for sign, part in (("positive", advantages.clamp(min=0.0)), ("negative", advantages.clamp(max=0.0))):
                data["advantages"] = part
                engine.optimizer_zero_grad()
                engine.forward_backward_batch(data, self.actor.loss_fn)
                gradients = [weight.grad for weight in engine.module.parameters() if weight.grad is not None]
                norm = torch.nn.utils.get_total_norm(gradients)
                # With float16 verl scales the loss, and the gradients with it.
                scale = engine.scaler.get_scale() if engine.scaler else 1.0
                norms[sign] = (norm.full_tensor() if isinstance(norm, DTensor) else norm).item() / scale
            engine.optimizer_zero_grad()
        if not engine.is_mp_src_rank_with_outputs():
            return None
        return tu.get_tensordict(tensor_dict={}, non_tensor_dict={"metrics": norms}).cpu()


class DetachedActorWorker(ActorWorker, DetachActorWorker):
    """The same for `separate_async`, whose worker also keeps the weights of a step's start in the host's memory."""


OUR_WORKERS = {ActorRolloutRefWorker: ActorWorker, DetachActorWorker: DetachedActorWorker}
