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
"""Draw the paper's Figures 1 to 5 from the logs of any runs, and the entropy of both channels."""

import io
import itertools
from typing import NamedTuple

from matplotlib.figure import Figure

from asymgrpo_verl import paper
from asymgrpo_verl.core.estimators import ESTIMATORS
from asymgrpo_verl.figures import points
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
from asymgrpo_verl.figures.weight_curves import Betas, curve
from asymgrpo_verl.runs.logs import data_sources
from asymgrpo_verl.runs.methods import Method
from asymgrpo_verl.runs.run import Run

FIGURES = ("figure1", "figure2", "figure3", "figure4", "figure5", "channels", "displacement", "pass_at_n")
BETAS = {"beta_pos": "β_+", "beta_neg": "β_-"}  # key -> symbol


class DrawnFigure(NamedTuple):
    """A figure as the contents of its files.

    Attributes:
        name: of FIGURES, and of its files.
        inches: its width.
    """

    name: str
    title: str
    caption: str
    png: bytes
    pdf: bytes
    inches: float


def _save(name: str, title: str, caption: str, figure: Figure) -> DrawnFigure:
    files = []
    # The PDF has no date, so that the same logs give the same file.
    for options in ({"format": "png", "dpi": 200}, {"format": "pdf", "metadata": {"CreationDate": None}}):
        buffer = io.BytesIO()
        figure.savefig(buffer, **options)
        files.append(buffer.getvalue())
        figure.set_layout_engine("none")  # the second file has the places of the first, which took a second to find
    plt.close(figure)
    return DrawnFigure(name, title, caption, *files, figure.get_figwidth())


def metric_panel(key: str, title: str, unit: str, scale: float = 1.0, smooth: bool = False) -> Panel:
    """Return the panel of a metric by step, times `scale`."""

    def read(rows: list[dict]) -> points.Points:
        return {x: scale * value for x, value in points.logged(rows, key).items()}

    return Panel(title, unit, read, key, smooth=smooth)


def _epoch_panel(key: str, title: str) -> Panel:
    def read(rows: list[dict]) -> points.Points:
        return {x: 100 * value for x, value in points.by_epoch(rows, key).items()}

    return Panel(title, "% of prompts", read, key, x="epoch")


def accuracy_panel(sources: list[str], title: str) -> Panel:
    """Return the panel of the mean validation accuracy over data sources, in percent."""

    def read(rows: list[dict]) -> points.Points:
        return {x: 100 * value for x, value in points.accuracy(rows, sources).items()}

    needs = ", ".join(f"val-core/{source}/acc/mean@1" for source in sources) or "val-core/*/acc/mean@1"
    return Panel(title, "accuracy (%)", read, needs, smooth=True)


def beta_panels(methods: list[Method]) -> list[Panel]:
    """Return the panels of both betas by step; none if no run changes its betas."""
    panels = [metric_panel(f"asymgrpo/{key}", f"${symbol}$", "exponent") for key, symbol in BETAS.items()]
    logs = [run.rows for method in methods for run in method.runs]
    vary = any(len({*panel.read(rows).values()}) > 1 for panel in panels for rows in logs)
    return panels if vary else []


def pass_panels(methods: list[Method], sources: list[str]) -> list[Panel]:
    """Return a panel of pass@n per data source; none if no run was validated with several responses per prompt."""

    def panel(source: str) -> Panel:
        def read(rows: list[dict], what: str = "mean") -> points.Points:
            return {step: 100 * value for step, value in points.pass_at_n(rows, source, what).items()}

        needs = f"val-core/{source}/acc/pass@n/mean with n > 1"
        return Panel(literal(benchmark_name(source)), "pass@n (%)", read, needs, error=lambda rows: read(rows, "se"))

    logs = [run.rows for method in methods for run in method.runs]
    return [panel(source) for source in sources if any(points.pass_at_n(rows, source) for rows in logs)]


def displacement_panels(methods: list[Method]) -> list[Panel]:
    """Return the panels of the correct rollouts whose log-probability fell; none if no run has measured it."""
    if not any("displacement/share" in row for method in methods for run in method.runs for row in run.rows):
        return []

    def by_accuracy(rows: list[dict]) -> points.Points:
        return {p: 100 * share for p, share in points.by_accuracy(rows, "displacement/share_at").items()}

    unit, needs = "% of correct rollouts", "displacement/share_at/k_of_n with groups/solved/k_of_n"
    return [
        metric_panel("displacement/share", "fell in the update", unit, 100, smooth=True),
        metric_panel("displacement/fall", "mean fall", "nats / correct rollout", smooth=True),
        Panel("fell, by group accuracy", unit, by_accuracy, needs, x="group accuracy p"),
    ]


def validated_sources(methods: list[Method]) -> tuple[list[str], list[str]]:
    """Return (data sources of every validated run, data sources of only some); the paper's first, in its order."""
    found = [data_sources(run.rows) for method in methods for run in method.runs]
    found = [sources for sources in found if sources]
    somewhere = set().union(*found)
    everywhere = set.intersection(*found) if found else set()
    ordered = [source for source in paper.BENCHMARKS if source in somewhere]
    ordered += sorted(somewhere - paper.BENCHMARKS.keys())
    common = [source for source in ordered if source in everywhere]
    return common, [source for source in ordered if source not in everywhere]


def benchmark_name(source: str) -> str:
    return paper.BENCHMARKS[source].name if source in paper.BENCHMARKS else source


class Description(NamedTuple):
    """What a figure shows: its file's name, title and caption, the methods and the panels."""

    name: str
    title: str
    caption: str
    methods: list[Method]
    panels: list[Panel]


def describe(methods: list[Method], common: list[str], partial: list[str]) -> list[Description]:
    """Return the figures after Figure 1, in the order of the page.

    Args:
        common, partial: what `validated_sources` returns.
    """
    entropy = Panel("policy entropy", "nats / token", points.policy_entropy, "rollouts/entropy or actor/entropy")
    average = accuracy_panel(common, "average validation accuracy")
    shares = [("all_solved", "prompts all-solved"), ("none_solved", "prompts none-solved")]
    displacement, passes = displacement_panels(methods), pass_panels(methods, [*common, *partial])
    increment = metric_panel("rollouts/correct/log_prob_increment", "log-prob. increment, correct", "nats / rollout")
    figures = [
        Description(
            "figure2",
            "Figure 2: the effect of each channel",
            "Policy entropy; mean validation accuracy; share of an epoch's prompts (of the last epoch: so far) whose "
            "rollouts are all correct, none correct; mean over correct rollouts of log pi_new - log pi_old after an "
            "update.",
            methods,
            [entropy, average, *(_epoch_panel(f"epoch/{key}", title) for key, title in shares), increment],
        ),
        Description(
            "figure3",
            "Figure 3: reflected curves and GRPO",
            "Policy entropy and mean validation accuracy of GRPO, and with one of its curves reflected: A- in "
            "EntIncrease, A+ in EntDecrease.",
            grpo_and_reflected(methods),
            [entropy, average],
        ),
        Description(
            "figure4",
            "Figure 4: overview",
            "Policy entropy; mean validation accuracy; training reward; share of a step's prompts whose rollouts are "
            "all correct, none correct.",
            methods,
            [
                entropy,
                average,
                metric_panel("critic/score/mean", "training reward", "reward / rollout", smooth=True),
                *(metric_panel(f"groups/{key}", title, "% of prompts", 100, smooth=True) for key, title in shares),
            ],
        ),
        Description(
            "figure5",
            "Figure 5: validation accuracy by benchmark",
            "Greedy validation accuracy on each data source.",
            methods,
            [accuracy_panel([source], literal(benchmark_name(source))) for source in [*common, *partial]] or [average],
        ),
        Description(
            "channels",
            "Entropy of both channels",
            "Mean token entropy of the correct and of the incorrect rollouts before the update, over all groups and "
            "over the mixed groups; if a run changes its betas, the betas by step. The paper has no such figure.",
            methods,
            [
                *(
                    metric_panel(f"rollouts/{channel}/{key}", f"{channel}{where}", "entropy (nats / token)")
                    for key, where in (("entropy", ""), ("entropy_mixed", ", mixed groups"))
                    for channel in ("correct", "incorrect")
                ),
                *beta_panels(methods),
            ],
        ),
    ]
    if displacement:
        caption = (
            "Share of the correct rollouts of mixed groups whose log-probability fell in an update, and the mean fall, "
            "by step; the share over all steps by the accuracy of the rollout's group. The paper has no such figure."
        )
        title = "Correct rollouts that became less likely"
        figures.append(Description("displacement", title, caption, methods, displacement))
    if passes:
        caption = (
            "Unbiased estimate of pass@n on each data source, from n validation responses per prompt; the band of a "
            "single run is one standard error over the prompts to both sides. The paper has no such figure."
        )
        figures.append(Description("pass_at_n", "pass@n in validation", caption, methods, passes))
    return figures


def grpo_and_reflected(methods: list[Method]) -> list[Method]:
    """Return GRPO and the methods with a reflected curve, which Figure 3 compares; none if either is missing."""
    grpo = [method for method in methods if method.name == "GRPO"]
    reflected = [method for method in methods if _is_reflected(method)]
    return grpo + reflected if grpo and reflected else []


def draw_all(methods: list[Method]) -> tuple[list[DrawnFigure], list[str]]:
    """Draw the figures that the runs have metrics for.

    Returns:
        (figures, messages about figures and panels that are missing).
    """
    common, partial = validated_sources(methods)
    messages = []
    if partial:
        messages.append(
            f"the average validation accuracy is over {', '.join(common) or 'no data source'}, because only some runs "
            f"were validated on {', '.join(partial)}"
        )
    with plt.rc_context(PRINT):
        figure1, its_messages = _draw_figure1(methods)
        figures = [figure1] if figure1 else []
        messages += its_messages
        for name, title, caption, shown, panels in describe(methods, common, partial):
            if not shown:
                messages.append(
                    f"{name} skipped: it compares GRPO with reflected curves (EntIncrease, EntDecrease), and the runs "
                    f"are of {', '.join(method.name for method in methods)}"
                )
                continue
            figure, its_messages = draw_panels(panels, shown)
            if figure:
                figures.append(_save(name, title, f"{caption} {_about(shown, panels)}".strip(), figure))
            messages += [f"{name}{' ' if figure else ' skipped: '}{line}" for line in its_messages]
    return figures, messages


def _is_reflected(method: Method) -> bool:
    betas = betas_of(method.runs[0])
    return method.name in ("EntIncrease", "EntDecrease") or (betas is not None and betas.flip != "none")


def _about(methods: list[Method], panels: list[Panel]) -> str:
    """Return the end of the caption, about smoothing and about methods with several runs."""
    sentences = []
    if smooth := [panel.title for panel in panels if panel.smooth]:
        sentences.append(
            f"Smoothed: {', '.join(smooth)}, as exponential moving averages (s_t = {points.SMOOTHING} s_(t-1) + "
            f"{1 - points.SMOOTHING:.1f} v_t, from s_0 = v_0), with the values faintly behind."
        )
    if several := [f"{method.name} ({len(method.runs)})" for method in methods if len(method.runs) > 1]:
        sentences.append(f"Mean over the runs of {', '.join(several)}; the band is from the lowest to the highest run.")
    return " ".join(sentences)


def betas_of(run: Run) -> Betas | None:
    """Return the betas at the start of a run; None for a method without betas, and if the configuration is unknown.

    GRPO and REINFORCE have the betas for which `asymgrpo` gives their advantages.
    """
    estimator = run.config.get("algorithm.adv_estimator")
    if estimator == "grpo" and run.config.get("algorithm.norm_adv_by_std_in_grpo", True):
        return Betas(0.5, 0.5)
    if estimator == "reinforce_pm1":
        return Betas(0.0, 0.0)
    if estimator != "asymgrpo":
        return None
    default = ESTIMATORS["asymgrpo"].settings()
    betas = []
    for key in BETAS:
        first = next((row[f"asymgrpo/{key}"] for row in run.rows if row.get(f"asymgrpo/{key}") is not None), None)
        betas.append(first if first is not None else run.config.get(f"algorithm.asymgrpo.{key}", getattr(default, key)))
    return Betas(*betas, run.config.get("algorithm.asymgrpo.flip", default.flip))


def group_size(run: Run) -> int:
    """Return the number of rollouts per prompt; 8, as in the paper, if the configuration is unknown."""
    return run.config.get("actor_rollout_ref.rollout.n", 8)


def _draw_figure1(methods: list[Method]) -> tuple[DrawnFigure | None, list[str]]:
    """Draw (a, b) the advantages of the methods with betas, with GRPO's and their reflections; (c) Cov(p)."""
    with_betas = [method for method in methods if betas_of(method.runs[0])]
    cov = [(method, points.line([points.covariance(run.rows) for run in method.runs])) for method in methods]
    cov = [(method, drawn) for method, drawn in cov if drawn.x]
    needs = "covariance/at/k_of_n with groups/solved/k_of_n in the first 40 steps"
    if not with_betas and not cov:
        return None, [f"figure1 skipped: no run's configuration has betas, and no run has {needs}"]
    messages = [] if cov else [f"figure1 lacks panel (c): no run has {needs}"]
    chosen = styles([method.name for method in methods])
    # A row of panels, and below it a row of their legends, whose height grows with the number of their lines.
    count = 2 + bool(cov)
    lines = max(len(methods), len(with_betas) + 2)
    figure = plt.figure(figsize=(count * CELL[0], CELL[1] + 0.14 * lines), layout="constrained")
    axes = figure.subplots(2, count, height_ratios=[CELL[1], 0.14 * lines])
    sizes = sorted({group_size(method.runs[0]) for method in with_betas}) or [8]
    for i, (channel, sign) in enumerate((("positive", "+"), ("negative", "-"))):
        shown = {}  # (beta, reflected, n) -> style. If methods share a curve, it has the style of the first one.
        for method in with_betas:
            betas = betas_of(method.runs[0])
            shown.setdefault((betas[i], betas.flip == channel, group_size(method.runs[0])), chosen[method.name])
        for n, reflected in itertools.product(sizes, (False, True)):
            shown.setdefault((0.5, reflected, n), STYLES["GRPO"])
        for (beta, reflected, n), (color, _, marker) in sorted(shown.items()):
            betas = Betas(beta, beta, channel if reflected else "none")
            label = f"$β_{sign}$ = {beta:g}{', reflected' * reflected}{f', n = {n}' * (len(sizes) > 1)}"
            style = {"color": color, "dashes": DASHED if reflected else (None, None), "marker": marker, "label": label}
            axes[0, i].plot([k / n for k in range(n + 1)], curve(betas, n)[i], **style)
        axes[0, i].set(title=f"({'ab'[i]}) $A_{sign}(p)$", xlabel="group accuracy p", ylabel="advantage of a rollout")
        axes[1, i].legend(*axes[0, i].get_legend_handles_labels(), loc="upper center", labelspacing=0.2)
    for order, (method, drawn) in enumerate(cov):
        draw_line(axes[0, 2], drawn, None, chosen[method.name], order, len(method.runs) > 1)
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
        "Advantage of a correct (a) and of an incorrect (b) rollout by the accuracy p of its group; dashed: reflected "
        "about p = 1/2. If methods share a curve, it has the colour of the first one. GRPO's curve (0.5) is always "
        "drawn; verl's `grpo` divides by the sample's standard deviation, so its advantages are sqrt((n-1)/n) times as "
        "large. If a run changes its betas, its curves are those of its start. (c) Mean covariance of log-probability "
        "and advantage over the groups of accuracy p in the first 40 steps. "
    )
    return _save("figure1", "Figure 1: advantages and covariance", caption + _about(methods, []), figure), messages
