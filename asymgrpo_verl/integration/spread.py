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
"""Spread the rows that an update runs evenly over the ranks.

verl gives each rank as many rows and about as many tokens. If rows with advantage 0 are left out, one rank may have
more of the other rows, and all ranks wait for it. So rows change places with rows of the same mini-batch on another
rank: every mini-batch holds the same rows as before, and the gradient is the same. With `actor.shuffle=True` the place
of a row decides in which mini-batch it comes, so the rows stay.
"""

from collections.abc import Sequence

import torch
import transfer_queue as tq
from omegaconf import DictConfig
from verl.utils.seqlen_balancing import calculate_workload, get_seqlen_balanced_partitions

from asymgrpo_verl.core.zero_weight import has_weight


def spread_rows(batch, worker_group, config: DictConfig):
    """Return the batch of an update in an order in which every rank runs about as much; `batch` stays as it is.

    Args:
        batch: the keys of a batch whose advantages are in the TransferQueue. It is returned as it is if its
            `extra_info` lacks `zero_weight.worker_settings`.
        worker_group: the actor's.
        config: verl's whole configuration.
    """
    actor = config.actor_rollout_ref.actor
    ranks = max(worker_group._dispatch_info["actor"]) + 1  # verl's _balance_batch has put it there
    if "zero_weight_mean_over" not in batch.extra_info or actor.shuffle or ranks == 1:
        return batch
    fields = ["advantages", "response_mask"]
    data = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=fields).to_padded_tensor()
    workloads = calculate_workload(torch.tensor([tag["seq_len"] for tag in batch.tags], dtype=torch.int64))
    workloads *= has_weight(data["advantages"], data["response_mask"])
    mini_batch = actor.ppo_mini_batch_size * config.actor_rollout_ref.rollout.n
    return batch.select_keys([batch.keys[row] for row in even_order(workloads.tolist(), ranks, mini_batch)])


def even_order(workloads: Sequence[int], ranks: int, mini_batch: int) -> list[int]:
    """Return the order of rows in which the ranks have about the same workload in each mini-batch.

    Args:
        workloads: of each row, 0 for a row that is not run. The first rank has the first rows, as many as every rank,
            and the first mini-batch has the first rows of every rank.
        mini_batch: rows of a mini-batch over all ranks. A mini-batch whose rows are all run keeps its order.
    """
    per_rank, part = len(workloads) // ranks, mini_batch // ranks
    order = [[] for _ in range(ranks)]
    for start in range(0, per_rank, part):
        rows = [rank * per_rank + start + row for rank in range(ranks) for row in range(part)]
        parts = [range(rank * part, (rank + 1) * part) for rank in range(ranks)]
        if not all(workloads[row] for row in rows):
            parts = get_seqlen_balanced_partitions([workloads[row] for row in rows], ranks, equal_size=True)
        for rank, members in enumerate(parts):
            order[rank] += [rows[member] for member in members]
    return sum(order, [])
