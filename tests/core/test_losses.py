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
"""The two-channel loss beside verl's own `vanilla`: same value, same gradient, metrics that add up. Then UP-GRPO."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from verl.trainer.ppo.core_algos import get_policy_loss_fn
from verl.workers.config import FSDPActorConfig

from asymgrpo_verl.core.losses import repo_r_advantages
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


def of_ratios(ratio: list[list[float]], advantages: list[list[float]]) -> dict:
    ratio = torch.tensor(ratio)
    mask = torch.ones(ratio.shape, dtype=torch.bool)
    inputs = {"old_log_prob": torch.zeros(ratio.shape), "log_prob": ratio.log()}
    return inputs | {"advantages": torch.tensor(advantages), "response_mask": mask}


def test_channels_by_hand():
    """Two positive tokens (one clipped from above), one negative (clipped from below), one of no channel."""
    ratio = torch.tensor([[1.5, 1.0], [0.5, 1.0]])
    inputs = of_ratios(ratio.tolist(), [[2.0, 2.0], [-1.0, 0.0]])
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


def test_up_by_hand():
    """A correct token at ratio 1.5, incorrect ones at 1.3, at 0.5 (clipped) and at 4 (dual clip), with GRPO's A."""
    inputs = of_ratios([[1.5, 1.3], [0.5, 4.0]], [[1.20761, -0.72457], [-0.72457, -0.72457]])
    loss, gradient, metrics = run("up", inputs, actor_config())
    negative = [0.72457 * 1.3, 0.72457 * 0.8, 0.72457 * 3]
    assert negative[0] == pytest.approx(0.94194, abs=1e-5)
    assert loss.item() == pytest.approx((-1.20761 + sum(negative)) / 4)
    # d(-A pi/stop(pi))/dlogp = -A, whatever the ratio is; vanilla's is 0 above 1 + clip_high
    assert (4 * gradient).tolist() == [pytest.approx([-1.20761, 0.94194], abs=1e-5), [0, 0]]
    assert run("vanilla", inputs, actor_config())[1][0, 0] == 0
    log_ratio = torch.tensor([[1.5, 1.3], [0.5, 4.0]]).log()
    assert metrics == pytest.approx(
        {
            "actor/pg_clipfrac": 1 / 4,
            "actor/ppo_kl": -log_ratio.mean().item(),
            "actor/pg_clipfrac_lower": 1 / 4,
            "actor/positive/token_frac": 1 / 4,
            "actor/positive/loss_share": 1.20761 / (1.20761 + sum(negative)),
            "actor/positive/clipfrac": 0.0,
            "actor/positive/ppo_kl": -log_ratio[0, 0].item() / 4,
            "actor/positive/ratio": 1.5,
            "actor/negative/token_frac": 3 / 4,
            "actor/negative/loss_share": sum(negative) / (1.20761 + sum(negative)),
            "actor/negative/clipfrac": 1 / 4,
            "actor/negative/ppo_kl": -(log_ratio.sum() - log_ratio[0, 0]).item() / 4,
            "actor/negative/ratio": (1.3 + 0.5 + 4) / 3,
        },
        abs=1e-6,
    )


@pytest.mark.parametrize("mode", AGGREGATIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_up_is_vanilla_at_ratio_one_and_always_where_no_advantage_is_positive(mode, weighted):
    """A batch that has one update has ratio 1 alone."""
    inputs = random_inputs(seed=11)
    on_policy = {**inputs, "log_prob": inputs["old_log_prob"]}
    incorrect = {**inputs, "advantages": -inputs["advantages"].abs()}
    weights = torch.rand(inputs["log_prob"].shape) if weighted else None
    for same in (on_policy, incorrect):
        up, vanilla = (
            run(name, same, actor_config(global_batch=True), loss_agg_mode=mode, rollout_is_weights=weights)
            for name in ("up", "vanilla")
        )
        torch.testing.assert_close(up[0], vanilla[0])
        torch.testing.assert_close(up[1], vanilla[1])
        assert {key: up[2][key] for key in SHARED} == pytest.approx(vanilla[2], abs=1e-6)


@given(st.integers(0, 2**32 - 1), st.floats(0, 30), st.floats(0, 2), st.sampled_from(AGGREGATIONS))
def test_ups_positive_tokens_have_reinforces_gradient_whatever_the_old_policy_and_the_upper_clip(
    seed, spread, high, mode
):
    inputs = random_inputs(seed, spread=spread)
    inputs["advantages"] = inputs["advantages"].abs()
    loss, gradient, metrics = run("up", inputs, actor_config(clip_ratio_high=high), loss_agg_mode=mode)
    on_policy = {**inputs, "old_log_prob": inputs["log_prob"]}
    expected_loss, expected_gradient, _ = run("vanilla", on_policy, actor_config(), loss_agg_mode=mode)
    torch.testing.assert_close(loss, expected_loss)
    torch.testing.assert_close(gradient, expected_gradient)
    assert metrics["actor/pg_clipfrac"] == 0


OURS = pytest.mark.parametrize("name", ["asymgrpo", "up"])


@OURS
@pytest.mark.parametrize("sign", [1, -1, 0])
def test_metrics_have_the_same_keys_and_are_finite_whatever_channels_there_are(sign, name):
    inputs = random_inputs(seed=3)
    both = run(name, inputs, actor_config())[2]
    one = run(name, {**inputs, "advantages": sign * inputs["advantages"].abs()}, actor_config())[2]
    assert both.keys() == one.keys()
    assert torch.isfinite(torch.tensor(list(one.values()))).all()


@OURS
def test_a_micro_batch_without_response_tokens_has_finite_metrics(name):
    inputs = random_inputs(seed=4)
    inputs["response_mask"] = torch.zeros_like(inputs["response_mask"])
    metrics = run(name, inputs, actor_config(global_batch=True))[2]
    assert torch.isfinite(torch.tensor(list(metrics.values()))).all()


@OURS
def test_shares_of_the_two_channels_add_up(name):
    metrics = run(name, random_inputs(seed=5), actor_config())[2]
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


@OURS
def test_what_lies_outside_the_mask_does_not_matter(name):
    inputs = random_inputs(seed=8)
    dirty = {**inputs, "log_prob": inputs["log_prob"].masked_fill(~inputs["response_mask"], torch.nan)}
    loss, gradient, metrics = run(name, dirty, actor_config())
    expected_loss, expected_gradient, expected_metrics = run(name, inputs, actor_config())
    assert torch.equal(loss, expected_loss) and torch.equal(gradient, expected_gradient)
    assert metrics == expected_metrics


@OURS
def test_metrics_are_read_from_the_device_once(name):
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
            get_policy_loss_fn(name)(**inputs, config=config)
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


def test_repo_r_by_hand():
    """GRPO's advantages at p = 3/8 with zeta 0.05: an unlikely token counts more if good, and less if bad."""
    advantages = torch.tensor([[1.20761, 1.20761], [-0.72457, -0.72457], [0.0, 0.0]])
    log_prob = torch.tensor([[-2.0, -0.1], [-2.0, -0.1], [-2.0, torch.nan]])
    kept = repo_r_advantages(advantages, log_prob, zeta=0.05)
    assert kept[0].tolist() == pytest.approx([1.32838, 1.21365], abs=1e-4)
    assert kept[1].tolist() == pytest.approx([-0.65211, -0.72095], abs=1e-4)
    assert kept[2].tolist() == [0, 0], "outside the mask log_prob may be no number"
    lowered = repo_r_advantages(advantages, log_prob, zeta=-0.05)
    assert lowered[:2, 0].tolist() == pytest.approx([1.20761 * 0.9, -0.72457 * 1.1])


@given(st.integers(0, 2**32 - 1), st.floats(-0.5, 0.5))
def test_repo_r_changes_no_sign_is_finite_and_has_no_gradient(seed, zeta):
    inputs = random_inputs(seed, spread=30)
    log_prob = (inputs["log_prob"] - 40).requires_grad_()
    moved = repo_r_advantages(inputs["advantages"], log_prob, zeta)
    assert (moved * inputs["advantages"] >= 0).all() and torch.isfinite(moved).all() and not moved.requires_grad
    torch.testing.assert_close(repo_r_advantages(inputs["advantages"], log_prob, 0.0), inputs["advantages"])
