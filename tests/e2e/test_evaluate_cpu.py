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
"""`asymgrpo evaluate` with vLLM's CPU backend: a model, a kill in between, and a checkpoint in FSDP shards."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from tiny_run import REAL_RUN, quickstart

from asymgrpo_verl.evaluation.generation import PROMPTS_PER_FILE
from asymgrpo_verl.row_files import verl_row, write_rows

pytestmark = REAL_RUN

PROMPTS, LONG, N = 200, 24, 4  # sums, prompts of 700 tokens that vLLM would cut in two, responses to each
FILES = (PROMPTS + LONG) / PROMPTS_PER_FILE

SAVE_SHARDS = """
import sys
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from transformers import AutoModelForCausalLM, AutoTokenizer
from verl.utils.checkpoint.fsdp_checkpoint_manager import FSDPCheckpointManager

dist.init_process_group("gloo")
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
fully_shard(model, mesh=init_device_mesh("cpu", (2,), mesh_dim_names=("fsdp",)))
saved = {"load_contents": ["model"], "save_contents": ["model"]}
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
FSDPCheckpointManager(model, processing_class=tokenizer, checkpoint_config=saved).save_checkpoint(sys.argv[2])
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory, base_policy):
    """A directory with a hardly trained model and PROMPTS + LONG prompts."""
    out = tmp_path_factory.mktemp("evaluate")
    (out / "model").symlink_to(base_policy)
    quickstart("task.py", out, "--train-rows", 1, "--val-rows", PROMPTS)
    long = [verl_row("long", f"{i}+{'1+' * 350}1", "1", "test", i) for i in range(LONG)]
    write_rows(long, out / "long.parquet")
    return out


def command(place: Path, model: Path, out: Path, *more: str) -> list[str]:
    arguments = [
        model,
        "--data",
        place / "val.parquet",
        place / "long.parquet",
        "--out",
        out,
        "--n",
        N,
        "--temperature",
        1,
        *more,
    ]
    arguments += ["--max-response-length", 64]
    return [sys.executable, "-m", "asymgrpo_verl.cli", "evaluate", *map(str, arguments)]


def evaluate(*args) -> subprocess.CompletedProcess:
    env = {k: v for k, v in os.environ.items() if k != "VERL_PLATFORM"}  # found out by itself
    done = subprocess.run(command(*args), env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]
    return done


@pytest.fixture(scope="module")
def whole(place):
    """The responses of an uninterrupted evaluation."""
    done = evaluate(place, place / "model", place / "whole")
    assert "asymgrpo/sums" in done.stdout and "generating" in done.stderr
    return pd.read_parquet(place / "whole" / "responses.parquet")


def test_every_prompt_has_n_responses_with_a_verdict(place, whole):
    prompts = [("asymgrpo/sums", str(i)) for i in range(PROMPTS)] + [("long", str(i)) for i in range(LONG)]
    assert list(whole.groupby(["data_source", "index"], sort=False).groups) == prompts
    assert list(whole["sample"]) == list(range(N)) * len(prompts)
    whole = whole[whole["data_source"] == "asymgrpo/sums"]
    assert whole["length"].between(1, 64).all() and (whole["length"][whole["truncated"]] == 64).all()
    boxed = whole["response"].str.contains(r"\\boxed\{\d+\}$")
    assert boxed.mean() > 0.2, "after 40 steps it knows the format"
    answers = whole["response"][boxed].str.extract(r"\\boxed\{(\d+)\}$")[0]
    assert (answers == whole["pred"][boxed]).all()
    assert ((answers == whole["ground_truth"][boxed]) == (whole["acc"][boxed] == 1)).all()
    assert whole.groupby("index")["response"].nunique().mean() > 2, "each sample has its own seed"
    results = json.loads((place / "whole" / "results.json").read_text())["benchmarks"]["asymgrpo/sums"]
    assert results["metrics"][f"avg@{N}"]["mean"] == pytest.approx(whole["acc"].mean())
    assert results["metrics"]["length"]["mean"] == pytest.approx(whole["length"].mean())


def test_after_a_kill_it_resumes_and_has_the_results_of_a_run_without_a_kill(place, whole):
    out = place / "killed"
    process = subprocess.Popen(command(place, place / "model", out), stderr=subprocess.DEVNULL)
    while not list((out / "generated").glob("*.parquet")):
        assert process.poll() is None
        time.sleep(0.001)
    process.kill()
    process.wait()
    before = {path.name: path.stat().st_mtime_ns for path in (out / "generated").glob("*.parquet")}
    assert not (out / "results.json").exists() and len(before) < FILES, "killed in between"
    evaluate(place, place / "model", out)
    files = {path.name: path.stat().st_mtime_ns for path in (out / "generated").glob("*.parquet")}
    assert before.items() <= files.items() and len(files) == FILES, "what was finished was not made again"
    pd.testing.assert_frame_equal(pd.read_parquet(out / "responses.parquet"), whole)


def test_other_settings_do_not_mix(place, whole):
    done = subprocess.run(
        command(place, place / "model", place / "whole", "--seed", "1"), capture_output=True, text=True
    )
    assert done.returncode == 1 and "seed: got 1; expected 0, because" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_response_that_may_not_fit_the_context_is_refused_before_vllm_starts(place):
    long = [sys.executable, "-m", "asymgrpo_verl.cli", "evaluate", str(place / "model"), "--out", str(place / "long")]
    done = subprocess.run([*long, "--data", str(place / "val.parquet")], capture_output=True, text=True)
    assert done.returncode == 1 and "--max-response-length: got 4096; expected at most" in done.stderr
    assert "is 1024 tokens and prompt" in done.stderr
    assert not (place / "long").exists()


def test_shards_are_merged_beside_the_results_and_only_once(place, whole):
    import torch
    from safetensors.torch import load_file

    actor = place / "global_step_5" / "actor"
    (place / "save_shards.py").write_text(SAVE_SHARDS)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run([*torchrun, str(place / "save_shards.py"), str(place / "model"), str(actor)], check=True)
    held = {path: path.stat().st_mtime_ns for path in actor.rglob("*")}
    assert sum("model_world_size_2_rank_" in path.name for path in held) == 2

    evaluate(place, place / "global_step_5", place / "merged")
    merged = place / "merged" / "model" / "model.safetensors"
    weights, original = load_file(merged), load_file(place / "model" / "model.safetensors")
    for name, weight in original.items():
        assert torch.equal(weights[name], weight.bfloat16()), name
    assert {path: path.stat().st_mtime_ns for path in actor.rglob("*")} == held, "the checkpoint is as it was"
    responses = pd.read_parquet(place / "merged" / "responses.parquet")
    assert len(responses) == len(whole)

    written = merged.stat().st_mtime_ns
    again = evaluate(place, place / "global_step_5", place / "merged")
    assert merged.stat().st_mtime_ns == written and "generating" not in again.stderr
    pd.testing.assert_frame_equal(pd.read_parquet(place / "merged" / "responses.parquet"), responses)
