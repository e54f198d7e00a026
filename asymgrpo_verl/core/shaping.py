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
"""What changes the advantages of any estimator: the entropy advantage, weights of tokens, weights of rollouts."""

import torch

from asymgrpo_verl.core.groups import Groups


def add_entropy(advantages: torch.Tensor, entropy: torch.Tensor, alpha: float, kappa: float) -> torch.Tensor:
    """Compute the entropy advantage (arXiv 2506.14758): A_t + min(alpha H_t, |A_t|/kappa).

    If A_t is 0, as outside the mask and in unanimous groups, it stays 0. No advantage changes its sign, as kappa > 1.

    Args:
        advantages: (bs, len), of any estimator.
        entropy: (bs, len), H_t in nats, of the policy before the update; no gradient flows through it.
        alpha: >= 0.
        kappa: > 1.
    """
    return advantages + torch.minimum(alpha * entropy.detach(), advantages.abs() / kappa)


def token_weights(
    kind: str, response_mask: torch.Tensor, old_log_prob: torch.Tensor, entropy: torch.Tensor, top: float
) -> torch.Tensor:
    """Compute weights by which the tokens of a rollout share its advantage.

    Their mean over the tokens of each rollout is 1, so the learning rate keeps its meaning. A clipped surrogate is
    linear in the advantage, so weights >= 0 on the advantages are weights on the loss of the tokens. This does not hold
    for clip_cov and kl_cov, which choose tokens by their advantages.

    Args:
        kind: "surprisal": in proportion to -log pi_old(y_t), or equal if that is 0 on all tokens of a rollout.
            "entropy": equal on the share `top` of the rollout's tokens with the highest entropy, and 0 on the others.
            It keeps at least one token; of equal entropies the earlier token comes first. These are the forking tokens
            of arXiv 2506.01939, which chooses them from the batch, not from the rollout.
        response_mask, old_log_prob, entropy: (bs, len), of the policy before the update.
        top: in (0, 1].

    Returns:
        (bs, len) with the dtype of `old_log_prob`, 0 outside the mask.
    """
    mask = response_mask.bool()
    tokens = mask.sum(1, keepdim=True)
    if kind == "surprisal":
        share = torch.where(mask, -old_log_prob, 0.0).clamp(min=0.0)  # rounding may put a log-probability above 0
        share = torch.where(share.sum(1, keepdim=True) > 0, share, mask.to(share.dtype))
    else:
        order = torch.where(mask, entropy, -torch.inf).argsort(dim=1, descending=True, stable=True)
        rank = torch.empty_like(order).scatter_(
            1, order, torch.arange(order.shape[1], device=order.device).expand_as(order)
        )
        kept = (tokens.double() * top - 1e-6).ceil().clamp(min=1)  # 0.3 of 50 tokens is 15, not 15.000000000000002
        share = (mask & (rank < kept)).to(old_log_prob.dtype)
    return share * tokens / share.sum(1, keepdim=True).clamp(min=torch.finfo(share.dtype).tiny)


def history_weights(groups: Groups, belief: float, scale: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute the weights of HA-DW (arXiv 2601.08521): scale * exp(-sgn(A) (p - C)), where C is the belief.

    So a correct rollout counts more and an incorrect one less if its prompt is harder than the belief, p < C; the
    reverse if the prompt is easier. sgn(A) is taken as +1 for a correct rollout and -1 for an incorrect one, as it is
    with GRPO.

    The paper's C is a running accuracy of the policy from the batches before, with a forgetting factor by its standard
    deviation; it does not say which factor. Its best scale is 1.3. The authors' code (yangfengkai/HA-DW) has a scale of
    1.5 and takes for C the mean reward of the last batches, this one included: our trainer does so too.

    Args:
        belief: C, from 0 to 1.
        scale: > 0.

    Returns:
        The weight of a correct and of an incorrect rollout of each group: (groups,) float64 each. It has no meaning if
        the group has no rollout.
    """
    easier = groups.solved / groups.size.clamp(min=1) - belief
    return scale * (-easier).exp(), scale * easier.exp()


def confidence_weights(
    groups: Groups, response_mask: torch.Tensor, log_probs: torch.Tensor, offset: float
) -> torch.Tensor:
    """Compute the weights of CoDaPO (arXiv 2606.07950): c (1 - 4 (p - 1/2)^2) + offset, one per group.

    c is the group's confidence: exp of the mean over its rollouts of the mean log-probability per token. So a group
    counts most at p = 1/2 and with likely tokens, and a unanimous group has the weight `offset`.

    The paper takes the log-probabilities of the current policy, and has no offset. The authors' code
    (tmlr-group/CoDaPO) takes those of the policy before the update, as we do, and adds 0.1. CoDaPO also samples
    questions of high value again, which is not done here.

    Args:
        response_mask: (bs, len).
        log_probs: (bs, len), of the policy before the update, in nats.
        offset: >= 0.

    Returns:
        (groups,) float64. It has no meaning if the group has no rollout.
    """
    mask = response_mask.to(log_probs.dtype)  # because a product and sums of mixed dtypes take twice as long
    per_row = (log_probs * mask).sum(1).double() / mask.sum(1).clamp(min=1)
    size = groups.size.clamp(min=1)
    mean = torch.zeros_like(size).index_add_(0, groups.index, per_row) / size
    return mean.exp() * (1 - 4 * (groups.solved / size - 0.5).square()) + offset
