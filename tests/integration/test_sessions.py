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
"""Agent loops with several outputs per session: the last output decides, as in verl for `grpo`."""

from functools import partial

import numpy as np
import pytest
import torch
from verl.protocol import DataProto
from verl.trainer.ppo.v1.utils import compute_advantage_for_multi_trajectories

from asymgrpo_verl.integration.adapters import outcome_advantage
from asymgrpo_verl.integration.sessions import advantages_by_session, multi_output_share, read_keys

# prompt a: session 0 with three outputs, session 1 with one; prompt b_c: two sessions, one with two outputs
KEYS = ["a_0_0", "a_0_2", "a_1_0", "b_c_0_0", "b_c_1_1", "a_0_1", "b_c_1_0"]


def test_keys_say_which_output_is_the_last_of_its_session():
    uid, rows, session = read_keys(KEYS)
    assert uid.tolist() == ["a", "a", "a", "b_c", "b_c", "a", "b_c"]
    assert rows.tolist() == [1, 2, 3, 4]
    assert [KEYS[rows[place]] for place in session] == [
        "a_0_2",
        "a_0_2",
        "a_1_0",
        "b_c_0_0",
        "b_c_1_1",
        "a_0_2",
        "b_c_1_1",
    ]


def test_with_one_output_per_session_every_row_is_a_session():
    _, rows, session = read_keys(["a_0_0", "a_1_0", "b_0_0"])
    assert rows.tolist() == session.tolist() == [0, 1, 2]


def test_rows_that_pad_a_batch_are_not_counted_as_sessions():
    """Four sessions of two outputs, and eight rows of padding, each a session by its key."""
    keys = [f"a_{session}_{output}" for session in range(4) for output in range(2)]
    keys += [f"pad_{session}_0" for session in range(8)]
    _, rows, session = read_keys(keys)
    alive = np.array(["pad" not in keys[row] for row in rows])
    assert multi_output_share(session, alive) == 1.0
    assert multi_output_share(session, ~alive) == multi_output_share(session, alive & ~alive) == 0.0


@pytest.fixture
def batch():
    """Rewards of which those of outputs that are not the last must not matter."""
    mask = torch.ones(len(KEYS), 3, dtype=torch.long)
    mask[1, 0] = mask[4, 2] = 0  # a first token of the environment; a shorter output
    rewards = torch.zeros(len(KEYS), 3)
    rewards[:, 1] = torch.tensor([1.0, 0, 1, 0, 1, 1, 0])
    return rewards, mask


def test_all_outputs_of_a_session_get_the_advantage_of_the_last_one(batch):
    rewards, mask = batch
    estimate = partial(outcome_advantage, config={"asymgrpo": {"beta_pos": 1, "beta_neg": 1}}, estimator="asymgrpo")
    advantages = advantages_by_session(estimate, rewards, mask, *read_keys(KEYS))
    expected = torch.tensor([-1.0, -1, 1, -1, 1, -1, 1]).unsqueeze(1) * mask
    assert torch.equal(advantages, expected), "p = 1/2 in both groups"


def test_at_half_and_half_it_is_verls_grpo_up_to_its_deviation(batch):
    rewards, mask = batch
    uid, rows, session = read_keys(KEYS)
    estimate = partial(outcome_advantage, config={"asymgrpo": {"beta_pos": 0.5, "beta_neg": 0.5}}, estimator="asymgrpo")
    data = DataProto.from_dict(
        {"token_level_rewards": rewards, "response_mask": mask}, non_tensors={"uid": np.array(uid, dtype=object)}
    )
    verls = compute_advantage_for_multi_trajectories(data, KEYS, "grpo").batch["advantages"]
    ours = advantages_by_session(estimate, rewards, mask, uid, rows, session)
    torch.testing.assert_close(ours / 2**0.5, verls, rtol=1e-5, atol=1e-5)
