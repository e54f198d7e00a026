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
"""Which rows of a mini-batch have weight, and which an update runs."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from asymgrpo_verl.core.zero_weight import has_weight, rows_to_run

NAN = float("nan")


def test_a_row_has_weight_if_a_response_token_has_an_advantage():
    advantages = torch.tensor([[0.0, 0.0], [0.0, -0.5], [0.0, 3.0], [NAN, 0.0], [-0.0, 0.0]])
    mask = torch.tensor([[1, 1], [1, 1], [1, 0], [1, 1], [1, 1]])
    assert has_weight(advantages, mask).tolist() == [False, True, False, True, False]


def test_the_shortest_rows_without_weight_fill_up_a_rank():
    weighs, lengths = [False, True, False, False, True], [9, 50, 3, 5, 60]
    assert rows_to_run(weighs, lengths, 1) == [1, 4]
    assert rows_to_run(weighs, lengths, 2) == [1, 4]
    assert rows_to_run(weighs, lengths, 3) == [1, 2, 4]
    assert rows_to_run(weighs, lengths, 4) == [1, 2, 3, 4]


def test_a_rank_without_a_row_of_weight_runs_its_shortest_row():
    assert rows_to_run([False] * 3, [7, 2, 4], 1) == [1]


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 100)), min_size=1), st.data())
def test_rows_with_weight_are_always_run_and_others_only_to_fill_up(rows, data):
    weighs, lengths = zip(*rows, strict=True)
    at_least = data.draw(st.integers(1, len(rows)))
    run = rows_to_run(weighs, lengths, at_least)
    assert run == sorted({*run}) and {row for row, weight in enumerate(weighs) if weight} <= {*run}
    assert len(run) == max(sum(weighs), at_least)
