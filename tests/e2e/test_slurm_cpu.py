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
"""slurm.sh: a Ray cluster of two nodes, both on this machine, with stand-ins for Slurm's scontrol and srun."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
from places import RECIPES
from tiny_run import REAL_RUN, quickstart

from asymgrpo_verl.runs.logs import read_metrics

pytestmark = REAL_RUN

SLURM = {
    "scontrol": 'printf "%s\\n" node1 node2',
    "srun": """
options=
while [[ $1 == --* ]]; do options+="$1 "; shift; done
if [ "$1" = hostname ]; then echo 127.0.0.1; exit; fi
[[ $options == *--cpus-per-task=16* ]] || { echo "srun gives one core"; exit 1; }
exec "$@"
""",
}


def test_a_run_spreads_over_the_nodes_of_a_job_and_leaves_no_process(tmp_path, base_policy):
    for name, body in SLURM.items():
        (tmp_path / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    quickstart("task.py", tmp_path, "--train-rows", 16, "--val-rows", 4)
    env = {
        **os.environ,
        "PATH": f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_GPUS_PER_NODE": "cpu:1",  # a logical GPU: what Ray places a rank on
        "SLURM_CPUS_PER_TASK": "16",
        "SLURM_JOB_ID": "391",
        "DEVICE": "cpu",
        "MODEL_PATH": str(base_policy),
        "TRAIN_FILE": str(tmp_path / "train.parquet"),
        "VAL_FILES": str(tmp_path / "val.parquet"),
        "OUT_DIR": str(tmp_path / "out"),
        "TRAIN_BATCH_SIZE": "8",
        "MINI_BATCH_SIZE": "4",
        "MAX_PROMPT_LENGTH": "32",
        "MAX_RESPONSE_LENGTH": "32",
        "HF_HUB_OFFLINE": "1",
    }
    command = ["bash", str(RECIPES / "asymgrpo" / "slurm.sh"), str(RECIPES / "asymgrpo" / "run_qwen3_4b_fsdp.sh")]
    with (tmp_path / "job.log").open("wb") as log:
        done = subprocess.run(
            [*command, "trainer.total_training_steps=1", "trainer.val_before_train=False"],
            env=env, stdout=log, stderr=subprocess.STDOUT, timeout=600,
        )  # fmt: skip
    text = (tmp_path / "job.log").read_text(errors="replace")
    assert done.returncode == 0, text[-5000:]
    assert "trainer.nnodes=2 trainer.n_gpus_per_node=1" in text
    *_, last = read_metrics(tmp_path / "out" / "metrics.jsonl")
    assert last["step"] == 1 and "groups/mixed" in last
    assert (tmp_path / "out" / "checkpoints" / "global_step_1" / "actor" / "model_world_size_2_rank_1.pt").is_file()
    of_job = [p for p in psutil.process_iter(["environ"]) if (p.info["environ"] or {}).get("OUT_DIR") == env["OUT_DIR"]]
    _, left = psutil.wait_procs(of_job, timeout=30)
    assert left == []
    address = Path("/tmp/ray/ray_current_cluster")
    assert not address.exists() or not address.read_text().endswith(":20391"), "a later ray.init() would connect to it"
