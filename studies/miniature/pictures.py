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
"""Draw claims.png, the difference of each claim with its interval, and grid.png, the grid as heat maps."""

from pathlib import Path

import pandas as pd

from asymgrpo_verl.figures.panels import PRINT
from asymgrpo_verl.figures.style import PALETTE, plt
from studies.miniature.run import BETAS

COLORS = {"confirmed": PALETTE[2], "contradicted": PALETTE[1], "undecided": "#888888"}
HEAT = ("accuracy", "entropy", "entropy, correct", "entropy, incorrect")


def draw_claims(claims: pd.DataFrame, path: Path) -> None:
    """Draw a dot and a 95% interval per claim; claims about one number share a panel.

    Args:
        claims: a row per claim, columns claim, text, number, mean, half and verdict.
    """
    groups = list(claims.groupby("number", sort=False))
    with plt.rc_context(PRINT):
        figure, panels = plt.subplots(
            len(groups),
            1,
            figsize=(6.75, 0.27 * len(claims) + 0.5 * len(groups)),
            height_ratios=[len(rows) for _, rows in groups],
            layout="constrained",
        )
        for axes, (number, rows) in zip(panels, groups, strict=True):
            axes.axvline(0, color="#999999", linewidth=0.8)
            for y, row in enumerate(rows.itertuples()):
                axes.errorbar(row.mean, y, xerr=row.half, fmt="o", capsize=2, color=COLORS[row.verdict])
            labels = [f"{row.claim}. {row.text}" for row in rows.itertuples()]
            axes.set(yticks=range(len(rows)), yticklabels=labels, ylim=(len(rows) - 0.5, -0.5), xlabel=number)
        for verdict, color in COLORS.items():
            panels[0].plot([], [], "o", color=color, label=verdict)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=3)
        figure.savefig(path, dpi=150)
        plt.close(figure)


def grid_of(found: pd.DataFrame, number: str) -> list[list[float]]:
    """Return a number for each pair of betas: a row per beta_pos, a column per beta_neg."""
    return [[found.loc[f"betas_{pos}_{neg}"][number].item() for neg in BETAS] for pos in BETAS]


def draw_grid(found: pd.DataFrame, path: Path) -> None:
    """Draw a heat map over (beta_pos, beta_neg) for each of the four numbers of HEAT.

    Args:
        found: `results.numbers`, with a row for every pair of the grid.
    """
    with plt.rc_context(PRINT):
        figure, panels = plt.subplots(2, 2, figsize=(5.5, 5.2), layout="constrained")
        for axes, number in zip(panels.flat, HEAT, strict=True):
            values = grid_of(found, number)
            image = axes.imshow(values, origin="lower", cmap="cividis")
            middle = sum(image.get_clim()) / 2
            for row, of_pos in enumerate(values):
                for column, value in enumerate(of_pos):
                    color = "white" if value < middle else "black"
                    axes.text(column, row, f"{value:.3f}".removeprefix("0"), ha="center", va="center", color=color)
            ticks = [f"{beta:g}" for beta in BETAS]
            axes.set(title=number, xlabel="beta_neg", ylabel="beta_pos", xticks=range(len(BETAS)), xticklabels=ticks)
            axes.set(yticks=range(len(BETAS)), yticklabels=ticks)
        figure.savefig(path, dpi=150)
        plt.close(figure)
