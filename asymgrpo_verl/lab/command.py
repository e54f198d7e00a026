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
"""`asymgrpo lab`: train what is not done, in several processes, and compare the methods."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, wait

import torch

from asymgrpo_verl.files import atomic, duration
from asymgrpo_verl.lab import methods
from asymgrpo_verl.lab.asked import Comparison, blocks_to_train, write_settings
from asymgrpo_verl.lab.base_policy import kept_base_policy
from asymgrpo_verl.lab.comparison import columns, report
from asymgrpo_verl.lab.policies import Shape
from asymgrpo_verl.lab.tasks import TASKS
from asymgrpo_verl.lab.training import Block, log_of, train
from asymgrpo_verl.runs.logs import read_metrics

REPORT_EVERY = 10.0  # seconds
# Runs that train side by side. On a CPU few are the fastest, because the weights of few policies stay in its caches.
SIDE_BY_SIDE = {"cpu": 4, "cuda": 64}


def check(asked: Comparison) -> list[Block]:
    """Check what was asked before anything starts, and return what is to be trained.

    Raises:
        OSError, ValueError, TypeError: see `asked.blocks_to_train`.
        ImportError: a plugin of the user's cannot be imported.
    """
    methods.load_plugins()
    return blocks_to_train(asked, SIDE_BY_SIDE[_device()])


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def compare(asked: Comparison, blocks: list[Block]) -> str:
    """Train blocks, on the GPU if there is one, else in a process per core; return the table of all runs.

    Raises:
        BrokenProcessPool: a process was killed.
        OSError: a file cannot be written.
    """
    device = _device()
    if blocks:
        asked.out.mkdir(parents=True, exist_ok=True)
        if not asked.base.exists():
            _say(f"training the base policy of {asked.task}, instance {asked.instance}, which takes minutes")
            task = TASKS[asked.task](asked.instance)
            kept_base_policy(task, Shape(task.vocab), asked.instance, asked.base)
        for block in blocks:
            write_settings(asked, block)
        cores = len(os.sched_getaffinity(0))
        _train_all(asked, blocks, device, min(cores, len(blocks)) if device == "cpu" else 1, cores)
    logs = {method: [read_metrics(log_of(asked.out, method, seed)) for seed in asked.seeds] for method in asked.methods}
    table = report(logs, columns(asked.task, asked.reach))
    with atomic(asked.out / "table.md") as partial:
        partial.write_text(table + "\n", encoding="utf-8")
    return table


def _train_all(asked: Comparison, blocks: list[Block], device: str, processes: int, cores: int) -> None:
    spawn = multiprocessing.get_context("spawn")
    done, stop = spawn.Value("q", 0), spawn.Event()
    total = sum((asked.budget.steps - block.done) * len(block.seeds) for block in blocks)
    _say(f"{total} steps of {sum(len(block.seeds) for block in blocks)} runs to do")
    began = time.monotonic()
    arguments = (done, stop, cores // processes)
    with ProcessPoolExecutor(processes, spawn, _start_process, arguments) as pool:
        waiting = [pool.submit(_train_block, asked, block, device) for block in blocks]
        try:
            while waiting:
                finished, waiting = wait(waiting, REPORT_EVERY, "FIRST_COMPLETED")
                for future in finished:
                    future.result()
                if steps := done.value:
                    speed = steps / (time.monotonic() - began)
                    left = duration((total - steps) / speed)
                    _say(f"{steps} of {total} steps, {speed:.1f} per second, about {left} left")
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _start_process(done, stop, threads: int) -> None:
    """Prepare a process that trains blocks. It ends its block at the next step if `stop` is set."""
    global _count
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it too, and sets `stop`
    torch.set_num_threads(threads)
    methods.load_plugins()

    def _count(steps: int) -> None:
        if stop.is_set():
            sys.exit()
        with done.get_lock():
            done.value += steps


def _end_with_parent() -> None:
    """End this process when its parent has died, because it would wait for another block for ever."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _train_block(asked: Comparison, block: Block, device: str) -> None:
    task = TASKS[asked.task](asked.instance)
    method = methods.read(block.method, asked.budget.n)
    base = torch.load(asked.base)
    train(Shape(task.vocab), base, task, method, block, asked.budget, torch.device(device), _count)


def _say(message: str) -> None:
    print(f"asymgrpo lab: {message}", file=sys.stderr, flush=True)
