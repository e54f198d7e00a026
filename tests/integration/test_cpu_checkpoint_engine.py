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
"""Weights reach every rank of the rollout servers over gloo as they are, whatever the buckets."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asymgrpo_verl.cpu.checkpoint_engine import GlooCheckpointEngine

pytestmark = pytest.mark.process
DTYPES = st.sampled_from((torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.uint8))
SHAPES = st.lists(st.integers(0, 3), max_size=3).map(tuple)


def weights_of(specifications: list) -> list[tuple[str, torch.Tensor]]:
    draw = torch.Generator().manual_seed(0)
    return [
        (f"layer.{i}", torch.randint(-9, 9, shape, generator=draw).to(dtype))
        for i, (shape, dtype) in enumerate(specifications)
    ]


def update(trainer: list[GlooCheckpointEngine], rollout: list[GlooCheckpointEngine], weights: list) -> list[list]:
    """Send the weights as CheckpointEngineManager does; return what each rank of the rollout servers has received."""
    metadata = [engine.prepare() for engine in (*trainer, *rollout)]
    sides = GlooCheckpointEngine.build_topology(len(trainer), len(rollout), metadata)
    arguments = [
        (engine, {name: values[rank] for name, values in side.items()})
        for engines, side in zip((trainer, rollout), sides, strict=True)
        for rank, engine in enumerate(engines)
    ]
    walked = []

    def of_rank(rank: int):
        """A generator that gathers a weight from all ranks of the trainer, so that all of them have to walk it."""
        for name, weight in weights:
            walked.append(rank)
            yield name, weight

    async def receive(engine):
        return [received async for received in engine.receive_weights(global_steps=1)]

    async def run():
        sent = [engine.send_weights(of_rank(rank)) for rank, engine in enumerate(trainer)]
        return (await asyncio.gather(*sent, *map(receive, rollout)))[len(trainer) :]

    with ThreadPoolExecutor(len(arguments)) as threads:  # joining blocks until all have joined
        list(threads.map(lambda argument: argument[0].init_process_group(**argument[1]), arguments))
    received = asyncio.run(run())
    for engine in (*trainer, *rollout):
        engine.finalize()
    assert sorted(walked) == sorted([*range(len(trainer))] * len(weights))
    return received


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(SHAPES, DTYPES), max_size=6), st.sampled_from((1, 20, 10**6)))
def test_every_rank_receives_every_weight_in_order(specifications, bucket_size):
    weights = weights_of(specifications)
    trainer = [GlooCheckpointEngine(bucket_size, is_master=rank == 0) for rank in range(2)]
    rollout = [GlooCheckpointEngine(bucket_size) for _ in range(2)]
    for received in update(trainer, rollout, weights):
        assert [name for name, _ in received] == [name for name, _ in weights]
        for (_, got), (_, sent) in zip(received, weights, strict=True):
            assert got.dtype == sent.dtype and got.shape == sent.shape and torch.equal(got, sent)


def test_each_update_has_the_servers_of_its_time():
    """A rollout server may come or go between two updates, and the next update does not touch weights of the first."""
    trainer, rollout = [GlooCheckpointEngine(64, is_master=True)], [GlooCheckpointEngine(64)]
    weight = torch.zeros(40)
    ((first,),) = update(trainer, rollout, [("a", weight)])
    rollout.append(GlooCheckpointEngine(64))
    weight.fill_(1)
    (second,), (third,) = update(trainer, rollout, [("a", weight)])
    assert not first[1].any() and second[1].all() and third[1].all()
