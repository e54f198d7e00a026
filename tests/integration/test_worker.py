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
"""The pass that measures gradient norms, on the batches that verl's dispatch hands to a worker."""

import contextlib
import pickle
from types import SimpleNamespace

import torch
from tensordict import TensorDict

from asymgrpo_verl.integration.worker import ActorWorker


def jagged(rows: list[torch.Tensor]) -> torch.Tensor:
    return torch.nested.as_nested_tensor(rows, layout=torch.jagged)


def test_position_ids_of_a_vision_model_can_be_read_after_the_way_to_the_worker():
    """A vision model has four position ids per token. On the way, tensordict loses which axis is ragged."""
    ids = [torch.arange(4 * length).view(4, length) for length in (3, 5)]
    ones = jagged([torch.ones(3), torch.ones(5)])
    sent = TensorDict({"position_ids": jagged(ids), "advantages": ones}, batch_size=2)
    data = pickle.loads(pickle.dumps(sent.consolidate()))
    weight, seen = torch.nn.Linear(1, 1, bias=False), []

    def forward_backward(batch, loss):
        seen.append([row.tolist() for row in batch["position_ids"].unbind()])
        weight.weight.grad = torch.full((1, 1), batch["advantages"].values().sum().item())

    engine = SimpleNamespace(
        train_mode=contextlib.nullcontext,
        optimizer_zero_grad=weight.zero_grad,
        forward_backward_batch=forward_backward,
        module=weight,
        scaler=None,
        is_mp_src_rank_with_outputs=lambda: True,
        engine_config=SimpleNamespace(
            use_dynamic_bsz=True, max_token_len_per_gpu=8, micro_batch_size_per_gpu=1, use_fused_kernels=False
        ),
    )
    actor = SimpleNamespace(engine=engine, engine_config=engine.engine_config, model_config={}, loss_fn=None)
    norms = ActorWorker.gradient_norms_by_sign(SimpleNamespace(actor=actor), data)["metrics"]
    assert seen == [[row.tolist() for row in ids]] * 2
    assert norms == {"positive": 8.0, "negative": 0.0}
