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
"""Our settings under `algorithm`: what is accepted, what is refused, and how the refusal reads."""

import pytest
import torch
from batches import batch_of
from composing import composed
from omegaconf import OmegaConf
from verl.trainer.config import AlgoConfig
from verl.trainer.ppo.core_algos import get_adv_estimator_fn

from asymgrpo_verl.core.estimators import ESTIMATORS
from asymgrpo_verl.integration.settings import (
    DiagnosticsSettings,
    EntropyAdvantageSettings,
    TokenWeightingSettings,
    diagnostics_from,
    entropy_advantage_from,
    settings_from,
    token_weighting_from,
)
from asymgrpo_verl.integration.startup_check import check_run_config

AsymGRPO = ESTIMATORS["asymgrpo"].settings


def run_config(*overrides: str):
    """verl's own configuration with a user's overrides, as `python -m verl.trainer.main_ppo` composes it."""
    ours = ("algorithm.adv_estimator=asymgrpo", "actor_rollout_ref.rollout.n=8")
    return composed("verl.trainer.config", "ppo_trainer", *ours, *overrides)


def test_the_defaults_are_the_papers():
    assert AsymGRPO() == AsymGRPO(beta_pos=0.9, beta_neg=0.4, flip="none", reward_threshold=0.5)


@pytest.mark.parametrize("algorithm", [None, {}, AlgoConfig(), OmegaConf.create({"asymgrpo": None})])
def test_absent_is_default(algorithm):
    assert settings_from(algorithm) == AsymGRPO()


def test_command_line_keys_reach_the_settings():
    config = run_config("+algorithm.asymgrpo.beta_pos=0.7", "+algorithm.asymgrpo.flip=negative")
    check_run_config(config)
    assert settings_from(config.algorithm) == AsymGRPO(beta_pos=0.7, flip="negative")


def test_interpolations_are_resolved():
    config = run_config("+algorithm.asymgrpo.beta_pos=0.7", "+algorithm.asymgrpo.beta_neg=${.beta_pos}")
    assert settings_from(config.algorithm).beta_neg == 0.7


REFUSED = [
    (
        "+algorithm.asymgrpo.beta_positive=1",
        r"algorithm.asymgrpo.beta_positive: got an unknown key; did you mean algorithm.asymgrpo.beta_pos\?",
    ),
    (
        "+algorithm.asymgrpo.xyz=1",
        "asymgrpo.xyz: got an unknown key; expected one of reward_threshold, beta_pos, beta_neg, flip",
    ),
    ("+algorithm.asymgrpo.beta_pos=-0.1", "algorithm.asymgrpo.beta_pos: got -0.1; expected a number >= 0"),
    ("+algorithm.asymgrpo.beta_neg=inf", "algorithm.asymgrpo.beta_neg: got inf; expected a finite number"),
    ("+algorithm.asymgrpo.beta_neg=nan", "algorithm.asymgrpo.beta_neg: got nan; expected a finite number"),
    ("+algorithm.asymgrpo.beta_pos=high", "algorithm.asymgrpo.beta_pos: got 'high', a str; expected a number"),
    ("+algorithm.asymgrpo.beta_pos=true", "algorithm.asymgrpo.beta_pos: got True, a bool; expected a number"),
    ("+algorithm.asymgrpo.beta_pos=null", "algorithm.asymgrpo.beta_pos: got None, a NoneType; expected a number"),
    ("+algorithm.asymgrpo.flip=both", "algorithm.asymgrpo.flip: got 'both'; expected one of none, positive, negative"),
    ("+algorithm.asymgrpo.flip=[none]", r"algorithm.asymgrpo.flip: got \['none'\]; expected one of"),
    ("+algorithm.asymgrpo=0.9", "algorithm.asymgrpo: got 0.9; expected a group of keys"),
    ("algorithm.use_kl_in_reward=True", "Use the KL loss instead: actor_rollout_ref.actor.use_kl_loss=True"),
]


@pytest.mark.parametrize("override, message", REFUSED)
def test_a_bad_setting_is_refused_at_start_and_in_the_estimator(override, message):
    config = run_config(override)
    with pytest.raises((ValueError, TypeError), match=message):
        check_run_config(config)
    rewards, mask, index = batch_of({"a": [1, 0]})
    with pytest.raises((ValueError, TypeError), match=message):
        get_adv_estimator_fn("asymgrpo")(
            token_level_rewards=rewards, response_mask=mask, index=index, config=config.algorithm
        )


@pytest.mark.parametrize(
    "override, message",
    [
        (
            "+algorithm.beta_pos=0.7",
            "algorithm.beta_pos: got a key that neither .*; did you mean algorithm.asymgrpo.beta_pos",
        ),
        (
            "+algorithm.AsymGRPO.beta_pos=0.7",
            r"algorithm.AsymGRPO: got a key that neither .*; did you mean algorithm.asymgrpo\?",
        ),
        ("+algorithm.beta_positive=3", "did you mean algorithm.asymgrpo.beta_pos"),
        (
            "+algorithm.asymgpro.beta_pos=0.7",
            "algorithm.asymgpro: got a key that neither .*; did you mean algorithm.asymgrpo",
        ),
        (
            "actor_rollout_ref.rollout.n=1",
            "rollout.n: got 1; expected more rollouts per prompt, .*in a group of 1 is 0",
        ),
    ],
)
def test_what_would_be_ignored_or_learn_nothing_is_refused_at_start(override, message):
    with pytest.raises(ValueError, match=message):
        check_run_config(run_config(override))


@pytest.mark.parametrize("key", ["reward_scale", "overlong_threshold", "entropy_coeff", "token_level"])
def test_a_key_that_a_users_own_code_may_read_is_printed_alone(key, capsys):
    check_run_config(run_config(f"+algorithm.{key}=1"))
    assert f"algorithm.{key} is read neither by verl nor by asymgrpo_verl" in capsys.readouterr().out


@pytest.mark.parametrize(
    "estimator, setting",
    [
        ("asymgrpo", "token_weights_path=a.json"),
        ("asymgrpo", "diagnostic_mode=full"),
        ("asymgrpo", "diagnosis=1"),
        ("asymgrpo", "schedule=cosine"),
        ("asymgrpo", "schedule.warmup=10"),
        ("asymgrpo", "scheduler=cosine"),
        ("asymgrpo", "flip=0.1"),
        ("asymgrpo", "flip_prob=0.1"),
        ("asymgrpo", "k=4"),
        ("asymgrpo", "beta=0.1"),
        ("asymgrpo", "beta_pos_lr=0.1"),
        ("asymgrpo", "asymgrpo_plus.x=1"),
        ("asymgrpo", "dr_grpo=1"),
        ("asymgrpo", "reward_scaling=2"),
        ("passk_training", "k=top"),
        ("passk_training", "kappa=2"),
        ("f_grpo", "flip=positive"),
    ],
)
def test_a_key_that_only_resembles_one_of_ours_is_printed_alone(estimator, setting, capsys):
    check_run_config(run_config(f"algorithm.adv_estimator={estimator}", f"+algorithm.{setting}"))
    key = setting.split("=")[0].split(".")[0]
    assert f"algorithm.{key} is read neither by verl nor by asymgrpo_verl" in capsys.readouterr().out


@pytest.mark.parametrize(
    "estimator, setting, meant",
    [
        ("asymgrpo", "betapos=0.7", "asymgrpo.beta_pos"),
        ("asymgrpo", "beta_negative=0.7", "asymgrpo.beta_neg"),
        ("asymgrpo", "flip=negative", "asymgrpo.flip"),
        ("asymgrpo", "schedule.beta_pos.kind=constant", "asymgrpo.schedule"),
        ("asymgrpo", "reward_treshold=1", "asymgrpo.reward_threshold"),
        ("asymgrpo", "asym_grpo.beta_pos=1", "asymgrpo"),
        ("asymgrpo", "token_weights.correct=entropy", "token_weighting"),
        ("passk_training", "k=4", "passk_training.k"),
        ("passk_training", "PassK_training.k=4", "passk_training"),
    ],
)
def test_a_key_that_nearly_spells_one_of_ours_is_refused(estimator, setting, meant):
    with pytest.raises(ValueError, match=rf"did you mean algorithm\.{meant}\?"):
        check_run_config(run_config(f"algorithm.adv_estimator={estimator}", f"+algorithm.{setting}"))


@pytest.mark.parametrize("ours", ["trainer.v1.trainer_mode=asymgrpo", "+algorithm.diagnostics.gradient_share_every=0"])
def test_with_an_estimator_of_verl_it_is_refused_if_the_run_uses_something_of_ours(ours):
    settings = ["algorithm.adv_estimator=grpo", "+algorithm.token_weighitng.correct=entropy", ours]
    with pytest.raises(ValueError, match=r"did you mean algorithm\.token_weighting\?"):
        check_run_config(run_config(*settings))


@pytest.mark.parametrize(
    "setting, message",
    [
        (
            "timelimit=3",
            "reward_kwargs.timelimit: got an unknown key; did you mean .*.reward_kwargs.time_limit",
        ),
        ("time_limit=0", "reward_kwargs.time_limit: got 0; expected a number > 0"),
        ("time_limit=soon", "reward_kwargs.time_limit: got 'soon', a str; expected a number"),
        ("batch_limit=-1", "reward_kwargs.batch_limit: got -1; expected a number > 0"),
    ],
)
def test_settings_of_our_reward_are_checked_at_start_for_any_estimator(setting, message):
    path = "reward.custom_reward_function.path=pkg://asymgrpo_verl.rewards"
    for estimator in ("asymgrpo", "grpo"):
        settings = [f"algorithm.adv_estimator={estimator}", path]
        for limit in ("time_limit=3", "batch_limit=0.5"):
            check_run_config(run_config(*settings, f"+reward.custom_reward_function.reward_kwargs.{limit}"))
        with pytest.raises((ValueError, TypeError), match=message):
            check_run_config(run_config(*settings, f"+reward.custom_reward_function.reward_kwargs.{setting}"))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_estimator_reads_the_reward_threshold_and_refuses_what_it_does_not_know(estimator):
    use = f"algorithm.adv_estimator={estimator}"
    config = run_config(use, f"+algorithm.{estimator}.reward_threshold=0.9")
    check_run_config(config)
    assert settings_from(config.algorithm, estimator).reward_threshold == 0.9
    rewards, mask, index = batch_of({"a": [1, 0, 0, 0, 0, 0, 0, 0]})
    high, low = (
        get_adv_estimator_fn(estimator)(
            token_level_rewards=rewards * reward, response_mask=mask, index=index, config=config.algorithm
        )[0]
        for reward in (1.0, 0.8)
    )
    assert not torch.equal(high, low), "0.8 is not above 0.9, so that group has no correct rollout"
    for bad, message in (
        ("xyz=1", f"algorithm.{estimator}.xyz: got an unknown key"),
        ("reward_threshold=a", "a str; expected a number"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            check_run_config(run_config(use, f"+algorithm.{estimator}.{bad}"))
    with pytest.raises(ValueError, match="use_kl_in_reward"):
        check_run_config(run_config(use, "algorithm.use_kl_in_reward=True"))


@pytest.mark.parametrize(
    "key, value, message",
    [
        (
            "passk_training.k",
            "8",
            "rollout.n: got 8; expected more rollouts .*, algorithm.passk_training.k=8 every advantage .*is 0",
        ),
        ("passk_training.k", "0", "k: got 0; expected an integer >= 1"),
        ("passk_training.k", "2.5", "k: got 2.5, a float; expected an integer"),
        ("w_reinforce.lam", "-1", "lam: got -1; expected a number >= 0"),
        ("f_grpo.gamma", "-1", "gamma: got -1; expected a number >= 0"),
        ("a_grae.alpha", "0", "alpha: got 0; expected a number > 0"),
        ("dgae.temperature", "-1", "temperature: got -1; expected a number >= 0"),
        ("qae.quantile", "0", "quantile: got 0; expected a number > 0"),
        ("qae.quantile", "1", "quantile: got 1; expected a number < 1"),
        ("qae.rule", "linear", "rule: got 'linear'; expected one of threshold, interpolated"),
    ],
)
def test_a_baselines_setting_out_of_range_is_refused(key, value, message):
    with pytest.raises((ValueError, TypeError), match=message):
        check_run_config(run_config(f"algorithm.adv_estimator={key.split('.')[0]}", f"+algorithm.{key}={value}"))


OURS = "trainer.v1.trainer_mode=asymgrpo"


@pytest.mark.parametrize("estimator", ["grpo", "asymgrpo"])
def test_the_entropy_advantage_is_off_by_default_and_works_with_any_estimator(estimator):
    use = [f"algorithm.adv_estimator={estimator}", OURS]
    assert entropy_advantage_from(run_config(*use).algorithm) is None
    assert entropy_advantage_from(run_config(*use, "+algorithm.entropy_advantage.alpha=0").algorithm) is None
    config = run_config(*use, "+algorithm.entropy_advantage.kappa=3")
    check_run_config(config)
    assert entropy_advantage_from(config.algorithm) == EntropyAdvantageSettings(alpha=0.4, kappa=3)


@pytest.mark.parametrize(
    "overrides, message",
    [
        ([OURS, "+algorithm.entropy_advantage.kappa=1"], "kappa: got 1; expected a number > 1"),
        ([OURS, "+algorithm.entropy_advantage.alpha=-1"], "alpha: got -1; expected a number >= 0"),
        ([OURS, "+algorithm.entropy_advantage.beta=1"], "algorithm.entropy_advantage.beta: got an unknown key"),
        ([OURS, "+algorithm.entropy_advantge.alpha=1"], r"did you mean algorithm.entropy_advantage\?"),
        (
            ["trainer.v1.trainer_mode=own", "+algorithm.entropy_advantage.alpha=1"],
            "algorithm.entropy_advantage: got a value, but trainer.v1.trainer_mode=own ignores it",
        ),
        (
            [OURS, "trainer.use_v1=False", "+algorithm.entropy_advantage.alpha=1"],
            "trainer.use_v1=False ignores it; expected trainer.v1.trainer_mode=asymgrpo and trainer.use_v1=True",
        ),
        (
            [OURS, "+algorithm.entropy_advantage.alpha=1", "algorithm.rollout_correction.bypass_mode=True"],
            "bypass_mode=True computes neither token entropy",
        ),
    ],
)
def test_an_entropy_advantage_that_would_do_nothing_is_refused(overrides, message):
    with pytest.raises(ValueError, match=message):
        check_run_config(run_config("algorithm.adv_estimator=grpo", *overrides))


def test_one_rollout_is_enough_for_reinforce():
    check_run_config(
        run_config("actor_rollout_ref.rollout.n=1", "+algorithm.asymgrpo.beta_pos=0", "+algorithm.asymgrpo.beta_neg=0")
    )


def test_other_estimators_are_left_alone(capsys):
    check_run_config(run_config("algorithm.adv_estimator=grpo", "algorithm.use_kl_in_reward=True"))
    assert capsys.readouterr().out == ""
    check_run_config(run_config("algorithm.adv_estimator=grpo", "+algorithm.asymgrpo.beta_pos=0.7"))
    assert "set but unused: adv_estimator=grpo" in capsys.readouterr().out
    check_run_config(run_config("algorithm.adv_estimator=grpo", "+algorithm.maximum_rl=1"))
    assert capsys.readouterr().out == ""


def test_the_estimator_reads_the_settings():
    rewards, mask, index = batch_of({"a": [1, 0, 0, 0]})
    config = OmegaConf.create({"asymgrpo": {"beta_pos": 1, "beta_neg": 0, "reward_threshold": 0.9}})
    advantages, returns = get_adv_estimator_fn("asymgrpo")(
        token_level_rewards=rewards, response_mask=mask, index=index, config=config
    )
    assert torch.equal(advantages[:, 0], torch.tensor([3.0, -1, -1, -1])) and torch.equal(advantages, returns)


BYPASS = "algorithm.rollout_correction.bypass_mode=True"
LINEAR = ["+algorithm.asymgrpo.schedule.beta_pos.kind=linear", "+algorithm.asymgrpo.schedule.beta_pos.end=0"]
ENTROPY = ["+algorithm.asymgrpo.schedule.beta_neg.kind=entropy", "+algorithm.asymgrpo.schedule.beta_neg.target=0.3"]
WEIGHTING = ["+algorithm.token_weighting.incorrect=surprisal"]
ZERO_WEIGHT = ["+algorithm.zero_weight.rollouts=train"]
GRADIENT = ["+algorithm.diagnostics.gradient_share_every=5", "actor_rollout_ref.actor.strategy=fsdp2"]


def test_what_the_trainer_reads_is_off_by_default():
    algorithm = run_config(OURS).algorithm
    assert token_weighting_from(algorithm) is None
    assert diagnostics_from(algorithm) == DiagnosticsSettings(log_prob_increment_every=0, gradient_share_every=0)
    assert token_weighting_from(run_config(*WEIGHTING).algorithm) == TokenWeightingSettings("none", "surprisal", 0.2)


@pytest.mark.parametrize("overrides", [LINEAR, ENTROPY, WEIGHTING, ZERO_WEIGHT], ids=lambda o: o[0])
def test_what_only_our_trainer_reads_needs_it(overrides):
    check_run_config(run_config(OURS, *overrides))
    check_run_config(run_config(*overrides))  # verl's own name of a mode: the run gets our trainer of that mode
    with pytest.raises(ValueError, match="got a value, but trainer.v1.trainer_mode=own ignores it"):
        check_run_config(run_config("trainer.v1.trainer_mode=own", *overrides))


def test_diagnostics_that_another_trainer_does_not_make_are_named(capsys):
    check_run_config(run_config("+asymgrpo=clip_higher"))
    assert capsys.readouterr().out == ""
    check_run_config(run_config("+asymgrpo=clip_higher", "trainer.v1.trainer_mode=own"))
    assert "diagnostics is set but unused: trainer.v1.trainer_mode=own" in capsys.readouterr().out


def test_a_schedule_of_an_estimator_that_is_not_used_is_named(capsys):
    check_run_config(run_config("algorithm.adv_estimator=grpo", *LINEAR))
    assert "algorithm.asymgrpo is set but unused" in capsys.readouterr().out


@pytest.mark.parametrize(
    "overrides, allowed",
    [(LINEAR, True), (GRADIENT, True), (ENTROPY, False), (WEIGHTING, False)]
    + [(["+algorithm.diagnostics.log_prob_increment_every=1"], False)],
)
def test_bypass_mode_has_no_old_policy_to_ask(overrides, allowed):
    config = run_config(OURS, BYPASS, *overrides)
    if allowed:
        check_run_config(config)
    else:
        with pytest.raises(ValueError, match="bypass_mode=True computes neither token entropy nor log-probabilities"):
            check_run_config(config)


@pytest.mark.parametrize(
    "overrides, message",
    [
        (["+algorithm.token_weighting.correct=all"], "correct: got 'all'; expected one of none, surprisal, entropy"),
        (["+algorithm.token_weighting.top=1.5"], "top: got 1.5; expected a number <= 1"),
        (["+algorithm.token_weights.top=1"], r"did you mean algorithm.token_weighting\?"),
        (["+algorithm.zero_weight.rollouts=drop"], "zero_weight.rollouts: got 'drop'; expected one of skip, train"),
        (["+algorithm.zero_weights.rollouts=train"], r"did you mean algorithm.zero_weight\?"),
        (["+algorithm.diagnostics.every=1"], "algorithm.diagnostics.every: got an unknown key"),
        (["+algorithm.diagnostics.gradient_share_every=-1"], "gradient_share_every: got -1; expected an integer >= 0"),
        (
            [*GRADIENT, "actor_rollout_ref.actor.strategy=fsdp"],
            "gradient_share_every: got 5; expected 0, because .*strategy=fsdp has no",
        ),
        (
            [*GRADIENT, "actor_rollout_ref.actor.use_kl_loss=True"],
            "gradient_share_every: got 5; expected 0, because .*use_kl_loss=True",
        ),
        (
            [*ENTROPY, "+algorithm.asymgrpo.beta_neg=2"],
            "asymgrpo.beta_neg: got 2.0; expected a number from .*minimum=0.0 to .*maximum=1.5",
        ),
        (["+algorithm.schedule.beta_pos.kind=linear"], r"did you mean algorithm.asymgrpo.schedule\?"),
    ],
)
def test_a_bad_setting_of_the_trainer_is_refused(overrides, message):
    with pytest.raises(ValueError, match=message):
        check_run_config(run_config(OURS, *overrides))
