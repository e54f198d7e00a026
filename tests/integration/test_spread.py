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
"""Rows with advantage 0 cost nothing in an update, so the others are spread over the ranks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymgrpo_verl.integration.spread import even_order


def mini_batches(order: list[int], ranks: int, mini_batch: int) -> list[list[list[int]]]:
    """The rows of each rank in each mini-batch, as verl's workers cut them."""
    per_rank, part = len(order) // ranks, mini_batch // ranks
    return [
        [order[rank * per_rank + start : rank * per_rank + start + part] for rank in range(ranks)]
        for start in range(0, per_rank, part)
    ]


def test_a_rank_that_would_run_all_gives_half_of_it_to_a_rank_that_would_run_nothing():
    order = even_order([5, 5, 5, 5, 0, 0, 0, 0], ranks=2, mini_batch=8)
    ((first, second),) = mini_batches(order, 2, 8)
    assert sum(row < 4 for row in first) == sum(row < 4 for row in second) == 2


def test_mini_batches_whose_rows_are_all_run_stay_as_they_are():
    assert even_order([3, 1, 4, 1, 5, 9, 2, 6], ranks=2, mini_batch=4) == [*range(8)]


@given(st.sampled_from([1, 2, 3, 4]), st.integers(1, 6), st.integers(1, 4), st.data())
def test_mini_batches_keep_their_rows_and_ranks_run_equally_many(ranks, part, count, data):
    rows = ranks * part * count
    workloads = data.draw(st.lists(st.sampled_from([0, 0, 10, 11, 40]), min_size=rows, max_size=rows))
    before = mini_batches([*range(rows)], ranks, ranks * part)
    after = mini_batches(even_order(workloads, ranks, ranks * part), ranks, ranks * part)
    for old, new in zip(before, after, strict=True):
        assert sorted(sum(new, [])) == sorted(sum(old, []))
        assert all(len(of) == part for of in new)
        run = [sum(workloads[row] > 0 for row in of) for of in new]
        if not all(workloads[row] for row in sum(old, [])):
            assert max(run) - min(run) <= 1


@pytest.mark.parametrize("ranks", (2, 8))
def test_the_slowest_rank_has_little_more_than_its_share(ranks):
    """Half of 256 rows are run: the rank that has most of the work decides how long an update takes."""
    workloads = [((row * 37) % 91 + 10) * (row * 53 % 7 < 4) for row in range(256)]
    ((*parts,),) = mini_batches(even_order(workloads, ranks, 256), ranks, 256)
    loads = [sum(workloads[row] for row in part) for part in parts]
    assert max(loads) <= 1.05 * sum(loads) / ranks
