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
"""verl's actor worker with one more question: how much of the gradient is each channel's."""

import torch
from tensordict import TensorDict
from torch.distributed.tensor import DTensor
from verl.single_controller.base.decorator import make_nd_compute_dataproto_dispatch_fn, register
from verl.utils import tensordict_utils as tu
from verl.workers.engine_workers import ActorRolloutRefWorker


class ChannelGradientWorker(ActorRolloutRefWorker):
    @register(dispatch_mode=make_nd_compute_dataproto_dispatch_fn(mesh_name="actor"))
    def channel_gradient_norms(self, data: TensorDict) -> TensorDict | None:
        """The norm of the gradient of each channel's part of the loss (Eq. 11), over the whole batch, before an update.

        Neither weights nor the optimizer's state change, and the entropy bonus is left out. It costs two forward and
        backward passes over the batch. A loss in which one channel's advantages change the other's tokens (clip_cov,
        kl_cov) is not the sum of the two.

        Returns:
            "metrics" with the floats "positive" and "negative".
        """
        engine, defaults = self.actor.engine, self.actor.engine_config
        given = {
            "use_remove_padding": self.actor.model_config.get("use_remove_padding", False),
            "use_dynamic_bsz": defaults.use_dynamic_bsz,
            "max_token_len_per_gpu": defaults.max_token_len_per_gpu,
            "micro_batch_size_per_gpu": defaults.micro_batch_size_per_gpu,
            "use_fused_kernels": defaults.use_fused_kernels,
        }
        tu.assign_non_tensor(data, **given)
        advantages, norms = data["advantages"], {}
        with engine.train_mode():
            for channel, part in (("positive", advantages.clamp(min=0.0)), ("negative", advantages.clamp(max=0.0))):
                data["advantages"] = part
                engine.optimizer_zero_grad()
                engine.forward_backward_batch(data, self.actor.loss_fn)
                gradients = [weight.grad for weight in engine.module.parameters() if weight.grad is not None]
                norm = torch.nn.utils.get_total_norm(gradients)
                scale = engine.scaler.get_scale() if engine.scaler else 1.0  # that of float16
                norms[channel] = (norm.full_tensor() if isinstance(norm, DTensor) else norm).item() / scale
            engine.optimizer_zero_grad()
        if not engine.is_mp_src_rank_with_outputs():
            return None
        return tu.get_tensordict(tensor_dict={}, non_tensor_dict={"metrics": norms}).cpu()
