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
"""Patch four functions of verl 0.9 and vLLM 0.28.0 that do not work on a CPU and have no extension point.

Each patch takes the imported module with the function. If an upgrade changes one of the functions,
tests/test_upstream.py fails.
"""

import functools
import os
from pathlib import Path

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


def copy_saved_weights(module) -> None:
    """Patch fsdp2_sharded_save_to_cpu in verl.utils.fsdp_utils.

    It saves the weights with `.detach().cpu()`, which copies nothing on a CPU. What `separate_async` saves as the
    weights of a step's start would then be the weights of now: an update would be measured against itself.
    """
    original = module.fsdp2_sharded_save_to_cpu

    @functools.wraps(original)
    def fsdp2_sharded_save_to_cpu(model):
        state, spec = original(model)
        return {name: (weight.clone(), of_weight) for name, (weight, of_weight) in state.items()}, spec

    module.fsdp2_sharded_save_to_cpu = fsdp2_sharded_save_to_cpu


def keep_files_together(module) -> None:
    """Patch sockets and shared memory of verl.workers.rollout.vllm_rollout.bucketed_weight_transfer.

    After a run, also after a kill, our launcher removes what the run has left. A file's name does not tell whose it is:
    two runs give their sockets the same names, and names of shared memory are drawn at random. So the launcher sets
    ASYMGRPO_RUN_TMP, a directory of this run. Sockets are made in it, and each name of shared memory is written into
    its file `shm`, one per line, before the memory exists. Without the variable nothing is patched.
    """
    directory = os.environ.get("ASYMGRPO_RUN_TMP")
    if not directory:
        return
    for end in (module.BucketedWeightSender, module.BucketedWeightReceiver):
        _move_socket(end, directory)
    original = module.create_shared_memory

    @functools.wraps(original)
    def create_shared_memory(size, name):
        with (Path(directory) / "shm").open("a") as file:
            file.write(f"{name}\n")
        return original(size, name)

    module.create_shared_memory = create_shared_memory


def _move_socket(end: type, directory: str) -> None:
    original = end.__init__

    @functools.wraps(original)
    def __init__(self, zmq_handle, *args, **kwargs):
        # The path of a socket may have 107 bytes, so the name is shorter than verl's.
        original(self, zmq_handle.replace("/tmp/rl-colocate-zmq-", f"{directory}/weights-"), *args, **kwargs)

    end.__init__ = __init__


def keep_linear_weights(module) -> None:
    """Patch vllm.model_executor.layers.utils.dispatch_cpu_unquantized_gemm.

    It packs a layer's weight for oneDNN or SGL and drops the original. A later `load_weights` then fails, or for the
    lm_head changes nothing. `torch.nn.functional.linear` reads the layer's weight at every call.
    """

    @functools.wraps(module.dispatch_cpu_unquantized_gemm)
    def dispatch_cpu_unquantized_gemm(layer: torch.nn.Module, remove_weight: bool) -> None:
        layer.cpu_linear = torch.nn.functional.linear

    module.dispatch_cpu_unquantized_gemm = dispatch_cpu_unquantized_gemm
