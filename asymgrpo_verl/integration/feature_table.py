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
"""Which of our features works with which of verl's trainers: docs/trainers.md, made by the check at the start of a run.

`python -m asymgrpo_verl.integration.feature_table > docs/trainers.md` writes the page. For every cell it composes the
configuration of a run and checks it as before Ray starts (`startup_check`).
"""

import contextlib
import importlib
import io
from functools import cache
from typing import NamedTuple

import verl  # noqa: F401  loads the plugin, and the plugin adds the methods to Hydra
from hydra import compose, initialize_config_module
from omegaconf import DictConfig, OmegaConf

from asymgrpo_verl.integration.startup_check import check_run_config


class Trainer(NamedTuple):
    """A trainer of verl, or ours over it.

    Attributes:
        name: the head of its column.
        overrides: what chooses it.
        runner: module and name of its task runner, which verl's entry point gives to run_ppo; "" for main_ppo's.
    """

    name: str
    overrides: tuple[str, ...] = ()
    runner: str = ""


class Feature(NamedTuple):
    """A feature of ours, or one of verl's that ours has to go along with.

    Attributes:
        name: the head of its row.
        overrides: what switches it on.
    """

    name: str
    overrides: tuple[str, ...] = ()


SEPARATE = (
    "trainer.v1.trainer_mode=asymgrpo_separate_async",
    "trainer.v1.separate_async.parameter_sync_step=2",
    "data.train_batch_size=512",
    "actor_rollout_ref.actor.ppo_mini_batch_size=256",
    "actor_rollout_ref.rollout.nnodes=1",
    "actor_rollout_ref.rollout.checkpoint_engine.backend=nccl",
)
EXPERIMENTAL = "verl.experimental"
TRAINERS = (
    Trainer("`sync`", ("trainer.v1.trainer_mode=asymgrpo",)),
    Trainer("`colocate_async`", ("trainer.v1.trainer_mode=asymgrpo_colocate_async",)),
    Trainer("`separate_async`", SEPARATE),
    Trainer("one_step_off", runner=f"{EXPERIMENTAL}.one_step_off_policy.main_ppo.OneStepTaskRunner"),
    Trainer("fully_async", runner=f"{EXPERIMENTAL}.fully_async_policy.fully_async_main.FullyAsyncTaskRunner"),
    Trainer("`use_v1=False`", ("trainer.use_v1=False",), runner="verl.trainer.main_ppo_v0.TaskRunner"),
)
DIAGNOSTICS, BYPASS = "+algorithm.diagnostics", "algorithm.rollout_correction.bypass_mode=True"
FEATURES = (
    Feature("estimators and policy loss of every method"),
    Feature(
        "metrics of every step: `groups/*`, `epoch/*`, `rollouts/*`, ...", (f"{DIAGNOSTICS}.max_failed_rewards=0.1",)
    ),
    Feature("`log_prob_increment`, `entropy_change/measured`", (f"{DIAGNOSTICS}.log_prob_increment_every=10",)),
    Feature("`gradient/*`", (f"{DIAGNOSTICS}.gradient_share_every=10", "actor_rollout_ref.actor.strategy=fsdp2")),
    Feature("a schedule of a beta by the step", ("+algorithm.asymgrpo.schedule.beta_pos={kind: linear, end: 0.5}",)),
    Feature("a schedule by entropy", ("+algorithm.asymgrpo.schedule.beta_neg={kind: entropy, target: 0.3}",)),
    Feature("`algorithm.ha_dw`", ("+algorithm.ha_dw.scale=1.3",)),
    Feature("`algorithm.codapo`", ("+algorithm.codapo.offset=0",)),
    Feature("`algorithm.entropy_advantage`", ("+algorithm.entropy_advantage.alpha=0.4",)),
    Feature("`algorithm.token_weighting`", ("+algorithm.token_weighting.incorrect=surprisal",)),
    Feature("`algorithm.entropy_coefficient`", ("+algorithm.entropy_coefficient.target=0.2",)),
    Feature("`algorithm.repo_r`", ("+algorithm.repo_r.target=0.3",)),
    Feature("`KeepBest`", ("+trainer.checkpoint_callback_class=asymgrpo_verl.checkpoints.KeepBest",)),
    Feature("rollout correction, decoupled", ("algorithm.rollout_correction.rollout_is=token",)),
    Feature("rollout correction, bypass mode", (BYPASS,)),
    Feature("bypass mode with metrics of every step", (BYPASS, f"{DIAGNOSTICS}.max_failed_rewards=0.1")),
    Feature("bypass mode with `log_prob_increment`", (BYPASS, f"{DIAGNOSTICS}.log_prob_increment_every=10")),
    Feature(
        "the same with `algorithm.diagnostics.bypass_mode=measure`",
        (BYPASS, f"{DIAGNOSTICS}.log_prob_increment_every=10", f"{DIAGNOSTICS}.bypass_mode=measure"),
    ),
    Feature(
        "overlong penalty of verl's DAPO manager, verdict by `acc`",
        (
            "reward.reward_manager.name=dapo",
            "+reward.reward_kwargs.max_resp_len=512",
            "+reward.reward_kwargs.overlong_buffer_cfg={enable: true, len: 128, penalty_factor: 1.0, log: false}",
        ),
    ),
)
OURS = ("algorithm.adv_estimator=asymgrpo", "actor_rollout_ref.actor.policy_loss.loss_mode=asymgrpo")


@cache
def verls_configuration() -> DictConfig:
    """Return verl's configuration with our estimator and loss, which takes Hydra a second to compose."""
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", [*OURS, "actor_rollout_ref.rollout.n=8"])


def composed(feature: Feature, trainer: Trainer) -> DictConfig:
    """Return the configuration of a run of the trainer with the feature."""
    config = OmegaConf.create(OmegaConf.to_container(verls_configuration()))
    overrides = [override.lstrip("+") for override in (*trainer.overrides, *feature.overrides)]
    return OmegaConf.merge(config, OmegaConf.from_dotlist(overrides))


def cell(feature: Feature, trainer: Trainer) -> str:
    """Return what the check says: "yes", "unused" if it only prints so, "refused" with the key that it names."""
    module, _, name = trainer.runner.rpartition(".")
    runner = getattr(importlib.import_module(module), name) if module else None
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            check_run_config(composed(feature, trainer), runner)
    except ValueError:
        return "refused"
    return "unused" if "set but unused" in printed.getvalue() else "yes"


PAGE = """\
# Our features with each of verl's trainers

<!-- Made by `python -m asymgrpo_verl.integration.feature_table > docs/trainers.md`: edit the module, not the page. -->

`+asymgrpo=METHOD` works with `trainer.v1.trainer_mode=sync`, `colocate_async` and `separate_async`: the run gets our
trainer of the mode that you have set, and prints its name (`asymgrpo`, `asymgrpo_colocate_async`,
`asymgrpo_separate_async`). A run without a METHOD gets it if it sets `algorithm.diagnostics`, `entropy_advantage`,
`token_weighting`, `entropy_coefficient`, `repo_r`, `ha_dw`, `codapo`, `zero_weight` or `asymgrpo.schedule`, and
`algorithm.diagnostics=null` keeps verl's own trainer. The launchers take `MODE=sync`, `colocate_async` or
`separate_async`.

"yes": the run starts. "refused": it ends before Ray starts, with a message that says what to set. "unused": it starts,
prints that the setting is not used, and trains the same.

"""
NOTES = """
The first three columns are our trainers. `tests/e2e/test_resume_cpu.py` trains, kills and resumes each of them on a
CPU, with `KeepBest`, both schedules by measurement, token weighting and all metrics;
`tests/e2e/test_separate_async_cpu.py` runs `separate_async` with two ranks and two rollout servers, and with rollout
servers in the trainer's ranks. Neither was run on a GPU. The other columns are verl's own trainers, in which our
estimators and policy loss are registered; we have not run verl's experimental trainers.

## What a step is in the asynchronous modes

- A step is everything between two weight syncs, in which the rollout servers get the policy's weights. In
  `separate_async` it has `trainer.v1.separate_async.parameter_sync_step` triggers, each of which samples rollouts of
  its own and trains on them. The betas are set once per step, schedules observe once per step, and the metrics describe
  the rollouts of all its triggers as one batch.
- `rollouts/*/staleness` and verl's `training/off_policy/*` say how many steps old the policy was that drew a rollout.
  `training/rollout_probs_diff_*` compares the probabilities of both policies.
- Nothing corrects for stale rollouts by itself, because PPO's ratio compares the policy with that of the step's start.
  `algorithm.rollout_correction.rollout_is=token` weights them. In bypass mode the ratio compares with the policy that
  drew the tokens; verl then computes no entropy before the update. `algorithm.diagnostics.bypass_mode=measure` computes
  entropy and log-probabilities by one forward pass before each update, for our metrics and settings alone.
- `covariance/*` and `entropy_change/predicted` take the log-probabilities of the policy at the step's start. In bypass
  mode they take those of the policies that drew the tokens, or with `bypass_mode=measure` those before each trigger's
  update; `log_prob_increment` is then the change from there to the end of the step.
- `log_prob_increment` and `entropy_change/measured` are the change from the step's start to its end. `gradient/*` is
  that of the step's first trigger.
- A prompt counts for `epoch/*` when it is trained. Near the end of an epoch prompts of the next pass may be trained
  before some of this pass, because rollouts are trained in the order in which they finish.
- `separate_async` refuses `actor.fsdp_config.param_offload=True` with several triggers per step outside bypass mode:
  verl 0.9.1 saves the weights of a step's start without a copy if they are in the host's memory, so a step would lose
  all but its last mini-batch.
- A checkpoint has the rollouts that wait for training and the prompts in flight. A run that resumes trains the first
  and generates the second anew.
"""


def markdown() -> str:
    """Return the text of docs/trainers.md."""
    rows = [f"| | {' | '.join(trainer.name for trainer in TRAINERS)} |", "|---" * (len(TRAINERS) + 1) + "|"]
    rows += [f"| {feature.name} | {' | '.join(cell(feature, it) for it in TRAINERS)} |" for feature in FEATURES]
    return PAGE + "\n".join(rows) + "\n" + NOTES


if __name__ == "__main__":
    print(markdown(), end="")
