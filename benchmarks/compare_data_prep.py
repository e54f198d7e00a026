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
"""Compare the speed of data_prep.math and of verl's examples/data_preprocess/math_dataset.py on the same rows.

    python benchmarks/compare_data_prep.py TRAIN [--repeats 15]
    python benchmarks/compare_data_prep.py TRAIN --rows 2000000 [--all-kinds]

Both are timed as commands, and as calls in a process that has imported everything. --rows measures the time and the
peak memory of both commands, each run once, on so many rows, whose questions all differ. TRAIN is MATH's train file in
a layout that data_prep.math reads; both sides read a copy in the hub's layout.

verl's logic is datasets.load_dataset, map and to_parquet. A "cold" call has an empty cache directory, as in a first
run. In a "warm" call, load_dataset finds the Arrow file that it made before. The map runs in both, because its cache
would contain the result of this call. The command of verl's logic is cold and loads none of verl's plugins.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from verl.utils.reward_score.math_reward import last_boxed_only_string, remove_boxed

from asymgrpo_verl.row_files import iter_rows, write_rows
from data_prep.convert import Options
from data_prep.math import DATASET
from data_prep.prepare import prepare
from data_prep.rows import flat
from data_prep.tables import INSTRUCTIONS

COPIED = ("solution", "level", "type")


def hub_copy(train: Path, folder: Path) -> Path:
    rows = map(flat, iter_rows(train))
    rows = ({"problem": row.get("problem") or row["question"]} | {name: row[name] for name in COPIED} for row in rows)
    write_rows(rows, folder / "train.parquet")
    return folder


def verls(hub: Path, save: Path, cache: str | None) -> None:
    """Convert one split as verl's script does. If `cache` is None, the cache directory is empty."""

    def convert(example: dict, index: int) -> dict:
        question = f"{example.pop('problem')} {INSTRUCTIONS['boxed']}"
        answer = remove_boxed(last_boxed_only_string(example.pop("solution")))
        return {
            "data_source": DATASET.data_source,
            "prompt": [{"role": "user", "content": question}],
            "ability": "math",
            "reward_model": {"style": "rule", "ground_truth": answer},
            "extra_info": {"split": "train", "index": index},
        }

    with tempfile.TemporaryDirectory() as empty:
        rows = datasets.load_dataset(str(hub), cache_dir=cache or empty)["train"]
        rows.map(convert, with_indices=True).to_parquet(save / "train.parquet")


def ours(hub: Path, save: Path) -> None:
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        prepare(DATASET, hub, save, Options())


def seconds(calls: dict[str, Callable], repeats: int) -> dict[str, list[float]]:
    """Return the seconds of each call, without its first one. In each round, the calls run in random order."""
    times = {name: [] for name in calls}
    for _ in range(repeats + 1):
        for name, call in random.sample(list(calls.items()), len(calls)):
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: spent[1:] for name, spent in times.items()}


def run(command: list, **environment: str) -> None:
    subprocess.run(list(map(str, command)), env=os.environ | environment, stdout=subprocess.DEVNULL, check=True)


def compare(repeats: int, title: str, calls: dict[str, Callable]) -> None:
    times = seconds(calls, repeats)
    print(f"| {title} | median s | lowest | verl's / ours: median of the rounds |\n|---|---|---|---|")
    for name, spent in times.items():
        ratio = statistics.median(other / own for other, own in zip(spent, times["data_prep"], strict=True))
        print(f"| {name} | {statistics.median(spent):.3f} | {min(spent):.3f} | {ratio:.2f} |")
    print()


def many(hub: Path, path: Path, rows: int) -> Path:
    """Write a file with `rows` rows, whose questions all differ."""
    table = pq.read_table(hub / "train.parquet")
    with pq.ParquetWriter(path, table.schema) as writer:
        for copy in range(-(-rows // len(table))):
            part = table.slice(0, rows - copy * len(table))
            problems = pa.array([f"{copy}: {problem}" for problem in part["problem"].to_pylist()])
            writer.write_table(part.set_column(0, "problem", problems))
    return path


def copies(hub: Path, path: Path, rows: int) -> Path:
    """Write a file in verl's schema with `rows` rows: each question 100 times in a frame, as DAPO-Math-17k has it."""
    table = pq.read_table(many(hub, path.with_name("questions.parquet"), rows // 100))
    frame = (
        "Solve the following math problem step by step. The last line of your response should be of the form Answer: "
    )
    frame += "$Answer (without quotes) where $Answer is the answer to the problem.\n\n"
    part = [
        {
            "data_source": "math_dapo",
            "prompt": [{"role": "user", "content": f"{frame}{problem}"}],
            "ability": "MATH",
            "reward_model": {"ground_truth": str(index), "style": "rule"},
            "extra_info": {"index": f"{index:036}"},
        }
        for index, problem in enumerate(table["problem"].to_pylist())
    ]
    part = pa.Table.from_pylist(part)
    with pq.ParquetWriter(path, part.schema) as writer:
        for _ in range(100):
            writer.write_table(part)
    return path


# In a small process of its own, because a new process counts the memory of the one that started it.
LAUNCH = """
import json, os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(json.dumps([usage.ru_utime + usage.ru_stime, usage.ru_maxrss]))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def measure(command: list, **environment: str) -> tuple[float, float, int]:
    """Return the seconds, the seconds of CPU and the peak memory in MiB of a command."""
    start = time.perf_counter()
    launch = [sys.executable, "-c", LAUNCH, *map(str, command)]
    done = subprocess.run(launch, env=os.environ | environment, stdout=subprocess.PIPE, check=True)
    cpu, peak = json.loads(done.stdout)
    return time.perf_counter() - start, cpu, peak >> 10


def measure_many(hub: Path, scratch: Path, rows: int, all_kinds: bool) -> None:
    """Print time and peak memory of commands on many rows, each run once."""
    (scratch / "many").mkdir()
    (scratch / "verl").mkdir()
    parquet = many(hub, scratch / "many" / "train.parquet", rows)
    save = ["--local_save_dir", scratch / "save"]
    maths = [sys.executable, "-m", "data_prep.math", *save, "--local_dataset_path"]
    script = [sys.executable, __file__, scratch / "many", "--verls", scratch / "verl"]
    print(f"| {rows:,} rows | file | seconds | of CPU | peak memory |\n|---|---|---|---|---|")

    def show(name: str, file: Path, command: list, **environment: str) -> None:
        spent, cpu, peak = measure(command, **environment)
        size = f"{file.suffix}, {file.stat().st_size >> 20} MiB"
        print(f"| {name} | {size} | {spent:.0f} | {cpu:.0f} | {peak} MiB |", flush=True)

    show("data_prep.math", parquet, [*maths, parquet])
    show("verl", parquet, script, VERL_USE_EXTERNAL_PLUGINS="none")
    if all_kinds:
        jsonl = scratch / "many.jsonl"
        with jsonl.open("w") as lines:
            lines.writelines(json.dumps(row) + "\n" for row in iter_rows(parquet))
        show("data_prep.math", jsonl, [*maths, jsonl])
        dapo = copies(hub, scratch / "dapo.parquet", rows)
        show("data_prep.any, each question 100 times", dapo, [sys.executable, "-m", "data_prep.any", dapo, *save])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path, metavar="TRAIN")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument(
        "--rows", type=int, help="only measure time and peak memory on so many rows (minutes, GB of disk)"
    )
    parser.add_argument(
        "--all-kinds", action="store_true", help="with --rows, also for JSON lines and for verl's schema"
    )
    parser.add_argument("--verls", type=Path, metavar="SAVE", help="run only verl's logic, once, from TRAIN to SAVE")
    args = parser.parse_args()
    datasets.disable_caching()
    datasets.disable_progress_bars()
    if args.verls:
        sys.exit(verls(args.train, args.verls, None))
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        (scratch / "hub").mkdir()
        hub, save = hub_copy(args.train, scratch / "hub"), scratch / "save"
        save.mkdir()
        if args.rows:
            sys.exit(measure_many(hub, scratch, args.rows, args.all_kinds))
        module = [
            sys.executable,
            "-m",
            "data_prep.math",
            "--local_dataset_path",
            hub,
            "--local_save_dir",
            save / "ours",
        ]
        script = [sys.executable, __file__, hub, "--verls", save]
        commands = {
            "verl": partial(run, script, VERL_USE_EXTERNAL_PLUGINS="none"),
            "data_prep": partial(run, module),
        }
        calls = {
            "verl, cold": partial(verls, hub, save, None),
            "verl, warm": partial(verls, hub, save, str(scratch / "cache")),
            "data_prep": partial(ours, hub, save / "ours"),
        }
        compare(min(args.repeats, 5), "as commands", commands)
        compare(args.repeats, "as calls", calls)
