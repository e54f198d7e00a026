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
"""An update leaves out the rollouts with advantage 0, or says why it does not."""

import pytest
from composing import composed
from verl.workers.engine_workers import TrainingWorker

from asymgrpo_verl.integration.startup_check import check_run_config
from asymgrpo_verl.integration.zero_weight import worker_settings

ACTOR = "actor_rollout_ref.actor"
NORM = f"{ACTOR}.loss_agg_mode=seq-mean-token-sum-norm"
NEEDS_ALL_ROWS = [
    ([f"{ACTOR}.entropy_coeff=0.01"], "entropy_coeff=0.01: the entropy bonus is over all rollouts"),
    ([f"{ACTOR}.entropy_coeff=-0.01"], "entropy_coeff=-0.01: the entropy bonus is over all rollouts"),
    ([f"{ACTOR}.calculate_entropy=True"], "calculate_entropy=True: actor/entropy_loss is over all rollouts"),
    ([f"{ACTOR}.use_kl_loss=True"], "use_kl_loss=True: the KL loss is over all rollouts"),
    (["distillation.enabled=True"], "distillation.enabled=True: the distillation loss is over all rollouts"),
    (["actor_rollout_ref.model.mtp.enable=True"], "mtp.enable=True: its loss is over all rollouts"),
    ([f"{ACTOR}.fsdp_config.qat.enable=True"], "qat.enable=True: activations are scaled by those of all rollouts"),
    *(
        ([f"{ACTOR}.policy_loss.loss_mode={loss}"], f"loss_mode={loss}: it is not known to be a sum over rollouts")
        for loss in ("clip_cov", "kl_cov", "geo_mean", "dro", "bypass_mode", "my_loss")
    ),
    ([NORM], "without loss_scale_factor divides by the longest response of a micro-batch"),
    ([f"{ACTOR}.use_prefix_grouper=True"], "use_prefix_grouper=True keeps the rollouts of a prompt together"),
    ([f"{ACTOR}.strategy=megatron"], "strategy=megatron: it works with fsdp and fsdp2"),
]


def run_config(*overrides: str):
    ours = ["algorithm.adv_estimator=asymgrpo", "actor_rollout_ref.rollout.n=8", "trainer.v1.trainer_mode=asymgrpo"]
    return composed("verl.trainer.config", "ppo_trainer", *ours, *overrides)


def test_an_update_leaves_out_rollouts_with_advantage_0_by_default(capsys):
    config = run_config()
    check_run_config(config)
    assert capsys.readouterr().out == ""
    assert worker_settings(config) == {"zero_weight_mean_over": "all"}
    assert worker_settings(run_config("+algorithm.zero_weight.mean_over=nonzero")) == {
        "zero_weight_mean_over": "nonzero"
    }


@pytest.mark.parametrize("overrides, reason", NEEDS_ALL_ROWS, ids=lambda value: value if isinstance(value, str) else "")
def test_an_update_that_needs_all_rows_runs_them_and_says_why(overrides, reason, capsys):
    config = run_config(*overrides)
    check_run_config(config)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("[asymgrpo_verl] the update also runs rollouts with advantage 0: ") and line.endswith(reason)
    assert worker_settings(config) == {}
    with pytest.raises(ValueError, match="mean_over: got nonzero; expected all, because") as error:
        check_run_config(run_config("+algorithm.zero_weight.mean_over=nonzero", *overrides))
    assert reason in str(error.value)


def test_an_update_runs_all_rows_without_a_word_if_it_was_asked_to(capsys):
    config = run_config("+algorithm.zero_weight.rollouts=train")
    check_run_config(config)
    assert (capsys.readouterr().out, worker_settings(config)) == ("", {})


def test_a_norm_with_a_scale_of_its_own_does_not_need_all_rows(capsys):
    config = run_config(NORM, f"{ACTOR}.loss_scale_factor=1024")
    check_run_config(config)
    assert capsys.readouterr().out == "" and worker_settings(config)


def test_a_sum_over_tokens_has_no_mean():
    overrides = ["+algorithm.zero_weight.mean_over=nonzero", f"{ACTOR}.loss_agg_mode=token-sum"]
    with pytest.raises(ValueError, match="expected all, because .*loss_agg_mode=token-sum divides by nothing"):
        check_run_config(run_config(*overrides))


def test_a_verl_without_what_it_needs_runs_all_rows(monkeypatch, capsys):
    monkeypatch.delattr(TrainingWorker, "train_mini_batch")
    config = run_config()
    check_run_config(config)
    assert "TrainingWorker.train_mini_batch: not found" in capsys.readouterr().out
    assert worker_settings(config) == {}
