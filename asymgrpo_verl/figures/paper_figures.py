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
"""The paper's Figures 1 to 5 from the logs of any runs, and the entropy of both channels, which it does not show."""

import io
import itertools
from typing import NamedTuple

from matplotlib.figure import Figure

from asymgrpo_verl import paper
from asymgrpo_verl.core.estimators import ESTIMATORS
from asymgrpo_verl.figures import points as series
from asymgrpo_verl.figures.panels import (
    CELL,
    DASHED,
    PRINT,
    STYLES,
    Panel,
    draw_line,
    draw_panels,
    literal,
    put_legend,
    styles,
)
from asymgrpo_verl.figures.style import plt
from asymgrpo_verl.figures.weight_curves import Setting, curve
from asymgrpo_verl.runs.comparison import Method, Run

FIGURES = ("figure1", "figure2", "figure3", "figure4", "figure5", "channels")


class Picture(NamedTuple):
    name: str  # of FIGURES, and of its files
    title: str
    caption: str
    png: bytes
    pdf: bytes
    inches: float  # wide


def _picture(name: str, title: str, caption: str, figure: Figure) -> Picture:
    files = []
    # without its date a PDF of the same logs is the same file
    for options in ({"format": "png", "dpi": 200}, {"format": "pdf", "metadata": {"CreationDate": None}}):
        buffer = io.BytesIO()
        figure.savefig(buffer, **options)
        files.append(buffer.getvalue())
    plt.close(figure)
    return Picture(name, title, caption, *files, figure.get_figwidth())


def _of(key: str, title: str, unit: str, scale: float = 1.0, smooth: bool = False) -> Panel:
    def points(rows: list[dict]) -> series.Points:
        return {x: scale * value for x, value in series.logged(rows, key).items()}

    return Panel(title, unit, points, key, smooth=smooth)


def _of_epochs(key: str, title: str) -> Panel:
    def points(rows: list[dict]) -> series.Points:
        return {x: 100 * value for x, value in series.by_epoch(rows, key).items()}

    return Panel(title, "% of prompts", points, key, x="epoch")


def _of_accuracy(sources: list[str], title: str) -> Panel:
    def points(rows: list[dict]) -> series.Points:
        return {x: 100 * value for x, value in series.accuracy(rows, sources).items()}

    needs = ", ".join(f"val-core/{source}/acc/mean@1" for source in sources) or "val-core/*/acc/mean@1"
    return Panel(title, "accuracy (%)", points, needs, smooth=True)


def validated_sources(methods: list[Method]) -> tuple[list[str], list[str]]:
    """(data sources that every validated run has, those that only some have), the paper's first and in its order."""
    found = [series.data_sources(run.rows) for method in methods for run in method.seeds]
    found = [sources for sources in found if sources]
    everywhere = set.intersection(*found) if found else set()
    every = [*paper.BENCHMARKS, *sorted(set().union(*found) - paper.BENCHMARKS.keys())]
    somewhere = set().union(*found) - everywhere
    return [source for source in every if source in everywhere], [source for source in every if source in somewhere]


def benchmark_name(source: str) -> str:
    return paper.BENCHMARKS[source].name if source in paper.BENCHMARKS else source


def draw_all(methods: list[Method]) -> tuple[list[Picture], list[str]]:
    """The figures that the runs have metrics for, and what there is to say of the others."""
    common, partial = validated_sources(methods)
    remarks = []
    if partial:
        remarks.append(
            "the average validation accuracy is over what all runs were validated on, "
            f"{', '.join(common) or 'which is nothing'}: only some have {', '.join(partial)}"
        )
    entropy = Panel("policy entropy", "nats / token", series.policy_entropy, "rollouts/entropy or actor/entropy")
    average = _of_accuracy(common, "average validation accuracy")
    shares = [("all_solved", "prompts all-solved"), ("none_solved", "prompts none-solved")]
    increment = _of("rollouts/correct/log_prob_increment", "log-prob. increment, correct", "nats / rollout")
    flips = [method for method in methods if _flipped(method)]
    grpo = [method for method in methods if method.name == "GRPO"]
    described = [
        (
            "figure2",
            "Figure 2: what each channel does",
            "Policy entropy; mean validation accuracy; share of an epoch's prompts (of the last epoch: so far) whose "
            "rollouts are all correct, none correct; mean over correct rollouts of log pi_new - log pi_old after an "
            "update.",
            methods,
            [entropy, average, *(_of_epochs(f"epoch/{key}", title) for key, title in shares), increment],
        ),
        (
            "figure3",
            "Figure 3: the flips against GRPO",
            "Policy entropy and mean validation accuracy with one of GRPO's curves reflected: A- in EntIncrease, A+ in "
            "EntDecrease.",
            grpo + flips if grpo and flips else [],
            [entropy, average],
        ),
        (
            "figure4",
            "Figure 4: overview",
            "Policy entropy; mean validation accuracy; training reward; share of a step's prompts whose rollouts are "
            "all correct, none correct.",
            methods,
            [
                entropy,
                average,
                _of("critic/score/mean", "training reward", "reward / rollout", smooth=True),
                *(_of(f"groups/{key}", title, "% of prompts", 100, smooth=True) for key, title in shares),
            ],
        ),
        (
            "figure5",
            "Figure 5: validation accuracy by benchmark",
            "Greedy validation accuracy on each data source.",
            methods,
            [_of_accuracy([source], literal(benchmark_name(source))) for source in [*common, *partial]] or [average],
        ),
        (
            "channels",
            "Entropy of both channels",
            "Mean token entropy of the correct and of the incorrect rollouts before the update, over all groups and "
            "over those that have both; the betas of a step, where a run changes them. Not in the paper.",
            methods,
            [
                *(
                    _of(f"rollouts/{channel}/{key}", f"{channel}{where}", "entropy (nats / token)")
                    for key, where in (("entropy", ""), ("entropy_mixed", ", mixed groups"))
                    for channel in ("correct", "incorrect")
                ),
                *_betas(methods),
            ],
        ),
    ]
    pictures = []
    with plt.rc_context(PRINT):
        first, said = _draw_figure1(methods)
        pictures += [first] if first else []
        remarks += said
        for name, title, caption, whose, panels in described:
            if not whose:
                lacking = [*([] if grpo else ["GRPO"]), *([] if flips else ["EntIncrease", "EntDecrease"])]
                remarks.append(
                    f"{name} skipped: it compares the flips with GRPO, and there is no {' or '.join(lacking)}"
                )
                continue
            figure, said = draw_panels(panels, whose)
            if figure:
                pictures.append(_picture(name, title, f"{caption} {_about(whose, panels)}".strip(), figure))
            remarks += [f"{name}{' ' if figure else ' skipped: '}{line}" for line in said]
    return pictures, remarks


def _flipped(method: Method) -> bool:
    setting = exponents(method.seeds[0])
    return method.name in ("EntIncrease", "EntDecrease") or (setting is not None and setting.flip != "none")


def _betas(methods: list[Method]) -> list[Panel]:
    panels = [
        _of(f"asymgrpo/{key}", title, "exponent") for key, title in (("beta_pos", "$β_+$"), ("beta_neg", "$β_-$"))
    ]
    logs = [run.rows for method in methods for run in method.seeds]
    vary = any(len({*panel.points(rows).values()}) > 1 for panel in panels for rows in logs)
    return panels if vary else []


def _about(methods: list[Method], panels: list[Panel]) -> str:
    """What the caption says of smoothing and seeds."""
    says = []
    if smooth := [panel.title for panel in panels if panel.smooth]:
        says.append(
            f"Smoothed are {', '.join(smooth)}: exponential moving averages (s_t = {series.SMOOTHING} s_(t-1) + "
            f"{1 - series.SMOOTHING:.1f} v_t, from s_0 = v_0); faint: the values themselves."
        )
    if several := [f"{method.name} ({len(method.seeds)})" for method in methods if len(method.seeds) > 1]:
        says.append(f"Mean over the seeds of {', '.join(several)}; the band is from the lowest seed to the highest.")
    return " ".join(says)


def exponents(run: Run) -> Setting | None:
    """The setting of the beta family that the run has, at its start; None for a method outside it."""
    estimator = run.config.get("algorithm.adv_estimator")
    if estimator == "grpo" and run.config.get("algorithm.norm_adv_by_std_in_grpo", True):
        return Setting(0.5, 0.5)
    if estimator == "reinforce_pm1":
        return Setting(0.0, 0.0)
    if estimator != "asymgrpo":
        return None
    default = ESTIMATORS["asymgrpo"].settings()
    betas = []
    for key in ("beta_pos", "beta_neg"):
        first = next((row[f"asymgrpo/{key}"] for row in run.rows if row.get(f"asymgrpo/{key}") is not None), None)
        betas.append(first if first is not None else run.config.get(f"algorithm.asymgrpo.{key}", getattr(default, key)))
    return Setting(*betas, run.config.get("algorithm.asymgrpo.flip", default.flip))


def _group_size(method: Method) -> int:
    return method.seeds[0].config.get("actor_rollout_ref.rollout.n", 8)


def _draw_figure1(methods: list[Method]) -> tuple[Picture | None, list[str]]:
    """(a, b) what a rollout weighs in the methods of the beta family, beside GRPO and its flips; (c) Cov(p)."""
    of_family = [method for method in methods if exponents(method.seeds[0])]
    cov = [(method, series.line([series.covariance(run.rows) for run in method.seeds])) for method in methods]
    cov = [(method, drawn) for method, drawn in cov if drawn.x]
    needs = "covariance/at/k_of_n with groups/solved/k_of_n in the first 40 steps"
    if not of_family and not cov:
        return None, [f"figure1 skipped: no run's configuration is of the beta family, and none has {needs}"]
    said = [] if cov else [f"figure1 lacks panel (c): no run has {needs}"]
    chosen = styles([method.name for method in methods])
    # A row of panels over a row of their legends.
    count = 2 + bool(cov)
    lines = max(len(methods), len(of_family) + 2)
    figure = plt.figure(figsize=(count * CELL[0], CELL[1] + 0.14 * lines), layout="constrained")
    axes = figure.subplots(2, count, height_ratios=[CELL[1], 0.14 * lines])
    sizes = sorted({_group_size(method) for method in of_family}) or [8]
    for i, (channel, sign) in enumerate((("positive", "+"), ("negative", "-"))):
        shown = {}  # (beta, reflected, n) -> style; methods may share a curve, which then has the first one's
        for method in of_family:
            setting = exponents(method.seeds[0])
            shown.setdefault((setting[i], setting.flip == channel, _group_size(method)), chosen[method.name])
        for n, reflected in itertools.product(sizes, (False, True)):
            shown.setdefault((0.5, reflected, n), STYLES["GRPO"])
        for (beta, reflected, n), (color, _, marker) in sorted(shown.items()):
            setting = Setting(beta, beta, channel if reflected else "none")
            label = f"$β_{sign}$ = {beta:g}{', reflected' * reflected}{f', n = {n}' * (len(sizes) > 1)}"
            style = {"color": color, "dashes": DASHED if reflected else (None, None), "marker": marker, "label": label}
            axes[0, i].plot([k / n for k in range(n + 1)], curve(setting, n)[i], **style)
        axes[0, i].set(title=f"({'ab'[i]}) $A_{sign}(p)$", xlabel="group accuracy p", ylabel="weight of a rollout")
        axes[1, i].legend(*axes[0, i].get_legend_handles_labels(), loc="upper center", labelspacing=0.2)
    for order, (method, drawn) in enumerate(cov):
        draw_line(axes[0, 2], drawn, None, chosen[method.name], order, len(method.seeds) > 1)
    if cov:
        axes[0, 2].axhline(0, color="#999999", linewidth=0.6, zorder=1)
        axes[0, 2].set(
            title="(c) Cov(p), first 40 steps", xlabel="group accuracy p", ylabel="nats / token", xlim=(0, 1)
        )
        put_legend(axes[1, 2], [method for method, _ in cov], chosen, "upper center")
    for panel, legend in axes.T:
        panel.grid(axis="y", color="#E6E6E6", linewidth=0.5)
        legend.axis("off")
    caption = (
        "What a correct (a) and an incorrect (b) rollout weighs by the accuracy p of its group; dashed: reflected "
        "about p = 1/2. A curve that methods share has the first one's colour; 0.5 is GRPO's, there always (verl's "
        "`grpo` divides by the sample's standard deviation: sqrt((n-1)/n) times as much). Betas that a run changes are "
        "those of its start. (c) Mean covariance of log-probability and advantage over the groups of accuracy p in the "
        "first 40 steps. "
    )
    return _picture("figure1", "Figure 1: weights and covariance", caption + _about(methods, []), figure), said
