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
"""The lab against verl's own trainer functions and worker, without Ray: FSDP2 on gloo, two updates in fp32.

Both get the rollouts that the lab drew; verl computes log-probabilities, advantages, loss, gradient and AdamW itself.
"""

import pytest
import torch
from lab_and_verl import METHODS, outcomes_of

pytestmark = [pytest.mark.slow, pytest.mark.process]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory, base_policy):
    return outcomes_of(base_policy, tmp_path_factory.mktemp("lab"))


def apart(pair) -> float:
    """Return how far apart two tensors are, relative to the second."""
    ours, verls = pair
    return ((ours - verls).norm() / verls.norm()).item()


@pytest.mark.parametrize("method", METHODS)
def test_log_probabilities_and_advantages_are_verls(outcomes, method):
    for ours, verls in outcomes[method]["log_probs"]:
        torch.testing.assert_close(ours, verls, atol=1e-5, rtol=1e-5)
    for ours, verls in outcomes[method]["advantages"]:
        torch.testing.assert_close(ours, verls, atol=1e-6, rtol=1e-6)
        assert (ours > 0).any() and (ours < 0).any()


@pytest.mark.parametrize("method", METHODS)
def test_the_gradient_of_two_updates_is_verls(outcomes, method):
    """The first moment of AdamW is the mean of the clipped gradients."""
    for ours, verls in outcomes[method]["grad_norm"]:
        assert ours == pytest.approx(verls, rel=3e-6)
    assert apart(outcomes[method]["first moment"]) < 5e-5


@pytest.mark.parametrize("method", METHODS)
def test_the_weights_move_as_verls(outcomes, method):
    """AdamW divides a gradient by its own size, so a weight whose gradient is noise may move either way."""
    assert apart(outcomes[method]["moved"]) < 1e-3
