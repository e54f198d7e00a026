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
"""Register the platform "cpu" in verl's `PlatformRegistry`; VERL_PLATFORM=cpu chooses it."""

from contextlib import contextmanager
from types import SimpleNamespace

import torch
from verl.plugin.platform.platform_base import PlatformBase
from verl.plugin.platform.platform_manager import PlatformRegistry


def _nothing(*args, **kwargs) -> None:
    """Do nothing, because there is no accelerator to set, wait for or clear."""


def _zero(*args, **kwargs) -> int:
    return 0


# The functions that verl calls on `torch.<device>`. Memory statistics are 0, because there is no device memory.
_DEVICE_MODULE = SimpleNamespace(
    is_available=lambda: True,
    device_count=torch.cpu.device_count,
    current_device=lambda: "cpu",
    set_device=_nothing,
    synchronize=_nothing,
    current_stream=torch.cpu.current_stream,
    Stream=torch.cpu.Stream,
    stream=torch.cpu.stream,
    Event=torch.cpu.Event,
    get_device_name=lambda *args: "cpu",
    get_rng_state=torch.get_rng_state,
    set_rng_state=torch.set_rng_state,
    manual_seed=torch.manual_seed,
    manual_seed_all=torch.manual_seed,
    empty_cache=_nothing,
    ipc_collect=_nothing,
    reset_peak_memory_stats=_nothing,
    mem_get_info=lambda *args: (0, 0),
    memory_allocated=_zero,
    memory_reserved=_zero,
    max_memory_allocated=_zero,
    max_memory_reserved=_zero,
)


@PlatformRegistry.register(platform="cpu")
class PlatformCPU(PlatformBase):
    """One process per rank, gloo between the ranks, and shared memory to pass weights to vLLM.

    Ray gives each rank one unit of its logical resource "GPU". So start Ray with `ray_kwargs.ray_init.num_gpus=N`.
    """

    device_name = "cpu"
    vendor_name = "cpu"
    device_module = _DEVICE_MODULE

    def is_available(self) -> bool:
        return True

    def current_device(self) -> str:
        return "cpu"  # because verl uses this as a torch device, and a CPU has no index

    def device_count(self) -> int:
        return torch.cpu.device_count()

    def set_device(self, device_index) -> None:
        pass

    def synchronize(self, device_index=None) -> None:
        pass

    def manual_seed(self, seed: int) -> None:
        torch.manual_seed(seed)

    def manual_seed_all(self, seed: int) -> None:
        torch.manual_seed(seed)

    def set_allocator_settings(self, settings: str) -> None:
        pass

    def empty_cache(self) -> None:
        pass

    def get_device_capability(self, device_index: int = 0) -> tuple[None, None]:
        return None, None

    def communication_backend_name(self) -> str:
        return "gloo"

    def visible_devices_envvar(self) -> str:
        return "CUDA_VISIBLE_DEVICES"

    @contextmanager
    def nvtx_range(self, msg: str):
        yield

    def profiler_start(self) -> None:
        pass

    def profiler_stop(self) -> None:
        pass

    def ray_resource_name(self) -> str:
        return "GPU"

    def ray_noset_envvars(self) -> list[str]:
        return ["RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES"]

    def is_ipc_supported(self) -> bool:
        return False

    def cudart(self) -> None:
        return None
