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
"""Diagnostics by hand."""

import pytest
import torch
from batches import batch_of

from asymgrpo_verl.diagnostics import group_metrics
from asymgrpo_verl.groups import gather_groups


def test_group_shares_by_hand():
    rewards, mask, index = batch_of({"a": [1, 1], "b": [0, 0, 0], "c": [1, 0, 0, 0], "d": [0]})
    assert group_metrics(gather_groups(rewards, mask, index)) == pytest.approx(
        {"groups/all_solved": 1 / 4, "groups/none_solved": 2 / 4, "groups/mixed": 1 / 4, "groups/accuracy": 1.25 / 4}
    )


def test_a_uid_without_any_response_is_no_group():
    rewards, mask, index = batch_of({"a": [1, 1], "b": [0, 0]})
    mask[2:] = 0
    assert group_metrics(gather_groups(rewards, mask, index))["groups/all_solved"] == 1.0


def test_a_batch_without_groups_has_zero_shares():
    empty = torch.zeros(0, 2)
    assert set(group_metrics(gather_groups(empty, empty, [])).values()) == {0.0}
