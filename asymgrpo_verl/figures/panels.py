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
"""Draw panels of lines, one line per method. A method has the same style in all figures, legible without colour."""

import math
import textwrap
import zlib
from collections.abc import Callable
from typing import NamedTuple

from matplotlib.figure import Figure

from asymgrpo_verl.figures import points
from asymgrpo_verl.figures.style import PALETTE, plt
from asymgrpo_verl.runs.methods import Method

BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK = PALETTE
SOLID, DASHED, DOTTED, DASHDOT, LONG = (), (4, 1.5), (1, 1.2), (4, 1.2, 1, 1.2), (9, 1.5, 3, 1.5)
DASHES, MARKERS = (SOLID, DASHED, DOTTED, DASHDOT, LONG), "os^vDPX*<>dhp"

Style = tuple[str, tuple, str]  # colour, dashes, marker
# No two methods have the same colour and dashes. Methods that the paper shows together differ in colour.
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
CELL = (2.25, 1.75)  # inches per panel: three side by side fill the width of a page
# matplotlib's settings for print
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
    """A panel.

    Attributes:
        title, unit, x: the texts of the panel, of its y axis and of its x axis.
        read: the rows of a run's log -> the run's points.
        needs: the keys of the log that `read` needs, for messages.
        smooth: draw the moving average, and the values faintly behind it.
        error: as `read`, the standard errors; the line of a single run then has a band of one standard error.
    """

    title: str
    unit: str
    read: Callable[[list[dict]], points.Points]
    needs: str
    x: str = "step"
    smooth: bool = False
    error: Callable[[list[dict]], points.Points] | None = None


def styles(names: list[str]) -> dict[str, Style]:
    """Return a style per method.

    A method of STYLES has its style there. Another method has a style by the checksum of its name, so that it is the
    same in every call; if another method of this call has that style, it gets the next free one. The colours of
    AsymGRPO and GRPO are not used for other methods.
    """
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
    """Return (figure, axes of `count` panels, axes of the legend, number of the legend's columns).

    With one, two or four panels the legend is in a column of its own, else in the rest of the last row.
    """
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
    """Draw the legend of the methods into `axes`, at `where`."""
    handles, labels = [], []
    for method in methods:
        color, dashes, marker = chosen[method.name]
        handles += axes.plot([], [], color=color, dashes=dashes or (None, None), marker=marker)
        count = f" ({len(method.runs)} runs)" if len(method.runs) > 1 else ""
        labels.append(textwrap.fill(literal(method.name) + count, 34))
    axes.legend(handles, labels, loc=where, ncols=columns, borderaxespad=0, labelspacing=0.2)


def literal(text: str) -> str:
    """Return `text` escaped for matplotlib, which reads $ as a formula and leaves labels with a leading _ out."""
    return "\u200b" * text.startswith("_") + text.replace("$", r"\$")


def draw_panels(panels: list[Panel], methods: list[Method]) -> tuple[Figure | None, list[str]]:
    """Draw a figure of the panels that at least one method has points for.

    Returns:
        (figure, or None if no panel has points; messages about what is missing in the logs).
    """
    lines = [[_lines(panel, method) for method in methods] for panel in panels]
    kept, missing = [], []
    for panel, found in zip(panels, lines, strict=True):
        if any(drawn.x for drawn, _ in found):
            kept.append((panel, found))
        else:
            missing.append(panel.needs)
    if not kept:
        return None, [f"no run has {', '.join(missing)}"]
    messages = [f"lacks panels: no run has {', '.join(missing)}"] if missing else []
    for i, method in enumerate(methods):
        if keys := [panel.needs for panel, found in kept if not found[i][0].x]:
            messages.append(f"lacks {method.name} in some panels: {_its_logs(method)} {', '.join(keys)}")
    chosen = styles([method.name for method in methods])
    figure, all_axes, legend, columns = grid(len(kept))
    for i, (axes, (panel, found)) in enumerate(zip(all_axes, kept, strict=True)):
        for order, (method, (drawn, raw)) in enumerate(zip(methods, found, strict=True)):
            if drawn.x:
                draw_line(axes, drawn, raw, chosen[method.name], order, len(method.runs) > 1 or bool(panel.error))
        axes.set(title=f"({chr(97 + i)}) {panel.title}", xlabel=panel.x, ylabel=panel.unit)
        low, high = axes.get_ylim()
        if "%" in panel.unit and high - low < 2:  # else a share that hardly changes would look as if it changed a lot
            axes.set_ylim(low - 1, high + 1)
        _tidy(axes, whole=panel.x in ("step", "epoch"))
    put_legend(legend, methods, chosen, "center left", columns)
    return figure, messages


def _its_logs(method: Method) -> str:
    count = len(method.runs)
    return "its log does not have" if count == 1 else f"the logs of its {count} runs do not all have"


def _lines(panel: Panel, method: Method) -> tuple[points.Line, points.Line | None]:
    """Return (line to draw, line to draw faintly behind it or None)."""
    of_runs = [panel.read(run.rows) for run in method.runs]
    raw = points.line(of_runs)
    if panel.error and len(method.runs) == 1:
        raw = points.with_error(raw, panel.error(method.runs[0].rows))
    return (points.line([points.smoothed(of_run) for of_run in of_runs]), raw) if panel.smooth else (raw, None)


def draw_line(axes, drawn: points.Line, raw: points.Line | None, style: Style, order: int, band: bool) -> None:
    """Draw a method's line.

    Args:
        raw: the values before smoothing, drawn faintly; None if the line is not smoothed.
        order: position of the method in the panel; the markers of its line are shifted by it.
        band: fill the area from the lowest to the highest run, or that of the standard error.
    """
    color, dashes, marker = style
    if raw:
        axes.plot(raw.x, raw.mean, color=color, linewidth=0.6, alpha=0.25, zorder=1.5)
    if band:
        axes.fill_between(drawn.x, drawn.low, drawn.high, color=color, alpha=0.18, linewidth=0, zorder=1)
    # A long line has six markers, at other x than the markers of the lines drawn before and after it.
    apart = max(1, len(drawn.x) // 6)
    every = (order * apart // 5 % apart, apart) if len(drawn.x) > 12 else 1
    style = {"color": color, "dashes": dashes or (None, None), "marker": marker, "markevery": every}
    axes.plot(drawn.x, drawn.mean, linewidth=0.9 if len(drawn.x) > 50 else 1.2, **style)
    # A point between two gaps has no line, so it gets a marker.
    gap = [True, *(math.isnan(value) for value in drawn.mean), True]
    alone = [i for i, value in enumerate(drawn.mean) if not math.isnan(value) and gap[i] and gap[i + 2]]
    axes.plot([drawn.x[i] for i in alone], [drawn.mean[i] for i in alone], marker, color=color)


def _tidy(axes, whole: bool) -> None:
    axes.xaxis.get_major_locator().set_params(integer=whole, nbins=5)
    axes.yaxis.get_major_locator().set_params(nbins=5)
    axes.grid(axis="y", color="#E6E6E6", linewidth=0.5)
    axes.set_axisbelow(True)
