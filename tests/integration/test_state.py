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
"""What a trainer keeps between steps, in memory and in a checkpoint; the adaptive entropy coefficient as a setting."""

import json
import math
from functools import partial

import pytest
import torch
from composing import composed
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl.utils import tensordict_utils as tu
from verl.workers.config import FSDPActorConfig

from asymgrpo_verl.core.diagnostics import EpochCounts
from asymgrpo_verl.core.schedules import Coefficient, Constant, EntropyCoefficient, Memory, RepoR
from asymgrpo_verl.integration.settings import HistorySettings, entropy_coefficient_from, repo_r_from
from asymgrpo_verl.integration.startup_check import check_run_config
from asymgrpo_verl.integration.state import State, after_step, as_text, before_step, saved_state
from asymgrpo_verl.integration.update import loss_of_mini_batch

KEY = "algorithm.entropy_coefficient"
ON = f"+{KEY}={{}}"
METRICS = {"rollouts/entropy": 0.1, "rollouts/correct/share": 0.5, "asymgrpo/beta_pos": 0.9, "asymgrpo/beta_neg": 0.4}


def test_a_checkpoint_gives_the_state_back(tmp_path):
    counts = EpochCounts(2, 3, 1, 1, 1.5, (1, 0, 2))
    state = State(counts, Memory(0.9, 0.5, 3), Memory(), 0.25, (0.5, 0.75), Coefficient(0.002, False), -0.01)
    place = tmp_path / "global_step_4"
    place.mkdir()
    (place / "asymgrpo.json").write_text(as_text(state))
    trainer = OmegaConf.create({"default_local_dir": str(tmp_path), "resume_mode": "auto"})
    read = saved_state(trainer, 4)
    assert read._replace(epoch=None) == state._replace(epoch=None)
    assert read.entropy_coefficient.applied == 0 and json.loads(as_text(read)) == json.loads(as_text(state))
    assert saved_state(trainer, 5).accuracies == (), "another trainer saved it"


def test_after_a_step_only_what_is_on_has_moved():
    constant = {"beta_pos": Constant(), "beta_neg": Constant()}
    state = State(entropy_coefficient=Coefficient(0.001), accuracies=(0.1, 0.3), zeta=0.001)
    off, averages = after_step(state, METRICS, constant, None, None, None)
    assert off[:3] + off[4:] == state[:3] + state[4:] and all(math.isnan(value) for value in averages.values())
    on, averages = after_step(state, METRICS, constant, HistorySettings(window=2), EntropyCoefficient(), RepoR())
    assert on.accuracies == (0.3, 0.5) and averages["ha_dw/belief"] == pytest.approx(0.4)
    assert on.entropy_coefficient == (pytest.approx(0.0011), True) and on.zeta == 0.002


def test_the_first_step_starts_where_the_configuration_says_and_a_later_one_where_the_state_is():
    assert before_step(State(), None, 0.0, None) == (State(), {}, {})
    first, for_worker, metrics = before_step(State(), EntropyCoefficient(), 0.003, RepoR())
    assert for_worker == {"entropy_coeff": 0.003, "repo_r_zeta": 0.001}
    assert metrics == {"entropy_coefficient/value": 0.003, "entropy_coefficient/applied": 0.003, "repo_r/zeta": 0.001}
    later = first._replace(entropy_coefficient=Coefficient(0.002, False), zeta=-0.02)
    after, for_worker, metrics = before_step(later, EntropyCoefficient(), 0.003, RepoR())
    assert after == later and for_worker == {"entropy_coeff": 0.0, "repo_r_zeta": -0.02}
    assert (metrics["entropy_coefficient/value"], metrics["entropy_coefficient/applied"]) == (0.002, 0.0)


def test_the_loss_has_repo_rs_advantages_of_this_policy_and_the_batch_keeps_its_own():
    """Two rows of one and of two response tokens; the model's log-probabilities are those of the next token."""
    nested = partial(torch.nested.as_nested_tensor, layout=torch.jagged)
    data = TensorDict(
        {
            "prompts": nested([torch.zeros(2), torch.zeros(1)]),
            "responses": nested([torch.zeros(1), torch.zeros(2)]),
            "response_mask": nested([torch.ones(1), torch.ones(2)]),
            "advantages": nested([torch.tensor([1.0]), torch.tensor([-2.0, -2.0])]),
        },
        batch_size=2,
    )
    log_probs = nested([torch.tensor([-9.0, -2.0, -9.0]), torch.tensor([-1.0, -4.0, -9.0])])
    loss_fn = partial(lambda config, model_output, data: (data["advantages"].values(), {}), config=None)
    given = {"model_output": {"log_probs": log_probs}, "loss_fn": loss_fn}
    assert loss_of_mini_batch(data=data, **given)[0].tolist() == [1, -2, -2]
    tu.assign_non_tensor(data, repo_r_zeta=0.1)
    assert loss_of_mini_batch(data=data, **given)[0].tolist() == pytest.approx([1.2, -1.8, -1.2])
    assert data["advantages"].values().tolist() == [1, -2, -2]


def test_the_loss_has_the_coefficient_of_the_batch_and_the_configuration_keeps_its_own():
    config = FSDPActorConfig(strategy="fsdp2", rollout_n=8, ppo_micro_batch_size_per_gpu=1, entropy_coeff=0.25)
    loss_fn = partial(lambda config, data: (config.entropy_coeff, {}), config=config)
    for given, expected in ((0.001, 0.001), (0.0, 0.0), (None, 0.25)):
        data = TensorDict({}, batch_size=2)
        if given is not None:
            tu.assign_non_tensor(data, entropy_coeff=given)
        assert loss_of_mini_batch(data=data, loss_fn=loss_fn)[0] == expected
    assert config.entropy_coeff == 0.25


def run_config(*overrides: str):
    return composed("verl.trainer.config", "ppo_trainer", "actor_rollout_ref.rollout.n=8", *overrides)


def test_the_entropy_coefficient_is_off_by_default_and_has_skyworks_numbers():
    assert entropy_coefficient_from(run_config().algorithm) is None
    config = run_config("algorithm.adv_estimator=grpo", "trainer.v1.trainer_mode=asymgrpo", ON)
    check_run_config(config)
    assert entropy_coefficient_from(config.algorithm) == EntropyCoefficient(0.2, 1e-4, 0.0, 0.005)


def test_repo_r_is_off_by_default_and_may_start_below_0():
    assert repo_r_from(run_config().algorithm) is None
    ours = ("algorithm.adv_estimator=grpo", "trainer.v1.trainer_mode=asymgrpo")
    config = run_config(*ours, "+algorithm.repo_r.start=-0.01")
    check_run_config(config)
    assert repo_r_from(config.algorithm) == RepoR(0.3, -0.01, 1e-4, 0.05)


@pytest.mark.parametrize(
    "overrides, message",
    [
        ([f"+{KEY}.target=0"], "target: got 0; expected a number > 0"),
        ([f"+{KEY}.step=-1"], "step: got -1; expected a number >= 0"),
        ([f"+{KEY}.minimum=0.1"], f"{KEY}.minimum: got 0.1; expected a number <= {KEY}.maximum=0.005"),
        ([f"+{KEY}.delta=1"], f"{KEY}.delta: got an unknown key"),
        (
            [ON, "actor_rollout_ref.actor.entropy_coeff=0.01"],
            "entropy_coeff: got 0.01; expected a number from",
        ),
        (
            [ON, "actor_rollout_ref.actor.strategy=megatron"],
            f"{KEY}: got a value; expected none, because with",
        ),
        ([ON, "trainer.use_v1=False"], f"{KEY}: got a value, but trainer.use_v1=False ignores it"),
        (
            [ON, "algorithm.rollout_correction.bypass_mode=True"],
            f"{KEY}: got a value, but .*bypass_mode=True",
        ),
        (
            ["+algorithm.repo_r.start=0"],
            "repo_r.start: got 0.0; expected a number whose size is from",
        ),
        (
            ["+algorithm.repo_r.minimum=1"],
            "repo_r.minimum: got 1.0; expected a number <= algorithm",
        ),
        (["+algorithm.repo_r.zeta=1"], "algorithm.repo_r.zeta: got an unknown key"),
        (["+algorithm.repo_r={}", "actor_rollout_ref.actor.strategy=megatron"], "repo_r: got a value; expected none"),
        (["+algorithm.repo_r={}", "trainer.use_v1=False"], "algorithm.repo_r: got a value, but trainer.use_v1=False"),
        (
            [ON, "+algorithm.zero_weight.mean_over=nonzero"],
            f"mean_over: got nonzero; expected all, because {KEY}: the entropy bonus is over all rollouts",
        ),
    ],
)
def test_an_adaptive_setting_that_a_run_would_not_have_as_set_is_refused(overrides, message):
    ours = ["algorithm.adv_estimator=grpo", "trainer.v1.trainer_mode=asymgrpo"]
    with pytest.raises(ValueError, match=message):
        check_run_config(run_config(*ours, *overrides))
