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
"""Summarise a quickstart run: numbers before and after the training, and a figure."""

import statistics
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

# The palette of Okabe and Ito, whose colours colour-blind readers can distinguish.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#999999"


def validations(rows: list[dict]) -> list[tuple[int, float]]:
    """Return (step, accuracy) of every validation: the mean of verl's val-core metrics over data sources."""
    found = [(row["step"], [v for k, v in row.items() if k.startswith("val-core/") and "/mean@" in k]) for row in rows]
    return [(step, sum(values) / len(values)) for step, values in found if values and None not in values]


def summarise(rows: list[dict]) -> str:
    """Return a table of numbers at the first and at the last step, one per line."""
    steps = [row for row in rows if row["step"] > 0]
    validated = [{"accuracy": value} for _, value in validations(rows)]
    lines = [f"\n{'':32}{'before':>10}{'after':>10}"]
    for name, key, among in (
        ("validation accuracy", "accuracy", validated),
        ("accuracy of the rollouts", "critic/score/mean", steps),
        ("entropy (nats per token)", "actor/entropy", steps),
        ("  of correct rollouts", "rollouts/correct/entropy", steps),
        ("  of incorrect rollouts", "rollouts/incorrect/entropy", steps),
        ("log pi increment, correct", "rollouts/correct/log_prob_increment", steps),
        ("log pi increment, incorrect", "rollouts/incorrect/log_prob_increment", steps),
        ("prompts all-solved", "groups/all_solved", steps),
        ("prompts none-solved", "groups/none_solved", steps),
        ("response length (tokens)", "response_length/mean", steps),
    ):
        values = [row[key] for row in among if row.get(key) is not None]
        if values:
            lines.append(f"{name:32}{values[0]:>10.3f}{values[-1]:>10.3f}")
    if steps and all(row.get("actor/grad_norm") == 0 for row in steps):
        lines.append("No advantage differed from 0, so no gradient flowed: its norm is 0 at every step.")
    if times := [row["timing_s/step"] for row in steps if row.get("timing_s/step") is not None]:
        lines.append(f"{len(steps)} steps, {statistics.median(times):.1f} s each (median)")
    return "\n".join([*lines, ""])


def draw(rows: list[dict], path: Path) -> None:
    """Draw accuracy, entropy and the shares of the kinds of groups over steps, as one PNG."""
    steps = [row for row in rows if row["step"] > 0]
    figure, (accuracy, entropy, groups) = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained")

    def plot(axes, key: str, **style) -> None:
        points = [(row["step"], row[key]) for row in steps if row.get(key) is not None]
        axes.plot([x for x, _ in points], [y for _, y in points], **style)

    validated = validations(rows)
    plot(accuracy, "critic/score/mean", color=GREY, label="rollouts")
    accuracy.plot([x for x, _ in validated], [y for _, y in validated], "o-", color=BLUE, label="validation")
    accuracy.set(title="accuracy", ylim=(0, 1.05))
    plot(entropy, "actor/entropy", color=GREY, label="all rollouts")
    plot(entropy, "rollouts/correct/entropy", color=GREEN, label="correct")
    plot(entropy, "rollouts/incorrect/entropy", color=ORANGE, label="incorrect")
    entropy.set(title="policy entropy (nats per token)", ylim=(0, None))
    plot(groups, "groups/all_solved", color=GREEN, label="all-solved")
    plot(groups, "groups/mixed", color=GREY, label="mixed")
    plot(groups, "groups/none_solved", color=ORANGE, label="none-solved")
    groups.set(title="share of prompts", ylim=(0, 1.05))
    for axes in (accuracy, entropy, groups):
        axes.set_xlabel("step")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)
