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
"""Make the quickstart's task: sums of graded difficulty, as parquet files in verl's schema.

A prompt is a sum of 2 to MAX_TERMS one-digit numbers, "3+8+5". A worked answer adds one term at a time,
"3+8=11+5=16\\boxed{16}". A direct answer is only the box, a guess: always right for two terms, and half as often for
every further term. So a guessing policy always solves the shortest prompts and almost never the longest, and a worked
answer gains more on longer sums.
"""

import argparse
import random
from pathlib import Path

from asymgrpo_verl.row_files import verl_row, write_rows

DATA_SOURCE = "asymgrpo/sums"
MAX_TERMS = 6


def draw_chain(rng: random.Random) -> str:
    """Draw a prompt: 2 to MAX_TERMS terms from 1 to 9, every number of terms equally likely."""
    return "+".join(str(rng.randint(1, 9)) for _ in range(rng.randint(2, MAX_TERMS)))


def work(chain: str) -> list[int]:
    """Return the running total after each addition, from left to right."""
    terms = [int(term) for term in chain.split("+")]
    return [sum(terms[: i + 1]) for i in range(1, len(terms))]


def direct_answer(chain: str, rng: random.Random) -> str:
    """Draw a guess, only the box: right for two terms, half as often for every further term, else off by 1 to 3."""
    totals = work(chain)
    careless = rng.random() > 0.5 ** (len(totals) - 1)
    return f"\\boxed{{{totals[-1] + (rng.choice((-3, -2, -1, 1, 2, 3)) if careless else 0)}}}"


def worked_answer(chain: str) -> str:
    first, *rest = chain.split("+")
    totals = work(chain)
    return first + "".join(f"+{t}={s}" for t, s in zip(rest, totals, strict=True)) + f"\\boxed{{{totals[-1]}}}"


def write_chains(path: Path, chains: list[str], split: str) -> None:
    rows = [verl_row(DATA_SOURCE, c, str(work(c)[-1]), split, i, level=len(work(c))) for i, c in enumerate(chains)]
    write_rows(rows, path)


def write_task(out: Path, train_rows: int, val_rows: int) -> None:
    """Write out/train.parquet and out/val.parquet, which share no prompt; every call writes the same files."""
    rng = random.Random(0)
    validation: dict[str, None] = {}  # in the order drawn, each once
    while len(validation) < val_rows:
        validation[draw_chain(rng)] = None
    training: list[str] = []
    while len(training) < train_rows:
        chain = draw_chain(rng)
        if chain not in validation:
            training.append(chain)
    write_chains(out / "val.parquet", list(validation), "test")
    write_chains(out / "train.parquet", training, "train")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="directory of train.parquet and val.parquet")
    parser.add_argument("--train-rows", type=int, default=2048)
    parser.add_argument("--val-rows", type=int, default=128)
    args = parser.parse_args()
    write_task(args.out, args.train_rows, args.val_rows)
