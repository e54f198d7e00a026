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
"""The reward: the score of a response, and verdicts on labelled pairs and on the gold answers of the real datasets."""

import csv
import json
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pyarrow.parquet as pq
import pytest
from places import SHARED, TEST_DATA

from asymgrpo_verl.rewards.answers import last_boxed
from asymgrpo_verl.rewards.maths import compute_score, equivalent, explain, same_answer

PAIRS = sorted(TEST_DATA.glob("answer_pairs*.tsv"))
DATASETS = SHARED / "data"
CASES = SHARED / "cases" / "answers.tsv"


def read_pairs(path) -> list[dict]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def is_accepted(pair: dict) -> bool:
    """Return the verdict on a pair. Its answer is what stands in the box, or a whole response if it holds a box."""
    answer = pair["answer"]
    response = answer if "\\boxed" in answer else rf"So the answer is $\boxed{{{answer}}}$."
    return compute_score("pairs", response, pair["gold"])["score"] == 1


@pytest.mark.checker
@pytest.mark.parametrize("file", PAIRS, ids=lambda path: path.stem)
def test_labelled_pairs_get_the_labelled_verdict_except_for_the_known_errors(file):
    pairs = read_pairs(file)
    assert len(pairs) >= 300
    with ThreadPoolExecutor(4) as threads:
        verdicts = list(threads.map(is_accepted, pairs))
    wrong = [pair for pair, verdict in zip(pairs, verdicts, strict=True) if verdict != (pair["same"] == "1")]
    assert wrong == [pair for pair in pairs if pair["known_error"] == "1"]


@pytest.mark.checker
@pytest.mark.skipif(not CASES.is_file(), reason="the cases are not here")
def test_the_cases_of_answers_that_others_collected_get_the_labelled_verdict():
    pairs = read_pairs(CASES)
    assert len(pairs) >= 170
    assert [pair for pair in pairs if is_accepted(pair) != (pair["verdict"] == "1")] == []


def test_a_response_scores_one_if_its_last_box_equals_the_gold_answer():
    assert compute_score("math", r"so it is $\boxed{\frac{2}{4}}$.", r"\frac{1}{2}") == {
        "score": 1.0,
        "acc": 1.0,
        "pred": r"\frac{2}{4}",
        "timed_out": 0.0,
        "undecided": 0.0,
    }
    without_box = {"score": 0.0, "acc": 0.0, "pred": "", "timed_out": 0.0, "undecided": 0.0}
    assert compute_score("math", "it is 5", "5") == without_box
    assert compute_score("math", r"\boxed{5} no \boxed{6}", "5")["score"] == 0.0
    assert compute_score("math", r"\boxed{5}", "5", extra_info={"index": 0}, reward_router_address=None)["score"] == 1.0


@pytest.mark.parametrize("answer", [r"9\text{ plus}", r"9\text{ of the }10", "9}{"])
def test_what_no_rule_reads_scores_zero_and_is_counted_as_undecided(answer):
    result = compute_score("math", rf"\boxed {answer}" if "}{" in answer else rf"\boxed{{{answer}}}", "9")
    assert (result["score"], result["undecided"], result["timed_out"]) == (0.0, 1.0, 0.0)


@pytest.mark.checker
def test_formulas_that_no_rule_reads_are_compared_by_math_verify():
    assert equivalent(r"\frac{1}{2}", r"\int_0^1 x dx") and not equivalent("1", r"\int_0^1 x dx")
    assert "math-verify compares them" in explain("6", r"\sum_{k=1}^{3} k").why
    for answer in (r"\unknowncommand{3}", "["):
        result = compute_score("math", rf"\boxed{{{answer}}}", "3")
        assert (result["score"], result["undecided"]) == (0.0, 1.0)


@pytest.mark.process
def test_a_process_has_no_hooks_for_checkers_before_it_asks_one():
    code = """
import sys
from asymgrpo_verl.rewards import compute_score
compute_score("math", r"\\boxed{5}", "5")
print("asymgrpo_verl.rewards.checkers" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize("gold", ["", " ", None, 5, ["5"]])
def test_a_missing_gold_answer_is_an_error_that_names_the_row(gold):
    with pytest.raises(ValueError, match="ground_truth of math: got .*; expected a non-empty text.*'index': 3"):
        compute_score("math", r"\boxed{5}", gold, extra_info={"index": 3})


@pytest.mark.parametrize("limit", [0, -1, float("nan"), float("inf"), "5", None])
def test_a_limit_that_is_not_a_positive_number_is_an_error(limit):
    for name in ("time_limit", "batch_limit"):
        with pytest.raises(ValueError, match=rf"reward_kwargs.{name}: got .*; expected a number > 0"):
            compute_score("math", r"\boxed{5}", "5", **{name: limit})


def real_golds() -> dict[str, list[str]]:
    def lines(name):
        return [json.loads(line) for line in (DATASETS / name).read_text(encoding="utf-8").splitlines()]

    math = [
        last_boxed(row["ground_truth"]["solution"])
        for row in pq.read_table(DATASETS / "math_train" / "train.parquet")["reward_model"].to_pylist()
    ]
    aime25 = pq.read_table(DATASETS / "aime2025" / "test.parquet")["reward_model"].to_pylist()
    return {
        "math": [gold for gold in math if gold],
        "math500": [row["answer"] for row in lines("math500/test.jsonl")],
        "aime24": [str(row["answer"]) for row in lines("aime2024/test.jsonl")],
        "aime25": [row["ground_truth"]["target"] for row in aime25],
        "amc23": [str(row["answer"]) for row in lines("amc2023/test.jsonl")],
        "olympiadbench": [row["final_answer"][0] for row in lines("olympiadbench/test_675.jsonl")],
        "gsm8k": [row["answer"].split("####")[1].strip() for row in lines("gsm8k/train.jsonl")],
    }


real_files = pytest.mark.skipif(not DATASETS.is_dir(), reason="the real datasets are not here")

# (gold answer, another row's gold answer) for the pairs that are accepted; each pair is truly equal.
EQUAL = {
    "math": {
        (r"-\frac{1}{2}", r"-\frac12"),
        ("18", r"18\%"),
        (r"18\%", "18"),
        ("2", r"2 \text{ euros}"),
        (r"2 \text{ euros}", "2"),
        ("25", r"25\%"),
        ("3", "3:1"),
        ("3", "k=3"),
        ("4", r"\mbox{four}"),
        (r"32\text{ square cm}", "32"),
        (r"3\text{ cm}", "3"),
        (r"60^\circ", "60"),
        ("8", "K=8"),
        (r"9^\circ", "9"),
        (r"\dfrac23", r"\$\dfrac23 \approx \$0.67"),
        (r"\dfrac{27}{4}", r"\frac{27}{4}"),
        (r"\frac16", r"\frac{1}{6}"),
        (r"\frac{1}{4}", "1:4"),
        (r"\frac{3}{2}", r"\frac32"),
        (r"\frac{6}{11}", r"\dfrac{6}{11}"),
        ("x = 12", "12"),
        ("x = 2", "2"),
    },
    "math500": {
        ("x=5", "5"),
    },
    "olympiadbench": {
        ("1", "$f(x)=1$"),
    },
    "gsm8k": {
        ("20,000", "20000"),
        ("3,000", "3000"),
    },
}


@real_files
def test_every_real_gold_answer_equals_itself():
    for name, golds in real_golds().items():
        assert [gold for gold in golds if not equivalent(gold, gold)] == [], name


@real_files
@pytest.mark.slow
@pytest.mark.checker
@pytest.mark.parametrize("name", ["math", "math500", "aime24", "aime25", "amc23", "olympiadbench", "gsm8k"])
def test_the_gold_answer_of_another_row_is_accepted_only_if_it_is_equal(name):
    golds, draw = real_golds()[name], random.Random(0)
    pairs = [(gold, other) for gold in golds for other in draw.sample(golds, 10) if gold != other]
    with ThreadPoolExecutor(4) as threads:
        verdicts = list(threads.map(lambda pair: same_answer(*pair), pairs))
    assert None not in verdicts
    assert {pair for pair, verdict in zip(pairs, verdicts, strict=True) if verdict} == EQUAL.get(name, set())
