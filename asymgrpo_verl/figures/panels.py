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
"""Panels of lines over runs: one style for a method everywhere, legible in print and without colour."""

import math
import textwrap
import zlib
from collections.abc import Callable
from typing import NamedTuple

from matplotlib.figure import Figure

from asymgrpo_verl.figures import points as series
from asymgrpo_verl.figures.style import PALETTE, plt
from asymgrpo_verl.runs.comparison import Method

BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK = PALETTE
SOLID, DASHED, DOTTED, DASHDOT, LONG = (), (4, 1.5), (1, 1.2), (4, 1.2, 1, 1.2), (9, 1.5, 3, 1.5)
DASHES, MARKERS = (SOLID, DASHED, DOTTED, DASHDOT, LONG), "os^vDPX*<>dhp"

Style = tuple[str, tuple, str]  # colour, dashes, marker
# No two have both colour and dashes alike. Those that the paper shows together differ in colour.
STYLES: dict[str, Style] = {
    "REINFORCE": (BLACK, DOTTED, "X"),
    "GRPO": (VERMILLION, DASHED, "s"),
    "GRPO + entropy regularisation": (ORANGE, DASHDOT, "d"),
    "GRPO + Clip-higher": (PURPLE, DASHED, "D"),
    "GRPO + entropy advantage": (GREEN, DASHDOT, "p"),
    "Dr.GRPO": (BLACK, LONG, "*"),
    "Pass@K training": (SKY, DOTTED, "h"),
    "Pos-Only": (GREEN, DASHED, "P"),
    "Neg-Only": (PURPLE, SOLID, "<"),
    "EntIncrease": (SKY, SOLID, "^"),
    "EntDecrease": (BLACK, SOLID, "v"),
    "AsymGRPO, symmetric": (BLUE, DOTTED, ">"),
    "AsymGRPO": (BLUE, SOLID, "o"),
    "AsymGRPO + Clip-higher": (BLUE, DASHDOT, "D"),
}
CELL = (2.25, 1.75)  # inches: three abreast fill a page, two are wider than a column
PRINT = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "lines.markeredgewidth": 0.0,
    "legend.frameon": False,
    "legend.handlelength": 3.6,
    "pdf.fonttype": 42,
}


class Panel(NamedTuple):
    """A panel: the points of a run, and the keys of the log that they need."""

    title: str
    unit: str
    points: Callable[[list[dict]], series.Points]
    needs: str
    x: str = "step"
    smooth: bool = False


def styles(names: list[str]) -> dict[str, Style]:
    """A method's style: the table's; for a name that is not there one by its checksum, so that it is the same in every
    call, or the next one where another method of this call has it. AsymGRPO's and GRPO's colours are not for others."""
    colors = [color for color in PALETTE if color not in (BLUE, VERMILLION)]
    taken = {style[:2] for style in STYLES.values()}
    pairs = [(dashes, color) for dashes in DASHES for color in colors if (color, dashes) not in taken]
    chosen, free = {}, dict.fromkeys(pairs)
    for name in names:
        checksum = zlib.crc32(name.encode())
        if name in STYLES:
            chosen[name] = STYLES[name]
            continue
        free = free or dict.fromkeys(pairs)
        turned = pairs[checksum % len(pairs) :] + pairs[: checksum % len(pairs)]
        dashes, color = next(pair for pair in turned if pair in free)
        del free[dashes, color]
        chosen[name] = color, dashes, MARKERS[checksum % len(MARKERS)]
    return chosen


def grid(count: int) -> tuple[Figure, list, plt.Axes, int]:
    """(figure, axes of count panels, axes that the legend has for itself, its columns). The legend has the last column
    of one, two or four panels, else what the last row leaves."""
    beside = count in (1, 2, 4)
    columns = {1: 1, 2: 2, 3: 2, 4: 2}.get(count, 3)
    rows = math.ceil(count / columns) if beside else count // columns + 1
    across = columns + beside
    heights = [1.0] * rows if beside or count % columns else [*[1.0] * (rows - 1), 0.6]
    figure = plt.figure(figsize=(across * CELL[0], sum(heights) * CELL[1]), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.05)
    cells = figure.add_gridspec(rows, across, height_ratios=heights)
    axes = [figure.add_subplot(cells[i // columns, i % columns]) for i in range(count)]
    legend = figure.add_subplot(cells[:, -1] if beside else cells[-1, count % columns :])
    legend.axis("off")
    return figure, axes, legend, 1 if beside or count % columns else columns


def put_legend(axes: plt.Axes, methods: list[Method], chosen: dict[str, Style], where: str, columns: int = 1) -> None:
    handles, labels = [], []
    for method in methods:
        color, dashes, marker = chosen[method.name]
        handles += axes.plot([], [], color=color, dashes=dashes or (None, None), marker=marker)
        seeds = f" ({len(method.seeds)} seeds)" if len(method.seeds) > 1 else ""
        labels.append(textwrap.fill(literal(method.name) + seeds, 34))
    axes.legend(handles, labels, loc=where, ncols=columns, borderaxespad=0, labelspacing=0.2)


def literal(text: str) -> str:
    """Text that matplotlib takes as it is: no formula, no label to leave out."""
    return "\u200b" * text.startswith("_") + text.replace("$", r"\$")


def draw_panels(panels: list[Panel], methods: list[Method]) -> tuple[Figure | None, list[str]]:
    """A figure of the panels that some method has points for; what is missing in the logs."""
    lines = [
        [_line([panel.points(run.rows) for run in method.seeds], panel.smooth) for method in methods]
        for panel in panels
    ]
    missing = [
        panel.needs for panel, found in zip(panels, lines, strict=True) if not any(drawn.x for drawn, _ in found)
    ]
    kept = [(panel, found) for panel, found in zip(panels, lines, strict=True) if any(drawn.x for drawn, _ in found)]
    said = [f"lacks panels: no run has {', '.join(missing)}"] if missing else []
    if not kept:
        return None, [f"no run has {', '.join(missing)}"]
    for i, method in enumerate(methods):
        if keys := [panel.needs for panel, found in kept if not found[i][0].x]:
            said.append(f"is in part without {method.name}: not in {_its_runs(method)}: {', '.join(keys)}")
    chosen = styles([method.name for method in methods])
    figure, all_axes, legend, columns = grid(len(kept))
    for i, (axes, (panel, found)) in enumerate(zip(all_axes, kept, strict=True)):
        for order, (method, (drawn, raw)) in enumerate(zip(methods, found, strict=True)):
            if drawn.x:
                draw_line(axes, drawn, raw, chosen[method.name], order, len(method.seeds) > 1)
        axes.set(title=f"({chr(97 + i)}) {panel.title}", xlabel=panel.x, ylabel=panel.unit)
        low, high = axes.get_ylim()
        if "%" in panel.unit and high - low < 2:  # a share that does not change is no zoom into nothing
            axes.set_ylim(low - 1, high + 1)
        _tidy(axes)
    put_legend(legend, methods, chosen, "center left", columns)
    return figure, said


def _its_runs(method: Method) -> str:
    return "its log" if len(method.seeds) == 1 else f"the logs of all its {len(method.seeds)} seeds"


def _line(seeds: list[series.Points], smooth: bool) -> tuple[series.Line, series.Line | None]:
    raw = series.line(seeds)
    return (series.line([series.smoothed(points) for points in seeds]), raw) if smooth else (raw, None)


def draw_line(axes, drawn: series.Line, raw: series.Line | None, style: Style, order: int, band: bool) -> None:
    color, dashes, marker = style
    if raw:
        axes.plot(raw.x, raw.mean, color=color, linewidth=0.6, alpha=0.25, zorder=1.5)
    if band:
        axes.fill_between(drawn.x, drawn.low, drawn.high, color=color, alpha=0.18, linewidth=0, zorder=1)
    apart = max(1, len(drawn.x) // 6)  # six markers on a long line, not at the same x as those of its neighbours
    every = (order * apart // 5 % apart, apart) if len(drawn.x) > 12 else 1
    style = {"color": color, "dashes": dashes or (None, None), "marker": marker, "markevery": every}
    axes.plot(drawn.x, drawn.mean, linewidth=0.9 if len(drawn.x) > 50 else 1.2, **style)
    gap = [True, *(math.isnan(value) for value in drawn.mean), True]
    alone = [i for i, value in enumerate(drawn.mean) if not math.isnan(value) and gap[i] and gap[i + 2]]
    axes.plot([drawn.x[i] for i in alone], [drawn.mean[i] for i in alone], marker, color=color)


def _tidy(axes) -> None:
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=5)
    axes.yaxis.get_major_locator().set_params(nbins=5)
    axes.grid(axis="y", color="#E6E6E6", linewidth=0.5)
    axes.set_axisbelow(True)
