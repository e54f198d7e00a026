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
"""Train the quickstart's base policy, a small Qwen3 that can work out a sum but mostly guesses."""

import argparse
import random
import time
from collections.abc import Callable
from pathlib import Path

import torch
import transformers
from task import direct_answer, draw_chain, worked_answer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from tqdm import tqdm
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

HIDDEN, LAYERS = 96, 3
ROWS = 48  # answers per step
LEARNING_RATE = 4e-3
# In the first STUDY_PART of the steps, STUDY_SHARE of the answers are worked: the model learns to add. In the rest,
# HABIT_SHARE are worked: the model learns to guess.
STUDY_PART, STUDY_SHARE, HABIT_SHARE = 0.85, 0.85, 0.2

# Qwen's chat format, because verl's agent loop searches for it. Each fixed part of the format is one token.
START, END, PAD = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Build a tokenizer with one token per byte, so that any text can be a prompt, plus chat tokens and `\\boxed{`."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={symbol: i for i, symbol in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([START, END, PAD])
    tokenizer.add_tokens(["system\n", "user\n", "assistant\n", "\\boxed{"])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=PAD, chat_template=CHAT_TEMPLATE, model_max_length=1024
    )


def build_model(tokenizer: PreTrainedTokenizerFast) -> Qwen3ForCausalLM:
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(tokenizer),
            hidden_size=HIDDEN,
            intermediate_size=3 * HIDDEN,
            num_hidden_layers=LAYERS,
            num_attention_heads=HIDDEN // 32,
            num_key_value_heads=HIDDEN // 32,
            head_dim=32,
            initializer_range=0.05,  # 0.02 is for wide models; here it would double the warm-up
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
            attn_implementation="sdpa",
        )
    )


def draw_answer(chain: str, rng: random.Random, done: float) -> str:
    """Draw an answer to learn from; `done` is the share of the steps that are done, 0 to 1."""
    worked_share = STUDY_SHARE if done < STUDY_PART else HABIT_SHARE
    return worked_answer(chain) if rng.random() < worked_share else direct_answer(chain, rng)


def draw_batch(rng: random.Random, tokenizer: PreTrainedTokenizerFast, answer_to: Callable, done: float):
    """Draw prompts with answers: padded token ids and labels, both (ROWS, len). Labels outside the answers are -100."""
    prompts, answers = [], []
    for _ in range(ROWS):
        chain = draw_chain(rng)
        answer = answer_to(chain, rng, done)
        chat = [{"role": "user", "content": chain}]
        prompts.append(tokenizer.apply_chat_template(chat, add_generation_prompt=True).input_ids)
        answers.append(tokenizer(answer + END).input_ids)
    length = max(len(p) + len(a) for p, a in zip(prompts, answers, strict=True))
    ids = torch.full((ROWS, length), tokenizer.pad_token_id)
    labels = torch.full((ROWS, length), -100)
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        start, stop = len(prompt), len(prompt) + len(answer)
        ids[row, :stop] = torch.tensor(prompt + answer)
        labels[row, start:stop] = torch.tensor(answer)
    return ids, labels


def warm_up(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, steps: int, seed: int, answer_to: Callable):
    """Train on answers to freshly drawn chains, supervised; the same seed gives the same weights."""
    rng = random.Random(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.1)
    bar = tqdm(range(steps), desc="warm-up", unit="step", dynamic_ncols=True, disable=None)
    for step in bar:
        ids, labels = draw_batch(rng, tokenizer, answer_to, step / steps)
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        bar.set_postfix(loss=f"{loss.item():.3f}")


def make_policy(out: Path, steps: int, seed: int, answer_to: Callable = draw_answer) -> None:
    """Train a base policy and save it in `out`.

    Args:
        steps: 0 leaves the weights as they were drawn.
        answer_to: called with the chain, a random.Random and the share of the steps that are done; returns an answer.
    """
    started = time.time()
    torch.set_num_threads(1)  # so every machine adds in the same order; the model is too small to gain from more
    torch.manual_seed(seed)
    tokenizer = build_tokenizer()
    model = build_model(tokenizer)
    if steps:
        warm_up(model, tokenizer, steps, seed, answer_to)
    partial = out.with_name(out.name + ".partial")
    transformers.utils.logging.disable_progress_bar()
    model.save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    partial.rename(out)
    size = sum(p.numel() for p in model.parameters())
    print(f"base policy: Qwen3 architecture, {size / 1e6:.2f}M parameters, {time.time() - started:.0f} s, in {out}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="directory of the model")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    make_policy(args.out, args.steps, args.seed)


if __name__ == "__main__":
    main()
