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
"""Betas over training: the value at a step, what is remembered, and what is refused."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymgrpo_verl.core.schedules import (
    KINDS,
    Coefficient,
    Constant,
    Cosine,
    Entropy,
    EntropyCoefficient,
    Linear,
    Memory,
    Piecewise,
    RepoR,
    SolveRate,
    beta_at,
    next_coefficient,
    next_zeta,
    observe,
)
from asymgrpo_verl.integration.settings import schedules_from


def over(schedule, start=1.0, run_steps=5):
    return [beta_at(schedule, start, step, run_steps, Memory()) for step in range(1, run_steps + 2)]


def metrics(correct=math.nan, incorrect=math.nan, accuracy=math.nan):
    return {
        "rollouts/correct/entropy": correct,
        "rollouts/incorrect/entropy": incorrect,
        "groups/accuracy": accuracy,
    }


def test_linear_starts_at_the_beta_and_ends_with_the_run():
    assert over(Linear(end=0.0)) == pytest.approx([1, 0.75, 0.5, 0.25, 0, 0])
    assert over(Linear(end=3.0, steps=3)) == pytest.approx([1, 2, 3, 3, 3, 3])
    assert over(Linear(end=3.0, steps=1)) == [3.0] * 6


def test_cosine_is_slow_at_both_ends():
    assert over(Cosine(end=0.0)) == pytest.approx([1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2, 0, 0])


def test_piecewise_holds_each_value_until_the_next_point():
    assert over(Piecewise(points={4: 0.1, 2: 0.5})) == [1.0, 0.5, 0.5, 0.1, 0.1, 0.1]


def test_constant_is_the_beta_that_is_configured():
    assert over(Constant()) == [1.0] * 6


def test_solve_rate_goes_from_the_one_value_to_the_other():
    schedule = SolveRate(none_solved=1.0, all_solved=0.2, average=2)
    memory = Memory()
    assert beta_at(schedule, 0.9, 1, 5, memory) == 0.9, "before the first measurement"
    betas = []
    for accuracy in (0.5, 1.0, 1.0, math.nan, math.inf):
        memory = observe(schedule, "beta_pos", 0.9, memory, metrics(accuracy=accuracy))
        betas.append(beta_at(schedule, 0.9, 2, 5, memory))
    # averages 0.5, 0.75, 0.875; what is no number changes nothing
    assert betas == pytest.approx([0.6, 0.4, 0.3, 0.3, 0.3])


def test_entropy_below_the_target_raises_beta_pos_and_lowers_beta_neg():
    schedule = Entropy(target=0.4, gain=0.1, average=1)
    for name, sign in (("beta_pos", 1), ("beta_neg", -1)):
        for entropy, error in ((0.2, 0.5), (0.4, 0.0), (0.6, -0.5), (40.0, -1.0)):
            memory = observe(schedule, name, 0.7, Memory(), metrics(correct=entropy, incorrect=entropy))
            assert beta_at(schedule, 0.7, 2, 5, memory) == pytest.approx(0.7 + sign * 0.1 * error)


def test_each_beta_listens_to_its_own_channel():
    schedule = Entropy(target=1.0)
    assert observe(schedule, "beta_pos", 0.5, Memory(), metrics(correct=0.3)).signal == 0.3
    assert observe(schedule, "beta_neg", 0.5, Memory(), metrics(correct=0.3)) == Memory()


@given(
    st.lists(st.one_of(st.just(math.nan), st.floats(0, 20)), max_size=30),
    st.sampled_from(["beta_pos", "beta_neg"]),
    st.floats(0.01, 5),
    st.floats(0, 2),
    st.integers(1, 12),
)
def test_a_controller_stays_within_its_bounds_and_moves_by_at_most_its_gain(entropies, name, target, gain, average):
    schedule, memory = Entropy(target=target, gain=gain, minimum=0.2, maximum=1.1, average=average), Memory()
    before = beta_at(schedule, 0.7, 1, 5, memory)
    for entropy in entropies:
        memory = observe(schedule, name, before, memory, metrics(correct=entropy, incorrect=entropy))
        beta = beta_at(schedule, 0.7, 2, 5, memory)
        assert 0.2 <= beta <= 1.1 and abs(beta - before) <= gain + 1e-12
        before = beta


@given(
    st.lists(st.floats(0, 3), min_size=2, max_size=20), st.integers(0, 19), st.sampled_from(["beta_pos", "beta_neg"])
)
def test_going_on_from_a_saved_memory_changes_nothing(entropies, cut, name):
    """Through JSON, as the checkpoint holds it."""
    schedule, memory, resumed = Entropy(target=0.5, gain=0.3), Memory(), Memory()
    for i, entropy in enumerate(entropies):
        if i == cut:
            resumed = Memory(*json.loads(json.dumps(resumed)))
        beta, again = (beta_at(schedule, 0.7, i + 1, 5, m) for m in (memory, resumed))
        assert beta == again
        memory = observe(schedule, name, beta, memory, metrics(entropy, entropy))
        resumed = observe(schedule, name, again, resumed, metrics(entropy, entropy))
    assert memory == resumed


def test_every_kind_is_read_from_the_configuration():
    keys = {
        "constant": {},
        "linear": {"end": 0.5, "steps": 100},
        "cosine": {"end": 0},
        "piecewise": {"points": {1: 0.9, 50: 0.4}},
        "entropy": {"target": 0.3},
        "solve_rate": {"none_solved": 1.0, "all_solved": 0.5},
    }
    assert keys.keys() == KINDS.keys()
    for kind, node in keys.items():
        found = schedules_from({"asymgrpo": {"schedule": {"beta_neg": {"kind": kind, **node}}}})
        assert found == {"beta_pos": Constant(), "beta_neg": KINDS[kind](**node)}


@pytest.mark.parametrize(
    "algorithm", [{}, {"asymgrpo": None}, {"asymgrpo": {"beta_pos": 1}}, {"asymgrpo": {"schedule": None}}]
)
def test_without_a_schedule_both_are_constant(algorithm):
    assert schedules_from(algorithm) == {"beta_pos": Constant(), "beta_neg": Constant()}


@pytest.mark.parametrize(
    "schedule, message",
    [
        (
            {"beta": {"kind": "linear"}},
            "schedule.beta: got an unknown key; did you mean algorithm.asymgrpo.schedule.beta_pos?",
        ),
        ({"beta_pos": {}}, "beta_pos.kind: got None; expected one of constant, linear"),
        ({"beta_pos": {"kind": "step"}}, "beta_pos.kind: got 'step'; expected one of constant, linear"),
        ({"beta_pos": 0.5}, "beta_pos: got 0.5; expected a group of keys"),
        (0.5, "algorithm.asymgrpo.schedule: got 0.5; expected a group of keys"),
        (False, "algorithm.asymgrpo.schedule: got False; expected a group of keys"),
        ({"beta_pos": {"kind": ["linear"]}}, "beta_pos.kind: got ['linear']; expected one of constant, linear"),
        (
            {"beta_pos": {"kind": "constant", "end": 1}},
            "beta_pos.end: got an unknown key; expected none",
        ),
        ({"beta_pos": {"kind": "linear"}}, "beta_pos.end: got nothing; expected a value"),
        ({"beta_pos": {"kind": "linear", "end": -1}}, "beta_pos.end: got -1; expected a number >= 0"),
        ({"beta_pos": {"kind": "linear", "end": 1, "steps": 1.5}}, "steps: got 1.5, a float; expected an integer"),
        ({"beta_pos": {"kind": "entropy", "target": 0}}, "target: got 0; expected a number > 0"),
        (
            {"beta_neg": {"kind": "entropy", "target": 1, "minimum": 2}},
            "minimum: got 2.0; expected a number <= algorithm.asym",
        ),
        ({"beta_neg": {"kind": "piecewise", "points": {}}}, "points: got {}; expected {step: beta, ...}"),
        ({"beta_neg": {"kind": "piecewise", "points": {0: 1}}}, "points: got {0: 1}; expected {step: beta, ...}"),
        ({"beta_neg": {"kind": "piecewise", "points": {1: -1}}}, "points: got {1: -1}; expected {step: beta, ...}"),
    ],
)
def test_a_bad_schedule_is_refused_with_its_key(schedule, message):
    with pytest.raises((ValueError, TypeError)) as error:
        schedules_from({"asymgrpo": {"schedule": schedule}})
    assert message in str(error.value)


def test_the_entropy_coefficient_by_hand():
    """With Skywork's numbers: the entropy 0.15 is below the target of 0.2 and 0.25 is not, nor is 0.2."""
    schedule, steps = EntropyCoefficient(), [Coefficient(0.0)]
    for entropy in (0.15, 0.1, 0.25, math.nan, 0.2, 0.2):
        steps.append(next_coefficient(schedule, steps[-1], entropy))
    assert [step.value for step in steps] == pytest.approx([0, 1e-4, 2e-4, 1e-4, 1e-4, 0, 0])
    assert [step.applied for step in steps] == pytest.approx([0, 1e-4, 2e-4, 0, 0, 0, 0])


@given(st.lists(st.floats(0, 1), max_size=30), st.floats(0, 0.1), st.floats(0, 0.02))
def test_the_entropy_coefficient_stays_within_its_bounds_and_is_off_above_the_target(entropies, step, maximum):
    schedule, coefficient = EntropyCoefficient(step=step, maximum=maximum), Coefficient(0.0)
    for entropy in entropies:
        coefficient = next_coefficient(schedule, coefficient, entropy)
        assert 0 <= coefficient.value <= maximum
        assert coefficient.applied == (coefficient.value if entropy < 0.2 else 0)


def test_zeta_by_hand():
    """It doubles away from 0 up to the maximum, halves towards 0, and changes its sign below the minimum."""
    schedule = RepoR(target=0.3, minimum=0.001, maximum=0.006)
    zetas = [0.002]
    for entropy in (0.2, 0.2, 0.4, 0.4, 0.4, 0.4, 0.4, 0.3, math.nan, 0.2):
        zetas.append(next_zeta(schedule, zetas[-1], entropy))
    assert zetas == pytest.approx([0.002, 0.004, 0.006, 0.003, 0.0015, -0.001, -0.002, -0.004, -0.004, -0.004, -0.002])


@given(st.lists(st.floats(0, 1), max_size=30), st.floats(0.001, 0.01), st.floats(0.01, 1))
def test_zeta_stays_within_its_bounds_and_moves_against_the_entropys_error(entropies, minimum, maximum):
    schedule, zeta = RepoR(minimum=minimum, maximum=maximum), minimum
    for entropy in entropies:
        after = next_zeta(schedule, zeta, entropy)
        assert minimum * (1 - 1e-12) <= abs(after) <= maximum
        assert (after - zeta) * (schedule.target - entropy) >= 0
        zeta = after
