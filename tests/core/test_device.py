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
"""The tensor code on a device that is not the CPU: results stay there, and only listed reads make the host wait.

`fake_device` makes the device. Values must equal those on the CPU bit for bit, so the code takes the same branches.
"""

from functools import partial

import pytest
import torch
from batches import batch_of, on_tensors
from fake_device import DEVICE, FakeDevice
from torch.utils._pytree import tree_map_only
from verl.trainer.ppo.core_algos import agg_loss, get_policy_loss_fn
from verl.workers.config import FSDPActorConfig

from asymgrpo_verl.core import diagnostics, estimators, groups, losses, shaping
from asymgrpo_verl.core.losses import repo_r_advantages
from asymgrpo_verl.core.shaping import add_entropy, confidence_weights, history_weights, token_weights

REWARDS, MASK, UIDS = batch_of({"a": [1, 0, 0], "b": [1, 1, 1], "c": [0, 1, 0, 0], "d": [0, 0]})
MASK[1, 2] = MASK[4, 0] = 0
MASK[7] = 0  # a row without a response
GROUPS = groups.gather_groups(REWARDS, MASK, UIDS)
N = 4
ADVANTAGES, LOG_PROBS, OLD_LOG_PROBS, ENTROPY = (
    torch.rand(MASK.shape, generator=torch.Generator().manual_seed(seed)) - shift
    for seed, shift in enumerate((0.5, 1, 1, 0))
)

# The waits that stay, by operation, and why.
FINITE_REWARDS = {"_local_scalar_dense": 1}  # an infinite reward is refused before it decides a group
FINITE_ADVANTAGES = {"_local_scalar_dense": 1}  # an advantage that the dtype of the rewards cannot hold is refused
UIDS_TO_DEVICE = {"_to_copy": 1}  # uids are strings, so the host hashes them and copies the numbers of the groups
METRICS = {"tolist": 1}  # metrics are Python numbers, and are read at once
# The trainer computes the diagnostics on the host, where verl has the batch. They index by lists of rows, because a
# masked sum would add in another order. On a device the length of each list is a wait.
FILLED_GROUPS = {"nonzero": 1}  # the groups that have a rollout
COUNTS = {"bincount": 1}  # the groups with k correct rollouts, for every k


def total(*waits: dict[str, int]) -> dict[str, int]:
    return {name: sum(part.get(name, 0) for part in waits) for part in waits for name in part}


def check(result, expected) -> None:
    """Raise an AssertionError unless every tensor is on the device, with the values that it has on the CPU."""
    if isinstance(expected, torch.Tensor):
        assert result.device.type == DEVICE
        assert result.dtype == expected.dtype and torch.equal(result.value, expected)
    elif isinstance(expected, tuple):
        for one, other in zip(result, expected, strict=True):
            check(one, other)
    else:
        assert repr(result) == repr(expected), "by repr, because NaN is not equal to NaN"


def waits_of(function, *arguments) -> dict[str, int]:
    """Call a function with its tensors on the device, check the result, and count the waits by operation."""
    expected = function(*arguments)
    with FakeDevice() as device:
        result = function(*tree_map_only(torch.Tensor, device.put, arguments))
    check(result, expected)
    return {name: number for name, number in device.waits.items() if number}


@pytest.mark.parametrize("mask_dtype", [torch.int64, torch.float32, torch.bool])
@pytest.mark.parametrize("name", estimators.ESTIMATORS)
def test_an_estimator_waits_for_its_two_checks_and_for_the_uids(name, mask_dtype):
    waits = waits_of(partial(on_tensors(name), index=UIDS), REWARDS, MASK.to(mask_dtype))
    uids = UIDS_TO_DEVICE if estimators.ESTIMATORS[name].uses_groups else {}
    assert waits == total(FINITE_REWARDS, FINITE_ADVANTAGES, uids)


@pytest.mark.parametrize("flip", ["positive", "negative"])
def test_a_reflected_curve_does_not_wait(flip):
    waits = waits_of(partial(on_tensors("asymgrpo"), index=UIDS, flip=flip), REWARDS, MASK)
    assert waits == total(FINITE_REWARDS, FINITE_ADVANTAGES, UIDS_TO_DEVICE)


def test_groups_are_gathered_on_the_device():
    waits = waits_of(partial(groups.gather_groups, index=UIDS), REWARDS, MASK)
    assert waits == total(FINITE_REWARDS, UIDS_TO_DEVICE)
    assert waits_of(partial(groups.alive_and_correct, index=UIDS), REWARDS, MASK) == FINITE_REWARDS


def loss_and_gradient(log_prob, *others):
    log_prob = log_prob.detach().requires_grad_()
    old, advantages, mask, weights = others
    aggregate = partial(agg_loss, loss_mask=mask, loss_agg_mode="token-mean")
    loss, metrics = losses.two_channel_loss(old, log_prob, advantages, mask, aggregate, 0.2, 0.2, 3.0, weights)
    loss.backward()
    return loss.detach(), log_prob.grad, metrics


LOSS = (LOG_PROBS, OLD_LOG_PROBS, ADVANTAGES, MASK.bool(), ENTROPY)


def test_the_loss_waits_once_per_micro_batch_for_its_metrics_forward_and_backward():
    assert waits_of(loss_and_gradient, *LOSS) == METRICS


@pytest.mark.parametrize(
    "name, waits", [("asymgrpo", METRICS), ("up", METRICS), ("vanilla", {"_local_scalar_dense": 3})]
)
def test_the_loss_as_verl_calls_it_waits_less_than_verls_own(name, waits):
    config = FSDPActorConfig(strategy="fsdp2", rollout_n=8, ppo_micro_batch_size_per_gpu=1)
    policy_loss = partial(get_policy_loss_fn(name), config=config)
    assert waits_of(policy_loss, OLD_LOG_PROBS, LOG_PROBS, ADVANTAGES, MASK.bool()) == waits


@pytest.mark.parametrize("kind", ["surprisal", "entropy"])
def test_token_weights_do_not_wait(kind):
    assert waits_of(partial(token_weights, kind, top=0.4), MASK, LOG_PROBS, ENTROPY) == {}


def test_repo_rs_advantages_do_not_wait():
    assert waits_of(partial(repo_r_advantages, zeta=0.05), ADVANTAGES, LOG_PROBS) == {}


def test_weights_of_rollouts_do_not_wait():
    assert waits_of(partial(history_weights, belief=0.5, scale=1.3), GROUPS) == {}
    assert waits_of(partial(confidence_weights, offset=0.1), GROUPS, MASK, LOG_PROBS) == {}


def test_the_entropy_advantage_does_not_wait():
    assert waits_of(partial(add_entropy, alpha=0.4, kappa=2.0), ADVANTAGES, ENTROPY) == {}


DIAGNOSTICS = {
    "group_metrics": ((GROUPS, N), total(FILLED_GROUPS, COUNTS, METRICS, {"_local_scalar_dense": 1})),  # odd_size
    "count_epoch": ((diagnostics.EpochCounts(0), 0, GROUPS, N), total(FILLED_GROUPS, COUNTS, METRICS)),
    # all rollouts, and for each channel its rollouts and those of them in mixed groups
    "channel_metrics": ((GROUPS, MASK, ADVANTAGES, ENTROPY), total({"nonzero": 5}, METRICS)),
    "covariance_metrics": ((GROUPS, MASK, ADVANTAGES, LOG_PROBS, N), total(FILLED_GROUPS, COUNTS, METRICS)),
    # the rollouts of each channel
    "staleness_metrics": ((GROUPS, ADVANTAGES[:, 0].abs().double()), total({"nonzero": 2}, METRICS)),
    "update_metrics": (
        (GROUPS, MASK, OLD_LOG_PROBS, LOG_PROBS, ENTROPY, ENTROPY * 2),
        total({"nonzero": 2}, METRICS),
    ),
    # the correct rollouts
    "displacement_metrics": ((GROUPS, MASK, OLD_LOG_PROBS, LOG_PROBS, N), total({"nonzero": 1}, METRICS)),
}


@pytest.mark.parametrize("name", DIAGNOSTICS)
def test_diagnostics_wait_for_lists_of_rows_and_for_their_metrics(name):
    arguments, waits = DIAGNOSTICS[name]
    assert waits_of(getattr(diagnostics, name), *arguments) == waits


def test_every_function_of_core_that_takes_tensors_is_tested_here():
    """A new function in one of these modules needs a test here, and its name in this list."""
    here = {"alive_and_correct", "gather_groups", "two_channel_loss", *DIAGNOSTICS}
    inside = {"has_response", "compute_advantages", "per_rollout", "fitting", "spread", "reflected", "nearest_share"}
    here |= {"token_weights", "add_entropy", "history_weights", "confidence_weights"}
    here |= {"repo_r_advantages"}
    inside |= {*estimators.ESTIMATORS}
    on_the_host = {"advantages_by_count", "learns_from_groups_of", "epoch_metrics", "displacement_keys"}
    modules = diagnostics, estimators, groups, losses, shaping
    public = {
        name
        for module in modules
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", "") == module.__name__
        if name[0].islower() and not isinstance(value, type)
    }
    assert public == here | inside | on_the_host


PLANTED = {
    "a mask on the CPU": (
        (groups, "has_response"),
        lambda real: lambda mask: real(torch.ones(mask.shape)),
        "at least two devices",
    ),
    "a result on the CPU": (
        (estimators, "spread"),
        lambda real: lambda values, mask: real(values, mask).cpu(),
        "assert 'cpu' == ",
    ),
    "an item()": (
        (estimators, "spread"),
        lambda real: lambda values, mask: real(values * values.abs().max().item() ** 0, mask),
        "'_local_scalar_dense': 3",
    ),
    "an if": (
        (estimators, "spread"),
        lambda real: lambda values, mask: real(values, mask) if (mask > 0).any() else values,
        "'_local_scalar_dense': 3",
    ),
    "a tolist()": (
        (estimators, "spread"),
        lambda real: lambda values, mask: real(values, mask) * (sum(mask.sum(1).tolist()) > 0),
        "'tolist': 1",
    ),
    "a detour over the CPU": (
        (estimators, "spread"),
        lambda real: lambda values, mask: real(values.cpu().to(mask.device), mask),
        "'_to_copy': 3",
    ),
    "a constant that is made on the CPU": (
        (estimators, "spread"),
        lambda real: lambda values, mask: real(values * torch.ones(len(values)).to(values.device), mask),
        "'_to_copy': 2",
    ),
    "an index by a mask": (
        (estimators, "spread"),
        lambda real: lambda values, mask: real(values[values == values], mask),
        "'index': 1",
    ),
    "an assignment by a mask": (
        (estimators, "spread"),
        lambda real: lambda values, mask: real(values.index_put_((values == values,), values.clone()), mask),
        "'index_put_': 1",
    ),
    "an index on the CPU": (
        (estimators, "spread"),
        lambda real: lambda values, mask: real(values[torch.arange(len(values))], mask),
        "'index': 1",
    ),
    "a comparison of tensors": (
        (estimators, "spread"),
        lambda real: lambda values, mask: real(values, mask) if values.equal(values) else values,
        "'equal': 1",
    ),
}


@pytest.mark.parametrize("defect", PLANTED)
def test_the_test_finds_a_planted_defect(defect, monkeypatch):
    (module, name), breaks, message = PLANTED[defect]
    monkeypatch.setattr(module, name, breaks(getattr(module, name)))
    with pytest.raises((AssertionError, RuntimeError), match=message):
        waits = waits_of(partial(on_tensors("asymgrpo"), index=UIDS), REWARDS, MASK)
        assert waits == total(FINITE_REWARDS, FINITE_ADVANTAGES, UIDS_TO_DEVICE), str(waits)


def test_the_test_finds_a_read_in_the_backward_pass_of_the_loss(monkeypatch):
    def read(*arguments):
        sums = _sums_by_sign(*arguments)
        arguments[1].register_hook(lambda gradient: gradient * (gradient.abs().max().item() >= 0))  # the ratio
        return sums

    _sums_by_sign = losses._sums_by_sign
    monkeypatch.setattr(losses, "_sums_by_sign", read)
    assert waits_of(loss_and_gradient, *LOSS) == total(METRICS, {"_local_scalar_dense": 1})
