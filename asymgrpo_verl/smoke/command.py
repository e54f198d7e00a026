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
"""The smoke test `asymgrpo check --train`."""

import contextlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

import asymgrpo_verl
from asymgrpo_verl.core.metric_table import BYPASS, COEFFICIENT
from asymgrpo_verl.core.metrics import METRICS, expand
from asymgrpo_verl.runs.logs import read_metrics
from asymgrpo_verl.smoke.device import Finding

QUICKSTART = Path(asymgrpo_verl.__file__).parent / "recipes" / "quickstart"
STEPS, PROMPTS, N = 2, 8, 8
MINUTES = 20  # for the training; on a GPU most of it is vLLM's start, which compiles
LOG_LINES = 25  # of a training that failed

# Everything that the trainer can log is switched on, so that the log must have every metric of `core.metrics`: all but
# the entropy coefficient, with which an update leaves out no rows and does not log how many it left out, and the time
# of a pass in bypass mode, which is another training.
SETTINGS = (
    "reward.custom_reward_function.path=pkg://asymgrpo_verl.smoke.reward",
    "trainer.val_before_train=False",
    "algorithm.diagnostics.log_prob_increment_every=1",
    "algorithm.diagnostics.gradient_share_every=1",
    "+algorithm.entropy_advantage.alpha=0.4",
    "+algorithm.ha_dw.scale=1.0",
    "+algorithm.repo_r.target=1.0",
    "+asymgrpo_name=smoke_test",  # because METHOD=asymgrpo has no entropy advantage
    "+algorithm.token_weighting.correct=surprisal",
    "+algorithm.asymgrpo.schedule.beta_pos={kind: solve_rate, none_solved: 0.9, all_solved: 0.5}",
    "+algorithm.asymgrpo.schedule.beta_neg={kind: entropy, target: 1.0}",
)
VERLS = ("actor/grad_norm", "actor/pg_loss", "actor/entropy", "critic/score/mean")
# Correlation of the probabilities of vLLM and of the trainer: near 1, also in bfloat16; near 0 if the weights differ.
AGREEMENT, AT_LEAST = "training/rollout_actor_probs_pearson_corr", 0.9


def check_train() -> int:
    """Check that this machine can train: print one line per thing checked, and return 1 if one of them is not good.

    DEVICE is gpu (the default) or cpu, as for the launchers. The estimators and the loss are computed on the device and
    on the CPU. Then the quickstart's launcher trains a tiny, randomly initialised Qwen3 for two steps on one device,
    with the launcher's settings for DEVICE, and its log is checked. If the training fails, the end of its output is
    printed, and its files stay.

    DEVICE=cpu runs the same code, except what belongs to the device. So only a run on a GPU can show an error in CUDA
    kernels, flash-attn, NCCL, bfloat16, vLLM's CUDA graphs and sleep mode, or the transfer of weights on a GPU. Neither
    shows whether a large model fits into the memory, or what several GPUs do.
    """
    if (device := os.environ.get("DEVICE", "gpu")) not in ("gpu", "cpu"):
        sys.exit(f"asymgrpo check: DEVICE: got {device}; expected gpu or cpu.")
    found = compare_devices(device)
    if not any(finding.problem for finding in found):
        found += train_and_read(device)
    print()
    for what, problem in found:
        print(f"NOT good: {what}: {problem}" if problem else f"good: {what}")
    return 1 if any(finding.problem for finding in found) else 0


def environment(device: str) -> dict[str, str]:
    """Return the environment of the child processes: this interpreter first, and the platform that verl shall use."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "DEVICE": device} | ({"VERL_PLATFORM": "cpu"} if device == "cpu" else {})


def compare_devices(device: str) -> list[Finding]:
    """Run `smoke.device` and return its findings, or the one that there is no such device."""
    print(f"computing estimators and loss on DEVICE={device} and on the CPU")
    command = [sys.executable, "-m", "asymgrpo_verl.smoke.device"]
    done = subprocess.run(command, env=environment(device), capture_output=True, text=True)
    if done.returncode:
        end = "\n".join(done.stderr.splitlines()[-LOG_LINES:])
        return [Finding("estimators and loss on the device", f"python -m asymgrpo_verl.smoke.device failed:\n{end}")]
    name, found = json.loads(done.stdout.splitlines()[-1])
    if device == "gpu" and name == "cpu":
        return [Finding("DEVICE=gpu", "torch finds no GPU. Set DEVICE=cpu to check this machine without one.")]
    return [Finding(*finding) for finding in found]


def commands(place: Path, device: str) -> tuple[list[list[str]], dict[str, str]]:
    """Return the commands that make the model, make the data and train, and their environment."""
    given = {
        "MODEL_PATH": place / "model",
        "TRAIN_FILE": place / "train.parquet",
        "VAL_FILE": place / "val.parquet",
        "VAL_FILES": "",
        "OUT_DIR": place / "out",
        "METHOD": "asymgrpo",
        "STAGE": "train",
        "DRY_RUN": 0,
        "STEPS": STEPS,
        "TEST_FREQ": STEPS,
        "TRAIN_BATCH_SIZE": PROMPTS,
        "MINI_BATCH_SIZE": PROMPTS,
        "ROLLOUT_N": N,
        "MAX_PROMPT_LENGTH": 32,
        "MAX_RESPONSE_LENGTH": 32,
        "RANKS": 1,
        "NNODES": 1,
        "LOGGER": '["console","file"]',
        "PYTHONUNBUFFERED": 1,  # so that the log has the last words of a process that dies
    }
    rows = "--train-rows", STEPS * PROMPTS, "--val-rows", PROMPTS
    wanted = (
        (sys.executable, QUICKSTART / "base_policy.py", place / "model", "--steps", 0),
        (sys.executable, QUICKSTART / "task.py", place, *rows),
        ("bash", QUICKSTART / "run_tiny_cpu.sh", *SETTINGS),
    )
    env = {**environment(device), **{name: str(value) for name, value in given.items()}}
    return [[*map(str, command)] for command in wanted], env


def train_and_read(device: str) -> list[Finding]:
    """Make model and data, train, and check the log. If a command fails, the problem has the end of its output."""
    place = Path(tempfile.mkdtemp(prefix="asymgrpo-check-"))
    log = place / "train.log"
    print(f"training a tiny model for {STEPS} steps; the output of verl is in {log}")
    made, env = commands(place, device)
    with log.open("wb") as output:
        status = next((status for command in made if (status := run(command, env, output)) != 0), 0)
    if status != 0:
        end = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        how = f"no end after {MINUTES} minutes" if status is None else f"exit status {status}"
        problem = "\n".join([f"{how}. The end of its output:", *end, f"The whole output is in {log}"])
        return [Finding(f"training of {STEPS} steps", problem)]
    found = [Finding(f"training of {STEPS} steps"), *read_log(read_metrics(place / "out" / "metrics.jsonl"))]
    if any(finding.problem for finding in found):
        return [*found, Finding("the whole log", f"it is in {log}, and the metrics are in {place / 'out'}")]
    shutil.rmtree(place)
    return found


def run(command: list[str], env: dict[str, str], output: BinaryIO) -> int | None:
    """Run a command in a process group of its own, and return its exit status; None if it took too long."""
    process = subprocess.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        return process.wait(timeout=60 * MINUTES)
    except subprocess.TimeoutExpired:
        return None
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL) if process.poll() is None else ():
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, number)
                process.wait(timeout=30)


def read_log(rows: list[dict]) -> list[Finding]:
    """Check the log of a run of STEPS steps: its keys, that values are finite, that there was something to learn."""
    steps = [row for row in rows if row["step"] > 0]
    if [row["step"] for row in steps] != [*range(1, STEPS + 1)]:
        return [Finding(f"{STEPS} steps in the log", f"got the steps {[row['step'] for row in steps]}.")]
    keys = [key for metric in METRICS if metric.logged not in (COEFFICIENT, BYPASS) for key in expand(metric.key, N)]
    keys += [*VERLS, AGREEMENT]
    missing = {key for key in keys for row in steps if key not in row}
    infinite = {
        f"{key} at step {row['step']}"
        for row in steps
        for key in keys
        if key in row and not may_be_nan(key, row["step"]) and (row[key] is None or not math.isfinite(row[key]))
    }
    no_gradient = [row["step"] for row in steps if not row.get("actor/grad_norm")]
    apart = {row["step"]: row.get(AGREEMENT) for row in steps if not (row.get(AGREEMENT) or 0) >= AT_LEAST}
    return [
        Finding(f"{len(keys)} metrics in the log", f"missing: {', '.join(sorted(missing))}" if missing else ""),
        Finding("finite values", f"NaN or infinite: {', '.join(sorted(infinite))}" if infinite else ""),
        Finding("a gradient at every step", f"0 or none at the steps {no_gradient}" if no_gradient else ""),
        Finding(
            "rollouts with the weights that were trained",
            f"{AGREEMENT}: got {apart} by step; expected at least {AT_LEAST}" if apart else "",
        ),
    ]


def may_be_nan(key: str, step: int) -> bool:
    """Return whether a step may have no data for a key: no group with so many correct, or no step before."""
    return key.startswith(("covariance/at/", "displacement/")) or (key == "entropy_change/between_steps" and step == 1)
