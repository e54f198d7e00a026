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
"""`asymgrpo curves`: the advantages A+ and A- that a pair of betas gives in a group, as a table and a figure."""

from pathlib import Path
from typing import NamedTuple

import torch

from asymgrpo_verl.core.estimators import ESTIMATORS, advantages_by_count
from asymgrpo_verl.figures.style import PALETTE, plt


class Betas(NamedTuple):
    """A pair of betas and which curve is reflected: settings of `core.estimators.asymgrpo`."""

    beta_pos: float
    beta_neg: float
    flip: str = "none"

    def __str__(self) -> str:
        reflected = {"none": "", "positive": ", A+ reflected", "negative": ", A- reflected"}[self.flip]
        return f"({self.beta_pos:g}, {self.beta_neg:g}{reflected})"


class Curve(NamedTuple):
    """Advantages in a group of n rollouts, by the number of correct rollouts, 0 to n.

    Attributes:
        positive: A+, the advantage of a correct rollout, >= 0; NaN if no rollout is correct.
        negative: A-, the advantage of an incorrect rollout, <= 0; NaN if all rollouts are correct.
        positive_sum, negative_sum: sum over the correct, over the incorrect rollouts of the group; 0 if there are none.
    """

    positive: list[float]
    negative: list[float]
    positive_sum: list[float]
    negative_sum: list[float]


def curve(betas: Betas, n: int) -> Curve:
    """Return the advantages that `core.estimators.asymgrpo` gives in a group of n rollouts (Eq. 10, 15-18)."""
    settings = ESTIMATORS["asymgrpo"].settings(**betas._asdict())
    positive, negative = advantages_by_count("asymgrpo", n, settings)
    positive[0], negative[n] = float("nan"), float("nan")
    solved = torch.arange(n + 1, dtype=torch.float64)
    sums = (solved * positive).nan_to_num(0.0), ((n - solved) * negative).nan_to_num(0.0)
    return Curve(*(values.tolist() for values in (positive, negative, *sums)))


def curves_table(pairs: list[Betas], n: int) -> str:
    """Return the curves as text, a line per number of correct rollouts."""
    lines = []
    for betas in pairs:
        lines.append(f"{betas}, {n} rollouts\n{'correct':>8}{'p':>8}{'A+':>10}{'A-':>10}{'sum A+':>10}{'sum A-':>10}")
        for k, values in enumerate(zip(*curve(betas, n), strict=True)):
            lines.append(
                f"{k:>8}{k / n:>8.3f}" + "".join(f"{value + 0.0:>10.3f}" for value in values).replace("nan", "  -")
            )
        lines.append("")
    return "\n".join(lines)


def draw_curves(pairs: list[Betas], n: int, path: Path) -> None:
    """Draw A+(p) and A-(p) of each pair, and their sums over the channel's rollouts in a group (Fig. 1 a, b)."""
    figure, (single, together) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    p = [k / n for k in range(n + 1)]
    for betas, color in zip(pairs, PALETTE, strict=False):
        values = curve(betas, n)
        for axes, (positive, negative) in ((single, values[:2]), (together, values[2:])):
            axes.plot(p, positive, "o-", color=color, markersize=3, label=str(betas))
            axes.plot(p, negative, "s--", color=color, markersize=3)
    single.set(title="advantage of a rollout", ylabel="A+ (solid), A- (dashed)")
    together.set(title="sum over the rollouts of a channel", ylabel="sum of A+ (solid), of A- (dashed)")
    for axes in (single, together):
        axes.axhline(0, color="#999999", linewidth=0.8)
        axes.set_xlabel(f"group accuracy p, {n} rollouts")
        axes.spines[["top", "right"]].set_visible(False)
    single.legend(frameon=False, title="(beta_pos, beta_neg)")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)
