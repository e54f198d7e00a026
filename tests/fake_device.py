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
"""Run tensor code as on a device that this machine lacks, and count how often the host would wait for the device.

torch's FakeTensorMode knows which device a result is on, and refuses tensors of two devices in one operation. It has no
values, so code that reads one stops there. Here every fake tensor has its value beside it, in a tensor on the CPU: the
code runs to its end, and the values can be compared.
"""

from collections import Counter
from unittest import mock

import torch
from torch._functorch import config as functorch
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
    unset_fake_temporarily,
)
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map, tree_map_only

aten = torch.ops.aten
CPU = torch.device("cpu")
# A CPU build of torch cannot slice or differentiate even a fake tensor on "cuda". There we use "meta", which
# FakeTensorMode treats as it treats "cuda": a device that is not the CPU.
DEVICE = "cuda" if torch.backends.cuda.is_built() else "meta"


class FakeDevice(TorchDispatchMode):
    """A context in which tensors can be on DEVICE.

    Attributes:
        waits: name of an operation -> number of its calls for which the host waits for the device: values read
            on the host, tensors copied from or to the device, and results whose size depends on values.
    """

    def __init__(self):
        super().__init__()
        self.device = torch.device(DEVICE)
        self.waits: Counter[str] = Counter()
        with functorch.patch(fake_tensor_allow_meta=True):
            self.fake = FakeTensorMode()

    def __enter__(self):
        device = self

        def tolist(fake: FakeTensor):  # torch's own reads the elements one by one
            device._count("tolist", [fake])
            return fake.value.tolist()

        self.patch = mock.patch.object(FakeTensor, "tolist", tolist)
        self.patch.start()
        self.fake.__enter__()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self.fake.__exit__(*error)
        self.patch.stop()

    def put(self, value: torch.Tensor) -> FakeTensor:
        """Return the tensor as it would be on the device."""
        with _disable_current_modes():
            values = value.detach()
        return self._fake(values, self.device).requires_grad_(value.requires_grad)

    def _fake(self, value: torch.Tensor, device: torch.device) -> FakeTensor:
        with torch.no_grad(), _disable_current_modes(), self.fake:
            fake = torch.empty_strided(value.size(), value.stride(), dtype=value.dtype, device=device)
        fake.value = value
        return fake

    def _count(self, name: str, tensors: list[torch.Tensor]) -> None:
        self.waits[name] += any(tensor.device.type == self.device.type for tensor in tensors)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        given = args, kwargs or {}
        given = tree_map(lambda x: self._fake(x, CPU) if type(x) is torch.Tensor else x, given)
        tensors = [leaf for leaf in tree_leaves(given) if isinstance(leaf, torch.Tensor)]
        on_cpu = tree_map_only(FakeTensor, lambda fake: fake.value, given)
        on_cpu = tree_map_only(torch.device, lambda _: CPU, on_cpu)
        with unset_fake_temporarily():
            values = func(*on_cpu[0], **on_cpu[1])
        try:
            results = func(*given[0], **given[1])
        except (DataDependentOutputException, DynamicOutputShapeException):
            self._count(func.overloadpacket.__name__, tensors)
            results = tree_map_only(torch.Tensor, lambda value: self._fake(value, tensors[0].device), values)
        else:
            if self._moves(func, given[0], tensors, results):
                self._count(func.overloadpacket.__name__, [*tensors, *tree_leaves(results)])
        for result, value in zip(tree_leaves(results), tree_leaves(values), strict=True):
            if isinstance(result, FakeTensor):
                result.value = value
        return results

    def _moves(self, func, args, tensors: list[torch.Tensor], results) -> bool:
        """Return whether an operation that FakeTensorMode allows makes the host wait all the same."""
        packet = func.overloadpacket
        if packet in (aten._to_copy, aten.copy_):
            return len({tensor.device.type for tensor in [tensors[-1], results]}) > 1
        if packet in (aten.index, aten.index_put_, aten.index_put):
            indices = [index for index in args[1] if index is not None]
            one_value = len(args) > 2 and args[2].numel() == 1  # torch fills by the mask, and asks for no size
            masks = any(index.dtype in (torch.bool, torch.uint8) for index in indices)
            return (masks and not one_value) or any(index.device != args[0].device for index in indices)
        return False
