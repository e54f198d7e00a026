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
"""Print the tables of README.md and draw bandit.png: `python -m studies.bandit.bandit`, seconds.

model.py defines the terms and has the equations.
"""

import itertools
from pathlib import Path

import torch

from asymgrpo_verl.figures.style import PALETTE, plt
from studies.bandit.model import (
    SLOPE,
    START,
    Betas,
    N,
    advantages,
    at_accuracy,
    bandit,
    channel_weight,
    entropy,
    entropy_change,
    first_order,
    natural_step,
    population_entropy,
    sampled_step,
    second_order,
    total_weight,
    train,
    vanilla_step,
)

ZIPF = [1 / rank / sum(1 / r for r in range(1, 33)) for rank in range(1, 33)]
SHAPES = {
    "uniform": bandit([1 / 8] * 2, [1 / 8] * 6),
    "peaked, correct": bandit([0.93], [0.01] * 7),
    "peaked, incorrect": bandit([0.05] * 3, [0.80, 0.05]),
    "uneven": bandit([0.40, 0.15, 0.05], [0.25, 0.10, 0.05]),
    "Zipf": bandit(ZIPF[::3], ZIPF[1::3] + ZIPF[2::3]),
    "many incorrect": bandit([0.2], [0.8 / 64] * 64),
    "many correct": bandit([0.7 / 64] * 64, [0.3]),
}
SETTINGS = {
    "(0, 0) REINFORCE": Betas(0, 0),
    "(0.5, 0.5) GRPO": Betas(0.5, 0.5),
    "(0.9, 0.4) AsymGRPO": Betas(0.9, 0.4),
    "(0.4, 0.9) its mirror": Betas(0.4, 0.9),
    "(0.5, 0) Pos-Only": Betas(0.5, 0),
    "EntIncrease": Betas(0.5, 0.5, "negative"),
    "EntDecrease": Betas(0.5, 0.5, "positive"),
    "(0, 0.5) Neg-Only": Betas(0, 0.5),
    "(0.7, 0.7)": Betas(0.7, 0.7),
}
MARKERS = "osD^v*P"  # one per colour of PALETTE, so plots show the first seven settings


def table(title: str, header: list[str], rows: list[list]) -> str:
    cells = [header] + [[v if isinstance(v, str) else f"{round(float(v), 3) + 0.0:.3f}" for v in r] for r in rows]
    width = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = [
        row[0].ljust(width[0]) + "".join(c.rjust(w + 2) for c, w in zip(row[1:], width[1:], strict=True))
        for row in cells
    ]
    return "\n".join([title, *lines, ""])


def policy_table() -> str:
    rows = []
    for name, b in SHAPES.items():
        peak = torch.sigmoid(entropy(b.correct) - entropy(b.incorrect))
        change = [entropy_change(b, advantages(b, *beta), 0.1) for beta in ((0.5, 0.5), (0.9, 0.5), (0.5, 0.9))]
        rows.append([name, str(len(b.pi)), b.p, entropy(b.pi), entropy(b.correct), entropy(b.incorrect), b.gap(), peak])
        rows[-1] += [change[1] - change[0], change[2] - change[0]]
    header = ["", "arms", "p", "H", "H+", "H-", "L", "p*", "beta_pos up", "beta_neg up"]
    return table("1. Policies; last, dH at (0.9, 0.5) and at (0.5, 0.9) minus dH at (0.5, 0.5), eta 0.1", header, rows)


def grid_table() -> str:
    betas = (0.0, 0.5, 1.0)
    settings = [(f"correct, {beta:g}", "correct", beta, 0.0) for beta in betas]
    settings += [(f"incorrect, {beta:g}", "incorrect", 0.0, beta) for beta in betas]
    settings += [(f"both, ({pos:g}, {neg:g})", "both", pos, neg) for pos, neg in itertools.product(betas, repeat=2)]
    rows = []
    for label, channel, beta_pos, beta_neg in settings:
        pairs = []
        for b in SHAPES.values():
            a = advantages(b, beta_pos, beta_neg, channel)
            pairs.append(f"{signed(100 * entropy_change(b, a, 0.1))} {signed(100 * first_order(b, a, 0.1))}")
        rows.append([label, *pairs])
    return table("2. 100 dH of one natural-gradient step, eta 0.1: exact, then Eq. 9", ["", *SHAPES], rows)


def signed(value: float) -> str:
    """Format with two decimals and a sign; what rounds to zero is +0.00, because its last bits may have either sign."""
    return f"{round(value, 2) + 0.0:+.2f}"


def step_table() -> str:
    rows = []
    for size in (0.01, 0.1, 0.3, 1.0, 3.0):
        exact = [entropy_change(b, b.log_odds, size) for b in SHAPES.values()]
        first = [first_order(b, b.log_odds, size) for b in SHAPES.values()]
        second = [f + second_order(b, b.log_odds, size) for f, b in zip(first, SHAPES.values(), strict=True)]
        for label, guesses in (("Eq. 9", first), ("with the second term", second)):
            ratios = [signed(guess / truth) for guess, truth in zip(guesses, exact, strict=True)]
            rows.append([f"{size:g}, {label}", *ratios])
    return table("3. Predicted dH / exact dH, by the step in the log-odds of p, eta (a+b)", ["", *SHAPES], rows)


def vanilla_table() -> str:
    rows = []
    for name, b in SHAPES.items():
        for step in (natural_step, vanilla_step):
            after = step(b, advantages(b, 0.5, 0.5), 0.1)
            changes = (after.p - b.p, *(entropy(new) - entropy(old) for new, old in zip(after, b, strict=True)))
            rows.append([f"{name}, {step.__name__}", *(signed(100 * change.item()) for change in changes)])
    return table("4. 100 times the change in one GRPO step, eta 0.1", ["", "p", "H+", "H-"], rows)


def covariance_table() -> str:
    k = torch.arange(1, N, dtype=torch.float64)
    p = k / N
    rows = []
    for name, beta in (("(0, 0)", 0.0), ("(0.5, 0.5)", 0.5)):
        weight = channel_product(k, beta)
        rows.append([f"{name} one prompt, L = 1", *weight])
        for difference in (-2, 0, 2):
            rows.append([f"{name} prompts with D = {difference:+d}", *(weight * (p.logit() + difference))])
    return table("5. Cov(p), by correct rollouts of 8", ["", *(f"{int(i)} of 8" for i in k)], rows)


def channel_product(k: torch.Tensor, beta: float) -> torch.Tensor:
    """Return p(1-p)(a+b) = Cov(p) / L at p = k/N, for beta_pos = beta_neg = beta; same shape as `k`."""
    return k / N * (1 - k / N) * (channel_weight(k, N, beta) + channel_weight(N - k, N, beta))


def total_table() -> str:
    p = torch.tensor([0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99], dtype=torch.float64)
    rows = []
    for name, setting in SETTINGS.items():
        rows.append([name, *total_weight(p, *setting)])
        if setting.flip == "none":
            exact = channel_weight(p, 1, setting.beta_pos) + channel_weight(1 - p, 1, setting.beta_neg)
            rows.append(["  at the exact p", *exact])
    return table("6. a+b expected over groups of 8, by p", ["", *(f"{x:g}" for x in p.tolist())], rows)


def noise_table() -> str:
    settings = [(f"correct, {beta:g}", "correct", beta, 0.0) for beta in (0.0, 0.5, 0.9)]
    settings += [(f"incorrect, {beta:g}", "incorrect", 0.0, beta) for beta in (0.0, 0.4, 0.5, 0.9)]
    settings += [("both, (0.5, 0.5)", "both", 0.5, 0.5), ("both, (0.9, 0.4)", "both", 0.9, 0.4)]
    rows = []
    for label, channel, beta_pos, beta_neg in settings:
        row = [label]
        for p in (0.25, 0.5, 0.75):
            change = sampled_step(bandit([p / 2] * 2, [(1 - p) / 2] * 2), beta_pos, beta_neg, channel, 1.0)
            row += [change.correct / change.p, change.incorrect / change.p]
        rows.append(row)
    header = ["", "p=1/4 H+", "H-", "p=1/2 H+", "H-", "p=3/4 H+", "H-"]
    return table("7. Change of H+ and of H- per unit of p gained, one group of 8, vanilla step, eta 1", header, rows)


def population_table() -> str:
    goal = torch.tensor(0.8, dtype=torch.float64)
    rows = [["start", START.sigmoid().mean(), "", "", *(population_entropy(START[None], d) for d in SLOPE.values())]]
    for name, setting in SETTINGS.items():
        path = train(setting)
        steps = at_accuracy(path, torch.arange(len(path), dtype=torch.float64), goal)
        row = [name, path[40].sigmoid().mean(), population_entropy(path, SLOPE["L rises"])[40], f"{steps.item():.0f}"]
        rows.append(row + [at_accuracy(path, population_entropy(path, slope), goal) for slope in SLOPE.values()])
    header = ["", "p, step 40", "H, L rises, step 40", "steps to p 0.8", *(f"H at 0.8, {name}" for name in SLOPE)]
    return table("8. 61 prompts, means; p 0.5 at the start, eta 0.02", header, rows)


def report() -> str:
    tables = (policy_table, grid_table, step_table, vanilla_table, covariance_table, total_table, noise_table)
    return "\n".join(make() for make in (*tables, population_table))


def draw(path: Path) -> None:
    figure, axes = plt.subplots(2, 3, figsize=(13, 7.6), layout="constrained")
    draw_steps(axes[0, 0])
    draw_one_prompt(axes[0, 1])
    draw_directions(axes[0, 2])
    draw_covariance(axes[1, 0])
    draw_population(axes[1, 1], "L rises")
    draw_population(axes[1, 2], "L falls")
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def draw_steps(ax) -> None:
    steps = torch.logspace(-2, 0.5, 40).tolist()
    ax.axhspan(0.9, 1.1, color="#dddddd", linewidth=0)
    for color, (name, b) in zip(PALETTE, SHAPES.items(), strict=True):
        ratio = [first_order(b, b.log_odds, s) / entropy_change(b, b.log_odds, s) for s in steps]
        ax.plot(steps, ratio, color=color, label=name)
    ax.set(xscale="log", ylim=(-0.1, 2.6), xlabel="step in the log-odds of p, eta (a+b)", ylabel="Eq. 9 / exact dH")
    ax.set_title("One step: where Eq. 9 holds (grey: within 10%)", fontsize=10)
    ax.legend(frameon=False, fontsize=8)


def draw_one_prompt(ax) -> None:
    start = bandit([0.01] * 3, [0.97 / 12] * 12)
    line = [natural_step(start, start.log_odds, eta) for eta in torch.linspace(-1, 9, 200).tolist()]
    ax.plot([b.p for b in line], [entropy(b.pi) for b in line], color="#bbbbbb", linewidth=5, zorder=0)
    for color, marker, (name, setting) in zip(PALETTE, MARKERS, SETTINGS.items(), strict=False):
        path = [start]
        for _ in range(150):
            path.append(natural_step(path[-1], total_weight(path[-1].p, *setting) * start.log_odds, 0.02))
        p, h = [b.p for b in path[::50]], [entropy(b.pi) for b in path[::50]]
        ax.plot(p, h, marker, color=color, label=name, markersize=6)
    ax.set(xlabel="p", ylabel="entropy H")
    ax.set_title("One prompt: one path for every setting\n(marks: after 0, 50, 100 and 150 steps)", fontsize=10)
    ax.legend(frameon=False, fontsize=8)


def draw_directions(ax) -> None:
    p, difference = torch.meshgrid(torch.linspace(0.005, 0.995, 397), torch.linspace(-6, 6, 401), indexing="xy")
    told = (p.logit() * (p.logit() + difference) > 0).double()
    ax.contourf(p, difference, told, levels=[-0.5, 0.5, 1.5], colors=["#f3c9a5", "#cfe3f2"])
    for name, b in SHAPES.items():
        d = entropy(b.incorrect) - entropy(b.correct)
        ax.plot(b.p, d, "o", color="#000000", markersize=4)
        ax.annotate(name, (b.p, d), (0, 5), textcoords="offset points", ha="right" if b.p > 0.5 else "left", fontsize=8)
    ax.text(0.75, 5, "the paper's direction", ha="center")
    ax.text(0.25, 5, "the reverse", ha="center")
    ax.text(0.25, -5.4, "the paper's direction", ha="center")
    ax.text(0.75, -5.4, "the reverse", ha="center")
    ax.set(xlabel="p", ylabel="D = H- minus H+", xlim=(0, 1))
    ax.set_title(
        "One step on one prompt: does raising beta_pos\nkeep entropy, and raising beta_neg cut it?", fontsize=10
    )


def draw_covariance(ax) -> None:
    k = torch.arange(1, N, dtype=torch.float64)
    p, product = k / N, channel_product(k, 0.5)
    for color, marker, difference in zip(PALETTE, MARKERS, (2, 0, -2), strict=False):
        label = f"prompts that differ in p, D = {difference}"
        ax.plot(p, product * (p.logit() + difference), marker + "-", color=color, markersize=4, label=label)
    ax.plot(p, product, "k--", label="the groups of one prompt, L = 1")
    ax.axhline(0, color="#999999", linewidth=0.8)
    ax.set(xlabel=f"group accuracy, {N} rollouts", ylabel="Cov(p), GRPO", xlim=(0, 1), ylim=(-1.5, 2.9))
    ax.set_title("Cov(p) rises across prompts, not within one", fontsize=10)
    ax.legend(frameon=False, fontsize=8, loc="upper left")


def draw_population(ax, population: str) -> None:
    accuracy = torch.linspace(0.52, 0.9, 39, dtype=torch.float64)
    paths = {name: train(setting) for name, setting in SETTINGS.items()}
    entropies = {n: at_accuracy(x, population_entropy(x, SLOPE[population]), accuracy) for n, x in paths.items()}
    for color, marker, values in zip(PALETTE, MARKERS, entropies.values(), strict=False):
        ax.plot(accuracy, values - entropies["(0.5, 0.5) GRPO"], marker + "-", color=color, markersize=4, markevery=6)
    ax.set(
        xlabel="mean p over 61 prompts (legend above)", ylabel="H at equal accuracy, minus GRPO's", ylim=(-0.22, 0.22)
    )
    ax.set_title(f"Many prompts, {population} with p", fontsize=10)


if __name__ == "__main__":
    print(report(), end="")
    draw(Path(__file__).with_name("bandit.png"))
