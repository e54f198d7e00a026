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
"""A Qwen3 whose weights have a leading axis: several policies side by side, in one call of each matrix product.

The weights are a dict of tensors, and the first dimension of each is the policy. A prompt and its n responses are one
packed sequence (`sampling`), so the tokens of a prompt are computed once for its group.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F

Weights = dict[str, torch.Tensor]


class Shape(NamedTuple):
    """The shape of a policy: Qwen3 with tied embeddings.

    Attributes:
        vocab, hidden, layers, heads, kv_heads, head_dim, intermediate: as in Qwen3's configuration.
        theta: the base of the rotary embedding.
        epsilon: of the RMS norms.
    """

    vocab: int
    hidden: int = 64
    layers: int = 2
    heads: int = 2
    kv_heads: int = 2
    head_dim: int = 32
    intermediate: int = 192
    theta: float = 10000.0
    epsilon: float = 1e-6


class Cache(NamedTuple):
    """Keys and values of one layer: (policies * prompts, kv_heads, length, head_dim) each."""

    keys: torch.Tensor
    values: torch.Tensor


def draw_weights(shape: Shape, seed: int, scale: float = 0.05) -> Weights:
    """Draw the weights of one policy: normal with standard deviation `scale`, and 1 for the norms."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*size: int) -> torch.Tensor:
        return torch.randn(1, *size, generator=generator) * scale

    qkv = (shape.heads + 2 * shape.kv_heads) * shape.head_dim
    weights = {"embedding": draw(shape.vocab, shape.hidden)}
    for layer in range(shape.layers):
        weights |= {
            f"{layer}.attention_norm": torch.ones(1, shape.hidden),
            f"{layer}.qkv": draw(shape.hidden, qkv),
            f"{layer}.q_norm": torch.ones(1, shape.head_dim),
            f"{layer}.k_norm": torch.ones(1, shape.head_dim),
            f"{layer}.o": draw(shape.heads * shape.head_dim, shape.hidden),
            f"{layer}.mlp_norm": torch.ones(1, shape.hidden),
            f"{layer}.gate_up": draw(shape.hidden, 2 * shape.intermediate),
            f"{layer}.down": draw(shape.intermediate, shape.hidden),
        }
    return weights | {"norm": torch.ones(1, shape.hidden)}


def from_hugging_face(model) -> tuple[Shape, Weights]:
    """Return shape and weights, in float32, of a transformers.Qwen3ForCausalLM with tied embeddings.

    Raises:
        ValueError: it is another kind of model, or its embeddings are not tied.
    """
    config = model.config
    if config.model_type != "qwen3" or not config.tie_word_embeddings:
        raise ValueError(
            f"{config.name_or_path or type(model).__name__}: got a {config.model_type} with "
            f"tie_word_embeddings={config.tie_word_embeddings}; expected a qwen3 whose embeddings are tied."
        )
    shape = Shape(
        vocab=config.vocab_size,
        hidden=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        head_dim=config.head_dim,
        intermediate=config.intermediate_size,
        theta=config.rope_parameters["rope_theta"],
        epsilon=config.rms_norm_eps,
    )
    return shape, from_state_dict(model.state_dict(), shape.layers)


def from_state_dict(state: dict[str, torch.Tensor], layers: int) -> Weights:
    """Return the weights of one policy from the tensors of a Qwen3, or their gradients from tensors of such names."""

    def joined(*names: str) -> torch.Tensor:  # torch.nn.Linear holds (out, in)
        return torch.cat([state[f"model.{name}.weight"].float().T for name in names], dim=1)

    def vector(name: str) -> torch.Tensor:
        return state[f"model.{name}.weight"].float()

    weights = {"embedding": vector("embed_tokens")}
    for layer in range(layers):
        attention, mlp = f"layers.{layer}.self_attn", f"layers.{layer}.mlp"
        weights |= {
            f"{layer}.attention_norm": vector(f"layers.{layer}.input_layernorm"),
            f"{layer}.qkv": joined(f"{attention}.q_proj", f"{attention}.k_proj", f"{attention}.v_proj"),
            f"{layer}.q_norm": vector(f"{attention}.q_norm"),
            f"{layer}.k_norm": vector(f"{attention}.k_norm"),
            f"{layer}.o": joined(f"{attention}.o_proj"),
            f"{layer}.mlp_norm": vector(f"layers.{layer}.post_attention_layernorm"),
            f"{layer}.gate_up": joined(f"{mlp}.gate_proj", f"{mlp}.up_proj"),
            f"{layer}.down": joined(f"{mlp}.down_proj"),
        }
    weights |= {"norm": vector("norm")}
    return {name: weight.detach().clone().contiguous().unsqueeze(0) for name, weight in weights.items()}


def new_cache(shape: Shape, rows: int, length: int, device: torch.device) -> list[Cache]:
    """Return an empty cache of every layer for `rows` = policies * prompts sequences."""
    size = rows, shape.kv_heads, length, shape.head_dim
    return [Cache(torch.empty(size, device=device), torch.empty(size, device=device)) for _ in range(shape.layers)]


def logits(
    shape: Shape,
    weights: Weights,
    ids: torch.Tensor,
    positions: torch.Tensor,
    mask: torch.Tensor,
    first: int = 0,
    cache: list[Cache] | None = None,
) -> torch.Tensor:
    """Compute the logits of the next token.

    Args:
        ids: (policies, prompts, tokens).
        positions: (tokens,), the same for all sequences; only their differences matter.
        mask: bool, broadcast to (policies * prompts, 1, tokens, keys); True where a token sees a key.
        first: the first token whose logits are wanted.
        cache: keys and values of earlier tokens; those of these tokens are written into it, at mask.shape[-1] - tokens.

    Returns:
        (policies, prompts, tokens - first, vocab) float32.
    """
    policies, prompts, tokens = ids.shape
    offsets = torch.arange(policies, device=ids.device).view(-1, 1, 1) * shape.vocab
    x = F.embedding((ids + offsets).view(policies, -1), weights["embedding"].reshape(-1, shape.hidden))
    rotation = _rotation(shape, positions)
    start = mask.shape[-1] - tokens
    for layer in range(shape.layers):
        of_layer = {name: weights[f"{layer}.{name}"] for name in LAYER}
        x_norm = _norm(x, of_layer["attention_norm"], shape.epsilon)
        q, k, v = _heads(shape, of_layer, torch.bmm(x_norm, of_layer["qkv"]), policies * prompts, rotation)
        if cache is not None:
            keys, values = cache[layer]
            keys[:, :, start : start + tokens], values[:, :, start : start + tokens] = k, v
            k, v = keys[:, :, : start + tokens], values[:, :, : start + tokens]
        attended = F.scaled_dot_product_attention(q, k, v, mask, enable_gqa=shape.heads != shape.kv_heads)
        if layer == shape.layers - 1 and first:  # the rest of the last layer only for the tokens that are wanted
            attended = attended[:, :, first:]
            x = x.view(policies, prompts, tokens, -1)[:, :, first:].reshape(policies, -1, shape.hidden)
        attended = attended.transpose(1, 2).reshape(policies, -1, shape.heads * shape.head_dim)
        x = torch.baddbmm(x, attended, of_layer["o"])
        gate_up = torch.bmm(_norm(x, of_layer["mlp_norm"], shape.epsilon), of_layer["gate_up"])
        gate, up = gate_up.split(shape.intermediate, dim=-1)
        x = torch.baddbmm(x, F.silu(gate) * up, of_layer["down"])
    x = _norm(x, weights["norm"], shape.epsilon)
    return torch.bmm(x, weights["embedding"].transpose(1, 2)).view(policies, prompts, -1, shape.vocab)


LAYER = ("attention_norm", "qkv", "q_norm", "k_norm", "o", "mlp_norm", "gate_up", "down")


def _norm(x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
    return F.rms_norm(x, x.shape[-1:], eps=epsilon) * weight.unsqueeze(1)


def _rotation(shape: Shape, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return cosine and signed sine of the rotary embedding: (tokens, 1, head_dim) each."""
    half = torch.arange(0, shape.head_dim, 2, device=positions.device) / shape.head_dim
    angles = positions.unsqueeze(1) / shape.theta**half
    cosine, sine = angles.cos(), angles.sin()
    return torch.cat([cosine, cosine], dim=1).unsqueeze(1), torch.cat([-sine, sine], dim=1).unsqueeze(1)


def _heads(
    shape: Shape, weights: Weights, qkv: torch.Tensor, rows: int, rotation: tuple[torch.Tensor, torch.Tensor]
) -> Iterator[torch.Tensor]:
    """Yield queries, keys and values: (rows, heads or kv_heads, tokens, head_dim) each."""
    policies = len(qkv)
    parts = (shape.heads, shape.kv_heads, shape.kv_heads)
    parts = qkv.view(policies, -1, sum(parts), shape.head_dim).split(parts, dim=2)
    cosine, sine = rotation
    for part, norm in zip(parts, ("q_norm", "k_norm", None), strict=True):
        heads = part.shape[2]
        if norm:
            part = F.rms_norm(part, part.shape[-1:], eps=shape.epsilon) * weights[norm].view(policies, 1, 1, -1)
        part = part.reshape(rows, -1, heads, shape.head_dim)
        if norm:
            part = part * cosine + part.roll(shape.head_dim // 2, dims=-1) * sine
        yield part.transpose(1, 2)
