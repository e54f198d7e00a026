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
"""A pair of answers has one verdict: in any process, thread, locale and order, and whatever was asked before."""

import csv
import json
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from places import TEST_DATA

from asymgrpo_verl.rewards import answers, checkers, maths, values

pytestmark = [pytest.mark.checker, pytest.mark.seconds]


def sample() -> list[tuple[str, str]]:
    """Return 60 labelled pairs of each file, and some that a checker compares, or that depend on case or on a limit."""
    pairs = []
    for path in sorted(TEST_DATA.glob("answer_pairs*.tsv")):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        pairs += [(row["gold"], row["answer"]) for row in random.Random(0).sample(rows, 60)]
    special = [
        ("I", "i"),
        ("\\text{TITLE}", "title"),
        ("\\text{İstanbul}", "istanbul"),
        ("1.5", "1,5"),
        ("x+7", "7+x"),
        ("\\{1,2,\\sqrt{3}\\}", "\\{\\sqrt{3},2,1\\}"),
        ("a+b+c", "c+b+a"),
        ("6", r"\gcd(12,18)"),
        ("7", r"\gcd(12,18)"),
        ("7", r"\max(3,7)"),
        (r"\frac{1}{3}", r"\int_{0}^{1} x^{2} dx"),
        ("42", "10^{10^{10^{10}}}"),
        ("x+7", "(x+y+z+1)^{60}"),
    ]
    return [pair for pair in pairs if pair[0]] + special


def forget() -> None:
    checkers.stop_all()
    for module in (answers, values, maths):
        for function in vars(module).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()


def verdicts(pairs: list[tuple[str, str]], threads: int) -> dict[tuple[str, str], bool | None]:
    with ThreadPoolExecutor(threads) as pool:
        return dict(zip(pairs, pool.map(lambda pair: maths.same_answer(*pair), pairs), strict=True))


def test_neither_order_nor_threads_nor_caches_nor_the_size_of_the_batch_matter():
    pairs = sample()
    forget()
    expected = verdicts(pairs, 1)
    assert set(expected.values()) == {True, False, None}
    for threads in (1, 2, 4, 8):
        draw = random.Random(threads)
        shuffled = draw.sample(pairs, len(pairs))
        assert verdicts(shuffled, threads) == expected  # warm
        forget()
        assert verdicts(shuffled, threads) == expected  # cold
        maths.decide.cache_clear()
        some = shuffled[: draw.randint(1, 40)]
        assert verdicts(some, threads) == {pair: expected[pair] for pair in some}


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "1", "LC_ALL": "tr_TR.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
        {"PYTHONHASHSEED": "2", "LC_ALL": "C", "PYTHONUTF8": "0", "TZ": "Asia/Tokyo"},
    ],
    ids=["Turkish", "C"],
)
def test_the_process_and_its_environment_do_not_matter(environment):
    code = """
import json, locale, sys
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    pass  # the machine does not have this locale
from asymgrpo_verl.rewards.maths import same_answer
json.dump([same_answer(*pair) for pair in json.load(sys.stdin)], sys.stdout)
"""
    pairs = sample()
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(pairs),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    assert dict(zip(pairs, json.loads(done.stdout), strict=True)) == verdicts(pairs, 4)
