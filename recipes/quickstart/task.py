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
"""The quickstart's task: sums of graded difficulty, as parquet files in verl's layout.

A prompt is a sum of 2 to MAX_TERMS one-digit numbers, "3+8+5+1". A worked answer keeps a running total, "11,16,17",
and boxes the last, \\boxed{17}; a direct answer is the box alone. Every added term is one more place to go wrong, so
prompts run from those that a weak policy always solves to those it never does.
"""

import argparse
import random
from pathlib import Path

from data_prep.files import verl_row, write_rows

DATA_SOURCE = "asymgrpo/sums"
MAX_TERMS = 7


def draw_chain(rng: random.Random) -> str:
    """A prompt: 2 to MAX_TERMS terms, each count as likely as another, each term from 1 to 9."""
    return "+".join(str(rng.randint(1, 9)) for _ in range(rng.randint(2, MAX_TERMS)))


def work(chain: str) -> list[int]:
    """The running total after each addition, from left to right."""
    terms = [int(term) for term in chain.split("+")]
    return [sum(terms[: i + 1]) for i in range(1, len(terms))]


def direct_answer(chain: str) -> str:
    return f"\\boxed{{{work(chain)[-1]}}}"


def worked_answer(chain: str) -> str:
    return ",".join(map(str, work(chain))) + direct_answer(chain)


def write_parquet(path: Path, rows: int, seed: int, split: str, exclude: frozenset[str] = frozenset()) -> set[str]:
    """Write `rows` distinct prompts, none of them in `exclude`, and return them."""
    rng, drawn = random.Random(seed), {}
    while len(drawn) < rows:
        chain = draw_chain(rng)
        if chain not in exclude:
            drawn[chain] = work(chain)
    write_rows(
        [
            verl_row(DATA_SOURCE, chain, str(values[-1]), split, i, level=len(values))
            for i, (chain, values) in enumerate(drawn.items())
        ],
        path,
    )
    return set(drawn)


def write_task(out: Path, train_rows: int, val_rows: int) -> None:
    """out/train.parquet and out/val.parquet, which share no prompt; the same every time."""
    held_out = write_parquet(out / "val.parquet", val_rows, seed=1, split="test")
    write_parquet(out / "train.parquet", train_rows, seed=0, split="train", exclude=frozenset(held_out))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="directory of train.parquet and val.parquet")
    parser.add_argument("--train-rows", type=int, default=2048)
    parser.add_argument("--val-rows", type=int, default=128)
    args = parser.parse_args()
    write_task(args.out, args.train_rows, args.val_rows)
