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
"""verl's training worker, with three additions to an update.

- The loss has the entropy coefficient that comes with the batch, because verl's worker reads the configuration only
  once, when it starts.
- The loss has REPO-R's advantages, which need the log-probabilities of the policy that trains, and a zeta that comes
  with the batch; a policy loss of verl has neither a place for zeta nor a change of the configuration.

The third addition leaves rows with advantage 0 out of the forward and backward passes of an update.

The rows are dropped here, inside each mini-batch, and not on the trainer's side, because verl's worker cuts the
mini-batches: if the trainer dropped rows, the mini-batches would hold other prompts. The optimizer makes the same steps
on the same mini-batches, and the gradient is the same except for the order of summation, because the loss divides by
the tokens and the rows of the whole mini-batch.

- The sum over all ranks stays whole: each rank learns the counts of all ranks.
- All ranks run equally many micro-batches, as FSDP's collectives need. A rank with too few rows keeps its shortest rows
  with advantage 0, which add 0. So does every rank if the whole mini-batch has advantage 0, so that the optimizer makes
  its step, with its momentum and its weight decay.
- Ulysses: the ranks of one sequence-parallel group hold the same rows, so they drop the same ones.
- If a dropped row would have a NaN loss (0 times an infinite log-probability), the loss no longer has it.
- With dropout, the remaining rows draw other random numbers.
"""

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import torch
from tensordict import NonTensorData, TensorDict
from torch import distributed
from verl.utils import tensordict_utils as tu
from verl.utils.device import get_device_name
from verl.utils.metric import AggregationType, Metric
from verl.utils.seqlen_balancing import calculate_workload, get_seqlen_balanced_partitions
from verl.workers.engine_workers import TrainingWorker
from verl.workers.utils.padding import no_padding_2_padding, response_to_nested

from asymgrpo_verl.core.losses import repo_r_advantages
from asymgrpo_verl.core.zero_weight import SHARES_OF_TOKENS, has_weight, rows_to_run


class Share(NamedTuple):
    """What the ranks tell each other about a mini-batch.

    Attributes:
        lengths: tokens of each row of the rank, prompt and response.
        weighs: whether the row has weight.
        tokens, weighing_tokens: response tokens of all rows, and of the rows that have weight.
    """

    lengths: list[int]
    weighs: list[bool]
    tokens: int
    weighing_tokens: int


class UpdateWorker(TrainingWorker):
    """verl's worker inside the actor's worker. It drops rows if the batch has `zero_weight.worker_settings`."""

    def set_loss_fn(self, loss_fn):
        """Override verl's method to let the loss divide by the counts of the whole mini-batch."""
        super().set_loss_fn(partial(loss_of_mini_batch, loss_fn=loss_fn))

    def train_batch(self, data: TensorDict) -> TensorDict:
        """Override verl's method, which makes one optimizer step on a mini-batch, to drop rows of the mini-batch."""
        if "zero_weight_mean_over" in data:
            data = without_zero_weight(data, self.engine, self.engine_config)
        return super().train_batch(data)


def without_zero_weight(data: TensorDict, engine, engine_config) -> TensorDict:
    """Return the rows of this rank's part of a mini-batch that the update has to run, with the counts for the loss.

    All ranks of `engine` have to call it.

    Args:
        data: with `advantages`, `response_mask`, `loss_mask`, `input_ids`, nested, and `zero_weight_mean_over`.
        engine: verl's FSDP engine.
        engine_config: how it cuts micro-batches.
    """
    rank = engine.get_data_parallel_rank()
    fields = data.select("advantages", "response_mask").to_padded_tensor()
    weighs = has_weight(fields["advantages"], fields["response_mask"]).tolist()
    tokens = [int(row.sum()) for row in data["loss_mask"].unbind()]
    own = Share(
        lengths=data["input_ids"].offsets().diff().tolist(),
        weighs=weighs,
        tokens=sum(tokens),
        weighing_tokens=sum(count for count, weight in zip(tokens, weighs, strict=True) if weight),
    )
    shares = [own] * engine.get_data_parallel_size()
    distributed.all_gather_object(shares, own, engine.get_data_parallel_group())
    all_rows, weighing = sum(len(share.weighs) for share in shares), sum(sum(share.weighs) for share in shares)
    if weighing < all_rows:
        count = _micro_batches(shares, rank, engine, engine_config)
        size = -(-max(1, *(sum(share.weighs) for share in shares)) // count)  # of a fixed micro-batch
        at_least = count if engine_config.use_dynamic_bsz else count * size
        rows = [rows_to_run(share.weighs, share.lengths, at_least) for share in shares]
        data = tu.assign_non_tensor(tu.index_select_tensor_dict(data, rows[rank]), micro_batch_size_per_gpu=size)
        lengths = [share.lengths[row] for share, of in zip(shares, rows, strict=True) for row in of]
    else:
        lengths = [length for share in shares for length in share.lengths]
    counts = {"whole_tokens": sum(share.tokens for share in shares), "skipped_rows": 1 - len(lengths) / all_rows}
    if tu.get(data, "zero_weight_mean_over") == "nonzero":
        counts |= {"mean_tokens": max(1, sum(share.weighing_tokens for share in shares)), "mean_rows": max(1, weighing)}
    # verl counts the FLOPs of these rows for perf/mfu.
    return tu.assign_non_tensor(data, **counts, global_token_num=NonTensorData(lengths))


def _micro_batches(shares: list[Share], rank: int, engine, engine_config) -> int:
    """Return how many micro-batches the rows with weight need on every rank, at least 1.

    verl's `rearrange_micro_batches`, which cuts dynamic micro-batches, raises an error if a rank has fewer rows than
    there are micro-batches. If every rank has this many rows, it needs this many micro-batches or fewer.
    """
    if not engine_config.use_dynamic_bsz:
        return max(1, *(-(-sum(share.weighs) // engine_config.micro_batch_size_per_gpu) for share in shares))
    weighing = [
        [length for length, weight in zip(share.lengths, share.weighs, strict=True) if weight] for share in shares
    ]
    limit = engine_config.max_token_len_per_gpu * engine_config.ulysses_sequence_parallel_size
    lengths, count = weighing[rank], max(1, *(-(-sum(of) // limit) for of in weighing))
    workloads = calculate_workload(torch.tensor(lengths, dtype=torch.int64)).tolist()
    while True:
        fits = len(lengths) <= count or all(
            sum(lengths[row] for row in part) <= limit
            for part in get_seqlen_balanced_partitions(workloads, count, equal_size=False)
        )
        too_few = torch.tensor([not fits], dtype=torch.int32, device=get_device_name())
        distributed.all_reduce(too_few, op=distributed.ReduceOp.MAX, group=engine.get_data_parallel_group())
        if not too_few.item():
            return count
        count += 1


def loss_of_mini_batch(*args, data: TensorDict, loss_fn, **kwargs):
    """Compute verl's loss of a micro-batch, with the entropy coefficient, the zeta and the counts that are in `data`.

    The coefficient and zeta are the trainer's (`entropy_coeff`, `repo_r_zeta`), and the counts are those of
    `without_zero_weight`.

    The metrics SHARES_OF_TOKENS are rescaled to shares of all tokens of the mini-batch.

    Args:
        args, kwargs: as the engine calls a loss function.
        loss_fn: verl's loss function, a partial with its `config`.

    Returns:
        The loss and its metrics, with `actor/skipped_rows`.
    """
    if (zeta := tu.get(data, "repo_r_zeta")) is not None:
        log_prob = no_padding_2_padding(kwargs["model_output"]["log_probs"], data)
        advantages = repo_r_advantages(data.select("advantages").to_padded_tensor()["advantages"], log_prob, zeta)
        data = data.clone(recurse=False)  # because the next pass over these rows needs the estimator's advantages
        data["advantages"] = response_to_nested(advantages, data["response_mask"])
    if (coefficient := tu.get(data, "entropy_coeff")) is not None:
        kwargs["config"] = replace(loss_fn.keywords["config"], entropy_coeff=coefficient)
    whole = tu.get(data, "whole_tokens")
    if whole is None:
        return loss_fn(*args, data=data, **kwargs)
    scale = tu.get(data, "batch_num_tokens") / max(1, whole)
    given = {"batch_num_tokens": tu.get(data, "mean_tokens", whole)}
    given |= {"global_batch_size": rows} if (rows := tu.get(data, "mean_rows")) else {}
    loss, metrics = loss_fn(*args, data=tu.assign_non_tensor(data, **given), **kwargs)
    for name in SHARES_OF_TOKENS & metrics.keys():
        metrics[name] = Metric(metrics[name].aggregation, metrics[name].aggregate() * scale)
    return loss, metrics | {"actor/skipped_rows": Metric(AggregationType.MEAN, tu.get(data, "skipped_rows"))}
