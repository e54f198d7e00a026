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
"""The batched policy is Hugging Face's Qwen3: same log-probabilities, same gradients, for each policy of the batch."""

import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from asymgrpo_verl.lab.policies import from_hugging_face, from_state_dict
from asymgrpo_verl.lab.sampling import response_log_probs, sample

PAD, END, N, TOKENS = 0, 1, 3, 4


def qwen3(seed: int, **changes) -> Qwen3ForCausalLM:
    torch.manual_seed(seed)
    config = {"vocab_size": 23, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "head_dim": 16}
    config |= {"num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True}
    return Qwen3ForCausalLM(Qwen3Config(**config | changes, initializer_range=0.3)).eval()


@pytest.fixture(params=(2, 4), ids=("grouped-query", "multi-head"))
def models(request) -> list[Qwen3ForCausalLM]:
    return [qwen3(seed, num_key_value_heads=request.param) for seed in (1, 2)]


def side_by_side(models):
    """Return the shape and the weights of the models as one batch."""
    (shape, one), (_, two) = map(from_hugging_face, models)
    return shape, {name: torch.cat([one[name], two[name]]) for name in one}


def prompts_with_padding() -> torch.Tensor:
    prompts = torch.randint(2, 23, (2, 3, 5), generator=torch.Generator().manual_seed(0))
    prompts[:, 1, :2] = PAD
    return prompts


def of_hugging_face(model, prompt: torch.Tensor, response: torch.Tensor) -> torch.Tensor:
    """Return the log-probability of each token of one response, without padding and without a packed sequence."""
    ids = torch.cat([prompt[prompt != PAD], response]).unsqueeze(0)
    scores = model(input_ids=ids).logits[0, -len(response) - 1 : -1].log_softmax(-1)
    return scores.gather(1, response.unsqueeze(1)).squeeze(1)


def test_log_probabilities_are_those_of_transformers(models):
    shape, weights = side_by_side(models)
    prompts = prompts_with_padding()
    responses = torch.randint(2, 23, (2, 3, TOKENS, N), generator=torch.Generator().manual_seed(1))
    ours, entropy = response_log_probs(shape, weights, prompts, responses, PAD, entropy=True)
    assert (entropy > 0).all()
    for m, model in enumerate(models):
        for p in range(3):
            for k in range(N):
                expected = of_hugging_face(model, prompts[m, p], responses[m, p, :, k])
                torch.testing.assert_close(ours[m, p, :, k], expected, atol=1e-6, rtol=1e-6)


def test_gradients_are_those_of_transformers(models):
    shape, weights = side_by_side(models)
    weights = {name: weight.requires_grad_() for name, weight in weights.items()}
    prompts = prompts_with_padding()
    responses = torch.randint(2, 23, (2, 3, TOKENS, N), generator=torch.Generator().manual_seed(1))
    response_log_probs(shape, weights, prompts, responses, PAD)[0].sum().backward()
    for m, model in enumerate(models):
        sum(
            of_hugging_face(model, prompts[m, p], responses[m, p, :, k]).sum() for p in range(3) for k in range(N)
        ).backward()
        expected = from_state_dict({name: weight.grad for name, weight in model.named_parameters()}, shape.layers)
        for name, gradient in expected.items():
            apart = (weights[name].grad[m] - gradient[0]).norm() / gradient.norm()
            assert apart < 1e-5, name


def test_sampled_log_probabilities_are_those_of_the_whole_sequence(models):
    shape, weights = side_by_side(models)
    prompts = prompts_with_padding()
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    rollouts = sample(shape, weights, prompts, N, TOKENS, END, PAD, generators)
    again, entropy = response_log_probs(shape, weights, prompts, rollouts.responses, PAD, entropy=True)
    torch.testing.assert_close(rollouts.log_probs * rollouts.mask, again * rollouts.mask, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(rollouts.entropy * rollouts.mask, entropy * rollouts.mask, atol=1e-6, rtol=1e-6)


def test_a_response_ends_with_the_end_token_and_padding_follows(models):
    shape, weights = side_by_side(models)
    weights["embedding"][:, END] *= 3  # so that some end early
    rollouts = sample(
        shape, weights, prompts_with_padding(), 16, TOKENS, END, PAD, [torch.Generator().manual_seed(3)] * 2
    )
    ended = (rollouts.responses == END).cumsum(2).bool()
    before = torch.cat([torch.zeros_like(ended[:, :, :1]), ended[:, :, :-1]], dim=2)
    assert ended.any() and torch.equal(rollouts.mask, ~before)
    assert (rollouts.responses[before] == PAD).all()


def test_tokens_are_drawn_with_the_policys_probabilities(models):
    shape, weights = side_by_side(models)
    prompts, draws = prompts_with_padding()[:, :1], 20_000
    first = sample(shape, weights, prompts, draws, 1, END, PAD, [torch.Generator().manual_seed(s) for s in (1, 2)])
    for m in range(2):
        drawn = torch.bincount(first.responses[m, 0, 0], minlength=23) / draws
        expected = torch.stack(
            [of_hugging_face(models[m], prompts[m, 0], torch.tensor([token])) for token in range(23)]
        ).exp()[:, 0]
        # Four standard errors of each share, for 46 shares.
        assert ((drawn - expected).abs() < 4 * (expected / draws).sqrt() + 1e-4).all()


def test_equal_generators_draw_equal_responses(models):
    shape, weights = side_by_side(models[:1] * 2)
    prompts = prompts_with_padding()[:1].expand(2, -1, -1)
    one = sample(shape, weights, prompts, N, TOKENS, END, PAD, [torch.Generator().manual_seed(5) for _ in range(2)])
    assert torch.equal(one.responses[0], one.responses[1])


@pytest.mark.parametrize("changes", [{"tie_word_embeddings": False}], ids=("untied",))
def test_another_model_is_refused(changes):
    with pytest.raises(ValueError, match="expected a qwen3 whose embeddings are tied"):
        from_hugging_face(qwen3(1, **changes))
