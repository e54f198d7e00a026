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
"""SIGKILL at random moments: the run ends within a minute, names what died, leaves nothing behind, and can resume.

FAULT_RUNS is the number of runs that lose a process. FAULT_SEED is the seed of the moments.
"""

import os
import random
import re
import shutil
import signal
import time

import psutil
import pytest
from tiny_run import STEPS
from training_run import RUNS, Run, last_checkpoint, left_behind, on_demand, processes, training_run

from asymgrpo_verl.runs.logs import read_metrics

SEED = os.environ.get("FAULT_SEED", "0")
# what is killed -> a part of its command line, and what the log says after the kill
VICTIMS = {
    "trainer worker": ("ray::WorkerDict", "(?s)ActorDiedError.*WorkerDict"),
    "rollout server": ("ray::vLLMHttpServer", "(?s)ActorDiedError.*vLLMHttpServer|vllm_server_.* died"),
    "driver": ("-m verl.trainer.main_ppo", ""),  # only the process that started it is left: exit status 137, "Killed"
    "task runner": ("ray::TaskRunnerV1", "(?s)ActorDiedError.*TaskRunnerV1"),
    "raylet": ("/raylet --", "Raylet is terminated|raylet failed to startup"),
    "GCS": ("/gcs_server --", "GCS"),
}


def find(run: Run, victim: str) -> psutil.Process | None:
    return next((process for process, line in processes(run).items() if VICTIMS[victim][0] in line), None)


def wait_until(run: Run, ready, seconds: float = 600) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert run.process.poll() is None, run.log.read_text(errors="replace")[-5000:]
        assert time.monotonic() < deadline
        time.sleep(0.1)


def last_step(run: Run) -> int:
    return max((row["step"] for row in read_metrics(run.place / "out" / "metrics.jsonl")), default=0)


def seconds_to_end(run: Run, at_most: float) -> float:
    """Return the seconds until the launcher has ended, infinite if it has not ended after `at_most`."""
    began = time.monotonic()
    while run.process.poll() is None:
        if time.monotonic() > began + at_most:
            return float("inf")
        time.sleep(0.1)
    return time.monotonic() - began


@on_demand
@pytest.mark.slow
@pytest.mark.parametrize("number", range(RUNS or 1))
def test_a_run_that_loses_a_process_ends_and_resumes(prepared, temporary, table, tmp_path, number):
    draw = random.Random(f"{SEED}-{number}")
    victim = list(VICTIMS)[number % len(VICTIMS)]
    ranks = 1 + number // len(VICTIMS) % 2
    after = draw.randrange(STEPS - 1)
    delay = draw.uniform(0, 3 if after else 20)  # a step takes about 2 s, the start until step 1 about 20 s
    place = tmp_path / "run"
    shutil.copytree(prepared, place)
    with training_run(place, tmp_path / "killed.log", temporary, ranks) as run:
        began = time.monotonic()
        wait_until(run, lambda: last_step(run) >= after if after else find(run, victim))
        time.sleep(delay)
        moment, process = time.monotonic() - began, find(run, victim)
        assert process, f"the run was over after {moment:.0f} s"
        logged, said_before = last_step(run), run.log.stat().st_size
        process.kill()
        took = seconds_to_end(run, at_most=60)
        left = left_behind(run)
    log, code = run.log.read_bytes()[said_before:].decode(errors="replace"), run.process.returncode
    saved = last_checkpoint(place)
    with training_run(place, tmp_path / "resumed.log", temporary, ranks) as run:
        seconds_to_end(run, at_most=600)
    resumed = re.search(r"setting global step to (\d+)", run.log.read_text(errors="replace"))
    table.append(
        f"| {number} | {victim}, {ranks} ranks | step {logged} | {moment:.0f} s | {took:.0f} s | {code} "
        f"| {', '.join(left) or 'nothing'} | step {resumed[1] if resumed else 0}, to {last_step(run)} |"
    )
    assert took < 60
    if (victim, code) == ("GCS", 0):  # the last steps may not need the GCS
        assert saved == STEPS
    else:
        assert code == (-signal.SIGKILL if victim == "driver" else 1)
        assert re.search(VICTIMS[victim][1], log), log[-5000:]
    assert left == []
    assert int(resumed[1] if resumed else 0) == saved
    steps = {row["step"] for row in read_metrics(place / "out" / "metrics.jsonl")}
    assert set(range(1, STEPS + 1)) - steps <= {saved}, "verl saves a step before it logs it"
    assert last_checkpoint(place) == STEPS
