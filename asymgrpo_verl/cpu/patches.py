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
"""Patch three functions of verl 0.9 and vLLM 0.28.0 that do not work on a CPU and have no extension point.

Each patch takes the imported module with the function. If an upgrade changes one of the functions,
tests/test_upstream.py fails.
"""

import functools

import torch


def use_gloo_alone(module) -> None:
    """Patch verl.utils.distributed.initialize_global_process_group_ray.

    Its default backend is "cpu:gloo,<device>:<backend>". With the device cpu this names cpu twice, and torch raises.
    """
    original = module.initialize_global_process_group_ray

    @functools.wraps(original)
    def initialize_global_process_group_ray(timeout_second=None, backend=None):
        return original(timeout_second=timeout_second, backend=backend or "cpu:gloo")

    module.initialize_global_process_group_ray = initialize_global_process_group_ray


def copy_received_weights(module) -> None:
    """Patch BucketedWeightReceiver.receive_weights in verl.workers.rollout.vllm_rollout.bucketed_weight_transfer.

    It copies the weights out of shared memory with `.to(device)`, which copies nothing on a CPU. The weights then still
    point into the shared memory when verl closes it, and closing fails ("cannot close exported pointers exist").
    """
    receiver = module.BucketedWeightReceiver
    original = receiver.receive_weights

    @functools.wraps(original)
    def receive_weights(self, on_bucket_received):
        return original(
            self,
            lambda weights, is_last: on_bucket_received([(name, w.clone()) for name, w in weights], is_last),
        )

    receiver.receive_weights = receive_weights


def keep_linear_weights(module) -> None:
    """Patch vllm.model_executor.layers.utils.dispatch_cpu_unquantized_gemm.

    It packs a layer's weight for oneDNN or SGL and drops the original. A later `load_weights` then fails, or for the
    lm_head changes nothing. `torch.nn.functional.linear` reads the layer's weight at every call.
    """

    @functools.wraps(module.dispatch_cpu_unquantized_gemm)
    def dispatch_cpu_unquantized_gemm(layer: torch.nn.Module, remove_weight: bool) -> None:
        layer.cpu_linear = torch.nn.functional.linear

    module.dispatch_cpu_unquantized_gemm = dispatch_cpu_unquantized_gemm
