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
"""A tiny training run for the fault tests: its processes, what it leaves behind, the checkpoint it resumes from."""

import contextlib
import json
import os
import stat
import time
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
import torch
from tiny_run import start_run

# Each such test takes three minutes, too much for every run of all tests.
RUNS = int(os.environ.get("FAULT_RUNS", 0))
on_demand = pytest.mark.skipif(not RUNS, reason="set FAULT_RUNS, to 20 for the table in README.md")


class Run(NamedTuple):
    """A training run.

    Attributes:
        place: directory of model, prompts and out/. All processes of the run have OUT_DIR=out/ set.
        temporary: the temporary directory of the run; sockets are below it, in paths of at most 107 bytes.
        before: `shared_files` from before the run.
    """

    process: psutil.Popen
    place: Path
    log: Path
    temporary: Path
    before: set[Path]


@contextlib.contextmanager
def training_run(place: Path, log: Path, temporary: Path, ranks: int = 1):
    """Start or resume a run, yield it, and kill what is left of it afterwards."""
    before = shared_files()
    with log.open("wb") as output:
        process = start_run(place, output, [], TMPDIR=str(temporary), RAY_TMPDIR=str(temporary), RANKS=str(ranks))
    run = Run(process, place, log, temporary, before)
    try:
        yield run
    finally:
        for process in processes(run):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        run.process.wait(timeout=30)


def processes(run: Run) -> dict[psutil.Process, str]:
    """Return all processes of the run, also those that lost their parent, with their command lines."""
    out = str(run.place / "out")
    found = psutil.process_iter(["environ", "cmdline", "status"])
    ours = [p for p in found if (p.info["environ"] or {}).get("OUT_DIR") == out and p.info["status"] != "zombie"]
    return {process: " ".join(process.info["cmdline"] or []) for process in ours}


def shared_files() -> set[Path]:
    """Return the shared memory of verl, vLLM and Ray, and the sockets that verl puts into /tmp, of all runs."""
    segments = (Path("/dev/shm").glob(name) for name in ("verl_weights_*", "psm_*", "plasma*"))
    return {*chain(*segments), *Path("/tmp").glob("rl-colocate-zmq-*")}


def left_behind(run: Run) -> list[str]:
    """Return the processes, shared memory and sockets that are left 30 seconds after the end of a run."""
    deadline = time.monotonic() + 30
    while True:
        alive = [line[:80] for line in processes(run).values()]
        sockets = [path for path in run.temporary.rglob("*") if stat.S_ISSOCK(path.lstat().st_mode)]
        files = [path for path in shared_files() - run.before if not in_use(path)]
        left = [*alive, *map(str, sorted(sockets)), *map(str, sorted(files))]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(1)


def in_use(path: Path) -> bool:
    """Return whether any process has the file mapped or listens on it. Such a file belongs to another run."""
    for maps in (Path("/proc/net/unix"), *Path("/proc").glob("[0-9]*/maps")):
        with contextlib.suppress(OSError):  # the process has ended
            if str(path) in maps.read_text():
                return True
    return False


def last_checkpoint(place: Path) -> int:
    """Return the step that a run would resume from, or 0 if it has no checkpoint.

    Raises:
        Exception: if a file of that checkpoint is missing or half-written; whatever reading it raises.
    """
    checkpoints = place / "out" / "checkpoints"
    tracker = checkpoints / "latest_checkpointed_iteration.txt"
    if not tracker.exists():
        return 0
    step = int(tracker.read_text())
    files = {path.name for path in (checkpoints / f"global_step_{step}").rglob("*.pt")}
    ranks = {int(name.split("_")[3]) for name in files if name.startswith("model_world_size_")}
    (ranks,) = ranks
    parts = ("model", "optim", "extra_state")
    assert files == {"data.pt", *(f"{p}_world_size_{ranks}_rank_{r}.pt" for p in parts for r in range(ranks))}
    for path in (checkpoints / f"global_step_{step}").rglob("*.pt"):
        torch.load(path, weights_only=False)
    json.loads((checkpoints / f"global_step_{step}" / "asymgrpo.json").read_text())
    return step
