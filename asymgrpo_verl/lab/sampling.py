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
"""Draw responses from the policies, and compute the log-probabilities of given responses.

A prompt and the n responses of its group are one packed sequence: the tokens of the prompt, then the first token of
every response, then the second of every response, and so on. A token sees the prompt and the earlier tokens of its own
response, and the responses share the positions. Prompts are padded on the left.
"""

from functools import lru_cache
from typing import NamedTuple

import torch

from asymgrpo_verl.lab.policies import Shape, Weights, logits, new_cache


class Rollouts(NamedTuple):
    """The responses of the policies to their prompts: (policies, prompts, tokens, n) each.

    Attributes:
        responses: token ids; `pad` after the end.
        mask: bool, whether the token belongs to the response; its end is the last one.
        log_probs, entropy: of the policy that drew them, in nats.
    """

    responses: torch.Tensor
    mask: torch.Tensor
    log_probs: torch.Tensor
    entropy: torch.Tensor


@lru_cache(maxsize=32)
def _packing(prompt: int, n: int, tokens: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return which token sees which, (length, length) bool, and the positions, (length,), of a packed sequence."""
    time = torch.arange(tokens, device=device).repeat_interleave(n)
    response = torch.arange(n, device=device).repeat(tokens)
    length = prompt + n * tokens
    sees = torch.zeros(length, length, dtype=torch.bool, device=device)
    sees[:prompt, :prompt] = torch.ones(prompt, prompt, dtype=torch.bool, device=device).tril()
    sees[prompt:, :prompt] = True
    sees[prompt:, prompt:] = (response.unsqueeze(1) == response) & (time <= time.unsqueeze(1))
    return sees, torch.cat([torch.arange(prompt, device=device), prompt + time])


def _mask(sees: torch.Tensor, start: int, end: int, real: torch.Tensor | None) -> torch.Tensor:
    """Return the mask of tokens `start` to `end`; `real` is False at the padding of a prompt."""
    mask = sees[start:end, :end]
    if real is None:
        return mask
    policies, prompts, length = real.shape
    keys = torch.cat([real, real.new_ones(policies, prompts, end - length)], dim=2).view(-1, 1, 1, end)
    # Each token sees itself, because the softmax of a padding token that sees nothing would be NaN.
    itself = torch.arange(start, end, device=mask.device).unsqueeze(1) == torch.arange(end, device=mask.device)
    return (mask & keys) | itself


@torch.no_grad()
def sample(
    shape: Shape,
    weights: Weights,
    prompts: torch.Tensor,
    n: int,
    tokens: int,
    end: int,
    pad: int,
    generators: list[torch.Generator],
    temperature: float = 1.0,
) -> Rollouts:
    """Draw n responses to each prompt.

    Args:
        prompts: (policies, prompts, length), padded on the left with `pad`.
        tokens: most tokens of a response; it ends with the token `end`.
        generators: one per policy. Policies with equal generators get the same random numbers.
        temperature: 0 takes the most probable token. `log_probs` and `entropy` are those at temperature 1.
    """
    policies, count, length = prompts.shape
    sees, positions = _packing(length, n, tokens, prompts.device)
    real = prompts != pad
    real = None if real.all() else real
    cache = new_cache(shape, policies * count, length + n * tokens, prompts.device)
    scores = logits(shape, weights, prompts, positions[:length], _mask(sees, 0, length, real), length - 1, cache)
    scores = scores.expand(-1, -1, n, -1)
    alive = torch.ones(policies, count, n, dtype=torch.bool, device=prompts.device)
    drawn = []
    for time in range(tokens):
        log_probs = scores.log_softmax(-1)
        race = log_probs
        if temperature:
            waits = torch.stack([torch.empty(scores.shape[1:]).exponential_(generator=one) for one in generators])
            race = log_probs / temperature - waits.to(scores.device).log()  # the first to arrive has the right chance
        token = race.argmax(-1)
        entropy = -(log_probs.exp() * log_probs).sum(-1)
        log_prob = log_probs.gather(-1, token.unsqueeze(-1)).squeeze(-1)
        token = torch.where(alive, token, pad)
        drawn.append((token, alive, log_prob, entropy))
        alive = alive & (token != end)
        if time == tokens - 1 or not alive.any():
            break
        start = length + time * n
        seen = _mask(sees, start, start + n, real)
        scores = logits(shape, weights, token, positions[start : start + n], seen, 0, cache)
    return Rollouts(*(torch.stack(part, dim=2) for part in zip(*drawn, strict=True)))


def response_log_probs(
    shape: Shape, weights: Weights, prompts: torch.Tensor, responses: torch.Tensor, pad: int, entropy: bool = False
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Compute the log-probability of each response token, and with `entropy` the token entropy, both with gradient.

    Args:
        prompts: (policies, prompts, length), padded on the left with `pad`.
        responses: (policies, prompts, tokens, n).

    Returns:
        (policies, prompts, tokens, n) each, in nats; the second is None without `entropy`.
    """
    policies, count, tokens, n = responses.shape
    length = prompts.shape[2]
    sees, positions = _packing(length, n, tokens, prompts.device)
    ids = torch.cat([prompts, responses[:, :, :-1].reshape(policies, count, -1)], dim=2)
    real = prompts != pad
    mask = _mask(sees, 0, ids.shape[2], None if real.all() else real)
    scores = logits(shape, weights, ids, positions[: ids.shape[2]], mask, length - 1)
    # The last token of the prompt predicts the first token of all n responses.
    scores = torch.cat([scores[:, :, :1].expand(-1, -1, n, -1), scores[:, :, 1:]], dim=2)
    log_probs = scores.view(policies, count, tokens, n, -1).log_softmax(-1)
    chosen = log_probs.gather(-1, responses.unsqueeze(-1)).squeeze(-1)
    return chosen, -(log_probs.exp() * log_probs).sum(-1) if entropy else None
