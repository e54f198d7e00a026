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
"""pass@k of a validation: the unbiased estimate, from the same outputs as verl's own metrics."""

import math
from itertools import combinations
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from verl.trainer.ppo.v1 import get_trainer_cls

from asymgrpo_verl.integration.validation import pass_metrics
from asymgrpo_verl.runs.logs import validated_metrics, validation_accuracy


def validate(prompts: dict[tuple[str, str], list], n: int, name: str = "acc", threshold: float = 0.5):
    """Return the arguments of `pass_metrics`, if the prompts, (source, uid), have these responses of n."""
    rows = [(source, uid, value) for (source, uid), values in prompts.items() for value in values]
    sources, uids, values = ([row[i] for row in rows] for i in range(3))
    infos = {"reward": [9.0] * len(values), "acc": values} if name == "acc" else {"reward": values}
    return sources, uids, infos, dict.fromkeys(prompts, n), threshold


def test_pass_at_k_by_hand():
    """3 of 8 and 0 of 8 correct: pass@4 is 1 - C(5, 4)/C(8, 4) = 13/14 for the first."""
    prompts = {("math", "a"): [1, 1, 1, 0, 0, 0, 0, 0], ("math", "b"): [0] * 8}
    metrics = pass_metrics(*validate(prompts, 8))
    expected = {"val-aux/math/acc/pass@1": 3 / 8, "val-aux/math/acc/pass@2": 9 / 14}
    expected |= {"val-aux/math/acc/pass@4": 13 / 14, "val-core/math/acc/pass@8": 1}
    means = {f"{key}/mean": value / 2 for key, value in expected.items()}
    # two values x and 0: the sample standard deviation is x/sqrt(2), the standard error x/2
    assert metrics == pytest.approx(means | {f"{key}/se": value / 2 for key, value in expected.items()})


def test_a_response_that_failed_is_incorrect_as_in_verls_acc():
    prompts = {("math", "a"): [True, None], ("math", "b"): [False], ("math", "c"): []}
    metrics = pass_metrics(*validate(prompts, 3))
    assert metrics["val-aux/math/acc/pass@1/mean"] == pytest.approx(1 / 9)
    assert metrics["val-core/math/acc/pass@3/mean"] == pytest.approx(1 / 3)


def test_without_acc_the_reward_is_compared_with_the_threshold():
    metrics = pass_metrics(*validate({("sums", "a"): [-1.0, 0.7, 2.0, 1.0]}, 4, "reward", threshold=0.8))
    assert metrics["val-aux/sums/reward/pass@1/mean"] == pytest.approx(2 / 4)
    assert math.isnan(metrics["val-aux/sums/reward/pass@1/se"]), "one prompt has no standard error"


def test_one_response_per_prompt_has_no_pass_at_k():
    assert pass_metrics(*validate({("math", "a"): [1], ("math", "b"): [0]}, 1)) == {}
    assert pass_metrics([], [], {}, {}, 0.5) == {}


def test_each_data_source_has_its_own_n():
    prompts = {("math", "a"): [1, 0], ("aime24", "b"): [1, 0, 0]}
    sources, uids, infos, _, threshold = validate(prompts, 0)
    metrics = pass_metrics(sources, uids, infos, {("math", "a"): 2, ("aime24", "b"): 3}, threshold)
    assert {key for key in metrics if key.startswith("val-core") and key.endswith("mean")} == {
        "val-core/math/acc/pass@2/mean",
        "val-core/aime24/acc/pass@3/mean",
    }


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=2, max_size=5))
def test_it_is_the_mean_over_all_subsets_without_replacement(prompts):
    metrics = pass_metrics(*validate({("math", str(i)): values for i, values in enumerate(prompts)}, 4))
    for k, section in ((1, "aux"), (2, "aux"), (4, "core")):
        expected = mean(mean(any(subset) for subset in combinations(values, k)) for values in prompts)
        assert metrics[f"val-{section}/math/acc/pass@{k}/mean"] == pytest.approx(expected)


def test_our_trainer_logs_it_beside_verls_best_at_k():
    trainer_class = get_trainer_cls("asymgrpo")
    trainer = trainer_class.__new__(trainer_class)  # because its __init__ builds the whole run
    trainer.estimator_settings = type("Settings", (), {"reward_threshold": 0.5})
    sources, uids, infos, expected, _ = validate({("math", "a"): [1, 1, 1, 0, 0, 0, 0, 0]}, 8)
    metrics = trainer._val_metrics_update(sources, uids, infos, [1] * 8, expected_acc_counts=expected)
    assert metrics["val-aux/math/acc/best@4/mean"] == pytest.approx(0.847, abs=0.03), "verl's bootstrap"
    assert metrics["val-aux/math/acc/pass@4/mean"] == pytest.approx(13 / 14)
    assert metrics["val-core/math/acc/mean@8"] == pytest.approx(3 / 8)


def test_the_log_gives_any_metric_of_the_validation():
    metrics = pass_metrics(*validate({("a/b", "x"): [1, 0], ("a/b", "y"): [0, 0]}, 2))
    rows = [{"step": 5, "val-core/a/b/acc/mean@2": 0.25, "val-core/a/b/acc/best@2/mean": 0.3} | metrics]
    assert validation_accuracy(rows, "a/b") == {5: 0.25}
    assert validation_accuracy(rows, "a/b", "pass@2") == {5: 0.5}
    assert validation_accuracy(rows, "a/b", "pass@2/se") == {5: 0.5}
    assert validation_accuracy(rows, "a/b", "pass@1") == {5: 0.25}
    assert validation_accuracy(rows, "a/b", "best@2") == {5: 0.3}
    assert validation_accuracy(rows, "b", "pass@2") == validation_accuracy(rows, "a/b", "pass@4") == {}
    assert validated_metrics(rows, "a/b") == ["best@2", "mean@2", "pass@1", "pass@2"]
