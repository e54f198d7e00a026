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
"""`asymgrpo curves`: the weights A+ and A- that a pair of betas gives, as a table and a picture."""

from pathlib import Path
from typing import NamedTuple

import torch

from asymgrpo_verl.core.estimators import ESTIMATORS, advantages_by_count
from asymgrpo_verl.figures.style import PALETTE, plt


class Setting(NamedTuple):
    """Settings of the estimator: see `core.estimators.asymgrpo`."""

    beta_pos: float
    beta_neg: float
    flip: str = "none"

    def __str__(self) -> str:
        reflected = {"none": "", "positive": ", A+ reflected", "negative": ", A- reflected"}[self.flip]
        return f"({self.beta_pos:g}, {self.beta_neg:g}{reflected})"


class Curve(NamedTuple):
    """A setting's weights in a group of n, by the number of its correct rollouts, 0 to n.

    Attributes:
        positive: A+ of each correct rollout, NaN where there is none; >= 0.
        negative: A- of each incorrect rollout, NaN where there is none; <= 0.
        positive_sum, negative_sum: what the correct, the incorrect rollouts of the group weigh together, 0 for none.
    """

    positive: list[float]
    negative: list[float]
    positive_sum: list[float]
    negative_sum: list[float]


def curve(setting: Setting, n: int) -> Curve:
    """The weights that `advantages.asymgrpo` gives in a group of n rollouts (Eq. 10, 15-18)."""
    settings = ESTIMATORS["asymgrpo"].settings(**setting._asdict())
    positive, negative = advantages_by_count("asymgrpo", n, settings)
    positive[0], negative[n] = float("nan"), float("nan")
    solved = torch.arange(n + 1, dtype=torch.float64)
    sums = (solved * positive).nan_to_num(0.0), ((n - solved) * negative).nan_to_num(0.0)
    return Curve(*(values.tolist() for values in (positive, negative, *sums)))


def curves_table(settings: list[Setting], n: int) -> str:
    """The curves as text, a line for each number of correct rollouts."""
    lines = []
    for setting in settings:
        lines.append(f"{setting}, {n} rollouts\n{'correct':>8}{'p':>8}{'A+':>10}{'A-':>10}{'sum A+':>10}{'sum A-':>10}")
        for k, values in enumerate(zip(*curve(setting, n), strict=True)):
            lines.append(
                f"{k:>8}{k / n:>8.3f}" + "".join(f"{value + 0.0:>10.3f}" for value in values).replace("nan", "  -")
            )
        lines.append("")
    return "\n".join(lines)


def draw_curves(settings: list[Setting], n: int, path: Path) -> None:
    """A+(p) and A-(p) of each setting, and beside it what each channel weighs in a group (Fig. 1 a, b)."""
    figure, (single, together) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    p = [k / n for k in range(n + 1)]
    for setting, color in zip(settings, PALETTE, strict=False):
        values = curve(setting, n)
        for axes, (positive, negative) in ((single, values[:2]), (together, values[2:])):
            axes.plot(p, positive, "o-", color=color, markersize=3, label=str(setting))
            axes.plot(p, negative, "s--", color=color, markersize=3)
    single.set(title="weight of a rollout", ylabel="A+ (solid), A- (dashed)")
    together.set(title="weight of a channel in its group", ylabel="sum over its rollouts")
    for axes in (single, together):
        axes.axhline(0, color="#999999", linewidth=0.8)
        axes.set_xlabel(f"group accuracy p, {n} rollouts")
        axes.spines[["top", "right"]].set_visible(False)
    single.legend(frameon=False, title="(beta_pos, beta_neg)")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)
