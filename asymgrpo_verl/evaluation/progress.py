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
"""Say how far long work is: a bar in a terminal, at most ten lines elsewhere, such as in the log of a job."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from asymgrpo_verl.files import duration

Item = TypeVar("Item")
QUIET = 5  # seconds without a line, because short work needs only the last one


def progress(items: Iterable[Item], doing: str, unit: str, total: int, done: int = 0) -> Iterator[Item]:
    """Yield the items; write to stderr how many of `total` are done and an estimate of the time left.

    An item counts as done when the next one is asked for.

    Args:
        doing, unit: what is done to what, as in "scoring" and "response".
        total: number of the items and of those that were done before.
        done: number of those that were done before; the estimate leaves them out.
    """
    if sys.stderr.isatty():
        yield from tqdm(items, doing, total, initial=done, unit=unit, dynamic_ncols=True)
        return
    start = time.monotonic()
    for count, item in enumerate(items, done + 1):
        yield item
        if count * 10 // total == (count - 1) * 10 // total:
            continue
        taken, left = time.monotonic() - start, total - count
        if taken >= QUIET or not left:
            estimate = f", about {duration(taken / (count - done) * left)} left" if left else ""
            print(f"{doing}: {count} of {total} {unit}s{estimate}", file=sys.stderr, flush=True)
