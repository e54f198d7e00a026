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
"""Two ranks against one, without Ray: verl's own worker, FSDP2 on gloo, groups split over ranks and micro-batches."""

import pytest
import torch
from two_ranks import CASES, PROMPTS, ROWS, compute_advantages, draw_batch, free_port, rows_of, run_rank, split_as_verl

from asymgrpo_verl.core.estimators import ESTIMATORS


@pytest.fixture(scope="module")
def batch():
    return draw_batch()


@pytest.fixture(scope="module")
def splits(batch):
    return {ranks: split_as_verl(batch, ranks) for ranks in (1, 2)}


@pytest.fixture(scope="module")
def advantages(batch, splits):
    """{ranks: {estimator: of each rank, of each of its rows}}, from the whole batch in the order of the split."""
    computed = {}
    for ranks, split in splits.items():
        whole = rows_of(batch, [row for rows in split for row in rows])
        computed[ranks] = {estimator: compute_advantages(whole, estimator) for estimator in (*ESTIMATORS, "grpo")}
    return {
        ranks: {
            name: [values[i * ROWS // ranks : (i + 1) * ROWS // ranks] for i in range(ranks)]
            for name, values in of.items()
        }
        for ranks, of in computed.items()
    }


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory, base_policy, batch, splits, advantages):
    """{ranks: {case: (loss, gradients, channel norms)}}"""
    place = tmp_path_factory.mktemp("ranks")
    runs = []
    for ranks, split in splits.items():
        args = (ranks, free_port(), base_policy, place, [rows_of(batch, rows) for rows in split], advantages[ranks])
        runs.append(torch.multiprocessing.spawn(run_rank, args=args, nprocs=ranks, join=False))
    for run in runs:
        while not run.join():
            pass
    return {ranks: torch.load(place / f"ranks-{ranks}.pt") for ranks in splits}


def test_groups_are_split_over_the_ranks(batch, splits):
    first, second = ({batch["uid"][row] for row in rows} for rows in splits[2])
    assert len(first & second) == PROMPTS


@pytest.mark.parametrize("estimator", [*ESTIMATORS, "grpo"])
def test_advantages_do_not_depend_on_the_order_of_the_rows(splits, advantages, estimator):
    one, two = (
        dict(zip(sum(splits[ranks], []), sum(advantages[ranks][estimator], []), strict=True)) for ranks in (1, 2)
    )
    assert any(row.any() for row in one.values())
    for row in range(ROWS):
        torch.testing.assert_close(two[row], one[row])


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_loss_and_gradient_are_those_of_one_rank(outcomes, case):
    (loss, gradients, norms), (loss_of_two, gradients_of_two, norms_of_two) = outcomes[1][case], outcomes[2][case]
    assert loss != 0 and loss_of_two == pytest.approx(loss, rel=1e-5)
    assert gradients.keys() == gradients_of_two.keys()
    for name, gradient in gradients.items():
        scale = gradient.abs().max().item()
        assert scale > 0
        torch.testing.assert_close(gradients_of_two[name], gradient, rtol=0, atol=1e-5 * scale, msg=name)
    assert norms_of_two == pytest.approx(norms, rel=1e-5)
