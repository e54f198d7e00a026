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
"""The update without rows of advantage 0 against verl's own, without Ray: the real worker, FSDP2 on gloo, ten steps."""

from functools import cache

import pytest
import torch
from updates import (
    COEFFICIENTS,
    MEAN_OVER_NONZERO,
    NOISE,
    ONE_MICRO_BATCH,
    OTHER_LOSSES,
    ROWS,
    SAME_GRADIENT,
    Case,
    train,
)

from asymgrpo_verl.core.zero_weight import SHARES_OF_TOKENS

pytestmark = [pytest.mark.slow, pytest.mark.process]
# ranks, dtype -> the cases that are compared with verl's update
COMPARED = {
    (1, torch.float64): [*SAME_GRADIENT, *OTHER_LOSSES, ONE_MICRO_BATCH],
    (2, torch.float64): SAME_GRADIENT,
    (2, torch.float32): [Case(), Case("seq-mean-token-mean")],
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory, base_policy):
    """A function of ranks and dtype that returns {case: (weights after ten steps, metrics of each step)}."""

    @cache
    def of(ranks: int, dtype: torch.dtype) -> dict:
        cases = [*COMPARED[ranks, dtype], *(case._replace(rollouts="train") for case in COMPARED[ranks, dtype]), *NOISE]
        if dtype == torch.float64:
            cases += COEFFICIENTS
            cases += MEAN_OVER_NONZERO
            cases += [case._replace(rollouts="absent") for case in MEAN_OVER_NONZERO] if ranks == 1 else []
        return train(ranks, base_policy, tmp_path_factory.mktemp("updates"), dtype, list(dict.fromkeys(cases)))

    return of


def distance(one: tuple, other: tuple) -> float:
    """Return the largest difference of a weight in two outcomes."""
    return max((a - b).abs().max().item() for a, b in zip(one[0], other[0], strict=True))


@pytest.mark.parametrize(
    "ranks, dtype, case", [(*run, case) for run, cases in COMPARED.items() for case in cases], ids=str
)
def test_ten_steps_end_at_the_weights_of_verls_update(outcomes, ranks, dtype, case):
    trained = outcomes(ranks, dtype)
    noise = distance(trained[NOISE[0]], trained[NOISE[1]])
    apart = distance(trained[case], trained[case._replace(rollouts="train")])
    assert apart <= (1e-10 if dtype == torch.float64 else 10 * noise)


@pytest.mark.parametrize("ranks", (1, 2))
def test_the_weights_moved_and_rows_were_skipped(outcomes, ranks):
    trained = outcomes(ranks, torch.float64)
    assert distance(trained[Case()], trained[Case("token-sum")]) > 1e-3
    shares = {case.zero: trained[case][1]["actor/skipped_rows"] for case in SAME_GRADIENT if case.micro == 2}
    # The row without a response token fills up a micro-batch of two.
    assert shares["none"] == pytest.approx([0] * 10)
    # Without shuffling, the two mini-batches come again in every epoch. If all 12 rows of the first have advantage 0,
    # each rank runs one of them.
    assert shares["mini-batch"] == pytest.approx([1 - ranks / 12, 0] * 5)


def test_the_entropy_coefficient_of_the_batch_trains_as_if_it_were_in_the_configuration(outcomes):
    trained = outcomes(1, torch.float64)
    none, none_in_batch, some, some_in_batch = COEFFICIENTS
    assert distance(trained[none], trained[none_in_batch]) == distance(trained[some], trained[some_in_batch]) == 0
    assert distance(trained[none], trained[some]) > 1e-4


def test_metrics_stay_those_of_all_tokens(outcomes):
    trained = outcomes(1, torch.float64)
    skipped, verls = (trained[ONE_MICRO_BATCH._replace(rollouts=name)][1] for name in ("skip", "train"))
    # The divergence of rows that are not run is not known; it counts as 0 in ppo_kl.
    for name in (SHARES_OF_TOKENS | {"actor/pg_loss", "loss", "grad_norm"}) - {"actor/ppo_kl"}:
        assert skipped[name] == pytest.approx(verls[name], rel=1e-6, abs=1e-9), name
    assert skipped["actor/skipped_rows"] == pytest.approx([13 / ROWS] * 10)


@pytest.mark.parametrize("case", MEAN_OVER_NONZERO, ids=str)
def test_a_mean_over_nonzero_rows_trains_as_if_the_batch_had_no_others(outcomes, case):
    one, two = (outcomes(ranks, torch.float64) for ranks in (1, 2))
    assert distance(one[case], one[case._replace(rollouts="absent")]) <= 1e-10
    assert distance(one[case], two[case]) <= 1e-10
