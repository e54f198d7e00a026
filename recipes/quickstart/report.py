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
"""What a quickstart run shows at its end: numbers before and after, and a picture."""

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

# Okabe and Ito's palette, which colour-blind readers can tell apart.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#999999"


def read_metrics(path: Path) -> list[dict]:
    """verl's file log, one dict a step with its number under "step"; a last line still being written is left out."""
    if not path.is_file():
        return []
    lines = path.read_text().split("\n")[:-1]
    return [{"step": row["step"], **row["data"]} for row in map(json.loads, lines)]


def validation_accuracy(row: dict) -> float | None:
    """The mean over data sources of verl's val-core metrics; None for a step without a validation."""
    values = [v for k, v in row.items() if k.startswith("val-core/") and "/mean@" in k]
    return sum(values) / len(values) if values else None


def summarise(rows: list[dict]) -> str:
    """Numbers of the first and of the last step, one a line."""
    validated = [row for row in rows if validation_accuracy(row) is not None]
    steps = [row for row in rows if "actor/entropy" in row]
    first, last = steps[0], steps[-1]
    lines = [f"\n{'':32}{'before':>10}{'after':>10}"]
    pairs = {
        "validation accuracy": (validation_accuracy(validated[0]), validation_accuracy(validated[-1])),
        "accuracy of the rollouts": (first["groups/accuracy"], last["groups/accuracy"]),
        "entropy (nats a token)": (first["actor/entropy"], last["actor/entropy"]),
        "prompts all-solved": (first["groups/all_solved"], last["groups/all_solved"]),
        "prompts none-solved": (first["groups/none_solved"], last["groups/none_solved"]),
        "response length (tokens)": (first["response_length/mean"], last["response_length/mean"]),
    }
    lines += [f"{name:32}{before:>10.3f}{after:>10.3f}" for name, (before, after) in pairs.items()]
    if all(row["groups/mixed"] == 0 for row in steps):
        norms = max(row["actor/grad_norm"] for row in steps)
        lines.append(f"No group was mixed, so no advantage and no gradient: largest gradient norm {norms:g}.")
    seconds = sorted(row["timing_s/step"] for row in steps)
    lines.append(f"{len(steps)} steps, {seconds[len(seconds) // 2]:.1f} s each (median)\n")
    return "\n".join(lines)


def draw(rows: list[dict], path: Path) -> None:
    """Accuracy, entropy and what became of the groups, over steps, as one PNG."""
    steps = [row for row in rows if "actor/entropy" in row]
    x = [row["step"] for row in steps]
    figure, (accuracy, entropy, groups) = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
    validated = [(row["step"], value) for row in rows if (value := validation_accuracy(row)) is not None]
    accuracy.plot(x, [row["groups/accuracy"] for row in steps], color=GREY, label="rollouts")
    accuracy.plot(*zip(*validated, strict=True), "o-", color=BLUE, label="validation")
    accuracy.set(title="accuracy", ylim=(0, 1.05))
    entropy.plot(x, [row["actor/entropy"] for row in steps], color=ORANGE)
    entropy.set(title="policy entropy (nats a token)", ylim=(0, None))
    groups.plot(x, [row["groups/all_solved"] for row in steps], color=GREEN, label="all-solved")
    groups.plot(x, [row["groups/mixed"] for row in steps], color=GREY, label="mixed")
    groups.plot(x, [row["groups/none_solved"] for row in steps], color=ORANGE, label="none-solved")
    groups.set(title="share of prompts", ylim=(0, 1.05))
    for axes in (accuracy, entropy, groups):
        axes.set_xlabel("step")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
    accuracy.legend(frameon=False)
    groups.legend(frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)
