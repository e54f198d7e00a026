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
"""Declaring an estimator: what is a declaration, and which mistakes are named when the module is imported."""

import pytest
import torch
from batches import batch_of, on_tensors

from asymgrpo_verl.core.estimators import ESTIMATORS, advantages_by_count, estimator, on_declared
from asymgrpo_verl.core.fields import choice, number
from asymgrpo_verl.core.registry import _listeners

SAFE = {"a": [1, 0, 0], "solved": [1, 1]}


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """Forget what a test declares."""
    known, listeners = dict(ESTIMATORS), list(_listeners)
    yield
    ESTIMATORS.clear()
    ESTIMATORS.update(known)
    _listeners[:] = listeners


def values(name: str) -> list[float]:
    rewards, mask, index = batch_of(SAFE)
    return on_tensors(name)(rewards.double(), mask, index)[:, 0].tolist()


def test_numbers_and_tensors_may_be_mixed_in_what_an_estimator_returns():
    @estimator()
    def mixed(groups):
        return 1, -(groups.solved / groups.size)

    assert values("mixed") == pytest.approx([1, -1 / 3, -1 / 3, 1, 1])
    positive, negative = advantages_by_count("mixed", 2, ESTIMATORS["mixed"].settings())
    assert positive.tolist() == [1, 1, 1] and negative.tolist() == [0, -0.5, -1]


def test_another_result_than_two_values_per_group_is_named():
    @estimator()
    def one_value(groups):
        return groups.solved

    @estimator()
    def per_row(groups):
        return groups.correct.double(), 0.0

    with pytest.raises(TypeError, match="estimator one_value: got .*; expected the advantages of a correct and"):
        values("one_value")
    with pytest.raises(TypeError, match=r"per_row: got an advantage of shape \(5,\); expected .* shape \(3,\)"):
        values("per_row")


@pytest.mark.parametrize(
    "settings, error, message",
    [
        ({"power": 1.0}, TypeError, r"power: got 1.0; expected a declaration such as number\(1.0\)"),
        ({"power": number(at_least=0)}, ValueError, "power: got no default; expected one"),
        ({"power": number(-2.0, at_least=0)}, ValueError, "power: got -2.0; expected a number >= 0"),
        ({"reward_threshold": number(1.0)}, ValueError, "reward_threshold: got the name of an argument"),
    ],
)
def test_a_mistake_in_a_setting_is_named_when_it_is_declared(settings, error, message):
    code = f"def wrong(groups, {', '.join(settings)}): return 1.0, 1.0"
    names = {}
    exec(code, names)
    with pytest.raises(error, match=f"estimator wrong: {message}"):
        estimator(**settings)(names["wrong"])
    assert "wrong" not in ESTIMATORS


def test_a_misspelt_bound_is_named():
    with pytest.raises(
        TypeError, match=r"number\(\): got the bound atmost; expected at_least, above, at_most or below"
    ):
        number(0.0, atmost=3)


def test_parameters_that_are_no_settings_are_named():
    with pytest.raises(TypeError, match="wrong: got the parameters groups, x; expected groups .or not., power"):

        @estimator(power=number(1.0))
        def wrong(groups, x): ...


def test_a_second_function_of_a_name_is_refused_and_a_module_that_runs_again_is_not():
    with pytest.raises(ValueError, match="estimator asymgrpo: got a second function, .*test_registry"):

        @estimator()
        def asymgrpo(): ...

    heard = []
    on_declared(heard.append)
    for value in (1.0, 2.0):
        names = {"__name__": "notebook", "estimator": estimator}
        exec(f"@estimator()\ndef mine(): return {value}, 0.0", names)
    assert values("mine") == [2, 0, 0, 2, 2] and heard.count("mine") == 1


def test_a_choice_and_a_whole_number_are_settings_too():
    @estimator(kind=choice("square", "plain"), times=number(3, at_least=1))
    def chosen(groups, kind, times):
        p = groups.solved / groups.size
        return times * (p**2 if kind == "square" else p), torch.zeros_like(p)

    assert values("chosen") == pytest.approx([1 / 3, 0, 0, 3, 3])
