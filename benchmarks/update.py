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
"""Time an actor update with and without the rollouts of advantage 0, beside plain verl: without Ray, on the CPU.

    VERL_PLATFORM=cpu PYTHONPATH=tests python benchmarks/update.py

A time is CPU time, because other programs on the machine change it less than the time on the wall. Both workers are in
one process, with one thread, and take turns on the same batch. The model is a random Qwen3 of 1M parameters.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

import torch
from omegaconf import OmegaConf
from transformers import Qwen3Config, Qwen3ForCausalLM
from two_ranks import compose_config, free_port, worker_input

GROUP, PROMPT = 8, 64
SHARES = (0.0, 0.25, 0.5, 0.75)  # of unanimous groups


def make_model(place: Path) -> Path:
    """Write a random model, and the tokenizer that a configuration has to name."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    config = Qwen3Config(
        vocab_size=1024,
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    Qwen3ForCausalLM(config).save_pretrained(place)
    words = Tokenizer(models.WordLevel({"<pad>": 0, "<eos>": 1}, unk_token="<pad>"))
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>").save_pretrained(place)
    return place


def draw_batch(rows: int, length: int, share: float):
    """Return the worker's input: responses of 1/4 length to length; half of a mixed group's rollouts are correct."""
    from verl.utils import tensordict_utils as tu

    draw = torch.Generator().manual_seed(0)
    lengths = torch.randint(length // 4, length + 1, (rows,), generator=draw).tolist()
    masks = [torch.ones(n, dtype=torch.long) for n in lengths]
    groups = rows // GROUP
    unanimous = {*torch.randperm(groups, generator=draw)[: round(share * groups)].tolist()}
    advantages = [
        torch.full((n,), 0.0 if row // GROUP in unanimous else 1.0 if row % 2 else -1.0)
        for row, n in enumerate(lengths)
    ]
    batch = {
        "prompts": [torch.randint(1024, (PROMPT,), generator=draw) for _ in range(rows)],
        "responses": [torch.randint(1024, (n,), generator=draw) for n in lengths],
        "response_mask": masks,
    }
    data = worker_input(batch, advantages, [torch.full((n,), -6.9) for n in lengths])
    return tu.assign_non_tensor(data, global_batch_size=rows // 2, mini_batch_size=rows // 2)


def start_workers(model: Path, tokens: int) -> dict:
    """Return {name: worker} of plain verl and of ours."""
    from verl.workers.engine_workers import ActorRolloutRefWorker

    from asymgrpo_verl.integration.worker import ActorWorker

    os.environ |= {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    actor = {"ppo_max_token_len_per_gpu": tokens, "policy_loss": {"loss_mode": "vanilla"}}
    config = OmegaConf.merge(compose_config(str(model)), {"actor": actor})
    workers = {"verl": ActorRolloutRefWorker(config, role="actor"), "ours": ActorWorker(config, role="actor")}
    for worker in workers.values():
        worker.init_model()
    return workers


def cpu_seconds(worker, data) -> float:
    start = time.process_time()
    worker.update_actor(data)
    return time.process_time() - start


def compare(workers: dict, rows: int, length: int, repeats: int) -> None:
    from verl.utils import tensordict_utils as tu

    print("| unanimous groups | verl | ours | ours/verl | lowest to highest pair |\n|---|---|---|---|---|")
    for share in SHARES:
        batch, seconds = draw_batch(rows, length, share), {name: [] for name in workers}
        for _ in range(repeats + 1):
            for name, worker in random.sample(list(workers.items()), len(workers)):
                data = batch.clone()
                if name == "ours":
                    tu.assign_non_tensor(data, zero_weight_mean_over="all")
                seconds[name].append(cpu_seconds(worker, data))
        verls, ours = seconds["verl"][1:], seconds["ours"][1:]
        ratios = sorted(one / other for one, other in zip(ours, verls, strict=True))
        print(
            f"| {share:.0%} | {statistics.median(verls):.2f} s | {statistics.median(ours):.2f} "
            f"| {statistics.median(ratios):.3f} | {ratios[0]:.3f} to {ratios[-1]:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=2048, help="ppo_max_token_len_per_gpu")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        compare(start_workers(make_model(Path(place)), args.tokens), args.rows, args.length, args.repeats)
