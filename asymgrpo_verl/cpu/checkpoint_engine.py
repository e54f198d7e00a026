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
"""Send weights over gloo: `actor_rollout_ref.rollout.checkpoint_engine.backend=gloo`, for `separate_async` on a CPU.

verl's own engines need an accelerator. Rank 0 of the trainer broadcasts to every rank of every rollout server.
"""

import asyncio
import pickle
from collections.abc import AsyncGenerator, Generator
from datetime import timedelta
from typing import Any

import ray
import torch
from torch.distributed import BroadcastOptions, PrefixStore, ProcessGroupGloo, TCPStore
from verl.checkpoint_engine.base import CheckpointEngine, CheckpointEngineRegistry

TIMEOUT = timedelta(minutes=10)
END: list = []  # the description of a bucket after the last one


@CheckpointEngineRegistry.register("gloo")
class GlooCheckpointEngine(CheckpointEngine):
    """Broadcast weights in buckets, each after its description: the name, shape and dtype of every weight in it.

    A group of processes lives for one update of the weights, so it always has the rollout servers of today. The
    trainer's other ranks are not in it; they only take part in gathering each weight, which is a collective of theirs.
    """

    def __init__(self, bucket_size: int, is_master: bool = False):
        """Take what verl gives to every engine.

        Args:
            bucket_size: a bucket is sent when it has so many bytes or more.
            is_master: whether this process is rank 0 of the trainer.
        """
        self.bucket_size, self.is_master = bucket_size, is_master
        self.rank, self.store, self.group = -1, None, None

    def prepare(self) -> tuple[str, int] | None:
        """Open a store for the next group, and return its address; None from every process but the master."""
        if not self.is_master:
            return None
        host = ray.util.get_node_ip_address().strip("[]")
        self.store = TCPStore(host, 0, is_master=True, wait_for_workers=False, timeout=TIMEOUT)
        return host, self.store.port

    @classmethod
    def build_topology(
        cls, actor_wg_world_size: int, rollout_world_size: int, metadata: list
    ) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
        """Return the arguments of `init_process_group` for each rank of the trainer, and of the rollout servers."""
        world, address = rollout_world_size + 1, metadata[0]
        ranks = [0] + [-1] * (actor_wg_world_size - 1), list(range(1, world))
        trainer, rollout = (
            {"rank": of_side, "world_size": [world] * len(of_side), "address": [address] * len(of_side)}
            for of_side in ranks
        )
        return trainer, rollout

    def init_process_group(self, rank: int, world_size: int, address: tuple[str, int]) -> None:
        """Join the group of an update; rank -1 stays out."""
        self.rank = rank
        if rank < 0:
            return
        if not self.is_master:
            self.store = TCPStore(*address, is_master=False, timeout=TIMEOUT)
        self.group = ProcessGroupGloo(PrefixStore("weights", self.store), rank, world_size, TIMEOUT)

    def finalize(self) -> None:
        """Leave the group, which ends when all have left it."""
        self.group = self.store = None

    @torch.no_grad()
    async def send_weights(
        self, weights: Generator[tuple[str, torch.Tensor], None, None], global_steps: int | None = None
    ) -> None:
        """Send the weights, which the generator gathers one by one."""
        bucket: list[tuple[str, torch.Tensor]] = []
        for name, weight in weights:
            if self.rank == 0:
                bucket.append((name, weight.detach().contiguous()))
                if sum(held.nbytes for _, held in bucket) >= self.bucket_size:
                    await asyncio.to_thread(self._send, bucket)
                    bucket = []
        if self.rank == 0:
            if bucket:
                await asyncio.to_thread(self._send, bucket)
            await asyncio.to_thread(self._broadcast_object, END)

    @torch.no_grad()
    async def receive_weights(self, global_steps: int | None = None) -> AsyncGenerator[tuple[str, torch.Tensor], None]:
        """Yield (name, weight) in the order in which they are sent."""
        while described := await asyncio.to_thread(self._broadcast_object):
            sizes = [dtype.itemsize * shape.numel() for _, shape, dtype in described]
            data = torch.empty(sum(sizes), dtype=torch.uint8)
            await asyncio.to_thread(self._broadcast, data)
            for (name, shape, dtype), part in zip(described, data.split(sizes), strict=True):
                yield name, part.clone().view(dtype).view(shape)  # a clone, because a dtype needs its alignment

    def _send(self, bucket: list[tuple[str, torch.Tensor]]) -> None:
        self._broadcast_object([(name, weight.shape, weight.dtype) for name, weight in bucket])
        self._broadcast(torch.cat([weight.view(-1).view(torch.uint8) for _, weight in bucket]))

    def _broadcast_object(self, value: Any = None) -> Any:
        """Send a value from the master, and return the master's value."""
        data = torch.frombuffer(bytearray(pickle.dumps(value)), dtype=torch.uint8)
        size = torch.tensor([len(data)])
        self._broadcast(size)
        if not self.is_master:
            data = torch.empty(int(size), dtype=torch.uint8)
        self._broadcast(data)
        return pickle.loads(data.numpy().tobytes())

    def _broadcast(self, tensor: torch.Tensor) -> None:
        options = BroadcastOptions()
        options.rootRank, options.rootTensor = 0, 0
        self.group.broadcast([tensor], options).wait()
