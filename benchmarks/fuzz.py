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
"""What holds for every input, on a million random ones: python benchmarks/fuzz.py --batches 1000000 --seed 0

A case is known by its target, the seed and its number: a failure names them, and --first runs it alone.
"""

import argparse
import collections
import multiprocessing
import platform
import random
import time
from importlib import metadata

import torch
from fuzz_estimators import check_batch, check_curve
from fuzz_schedules import check_schedule
from fuzz_settings import check_run, check_settings
from tqdm import tqdm

# What is fuzzed, and how many cases of it for each batch. A check takes a generator, raises on what must not happen and
# returns what the case was: (kind, outcome), each a list of words with commas that are counted one by one.
TARGETS = {
    "estimators": (check_batch, 1.0),
    "curves": (check_curve, 0.1),
    "schedules": (check_schedule, 0.1),
    "settings": (check_settings, 0.1),
    "runs": (check_run, 0.02),
}


def run(target: str, seed: int, numbers: range) -> collections.Counter:
    """The cases of these numbers: how many there were of each kind and outcome.

    Raises:
        AssertionError: the first case that fails, with what reproduces it.
    """
    check, _ = TARGETS[target]
    tally = collections.Counter()
    for number in numbers:
        try:
            tally[check(random.Random(f"{target} {seed} {number}"))] += 1
        except Exception as error:
            raise AssertionError(f"{target}, seed {seed}, number {number}: {type(error).__name__}: {error}") from error
    return tally


def _run(job: tuple) -> tuple[str, collections.Counter]:
    import verl  # noqa: F401  loads plugins, so that a user's own estimators are fuzzed too

    torch.set_num_threads(1)
    return job[0], run(*job)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case of each target")
    parser.add_argument("--processes", type=int, default=1)
    args = parser.parse_args()

    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "numpy", "pandas", "omegaconf"))
    print(f"python {platform.python_version()}, {versions}; seed {args.seed}, {args.processes} process(es)")
    started, tallies = time.perf_counter(), {target: collections.Counter() for target in TARGETS}
    jobs = []
    for target, (_, share) in TARGETS.items():
        last = args.first + max(1, round(args.batches * share))
        jobs += [(target, args.seed, range(i, min(i + 2000, last))) for i in range(args.first, last, 2000)]
    with multiprocessing.get_context("spawn").Pool(args.processes) as pool:
        for target, tally in tqdm(pool.imap_unordered(_run, jobs), total=len(jobs), unit="job", dynamic_ncols=True):
            tallies[target] += tally
    for target, tally in tallies.items():
        print(f"\n{target}: {tally.total()}")
        for title, place in (("outcome", 1), ("kind", 0)):
            counts = collections.Counter()
            for case, count in tally.items():
                counts.update(dict.fromkeys(case[place].split(", "), count))
            print(f"  by {title}: " + "; ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    print(f"\nno failure; {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
