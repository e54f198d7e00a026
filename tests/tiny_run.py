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
"""Start scripts and training runs of the quickstart: a run has five steps on a CPU and a checkpoint after each."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

import psutil
import pytest
from places import QUICKSTART

NEEDS_VLLM = pytest.mark.skipif(not find_spec("vllm"), reason="vLLM's CPU build comes with the extra [cpu]")
# The marks of a test that trains a model or generates with one.
REAL_RUN = [pytest.mark.slow, NEEDS_VLLM]

STEPS, PROMPTS, PROMPTS_PER_STEP = 5, 24, 8  # three steps per epoch
# With this reward a policy that has learnt almost nothing gets about half of its rollouts right.
REWARD = """
def compute_score(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    return float(len(solution_str) % 2)
"""


def quickstart(script: str, *arguments) -> None:
    """Run a script of the quickstart: base_policy.py makes a model, task.py makes train.parquet and val.parquet."""
    subprocess.run([sys.executable, str(QUICKSTART / script), *map(str, arguments)], check=True)


def prepare(place: Path, base_policy: Path) -> None:
    """Write what a run needs: place/model, place/train.parquet, place/val.parquet and place/reward.py."""
    (place / "model").symlink_to(base_policy)
    quickstart("task.py", place, "--train-rows", PROMPTS, "--val-rows", 4)
    (place / "reward.py").write_text(REWARD)


def start_run(place: Path, log: BinaryIO, overrides: list[str], **environment: str) -> psutil.Popen:
    """Start or resume the run of a prepared directory. Its logs and checkpoints are in place/out."""
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MODEL_PATH": str(place / "model"),
        "TRAIN_FILE": str(place / "train.parquet"),
        "VAL_FILE": str(place / "val.parquet"),
        "OUT_DIR": str(place / "out"),
        "STEPS": str(STEPS),
        "TEST_FREQ": "-1",
        "TRAIN_BATCH_SIZE": str(PROMPTS_PER_STEP),
        "MINI_BATCH_SIZE": "4",
        **environment,
    }
    ours = ["trainer.save_freq=1", "trainer.val_before_train=False"]
    reward = f"reward.custom_reward_function.path={place / 'reward.py'}"
    command = ["bash", str(QUICKSTART / "run_tiny_cpu.sh"), *ours, reward, *overrides]
    return psutil.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT)
