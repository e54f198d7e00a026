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

    python benchmarks/compare_data_prep.py TRAIN [--repeats 15] [--memory]

Both are timed as commands, and as calls in a process that has imported everything. --memory also measures the peak
memory of data_prep.math on many rows. TRAIN is MATH's train file in a layout that data_prep.math reads; both sides read
a copy in the hub's layout.

verl's logic is datasets.load_dataset, map and to_parquet. A "cold" call has an empty cache directory, as in a first
run. In a "warm" call, load_dataset finds the Arrow file that it made before. The map runs in both, because its cache
would contain the result of this call. The command of verl's logic is cold and loads none of verl's plugins.
"""

import argparse
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
from data_prep.math import DATASET
from data_prep.prepare import INSTRUCTIONS, Options, prepare
from data_prep.rows import flat, pick

MEMORY_ROWS = (100_000, 1_000_000)


def hub_copy(train: Path, folder: Path) -> Path:
    rows = (flat(row)[0] for row in iter_rows(train))
    rows = [
        {
            "problem": pick(row, "problem", "question"),
            "solution": row["solution"],
            "level": row["level"],
            "type": row["type"],
        }
        for row in rows
    ]
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


PEAK = """
from pathlib import Path
from data_prep.math import DATASET
from data_prep.prepare import Options, prepare
prepare(DATASET, Path({file!r}), Path({save!r}), Options())
print(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")).split()[1])
"""


def measure_memory(hub: Path, scratch: Path) -> None:
    print("| rows | file | seconds | peak memory |\n|---|---|---|---|")
    for rows in MEMORY_ROWS:
        parquet = many(hub, scratch / "many.parquet", rows)
        jsonl = parquet.with_suffix(".jsonl")
        datasets.Dataset.from_parquet(str(parquet), cache_dir=str(scratch / "cache")).to_json(jsonl)
        for file in (parquet, jsonl):
            code = PEAK.format(file=str(file), save=str(scratch / "many"))
            start = time.perf_counter()
            done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
            spent = time.perf_counter() - start
            peak = int(done.stdout.split()[-1]) >> 10
            print(
                f"| {rows:,} | {file.suffix}, {file.stat().st_size >> 20} MiB | {spent:.0f} | {peak} MiB |", flush=True
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path, metavar="TRAIN")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--memory", action="store_true", help="also measure the peak memory (minutes, some GB of disk)")
    parser.add_argument("--verls", type=Path, metavar="SAVE", help="run only verl's logic, once, from TRAIN to SAVE")
    args = parser.parse_args()
    datasets.disable_caching()
    datasets.disable_progress_bars()
    if args.verls:
        sys.exit(verls(args.train, args.verls, None))
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        hub, save = hub_copy(args.train, scratch / "hub"), scratch / "save"
        save.mkdir()
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
        if args.memory:
            measure_memory(hub, scratch)
