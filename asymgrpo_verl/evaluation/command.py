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
"""`asymgrpo evaluate`: from a model, or from responses, to a directory of results.

In the directory: settings.json, what was asked for; generated/, the raw responses, written as they come; model/, a
checkpoint's shards merged; responses.parquet, every response with its verdict; results.json, the statistics.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from asymgrpo_verl import paper
from asymgrpo_verl.evaluation import generation, metrics, responses
from asymgrpo_verl.files import atomic, in_a_line
from asymgrpo_verl.runs.weights import locate_model, merge_shards


def evaluate(args: argparse.Namespace) -> None:
    """Evaluate and print the table.

    Raises:
        SystemExit: what was asked for cannot be done; one line says why.
    """
    try:
        respond = _from_files(args) if args.responses else _from_model(args)
    except (OSError, ValueError) as error:
        sys.exit(f"asymgrpo evaluate: {in_a_line(error)}")
    scored = responses.score(respond())
    statistics = metrics.summarise(pd.DataFrame(scored))
    results = {"label": args.label, "settings": _read(args.out / "settings.json"), **statistics}
    responses.write_responses(scored, args.out / "responses.parquet", responses.SCORED)
    write_json(results, args.out / "results.json")
    print(metrics.render(results))
    print(f"\n{args.out / 'results.json'}")


def _from_files(args: argparse.Namespace) -> Callable[[], list[dict]]:
    rows = responses.read_responses(args.responses)
    metrics.samples(pd.DataFrame(rows))
    claim(args.out, {"responses": _digests(args.responses)})
    return lambda: rows


def _from_model(args: argparse.Namespace) -> Callable[[], list[dict]]:
    """Check all that can be checked at once, and return what makes the responses."""
    prompts = responses.read_prompts(args.data)
    weights, fingerprint = locate_model(args.model)
    settings = generation_settings(args, prompts, weights, fingerprint)
    sharded = weights is not None and not (weights / "config.json").is_file()
    # beside its shards verl keeps the config and the tokenizer
    model = str(weights / "huggingface") if sharded else str(weights or args.model)
    tokens = generation.tokenize(model, prompts, settings)
    claim(args.out, settings)

    def respond() -> list[dict]:
        merged = str(merge_shards(weights, args.out / "model")) if sharded else model
        return generation.generate(merged, prompts, tokens, settings, args.out, args.tensor_parallel_size)

    return respond


def generation_settings(args: argparse.Namespace, prompts: list[dict], weights: Path | None, fingerprint) -> dict:
    """All that decides the responses. n is the paper's for its benchmarks, and 1 where greedy responses are all one."""
    sources = dict.fromkeys(prompt["data_source"] for prompt in prompts)
    default = {source: benchmark.samples for source, benchmark in paper.BENCHMARKS.items()}
    n = 1 if args.temperature == 0 and args.n is None else args.n
    return {
        "model": args.model if weights is None else str(weights.resolve()),
        "weights": fingerprint,
        "data": _digests(args.data),
        "n": {source: n or default.get(source, paper.SAMPLES) for source in sources},
        "temperature": args.temperature,
        "top_p": args.top_p,
        "max_response_length": args.max_response_length,
        "seed": args.seed,
        "chat_template_kwargs": args.chat_template_kwargs,
        "vllm": generation.vllm_version(),
    }


def claim(out: Path, settings: dict) -> None:
    """Put the settings into out/settings.json, or find the same ones there.

    Raises:
        ValueError: others are there; names the first key that differs, what it is and what was asked for.
    """
    path = out / "settings.json"
    if not path.is_file():
        write_json(settings, path)
        return
    found = _read(path)
    for key in [*settings, *found]:
        if found.get(key) != settings.get(key):
            raise ValueError(
                f"{path}: {key} is {found.get(key)!r}, asked for is {settings.get(key)!r}. "
                "Results of different settings do not mix: take another --out."
            )


def _digests(paths: list[Path]) -> list[str]:
    """Name and content of each file, whatever their order.

    Raises:
        ValueError: two have the same content.
    """
    found = {}
    for path in paths:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        if digest in found:
            raise ValueError(f"{path}: has the same content as {found[digest]}. A file counts once.")
        found[digest] = path
    return sorted(f"{path.name} {digest}" for digest, path in found.items())


def _read(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not JSON ({error}).") from error


def write_json(value: dict, path: Path) -> None:
    with atomic(path) as partial:
        partial.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
