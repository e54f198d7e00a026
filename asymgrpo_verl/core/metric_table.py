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
"""The table of the metrics that we log, from which `core.metrics` makes docs/metrics.md."""

from typing import NamedTuple


class Metric(NamedTuple):
    """A metric, or several that are named alike.

    Attributes:
        key: its name in the log. `{a,b}` stands for a and for b, and `k_of_n` for 0_of_n, 1_of_n, ..., n_of_n.
        unit: "share" is a number from 0 to 1.
        logged: when, if not at every step.
        source: the function that computes it, below asymgrpo_verl.
        meaning: one sentence or two. "The channel" is what the braces name.
    """

    key: str
    unit: str
    logged: str
    source: str
    meaning: str


INCREMENT = "every log_prob_increment_every steps"
GRADIENT = "every gradient_share_every steps"
SCHEDULED = "with adv_estimator=asymgrpo"
COEFFICIENT = "with algorithm.entropy_coefficient"
BYPASS = "with algorithm.diagnostics.bypass_mode=measure"
LOSS = "with loss_mode=asymgrpo or up"
SKIPPED = "if an update may leave out rollouts"
TRAINER = "integration.trainer.AsymGRPOTrainer"

METRICS = (
    Metric(
        "groups/{all_solved,none_solved,mixed}",
        "share",
        "",
        "core.diagnostics.group_metrics",
        "Share of the step's prompts with p = 1, with p = 0, and with 0 < p < 1. The three add up to 1.",
    ),
    Metric("groups/accuracy", "share", "", "core.diagnostics.group_metrics", "Mean p of the step's prompts."),
    Metric(
        "groups/solved/k_of_n",
        "share",
        "",
        "core.diagnostics.group_metrics",
        "Share of the step's prompts with k of n rollouts correct: the histogram of p. A group of another size counts "
        "at the k/n nearest to its p.",
    ),
    Metric(
        "groups/odd_size",
        "share",
        "",
        "core.diagnostics.group_metrics",
        "Share of groups whose size is not actor_rollout_ref.rollout.n.",
    ),
    Metric(
        "groups/failed_rewards",
        "share",
        "",
        "integration.failed_rewards.failed_share",
        "Share of the rollouts whose reward function raised. verl drops them, so their groups are smaller; in the "
        "asynchronous modes it drops the whole group. The run ends above algorithm.diagnostics.max_failed_rewards "
        "(0.01).",
    ),
    Metric(
        "groups/multi_output",
        "share",
        "",
        "integration.sessions.multi_output_share",
        "Share of the sessions (trajectories of an agent loop) with several outputs (rows). The last output of a "
        "session decides whether it is correct.",
    ),
    Metric(
        "epoch/{all_solved,none_solved,mixed,accuracy,solved/k_of_n}",
        "share",
        "",
        "core.diagnostics.epoch_metrics",
        "As under groups/, over the prompts of the epoch so far.",
    ),
    Metric("epoch/prompts", "prompts", "", "core.diagnostics.epoch_metrics", "Number of prompts of the epoch so far."),
    Metric(
        "rollouts/entropy",
        "nats per token",
        "",
        "core.diagnostics.channel_metrics",
        "Mean token entropy of the policy before the update. It equals verl's actor/entropy only if "
        "loss_agg_mode=token-mean.",
    ),
    Metric(
        "rollouts/{correct,incorrect}/entropy",
        "nats per token",
        "",
        "core.diagnostics.channel_metrics",
        "Mean token entropy of the channel's rollouts before the update.",
    ),
    Metric(
        "rollouts/{correct,incorrect}/entropy_mixed",
        "nats per token",
        "",
        "core.diagnostics.channel_metrics",
        "The same in mixed groups only, so that both channels answer the same prompts.",
    ),
    Metric(
        "rollouts/{correct,incorrect}/length",
        "tokens",
        "",
        "core.diagnostics.channel_metrics",
        "Mean number of response tokens of the channel's rollouts.",
    ),
    Metric(
        "rollouts/{correct,incorrect}/share",
        "share",
        "",
        "core.diagnostics.channel_metrics",
        "The channel's share of all rollouts.",
    ),
    Metric(
        "rollouts/{correct,incorrect}/staleness",
        "weight syncs",
        "",
        "core.diagnostics.staleness_metrics",
        "Number of weight syncs from the policy that drew the first token to the step, mean over the channel's "
        "rollouts. It is 0 with trainer_mode=asymgrpo. verl's training/off_policy/trajectory_staleness_worst/* has all "
        "rollouts.",
    ),
    Metric(
        "rollouts/{correct,incorrect}/staleness_max",
        "weight syncs",
        "",
        "core.diagnostics.staleness_metrics",
        "The maximum of the same.",
    ),
    Metric(
        "rollouts/{correct,incorrect}/advantage_mass",
        "advantage",
        "",
        "core.diagnostics.channel_metrics",
        "Sum of |A| over the channel's tokens, divided by the number of all response tokens.",
    ),
    Metric(
        "covariance/mean",
        "nats",
        "",
        "core.diagnostics.covariance_metrics",
        "Covariance of log-probability per token and advantage within a group (Eq. 12-14), mean over the groups: what "
        "drives the entropy.",
    ),
    Metric(
        "covariance/at/k_of_n",
        "nats",
        "",
        "core.diagnostics.covariance_metrics",
        "The same over the groups with k of n rollouts correct: Cov(p) of Fig. 1 c.",
    ),
    Metric(
        "entropy_change/predicted",
        "nats per token",
        "",
        f"{TRAINER}.step",
        "-actor/lr x covariance/mean, the change of the entropy by Eq. 9 (actor/lr is that of the next step). Eq. 9 "
        "assumes a natural-gradient step, so compare the sign and the trend with `measured`, not the size.",
    ),
    Metric(
        "entropy_change/between_steps",
        "nats per token",
        "",
        f"{TRAINER}._diagnose",
        "rollouts/entropy minus its value at the previous step. The prompts differ, so most of the difference is "
        "noise.",
    ),
    Metric(
        "entropy_change/measured",
        "nats per token",
        INCREMENT,
        "core.diagnostics.update_metrics",
        "Mean token entropy of the step's rollouts after the step minus before it.",
    ),
    Metric(
        "rollouts/{correct,incorrect}/log_prob_increment",
        "nats",
        INCREMENT,
        "core.diagnostics.update_metrics",
        "Mean over the channel's rollouts of log pi_new(y) - log pi_old(y), of the policy after and before the step.",
    ),
    Metric(
        "rollouts/{correct,incorrect}/log_prob_increment_per_token",
        "nats per token",
        INCREMENT,
        "core.diagnostics.update_metrics",
        "The channel's summed increment divided by its number of tokens.",
    ),
    Metric(
        "displacement/share",
        "share",
        INCREMENT,
        "core.diagnostics.displacement_metrics",
        "Share of the correct rollouts of mixed groups whose log-probability fell: lazy likelihood displacement.",
    ),
    Metric(
        "displacement/fall",
        "nats",
        INCREMENT,
        "core.diagnostics.displacement_metrics",
        "Mean over the same rollouts of the fall of log pi(y), which is 0 if it did not fall.",
    ),
    Metric(
        "displacement/{share,fall}_at/k_of_n",
        "share, nats",
        INCREMENT,
        "core.diagnostics.displacement_metrics",
        "The same over the correct rollouts of groups with k of n rollouts correct, also of all-solved groups.",
    ),
    Metric(
        "gradient/{positive,negative}/norm",
        "gradient norm",
        GRADIENT,
        f"{TRAINER}._measure_gradients",
        "Norm of the gradient of the loss on tokens with a positive, with a negative advantage, before the first "
        "trigger of the step trains, on its rollouts.",
    ),
    Metric(
        "gradient/positive/share",
        "share",
        GRADIENT,
        f"{TRAINER}._measure_gradients",
        "The positive norm divided by the sum of both norms.",
    ),
    Metric("asymgrpo/{beta_pos,beta_neg}", "exponent", SCHEDULED, f"{TRAINER}._set_betas", "The beta of the step."),
    Metric(
        "asymgrpo/{beta_pos,beta_neg}_signal",
        "that of the measurement",
        SCHEDULED,
        "integration.state.after_step",
        "The averaged measurement that the beta's schedule uses.",
    ),
    Metric(
        "entropy_coefficient/value",
        "coefficient",
        COEFFICIENT,
        "integration.state.before_step",
        "What the controller of the entropy coefficient holds at this step.",
    ),
    Metric(
        "entropy_coefficient/applied",
        "coefficient",
        COEFFICIENT,
        "integration.state.before_step",
        "The coefficient of the entropy bonus in the step's loss: 0 if the last entropy was not below the target.",
    ),
    Metric(
        "repo_r/zeta",
        "factor",
        "with algorithm.repo_r",
        "integration.state.before_step",
        "REPO-R's zeta of the step: above 0 it keeps entropy, below 0 it lowers it.",
    ),
    Metric(
        "ha_dw/belief",
        "share",
        "with algorithm.ha_dw",
        "integration.state.after_step",
        "Share of correct rollouts, mean over the last steps with this one: harder prompts count more if correct.",
    ),
    Metric(
        "entropy_advantage/bonus",
        "advantage",
        "with algorithm.entropy_advantage",
        f"{TRAINER}._diagnose",
        "Mean bonus per response token.",
    ),
    Metric(
        "timing_s/diagnostics",
        "seconds",
        "",
        TRAINER,
        "Time that the metrics of every step take.",
    ),
    Metric(
        "timing_s/{log_prob_increment,gradient_share}",
        "seconds",
        "",
        TRAINER,
        "Time of the passes over the batch that these metrics cost, 0 at other steps.",
    ),
    Metric(
        "timing_s/bypass_mode",
        "seconds",
        BYPASS,
        TRAINER,
        "Time of the forward pass before each update that gives entropy and log-probabilities in bypass mode.",
    ),
    Metric(
        "actor/skipped_rows",
        "share",
        SKIPPED,
        "integration.update.loss_of_mini_batch",
        "Share of the mini-batch's rows that the update left out, because all their advantages are 0. A rank that "
        "would have too few rows runs some of them, so it may be below the share of rows with advantage 0.",
    ),
    Metric(
        "actor/{positive,negative}/token_frac",
        "share",
        LOSS,
        "core.losses.two_channel_loss",
        "Share of the response tokens with a positive, with a negative advantage.",
    ),
    Metric(
        "actor/{positive,negative}/loss_share",
        "share",
        LOSS,
        "core.losses.two_channel_loss",
        "Share of the absolute loss of tokens with a positive, with a negative advantage; 0 if there is no loss.",
    ),
    Metric(
        "actor/{positive,negative}/clipfrac",
        "share",
        LOSS,
        "core.losses.two_channel_loss",
        "Clipped tokens with a positive, with a negative advantage, divided by all response tokens. Both add up to "
        "actor/pg_clipfrac. Divide by token_frac for the rate among the tokens of one sign. With loss_mode=up no token "
        "with a positive advantage is clipped.",
    ),
    Metric(
        "actor/{positive,negative}/ppo_kl",
        "nats per token",
        LOSS,
        "core.losses.two_channel_loss",
        "Sum of log pi_old - log pi_theta over these tokens, divided by all response tokens. Both add up to "
        "actor/ppo_kl, except for tokens with advantage 0.",
    ),
    Metric(
        "actor/{positive,negative}/ratio",
        "ratio",
        LOSS,
        "core.losses.two_channel_loss",
        "Mean of pi_theta/pi_old over these tokens, 1 if there are none.",
    ),
)
