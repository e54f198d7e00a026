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
"""Avg@n, pass@k and maj@k, their standard errors, and their values per level and subject."""

import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asymgrpo_verl.evaluation.metrics import estimate, majority_at_k, render, summarise
from asymgrpo_verl.pass_at_k import pass_at_k


def table(prompts: dict[str, list[tuple[int, int]]], source="aime24", **columns) -> pd.DataFrame:
    """Return a row per response of {index: [(acc, vote), ...]}."""
    rows = [
        {"data_source": source, "index": index, "acc": acc, "vote": vote, "length": 10, "truncated": False}
        for index, responses in prompts.items()
        for acc, vote in responses
    ]
    return pd.DataFrame(rows).assign(**({"level": None, "subject": None} | columns))


def metrics(responses: pd.DataFrame, source="aime24") -> dict:
    return summarise(responses)["benchmarks"][source]["metrics"]


CORRECT, INCORRECT, OTHER, NO_ANSWER = (1, 0), (0, 1), (0, 2), (0, -1)

# A prompt's responses: a vote for each, 0 for the correct answer, -1 for none.
votes = st.lists(st.integers(-1, 4), min_size=1, max_size=7)


def counts(votes: list[int]) -> tuple[int, tuple[int, ...], int]:
    incorrect = [vote for vote in votes if vote > 0]
    return votes.count(0), tuple(sorted(incorrect.count(vote) for vote in set(incorrect))), len(votes)


def share_elected(subset: tuple[int, ...]) -> float:
    """Return 1/t if the correct answer is one of the t most frequent answers, else 0."""
    tally = {vote: subset.count(vote) for vote in subset if vote >= 0}
    modes = [vote for vote in tally if tally[vote] == max(tally.values())]
    return 1 / len(modes) if 0 in modes else 0.0


def test_pass_at_k_by_hand():
    assert pass_at_k(1, 4) == (0.25, 0.5, 0.75, 1.0)
    assert pass_at_k(2, 4) == pytest.approx((1 / 2, 5 / 6, 1, 1))
    assert pass_at_k(0, 3) == (0, 0, 0)
    assert pass_at_k(3, 3) == (1, 1, 1)


@given(votes)
def test_pass_at_k_is_the_mean_over_all_subsets(votes):
    correct, n = votes.count(0), len(votes)
    for k in range(1, n + 1):
        subsets = list(itertools.combinations(votes, k))
        assert pass_at_k(correct, n)[k - 1] == pytest.approx(sum(0 in s for s in subsets) / len(subsets))


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@example((1, 2000))
@example((1000, 2000))
@example((1999, 2000))
def test_pass_at_k_rises_from_the_accuracy_to_whether_any_is_correct(case):
    correct, n = case
    values = pass_at_k(correct, n)
    assert values[0] == correct / n and values[-1] == float(correct > 0)
    assert all(0 <= a <= b <= 1 for a, b in itertools.pairwise(values))


def test_majority_by_hand():
    assert majority_at_k(2, (1,), 3) == pytest.approx((2 / 3, 2 / 3, 1)), "pairs: one all correct, two with a tie"
    assert majority_at_k(1, (1,), 2) == (0.5, 0.5), "a tie is broken at random"
    assert majority_at_k(1, (2,), 3)[-1] == 0
    assert majority_at_k(1, (1, 1), 3)[-1] == pytest.approx(1 / 3)


def test_a_response_without_an_answer_votes_for_nothing():
    assert majority_at_k(1, (), 10)[-1] == 1, "one answer against nine without"
    assert majority_at_k(0, (), 3) == (0, 0, 0), "no answer at all elects none"


@given(votes)
def test_majority_at_k_is_the_mean_over_all_subsets(votes):
    values = majority_at_k(*counts(votes))
    for k in range(1, len(votes) + 1):
        subsets = list(itertools.combinations(votes, k))
        assert values[k - 1] == pytest.approx(sum(map(share_elected, subsets)) / len(subsets))


@given(votes)
def test_pass_at_1_and_majority_at_1_are_the_accuracy(votes):
    correct, others, n = counts(votes)
    assert pass_at_k(correct, n)[0] == pytest.approx(correct / n)
    assert majority_at_k(correct, others, n)[0] == pytest.approx(correct / n)


def test_majority_of_64_responses():
    values = majority_at_k(24, (1,) * 20 + (2,) * 10, 64)
    assert values[-1] == 1 and values[0] == pytest.approx(24 / 64)
    assert all(a <= b + 1e-12 for a, b in itertools.pairwise(values))


def test_the_standard_error_is_over_prompts():
    assert estimate(np.array([0.0, 1.0])) == {"mean": 0.5, "se": pytest.approx(math.sqrt(0.5 / 2))}
    assert estimate(np.array([0.2])) == {"mean": 0.2, "se": None}, "one prompt has none"
    assert estimate(np.array([0.2, np.nan])) == {"mean": None, "se": None}


def test_a_benchmark_by_hand():
    found = metrics(table({"a": [CORRECT, CORRECT, INCORRECT, INCORRECT], "b": [CORRECT, INCORRECT, OTHER, NO_ANSWER]}))
    assert found["avg@4"] == {"mean": 0.375, "se": pytest.approx(0.125)}
    assert found["pass@1"] == found["avg@4"]
    assert found["pass@2"]["mean"] == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert found["pass@4"] == {"mean": 1.0, "se": 0.0}
    assert found["maj@4"] == {"mean": pytest.approx((1 / 2 + 1 / 3) / 2), "se": pytest.approx(1 / 12)}
    assert found["no_answer"] == {"mean": 0.125, "se": pytest.approx(0.125)}
    assert found["length"] == {"mean": 10.0, "se": 0.0}


def test_equal_responses_to_a_prompt_do_not_shrink_the_error():
    few = metrics(table({"a": [CORRECT], "b": [INCORRECT], "c": [INCORRECT]}))
    many = metrics(table({"a": [CORRECT] * 8, "b": [INCORRECT] * 8, "c": [INCORRECT] * 8}))
    assert many["avg@8"] == few["avg@1"]


def test_levels_and_subjects_have_their_own_metrics_and_prompts_without_one_are_left_out():
    prompts = {"a": [CORRECT], "b": [INCORRECT], "c": [CORRECT]}
    responses = table(prompts, level=["1", "2", None], subject=["x", "x", "y"])
    entry = summarise(responses)["benchmarks"]["aime24"]
    assert {level: part["metrics"]["avg@1"]["mean"] for level, part in entry["level"].items()} == {"1": 1, "2": 0}
    assert {subject: part["prompts"] for subject, part in entry["subject"].items()} == {"x": 2, "y": 1}
    assert entry["subject"]["x"]["metrics"]["avg@1"] == {"mean": 0.5, "se": pytest.approx(0.5)}


def test_the_average_is_over_data_sources_not_over_prompts():
    aime24 = table({"a": [CORRECT], "b": [CORRECT], "c": [INCORRECT]})
    amc23 = table({"a": [CORRECT], "b": [INCORRECT]}, "amc23")
    average = summarise(pd.concat([aime24, amc23]))["average"]
    assert average == {"mean": pytest.approx((2 / 3 + 1 / 2) / 2), "se": pytest.approx(math.hypot(1 / 3, 1 / 2) / 2)}


def test_data_sources_may_differ_in_n_and_prompts_of_one_may_not():
    mixed = pd.concat([table({"a": [CORRECT] * 2}), table({"a": [INCORRECT] * 3}, "amc23")])
    assert [entry["samples"] for entry in summarise(mixed)["benchmarks"].values()] == [2, 3]
    with pytest.raises(ValueError, match="aime24, prompt b: got 1 responses; expected 2, because most prompts have 2"):
        summarise(table({"a": [CORRECT] * 2, "b": [CORRECT], "c": [CORRECT] * 2}))


def test_unknown_lengths_are_null_in_the_json_never_nan():
    results = summarise(table({"a": [CORRECT], "b": [INCORRECT]}, length=[10, None], truncated=None))
    found = json.loads(json.dumps(results, allow_nan=False))["benchmarks"]["aime24"]["metrics"]
    assert found["length"] == found["truncated"] == {"mean": None, "se": None}
    assert "unknown" in render(results)


def test_the_table_is_in_percent():
    lines = render(summarise(table({"a": [CORRECT], "b": [INCORRECT]}, level=["1", "2"]))).splitlines()
    assert lines[1].split() == "aime24 2 1 50.0 ± 50.0 50.0 ± 50.0 50.0 ± 50.0 10 0.0 ± 0.0 0.0 ± 0.0".split()
    assert lines[2].split() == "1 1 1 100.0 100.0 100.0 10 0.0 0.0".split()
