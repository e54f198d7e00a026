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
"""The recipe from launcher to table on the CPU: a tiny model in the place of Qwen3-4B, five tiny benchmarks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from places import RECIPES
from tiny_run import REAL_RUN, quickstart

from asymgrpo_verl.paper import BENCHMARKS
from asymgrpo_verl.runs.logs import read_metrics
from data_prep import DATA_SOURCES

pytestmark = REAL_RUN

METHOD = "entropy_advantage"  # the one that needs the trainer too
NAME = "reinforce_with_bonus"  # of the run, which has another estimator than METHOD


def run_all(place: Path) -> subprocess.CompletedProcess:
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "METHODS": METHOD,
        "MODEL_PATH": str(place / "model"),
        "DATA_DIR": str(place / "data"),
        "OUT_ROOT": str(place / "out"),
        "DEVICE": "cpu",
        "NGPUS_PER_NODE": "1",
        "TRAIN_BATCH_SIZE": "8",
        "MINI_BATCH_SIZE": "4",
        "MAX_PROMPT_LENGTH": "32",
        "MAX_RESPONSE_LENGTH": "32",
        "HF_HUB_OFFLINE": "1",
    }
    size = ["trainer.total_training_steps=1", "trainer.test_freq=1", "trainer.save_freq=1"]
    # With this estimator unanimous groups have advantages too, because this policy solves nothing.
    size += ["algorithm.adv_estimator=reinforce_pm1", f"+asymgrpo_name={NAME}"]
    command = ["bash", str(RECIPES / "asymgrpo" / "run_all.sh"), *size]
    return subprocess.run(command, env=env, cwd=place, text=True, capture_output=True, timeout=900)


@pytest.fixture(scope="module")
def place(tmp_path_factory, base_policy):
    place = tmp_path_factory.mktemp("recipe")
    (place / "model").symlink_to(base_policy)
    quickstart("task.py", place, "--train-rows", 64, "--val-rows", 3)
    modules = {source: module for module, source in DATA_SOURCES.items()}
    validation = pd.read_parquet(place / "val.parquet")
    for source in BENCHMARKS:
        (place / "data" / modules[source]).mkdir(parents=True)
        validation.assign(data_source=source).to_parquet(place / "data" / modules[source] / "test.parquet")
    (place / "data" / "math").mkdir()
    (place / "train.parquet").rename(place / "data" / "math" / "train.parquet")
    done = run_all(place)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return place


def test_a_row_is_trained_validated_selected_and_evaluated(place):
    run = place / "out" / "qwen3_4b" / METHOD
    *_, last = read_metrics(run / "metrics.jsonl")
    assert last["step"] == 1 and last["actor/grad_norm"] >= 0
    for source in BENCHMARKS:
        assert 0 <= last[f"val-core/{source}/acc/mean@1"] <= 1, "what Avg. Val Acc is the mean of"
    assert last["entropy_advantage/bonus"] > 0
    assert list((run / "tensorboard").iterdir())
    results = json.loads((run / "evaluation" / "results.json").read_text())
    assert results["label"] == NAME and results["benchmarks"].keys() == BENCHMARKS.keys()


def test_the_table_has_the_row_and_a_second_run_skips_what_is_done(place):
    table = (place / "out" / "qwen3_4b" / "table.md").read_text()
    ours = {
        line.split("|")[1].strip()
        for line in table.splitlines()
        if line.startswith("|") and "±" in line and "not run" not in line
    }
    assert ours == {NAME}
    again = run_all(place)
    assert again.returncode == 0 and "main_ppo" not in again.stderr
    assert (place / "out" / "qwen3_4b" / "table.md").read_text() == table
