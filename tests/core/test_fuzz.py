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
"""The fuzz of benchmarks/fuzz.py, on a few thousand cases: what must hold for every input."""

import pkgutil
import sys

import pytest
from places import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

import fuzz  # noqa: E402
import fuzz_estimators  # noqa: E402

from asymgrpo_verl.core import estimators  # noqa: E402

pytestmark = pytest.mark.seconds

CASES = {"estimators": 2500, "curves": 1000, "schedules": 1000, "settings": 2000, "runs": 200}


def test_every_target_has_its_number_of_cases():
    assert CASES.keys() == fuzz.TARGETS.keys()


@pytest.fixture(scope="module", params=CASES)
def target(request):
    """Return (target, tally of its random cases). A case in which something forbidden happens raises here."""
    return request.param, fuzz.run(request.param, seed=2, numbers=range(CASES[request.param]))


def test_nothing_forbidden_happens_on_random_input(target):
    name, tally = target
    assert tally.total() == CASES[name]


@pytest.mark.parametrize("target", ["estimators"], indirect=True)
def test_the_batches_meet_every_estimator_dtype_and_error(target):
    _, tally = target
    kinds, outcomes = {kind for kind, _ in tally}, {outcome for _, outcome in tally}
    assert {
        f"{name}, {str(dtype)[6:]}" for name in fuzz_estimators.ESTIMATORS for dtype in fuzz_estimators.DTYPES
    } <= kinds
    ranges = {f"refused: out of the range of {str(dtype)[6:]}" for dtype in fuzz_estimators.DTYPES}
    assert outcomes == ranges | {f"refused: {fault}" for fault in fuzz_estimators.FAULTS} | {"advantages"}


def with_epsilon(advantages):
    return lambda groups, *args, **kw: tuple(one + 1e-6 for one in advantages(groups, *args, **kw))


BROKEN = {
    "an epsilon in the advantage": (
        "ESTIMATORS",
        lambda known: known | {"asymgrpo": known["asymgrpo"]._replace(advantages=with_epsilon(estimators.asymgrpo))},
    ),
    "a reward equal to the threshold is correct": (
        "gather_groups",
        lambda gather: lambda rewards, mask, index, at: gather(rewards, mask, index, at - 1e-3),
    ),
    "rows without a response belong to a group": (
        "gather_groups",
        lambda gather: lambda rewards, mask, index, at: gather(rewards, mask | True, index, at),
    ),
    "an overflow is not refused": ("torch.isfinite", lambda isfinite: lambda values: values == values),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_the_fuzz_finds_a_planted_defect(defect, monkeypatch):
    name, breaks = BROKEN[defect]
    where = f"asymgrpo_verl.core.estimators.{name}"
    monkeypatch.setattr(where, breaks(pkgutil.resolve_name(where)))
    with pytest.raises(AssertionError, match="estimators, seed 3, number"):
        fuzz.run("estimators", seed=3, numbers=range(500))
