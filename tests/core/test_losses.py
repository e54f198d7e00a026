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
"""The two-channel loss beside verl's own `vanilla`: same value, same gradient, and metrics that add up."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from verl.trainer.ppo.core_algos import get_policy_loss_fn
from verl.workers.config import FSDPActorConfig

from asymgrpo_verl.core.shaping import token_weights

AGGREGATIONS = ["token-mean", "token-sum", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm"]
SHARED = ["actor/pg_clipfrac", "actor/ppo_kl", "actor/pg_clipfrac_lower"]


def actor_config(global_batch=False, **kwargs) -> FSDPActorConfig:
    config = FSDPActorConfig(strategy="fsdp2", rollout_n=8, ppo_micro_batch_size_per_gpu=1, **kwargs)
    if global_batch:  # as verl's ppo_loss fills it in before it calls the policy loss
        config.global_batch_info.update(dp_size=2, batch_num_tokens=100, global_batch_size=16, loss_scale_factor=7)
    return config


def random_inputs(seed: int, rows: int = 6, length: int = 9, spread: float = 0.5):
    generator = torch.Generator().manual_seed(seed)
    old = -3 * torch.rand(rows, length, generator=generator)
    new = old + spread * torch.randn(rows, length, generator=generator)
    advantages = torch.randint(-2, 3, (rows, 1), generator=generator).float() * torch.ones(1, length)
    lengths = torch.randint(0, length + 1, (rows, 1), generator=generator)
    lengths[0] = length
    mask = torch.arange(length) < lengths
    return {"old_log_prob": old, "log_prob": new, "advantages": advantages * mask, "response_mask": mask}


def run(name: str, inputs: dict, config, **kwargs):
    """The loss, its gradient in log_prob, and its metrics."""
    log_prob = inputs["log_prob"].clone().requires_grad_()
    loss, metrics = get_policy_loss_fn(name)(**{**inputs, "log_prob": log_prob}, config=config, **kwargs)
    loss.backward()
    return loss.detach(), log_prob.grad, metrics


def assert_like_vanilla(inputs, config, **kwargs):
    loss, gradient, metrics = run("asymgrpo", inputs, config, **kwargs)
    expected_loss, expected_gradient, expected_metrics = run("vanilla", inputs, config, **kwargs)
    torch.testing.assert_close(loss, expected_loss)
    torch.testing.assert_close(gradient, expected_gradient)
    assert {k: metrics[k] for k in SHARED} == pytest.approx(expected_metrics, abs=1e-6)
    return metrics


@pytest.mark.parametrize("mode", AGGREGATIONS)
@pytest.mark.parametrize("global_batch", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_value_and_gradient_are_vanillas_in_every_aggregation_mode(mode, global_batch, weighted):
    inputs = random_inputs(seed=1)
    weights = torch.rand(inputs["log_prob"].shape) if weighted else None
    assert_like_vanilla(inputs, actor_config(global_batch), loss_agg_mode=mode, rollout_is_weights=weights)


@given(
    st.integers(0, 2**32 - 1),
    st.floats(0, 0.9),
    st.floats(0, 2),
    st.floats(1.01, 5),
    st.floats(0, 30),
    st.sampled_from(AGGREGATIONS),
)
def test_value_and_gradient_are_vanillas_for_any_clip_range(seed, low, high, clip_c, spread, mode):
    config = actor_config(clip_ratio_low=low, clip_ratio_high=high, clip_ratio_c=clip_c)
    assert_like_vanilla(random_inputs(seed, spread=spread), config, loss_agg_mode=mode)


def test_clip_ratio_stands_in_for_a_missing_side():
    config = actor_config(clip_ratio=0.05, clip_ratio_low=None, clip_ratio_high=None)
    assert_like_vanilla(random_inputs(seed=2), config)


def test_channels_by_hand():
    """Two positive tokens (one clipped from above), one negative (clipped from below), one of no channel."""
    ratio = torch.tensor([[1.5, 1.0], [0.5, 1.0]])
    inputs = {
        "old_log_prob": torch.zeros(2, 2),
        "log_prob": ratio.log(),
        "advantages": torch.tensor([[2.0, 2.0], [-1.0, 0.0]]),
        "response_mask": torch.ones(2, 2, dtype=torch.bool),
    }
    loss, _, metrics = run("asymgrpo", inputs, actor_config())
    positive, negative = -(2 * 1.2 + 2 * 1.0) / 4, 0.8 / 4
    assert loss.item() == pytest.approx(positive + negative)
    kl = -ratio.log()
    assert metrics == pytest.approx(
        {
            "actor/pg_clipfrac": 2 / 4,
            "actor/ppo_kl": kl.mean().item(),
            "actor/pg_clipfrac_lower": 0.0,
            "actor/positive/token_frac": 2 / 4,
            "actor/positive/loss_share": -positive / (negative - positive),
            "actor/positive/clipfrac": 1 / 4,
            "actor/positive/ppo_kl": kl[0].sum().item() / 4,
            "actor/positive/ratio": 1.25,
            "actor/negative/token_frac": 1 / 4,
            "actor/negative/loss_share": negative / (negative - positive),
            "actor/negative/clipfrac": 1 / 4,
            "actor/negative/ppo_kl": kl[1, 0].item() / 4,
            "actor/negative/ratio": 0.5,
        },
        abs=1e-6,
    )


@pytest.mark.parametrize("sign", [1, -1, 0])
def test_metrics_have_the_same_keys_and_are_finite_whatever_channels_there_are(sign):
    inputs = random_inputs(seed=3)
    both = run("asymgrpo", inputs, actor_config())[2]
    one = run("asymgrpo", {**inputs, "advantages": sign * inputs["advantages"].abs()}, actor_config())[2]
    assert both.keys() == one.keys()
    assert torch.isfinite(torch.tensor(list(one.values()))).all()


def test_a_micro_batch_without_response_tokens_has_finite_metrics():
    inputs = random_inputs(seed=4)
    inputs["response_mask"] = torch.zeros_like(inputs["response_mask"])
    metrics = run("asymgrpo", inputs, actor_config(global_batch=True))[2]
    assert torch.isfinite(torch.tensor(list(metrics.values()))).all()


def test_shares_of_the_two_channels_add_up():
    metrics = run("asymgrpo", random_inputs(seed=5), actor_config())[2]
    for key, whole in [("loss_share", 1.0), ("clipfrac", metrics["actor/pg_clipfrac"])]:
        assert metrics[f"actor/positive/{key}"] + metrics[f"actor/negative/{key}"] == pytest.approx(whole)


def test_no_key_is_mistaken_for_a_minimum_a_maximum_or_a_total():
    """verl reduces a metric by what it finds in its key; ours are all means."""
    for key in run("asymgrpo", random_inputs(seed=6), actor_config())[2]:
        assert not any(word in key for word in ("min", "max", "sum", "total"))


def test_metrics_keep_their_precision_under_autocast():
    inputs = random_inputs(seed=7, spread=0.01)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = run("asymgrpo", inputs, actor_config())[2]
    assert rounded == pytest.approx(run("asymgrpo", inputs, actor_config())[2], abs=1e-7)


def test_what_lies_outside_the_mask_does_not_matter():
    inputs = random_inputs(seed=8)
    dirty = {**inputs, "log_prob": inputs["log_prob"].masked_fill(~inputs["response_mask"], torch.nan)}
    loss, gradient, metrics = run("asymgrpo", dirty, actor_config())
    expected_loss, expected_gradient, expected_metrics = run("asymgrpo", inputs, actor_config())
    assert torch.equal(loss, expected_loss) and torch.equal(gradient, expected_gradient)
    assert metrics == expected_metrics


def test_metrics_are_read_from_the_device_once():
    """On an accelerator every read waits for it: `vanilla` reads once a metric."""
    reads = []

    class CountReads(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if func in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default):
                reads.append(func)
            return func(*args, **(kwargs or {}))

    inputs, config = random_inputs(seed=9), actor_config(global_batch=True)
    transfers = torch.Tensor.tolist
    calls = []
    torch.Tensor.tolist = lambda self: calls.append(self) or transfers(self)
    try:
        with CountReads():
            get_policy_loss_fn("asymgrpo")(**inputs, config=config)
    finally:
        torch.Tensor.tolist = transfers
    assert len(calls) == 1 and not reads


def test_dual_clip_at_or_below_one_is_an_error():
    with pytest.raises(ValueError, match="clip_ratio_c: got 1.0; expected a number > 1"):
        run("asymgrpo", random_inputs(seed=10), actor_config(clip_ratio_c=1.0))


def test_surprisal_shares_a_rollouts_weight_in_proportion():
    old = torch.tensor([[-1.0, -3.0, -2.0], [-0.5, -1.5, -9.0], [0.0, 0.0, 0.0], [-1.0, -1.0, -1.0]])
    mask = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 1, 1], [0, 0, 0]])
    weights = token_weights("surprisal", mask, old, old, top=0.2)
    assert torch.equal(weights, torch.tensor([[0.5, 1.5, 1.0], [0.5, 1.5, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]))


def test_entropy_keeps_the_forking_tokens_alone():
    entropy = torch.tensor([[0.1, 0.9, 0.5, 0.9, 0.2], [9.0, 1.0, 2.0, 0.0, 99.0], [0.0] * 5])
    mask = torch.tensor([[1, 1, 1, 1, 1], [0, 1, 1, 1, 0], [1, 1, 0, 0, 0]])
    weights = token_weights("entropy", mask, entropy, entropy, top=0.4)
    # two of five; two of three (the share is rounded up); of equals the earlier
    expected = [[0, 2.5, 0, 2.5, 0], [0, 1.5, 1.5, 0, 0], [2.0, 0, 0, 0, 0]]
    assert torch.allclose(weights, torch.tensor(expected))


@pytest.mark.parametrize("top, kept", [(0.3, 15), (0.15, 8), (0.2, 10), (0.001, 1), (1.0, 50)])
def test_the_share_of_forking_tokens_is_rounded_up_exactly(top, kept):
    entropy = torch.rand(1, 50, generator=torch.Generator().manual_seed(0))
    weights = token_weights("entropy", torch.ones(1, 50), entropy, entropy, top)
    assert (weights > 0).sum() == kept


@given(st.integers(0, 2**32 - 1), st.sampled_from(["surprisal", "entropy"]), st.floats(0.01, 1))
def test_token_weights_are_not_negative_and_one_on_average_in_every_rollout(seed, kind, top):
    inputs = random_inputs(seed)
    mask, old = inputs["response_mask"], inputs["old_log_prob"]
    weights = token_weights(kind, mask, old, -inputs["log_prob"], top)
    assert (weights >= 0).all() and (weights[~mask] == 0).all()
    torch.testing.assert_close(weights.sum(1), mask.sum(1).float())


@pytest.mark.parametrize("name", ["asymgrpo", "vanilla"])
@pytest.mark.parametrize("kind", ["surprisal", "entropy"])
def test_weights_on_the_advantages_are_weights_on_the_loss_of_the_tokens(name, kind):
    """So the trainer applies them where the token entropy is known; a policy loss sees none."""
    inputs, config = random_inputs(seed=4), actor_config(global_batch=True)
    weights = token_weights(kind, inputs["response_mask"], inputs["old_log_prob"], -inputs["log_prob"], top=0.2)
    weighted = run(name, {**inputs, "advantages": inputs["advantages"] * weights}, config)
    expected = run(name, inputs, config, rollout_is_weights=weights)  # verl multiplies these into the loss of a token
    torch.testing.assert_close(weighted[0], expected[0])
    torch.testing.assert_close(weighted[1], expected[1])
