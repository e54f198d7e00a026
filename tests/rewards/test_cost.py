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
"""Answers that are too costly to compare are known by their text, and no real answer is one of them."""

import csv
import json
import time

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import SHARED, TEST_DATA

from asymgrpo_verl.rewards.answers import last_boxed
from asymgrpo_verl.rewards.cost import MAX_TOKENS, is_too_costly


def nested(opening: str, closing: str, depth: int) -> str:
    return opening * depth + "2" + closing * depth


@pytest.mark.parametrize(
    "cheap, costly",
    [
        ("2^{100000}", "9^{1000000}"),  # digits: 30,103 and 954,243
        ("2^{2^{2^{2^{2}}}}", "2^{2^{2^{2^{2^{2}}}}}"),  # 19,729 digits, and one more power
        ("10^{10^{4}}", "10^{10^{10}}"),
        ("(x+y)^{2^{3}}", "(x+y)^{9^{9}}"),
        ("20000!", "(20000!)!"),  # 77,338 digits
        (r"\binom{2000}{1000}", r"\binom{10^{9}}{7}"),
        ("(x+1)^{100}", "(x+1)^{1000}"),  # 101 and 1,001 terms
        ("(x+y+z+1)^{8}", "(x+y+z+1)^{15}"),  # 165 and 816 terms
        (r"(1+\sqrt{2}+\sqrt{3})^{20}", r"(1+\sqrt{2}+\sqrt{3}+\sqrt{5})^{60}"),
        (r"((x+1)^{10})^{10}", r"((x+1)^{50})^{50}"),
        (r"\sum_{n=1}^{100} n^n", r"\sum_{n=1}^{10^{4}} n^n"),
        (r"\sum_{i=1}^{9}\sum_{j=1}^{9} ij", r"\sum_{i=1}^{99}\sum_{j=1}^{99} ij"),
        (r"\sqrt{99999}", rf"\sqrt{{{'7' * 400}}}"),
        (r"x^{2000}", r"\frac{x^{9000}-1}{x-1}"),
        (nested("(", ")", 8), nested("(", ")", 9)),
        (nested(r"\frac{1}{1+", "}", 6), nested(r"\frac{1}{1+", "}", 7)),
        (nested(r"\sqrt{2+", "}", 12), nested(r"\sqrt{2+", "}", 13)),
        ("+".join("1" * 200), "+".join("1" * 201)),  # 399 and 401 tokens
        (r"\frac{d}{dx}\text{define}", r"\def\a{9}\a"),
        (r"\left(\frac{1}{2}\right)", r"\newcommand{\a}{9}\a"),
    ],
)
def test_each_bound_has_answers_on_both_sides(cheap, costly):
    assert not is_too_costly(cheap)
    assert is_too_costly(costly)
    assert is_too_costly(f"x={costly}, y=2")


def test_brackets_that_do_not_match_are_read_to_the_end():
    assert not is_too_costly("]})2+3")
    assert is_too_costly("]})2^{9^{9^{9}}}")
    assert is_too_costly("(" * 9)


@given(st.text(alphabet=r"0123456789+-*/^_.!,=()[]{}\abcdefrqstx ", max_size=2 * MAX_TOKENS))
def test_every_text_gets_a_decision(text):
    assert is_too_costly(text) in (True, False)


def test_a_long_text_is_decided_at_once():
    start = time.process_time()
    for text in ("1+", r"\sqrt{", "(", "9", "x", r"\frac", "^", "!", "{}", "\u200b"):
        is_too_costly(text * 10**6)
    assert time.process_time() - start < 1


def test_no_labelled_pair_is_too_costly():
    for path in TEST_DATA.glob("answer_pairs*.tsv"):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        assert [row for row in rows if is_too_costly(row["gold"]) or is_too_costly(row["answer"])] == []


@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="the real datasets are not here")
def test_no_real_gold_answer_is_too_costly():
    rows = pq.read_table(SHARED / "data" / "math_train" / "train.parquet")["reward_model"].to_pylist()
    golds = [last_boxed(row["ground_truth"]["solution"]) or "" for row in rows]
    for line in (SHARED / "data" / "olympiadbench" / "test_675.jsonl").read_text(encoding="utf-8").splitlines():
        golds += json.loads(line)["final_answer"]
    assert len(golds) > 8000
    assert [gold for gold in golds if is_too_costly(gold)] == []
