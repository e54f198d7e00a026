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
"""The panels of the page of `asymgrpo figures`: what each one shows, and its numbers for the page's script."""

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from asymgrpo_verl.core.metrics import logged_metrics, names
from asymgrpo_verl.figures import points
from asymgrpo_verl.figures.panels import styles
from asymgrpo_verl.figures.paper_figures import benchmark_name, betas_of, group_size, validated_sources
from asymgrpo_verl.figures.weight_curves import curve
from asymgrpo_verl.runs.methods import SEED, Method
from asymgrpo_verl.runs.run import Run

STEP, EPOCH, ACCURACY = "step", "epoch", "group accuracy p"  # what a panel may have along x
# verl's own metrics that the page has: key -> (unit, meaning)
VERL = {
    "critic/score/mean": ("reward per rollout", "Mean reward of the step's rollouts."),
    "response_length/mean": ("tokens", "Mean number of response tokens of the step's rollouts."),
    "response_length/clip_ratio": ("share", "Share of the rollouts that ended at the maximum length."),
    "actor/grad_norm": ("gradient norm", "Norm of the gradient before it is clipped, mean over the step's updates."),
    "actor/pg_loss": ("loss", "Policy loss, mean over the step's updates."),
    "actor/pg_clipfrac": ("share", "Share of the response tokens that the loss clips."),
    "actor/ppo_kl": ("nats per token", "Mean of log pi_old - log pi_theta over the response tokens."),
    "actor/lr": ("learning rate", "Learning rate of the optimizer."),
    "perf/throughput": ("tokens per second and GPU", "Prompt and response tokens of a step, per second and GPU."),
    "timing_s/step": ("seconds", "Wall time of the step."),
}
# Title of a section -> the beginnings of the identities of its panels. A panel is in the first section that fits.
SECTIONS = {
    "Validation accuracy": ("val",),
    "Training reward and length": ("critic", "response_length"),
    "Entropy": (
        "policy",
        "rollouts/correct/entropy",
        "rollouts/incorrect/entropy",
        "entropy_change",
        "entropy_coefficient",
        "covariance",
    ),
    "Groups of prompts": ("groups", "epoch"),
    "Correct and incorrect rollouts": ("rollouts", "displacement"),
    "Advantages": ("advantage", "asymgrpo", "entropy_advantage", "ha_dw"),
    "Update": ("gradient", "actor", "repo_r"),
    "Time": ("timing_s", "perf"),
}
SHARE_AT = "displacement/share_at"
IN_THE_PAPER = {
    "policy entropy": "Figures 2, 3, 4",
    "val/average": "Figures 2, 3, 4",
    "val/": "Figure 5",
    "epoch/all_solved": "Figure 2",
    "epoch/none_solved": "Figure 2",
    "rollouts/correct/log_prob_increment": "Figure 2",
    "critic/score/mean": "Figure 4",
    "groups/all_solved": "Figure 4",
    "groups/none_solved": "Figure 4",
    "covariance/at": "Figure 1 c",
    "advantage/correct": "Figure 1 a",
    "advantage/incorrect": "Figure 1 b",
}


class PagePanel(NamedTuple):
    """A panel of the page.

    Attributes:
        name: its identity, which is the metric's key if it shows one metric.
        title, unit, meaning: its texts.
        read: the points of a run.
        x: STEP, EPOCH or ACCURACY.
    """

    name: str
    title: str
    unit: str
    meaning: str
    read: Callable[[Run], points.Points]
    x: str = STEP

    @property
    def slug(self) -> str:
        """The panel's address on the page: #slug."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")

    @property
    def paper(self) -> str:
        """The figures of the paper that have this panel; "" if there is none."""
        exact = IN_THE_PAPER.get(self.name)
        return exact or (IN_THE_PAPER["val/"] if self.name.startswith("val/") else "")


class DrawnPanel(NamedTuple):
    """A panel, and the line of each run; a line without points for a run that lacks the metric."""

    panel: PagePanel
    lines: list[points.Line]


def sections(methods: list[Method]) -> list[tuple[str, list[DrawnPanel]]]:
    """Return (title, panels) of each section that has a panel. A panel has points of at least one run."""
    runs = [run for method in methods for run in method.runs]
    placed: dict[str, list[DrawnPanel]] = {title: [] for title in SECTIONS}
    for panel in _all_panels(methods):
        lines = [points.line([panel.read(run)]) for run in runs]
        if any(line.x for line in lines):
            section = next(title for title, starts in SECTIONS.items() if panel.name.startswith(starts))
            placed[section].append(DrawnPanel(panel, lines))
    return [(title, found) for title, found in placed.items() if found]


def _all_panels(methods: list[Method]) -> list[PagePanel]:
    common, partial = validated_sources(methods)
    panels = []
    if len(common) > 1:
        meaning = f"Mean of the accuracies on {', '.join(map(benchmark_name, common))}."
        panels.append(_accuracy_panel("val/average", "average", common, meaning))
    for source in [*common, *partial]:
        name = benchmark_name(source)
        panels.append(_accuracy_panel(f"val/{source}", name, [source], f"Accuracy on {name} (val-core/{source}/)."))
        panels.append(_pass_panel(source, name))
    entropy = "Mean token entropy of the policy: rollouts/entropy, else verl's actor/entropy."
    panels.append(
        PagePanel(
            "policy entropy",
            "policy entropy",
            "nats per token",
            entropy,
            lambda run: points.policy_entropy(run.rows),
        )
    )
    panels += [_metric_panel(key, unit, meaning) for key, (unit, meaning) in VERL.items()]
    panels += _our_panels(methods)
    for i, (name, channel) in enumerate((("correct", "A+"), ("incorrect", "A-"))):
        meaning = (
            f"{channel}(p): advantage of {'a correct' if i == 0 else 'an incorrect'} rollout in a group of accuracy p, "
            "with the betas of the run's start. verl's grpo divides by the sample's standard deviation, so its "
            "advantages are sqrt((n-1)/n) times as large."
        )

        def read(run: Run, i=i) -> points.Points:
            return _advantages(run, i)

        panels.append(
            PagePanel(f"advantage/{name}", f"{channel}(p)", "advantage of a rollout", meaning, read, ACCURACY)
        )
    return panels


def _our_panels(methods: list[Method]) -> list[PagePanel]:
    """Return a panel per metric of ours in the logs, and one for Cov(p)."""
    keys = {key for method in methods for run in method.runs for row in run.rows for key in row}
    panels = []
    for metric in logged_metrics(keys):
        if metric.key == "covariance/at/k_of_n":
            meaning = f"{metric.meaning} Mean over the groups of the first {points.COVARIANCE_STEPS} steps."
            panels.append(
                PagePanel(
                    "covariance/at", "Cov(p)", metric.unit, meaning, lambda run: points.covariance(run.rows), ACCURACY
                )
            )
        if metric.key == "displacement/{share,fall}_at/k_of_n":
            meaning = f"{metric.meaning} Mean over all steps."
            panels.append(PagePanel(SHARE_AT, "less likely, by p", "share", meaning, _displacement, ACCURACY))
        for key in names(metric.key):
            if key in keys and key != "rollouts/entropy":  # which the panel of the policy's entropy shows
                meaning = metric.meaning + (f" Logged {metric.logged}." if metric.logged.startswith("every") else "")
                panels.append(_metric_panel(key, metric.unit, meaning))
    return panels


def _metric_panel(key: str, unit: str, meaning: str) -> PagePanel:
    if key.startswith("epoch/"):
        meaning += " A point is the last step of an epoch."
        return PagePanel(key, key, unit, meaning, lambda run: points.by_epoch(run.rows, key), EPOCH)
    return PagePanel(key, key, unit, meaning, lambda run: points.logged(run.rows, key))


def _accuracy_panel(name: str, title: str, sources: list[str], meaning: str) -> PagePanel:
    def read(run: Run) -> points.Points:
        return {x: 100 * value for x, value in points.accuracy(run.rows, sources).items()}

    return PagePanel(name, title, "accuracy (%)", meaning, read)


def _displacement(run: Run) -> points.Points:
    return points.by_accuracy(run.rows, SHARE_AT)


def _pass_panel(source: str, name: str) -> PagePanel:
    def read(run: Run) -> points.Points:
        return {x: 100 * value for x, value in points.pass_at_n(run.rows, source).items()}

    meaning = f"Unbiased pass@n on {name}, from n validation responses per prompt (val-core/{source}/)."
    return PagePanel(f"val-pass/{source}", f"{name}, pass@n", "pass@n (%)", meaning, read)


def _advantages(run: Run, channel: int) -> points.Points:
    """Return p -> advantage of a correct (channel 0) or an incorrect (1) rollout; nothing for a run without betas."""
    betas, n = betas_of(run), group_size(run)
    return {k / n: value for k, value in enumerate(curve(betas, n)[channel])} if betas else {}


def page_data(methods: list[Method], panels: list[DrawnPanel], refresh: int | None) -> dict[str, Any]:
    """Return what runs.js draws.

    Returns:
        refresh: seconds between two loads of the page; None if it does not change.
        methods: name, colour, dashes, and the name and the number of each run.
        xs: lists of x. Lines with the same x share one.
        panels: slug, unit, x, and per run [number of its list in xs, values] or None. Values have five digits. At a gap
            the value is None (see `points.line`).
    """
    xs: dict[tuple, int] = {}
    drawn = []
    for panel, lines in panels:
        numbers = [
            [xs.setdefault(tuple(line.x), len(xs)), [_short(value) for value in line.mean]] if line.x else None
            for line in lines
        ]
        drawn.append({"slug": panel.slug, "unit": panel.unit, "x": panel.x, "lines": numbers})
    return {"refresh": refresh, "methods": legend(methods), "xs": [list(x) for x in xs], "panels": drawn}


def legend(methods: list[Method]) -> list[dict[str, Any]]:
    """Return name, colour, dashes and runs of each method, in the style of the paper's figures.

    A run has a number, its position among all runs; a name, its seed, else its path; and a short name, its seed, else
    its position among the runs of the method.
    """
    chosen, number, entries = styles([method.name for method in methods]), 0, []
    for method in methods:
        color, dashes, _ = chosen[method.name]
        runs = []
        for position, run in enumerate(method.runs, 1):
            seed = _seed(run)
            name, short = (str(run.path), str(position)) if seed is None else (f"seed {seed}", str(seed))
            runs.append({"number": number, "name": name, "short": short, "steps": run.last_step})
            number += 1
        dash = ",".join(f"{length * 1.6:g}px" for length in dashes)
        entries.append({"name": method.name, "color": color, "dash": dash, "runs": runs})
    return entries


def _seed(run: Run) -> int | None:
    """Return the one seed of the configuration, or data.seed if it has several."""
    seeds = {value for key, value in run.config.items() if SEED.fullmatch(key) and value is not None}
    return next(iter(seeds)) if len(seeds) == 1 else run.config.get("data.seed")


def _short(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None
