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
"""Weights of rollouts reach every output of a session, and the history of accuracies moves on with the steps."""

import numpy as np
import pytest
import torch
from composing import composed

from asymgrpo_verl.integration.rollouts import Outputs, last_outputs
from asymgrpo_verl.integration.sessions import read_keys
from asymgrpo_verl.integration.settings import ConfidenceSettings, HistorySettings, codapo_from, ha_dw_from
from asymgrpo_verl.integration.startup_check import check_run_config
from asymgrpo_verl.integration.weights import remembered, rollout_weights, weighted


def batch() -> Outputs:
    """Prompt a: a correct session of two outputs, and an incorrect one. Prompt b: both of its sessions are correct."""
    uid, last, session = read_keys(["a_0_0", "a_0_1", "a_1_0", "b_0_0", "b_1_0"])
    mask = torch.tensor([[1, 1, 0], [1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1]])
    rewards = torch.zeros(5, 3)
    rewards[[1, 3, 4], 0] = 1.0
    advantages = torch.tensor([1.0, 1.0, -1.0, 0.5, 0.5]).unsqueeze(1) * mask
    log_probs = -torch.ones(5, 3) * mask
    values = {"log_probs": log_probs, "entropy": -log_probs, "verl_advantages": advantages, "advantages": advantages}
    return Outputs(uid, last, session, mask, mask, rewards, staleness=torch.zeros(5), **values)


def test_without_a_setting_there_are_no_weights():
    assert rollout_weights(last_outputs(batch(), 0.5), None, None, ()) is None


def test_the_belief_is_the_mean_of_the_last_steps_and_of_this_batch():
    """This batch has 3 correct of 4 rollouts. With 0.25 and 0.5 before it the belief is 0.5; a is at it, b above it."""
    rollouts = last_outputs(batch(), 0.5)
    weights = rollout_weights(rollouts, HistorySettings(scale=2.0, window=3), None, (1.0, 0.25, 0.5))
    assert weights.tolist() == pytest.approx([2, 2, 2 * np.exp(-0.5), 2 * np.exp(-0.5)])
    alone = rollout_weights(rollouts, HistorySettings(scale=1.0, window=1), None, (1.0, 0.25, 0.5))
    assert alone.tolist() == pytest.approx([np.exp(0.25), np.exp(-0.25), np.exp(-0.25), np.exp(-0.25)])


def test_both_weights_multiply():
    """Prompt a has p = 1/2 and -1 nat per token, b is all correct: e^-1 + 0.5, and 0.5."""
    rollouts, offset = last_outputs(batch(), 0.5), ConfidenceSettings(offset=0.5)
    of_a = np.exp(-1) + 0.5
    assert rollout_weights(rollouts, None, offset, ()).tolist() == pytest.approx([of_a, of_a, 0.5, 0.5])
    both = rollout_weights(rollouts, HistorySettings(scale=1.0), offset, ())
    history = rollout_weights(rollouts, HistorySettings(scale=1.0), None, ())
    assert both.tolist() == pytest.approx((history * torch.tensor([of_a, of_a, 0.5, 0.5])).tolist())


def test_all_outputs_of_a_session_have_its_weight():
    outputs = batch()
    rollouts = last_outputs(outputs, 0.5)
    after, rollouts = weighted(outputs, rollouts, torch.tensor([3.0, 5.0, 7.0, 9.0], dtype=torch.float64))
    assert after.advantages.amax(1).tolist() == [3, 3, 0, 3.5, 4.5] and after.advantages[2, 0] == -5
    assert rollouts.advantages[:, 0].tolist() == [3, -5, 3.5, 4.5]
    assert torch.equal(after.advantages != 0, outputs.mask.bool())
    assert after.advantages.dtype == outputs.advantages.dtype
    assert torch.equal(after.verl_advantages, outputs.verl_advantages)


def test_a_window_holds_the_last_accuracies():
    accuracies = ()
    for accuracy in (0.1, 0.2, 0.3, 0.4):
        accuracies = remembered(accuracies, accuracy, 3)
    assert accuracies == (0.2, 0.3, 0.4)


OURS, BYPASS = "trainer.v1.trainer_mode=asymgrpo", "algorithm.rollout_correction.bypass_mode=True"


def run_config(*overrides: str):
    return composed("verl.trainer.config", "ppo_trainer", "actor_rollout_ref.rollout.n=8", *overrides)


@pytest.mark.parametrize("estimator", ["grpo", "asymgrpo"])
def test_ha_dw_is_off_by_default_and_works_with_any_estimator_and_in_bypass_mode(estimator):
    use = [f"algorithm.adv_estimator={estimator}", OURS]
    assert ha_dw_from(run_config(*use).algorithm) is None
    config = run_config(*use, "+algorithm.ha_dw.window=4", BYPASS)
    check_run_config(config)
    assert ha_dw_from(config.algorithm) == HistorySettings(scale=1.3, window=4)


def test_bypass_mode_with_a_measuring_pass_has_the_log_probabilities(capsys):
    measure = "+algorithm.diagnostics.bypass_mode=measure"
    check_run_config(run_config("algorithm.adv_estimator=grpo", OURS, "+algorithm.codapo.offset=0", BYPASS, measure))
    assert "bypass_mode is set but unused" not in capsys.readouterr().out
    check_run_config(run_config("algorithm.adv_estimator=grpo", OURS, measure))
    assert "algorithm.diagnostics.bypass_mode is set but unused" in capsys.readouterr().out


def test_codapo_is_off_by_default_and_has_the_papers_formula():
    assert codapo_from(run_config(OURS).algorithm) is None
    config = run_config("algorithm.adv_estimator=grpo", OURS, "+algorithm.codapo={}")
    check_run_config(config)
    assert codapo_from(config.algorithm) == ConfidenceSettings(offset=0.0)


@pytest.mark.parametrize(
    "overrides, message",
    [
        ([OURS, "+algorithm.ha_dw.scale=0"], "scale: got 0; expected a number > 0"),
        ([OURS, "+algorithm.ha_dw.window=0"], "window: got 0; expected an integer >= 1"),
        ([OURS, "+algorithm.ha_dw.lam=1.3"], "algorithm.ha_dw.lam: got an unknown key"),
        (
            ["trainer.v1.trainer_mode=own", "+algorithm.ha_dw.scale=1"],
            "algorithm.ha_dw: got a value, but trainer.v1.trainer_mode=own ignores it",
        ),
        ([OURS, "+algorithm.codapo.offset=-0.1"], "offset: got -0.1; expected a number >= 0"),
        ([OURS, "+algorithm.codapo.floor=0.1"], "algorithm.codapo.floor: got an unknown key"),
        (
            [OURS, "+algorithm.codapo.offset=0", BYPASS],
            "algorithm.codapo: got a value, but .*bypass_mode=True",
        ),
    ],
)
def test_weights_that_a_run_would_not_have_as_set_are_refused(overrides, message):
    with pytest.raises(ValueError, match=message):
        check_run_config(run_config("algorithm.adv_estimator=grpo", *overrides))
