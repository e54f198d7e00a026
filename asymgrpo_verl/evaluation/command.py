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
"""`asymgrpo evaluate`: score a model, or given responses, and write a directory of results.

- settings.json: the settings of the evaluation
- generated/: the generated responses, written as they are finished
- model/: the model that a checkpoint's shards, or a LoRA adapter, were merged into
- responses.parquet: every response with its scores
- results.json: the statistics
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from asymgrpo_verl import extras, paper
from asymgrpo_verl.evaluation import generation, metrics, responses, scoring
from asymgrpo_verl.files import atomic, in_a_line
from asymgrpo_verl.runs.run import base_model, label_of_checkpoint
from asymgrpo_verl.runs.weights import locate_model, merge, must_be_merged


def evaluate(args: argparse.Namespace) -> None:
    """Evaluate, write the results and print the table.

    Raises:
        SystemExit: a file or a setting is wrong; the message is one line.
    """
    try:
        respond = _from_files(args) if args.responses else _from_model(args)
        about = _about(args)
    except (OSError, ValueError) as error:
        sys.exit(f"asymgrpo evaluate: {in_a_line(error)}")
    scored = scoring.score(respond())
    statistics = metrics.summarise(pd.DataFrame(scored))
    results = {**about, "settings": _read(args.out / "settings.json"), **statistics}
    responses.write_responses(scored, args.out / "responses.parquet", responses.SCORED)
    _write_json(results, args.out / "results.json")
    print(metrics.render(results))
    print(f"\n{args.out / 'results.json'}")


def _about(args: argparse.Namespace) -> dict[str, str | None]:
    """Return what the results are of: the label, and of a model the one that its training started from, if known."""
    if args.responses:
        return {"label": args.label}
    checkpoint = Path(args.model)
    untrained = None if "global_step_" in args.model else checkpoint.name
    return {"label": label_of_checkpoint(checkpoint, args.label), "base_model": base_model(checkpoint) or untrained}


def _from_files(args: argparse.Namespace) -> Callable[[], list[dict]]:
    rows = responses.read_responses(args.responses)
    metrics.responses_per_prompt(pd.DataFrame(rows))  # raises before anything is written
    _claim(args.out, {"responses": _digests(args.responses)})
    return lambda: rows


def _from_model(args: argparse.Namespace) -> Callable[[], list[dict]]:
    """Check the model, the prompts and the settings; return a function that generates the responses."""
    prompts = responses.read_prompts(args.data)
    weights, fingerprint = locate_model(args.model)
    settings = _generation_settings(args, prompts, weights, fingerprint)
    sharded = weights is not None and not (weights / "config.json").is_file()
    merged = weights is not None and must_be_merged(weights)
    if merged:
        extras.need("verl")  # its model merger, which runs after the settings are written
    # verl saves the config and the tokenizer in huggingface/, beside the shards
    model = str(weights / "huggingface") if sharded else str(weights or args.model)
    tokens = generation.tokenize(model, prompts, settings)
    _claim(args.out, settings)

    def respond() -> list[dict]:
        whole = str(merge(weights, args.out / "model")) if merged else model
        return generation.generate(whole, prompts, tokens, settings, args.out, args.tensor_parallel_size)

    return respond


def _generation_settings(args: argparse.Namespace, prompts: list[dict], weights: Path | None, fingerprint) -> dict:
    """Return every setting that the responses depend on.

    Without --n, n is the paper's; at temperature 0 it is 1, because greedy responses to one prompt are equal.
    """
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


def _claim(out: Path, settings: dict) -> None:
    """Write the settings to out/settings.json, or check that the same settings are there.

    Raises:
        ValueError: other settings are there; names the first key that differs, and both values.
    """
    path = out / "settings.json"
    if not path.is_file():
        _write_json(settings, path)
        return
    found = _read(path)
    for key in [*settings, *found]:
        if found.get(key) != settings.get(key):
            raise ValueError(
                f"{key}: got {settings.get(key)!r}; expected {found.get(key)!r}, because {path} has it and results of "
                "different settings do not mix. Choose another --out."
            )


def _digests(paths: list[Path]) -> list[str]:
    """Return name and checksum of each file, sorted, so that the order of the files does not matter.

    Raises:
        ValueError: two files have the same content.
    """
    found = {}
    for path in paths:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        if digest in found:
            raise ValueError(f"{path}: got the content of {found[digest]} again; expected each file once. Remove one.")
        found[digest] = path
    return sorted(f"{path.name} {digest}" for digest, path in found.items())


def _read(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: got a file that is not JSON ({error}).") from error


def _write_json(value: dict, path: Path) -> None:
    with atomic(path) as partial:
        partial.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
