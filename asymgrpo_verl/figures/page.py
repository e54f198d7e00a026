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
"""`asymgrpo figures`: write the figures, and a page with the figures, the last numbers and the settings of the runs."""

import base64
import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from asymgrpo_verl.core.metrics import logged_metrics
from asymgrpo_verl.figures import points
from asymgrpo_verl.figures.paper_figures import (
    FIGURES,
    DrawnFigure,
    benchmark_name,
    betas_of,
    draw_all,
    validated_sources,
)
from asymgrpo_verl.figures.weight_curves import Betas
from asymgrpo_verl.files import atomic
from asymgrpo_verl.runs.methods import SEED, Method, by_method, differing
from asymgrpo_verl.runs.run import Run, read_run

NONE = "–"
# The page always has these settings, and all other settings that differ between the runs.
SETTINGS = {
    "model": "actor_rollout_ref.model.path",
    "estimator": "algorithm.adv_estimator",
    "learning rate": "actor_rollout_ref.actor.optim.lr",
    "prompts per step": "data.train_batch_size",
    "prompts per update": "actor_rollout_ref.actor.ppo_mini_batch_size",
    "rollouts per prompt": "actor_rollout_ref.rollout.n",
    "response tokens": "data.max_response_length",
    "clip low": "actor_rollout_ref.actor.clip_ratio_low",
    "clip high": "actor_rollout_ref.actor.clip_ratio_high",
    "entropy coefficient": "actor_rollout_ref.actor.entropy_coeff",
}
FOOTNOTES = (
    "Accuracies are not smoothed. The average is over the data sources that all validated runs have. The best is the "
    "highest of a run's validations, which is biased upwards. Entropies are in nats per token. All-solved and "
    "none-solved are shares of the prompts of the last step, and of the last epoch.",
    "If a method has several runs: mean ± standard error of the mean. –: the log has no value.",
)

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; color: #222; background: #fff; margin: 2em auto; padding: 0 1em;
  max-width: 62em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin: 2em 0 0.4em; }
figure { margin: 0 0 2.2em; break-inside: avoid; }
figure img { max-width: 100%; height: auto; }
figcaption, .note { color: #555; font-size: 0.87em; max-width: 52em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.8em; font-variant-numeric: tabular-nums; margin: 0.6em 0; }
th, td { padding: 0.25em 0.6em; text-align: right; vertical-align: top; }
td { white-space: nowrap; border-top: 1px solid #ddd; }
td.text { white-space: normal; overflow-wrap: anywhere; min-width: 9em; }
th { font-weight: 600; border-bottom: 1px solid #222; max-width: 9em; overflow-wrap: anywhere; }
th:first-child, td:first-child, td.text, th.text { text-align: left; }
@media print { body { margin: 0; max-width: none; font-size: 10px; } .wide { overflow: visible; }
  table { font-size: 7px; } td { white-space: normal; } }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% set text = ("run", "meaning") %}
{% macro table(rows) %}
<div class="wide"><table>
<thead><tr>{% for cell in rows[0] %}<th scope="col"{{ ' class="text"'|safe if cell in text }}>{{ cell }}</th>
{%- endfor %}</tr></thead>
<tbody>
{% for row in rows[1:] %}
<tr>{% for cell in row %}<td{{ ' class="text"'|safe if rows[0][loop.index0] in text }}>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</tbody>
</table></div>
{% endmacro %}
<h2>Last numbers</h2>
{% for rows in tables %}
{{ table(rows) }}
{% endfor %}
{% for footnote in footnotes %}
<p class="note">{{ footnote }}</p>
{% endfor %}
{% for figure in figures %}
<h2>{{ figure.title }}</h2>
<figure>
<img src="data:image/png;base64,{{ base64(figure.png) }}" alt="{{ figure.title }}" width="{{ pixels(figure) }}">
<figcaption>{{ figure.caption }} <a href="{{ figure.name }}.pdf">{{ figure.name }}.pdf</a></figcaption>
</figure>
{% endfor %}
<h2>Metrics in these logs</h2>
{{ table(metrics) }}
<h2>Settings</h2>
{{ table(settings) }}
{% if shared %}
<p class="note">The same in all runs: {{ shared }}.</p>
{% endif %}
{% if messages %}
<h2>Messages</h2>
<ul class="note">
{% for message in messages %}
<li>{{ message }}</li>
{% endfor %}
</ul>
{% endif %}
</body>
</html>
"""


def write(arguments: list[str], out: Path) -> list[str]:
    """Draw runs into the directory `out`: NAME.png and NAME.pdf of each figure, and index.html.

    Everything is drawn before a file in `out` is replaced.

    Args:
        arguments: "LABEL=PATH" or "PATH" of each run, see `runs.run.read_run`.
    Returns:
        messages for the user, such as which figures are skipped and why.
    Raises:
        OSError, ValueError: a run cannot be read, or runs of one label differ in more than their seeds.
    """
    runs = {(run.label, run.path.resolve()): run for run in map(read_run, arguments)}
    methods, messages = by_method(list(runs.values()))
    figures, its_messages = draw_all(methods)
    messages += its_messages
    files = {f"{figure.name}.{kind}": getattr(figure, kind) for figure in figures for kind in ("png", "pdf")}
    files["index.html"] = render(methods, figures, messages).encode()
    for name, content in files.items():
        with atomic(out / name) as partial:
            partial.write_bytes(content)
    old = [out / f"{name}.{kind}" for name in FIGURES for kind in ("png", "pdf") if f"{name}.{kind}" not in files]
    if old := [str(path) for path in old if path.exists()]:
        messages.append(f"not replaced, from an earlier call with other runs: {', '.join(old)}")
    return messages


def render(methods: list[Method], figures: list[DrawnFigure], messages: list[str]) -> str:
    """Return the page as HTML with the figures inside, so that it needs no other file."""
    settings, shared = settings_table(methods)
    page = Environment(autoescape=True, trim_blocks=True, undefined=StrictUndefined).from_string(PAGE)
    return page.render(
        title=f"AsymGRPO: methods compared ({', '.join(method.name for method in methods)})"
        if len(methods) < 5
        else f"AsymGRPO: {len(methods)} methods compared",
        tables=[accuracy_table(methods), dynamics_table(methods)],
        footnotes=FOOTNOTES,
        figures=figures,
        base64=lambda png: base64.b64encode(png).decode(),
        pixels=lambda figure: round(figure.inches * 130),
        metrics=metrics_table(methods),
        settings=settings,
        shared=shared,
        messages=messages,
    )


def _cell(method: Method, number: Callable[[Run], float | None], digits: int) -> str:
    """Return a number of the method's run; over several runs, mean and standard error. NONE if a run has no number."""
    values = [number(run) for run in method.runs]
    if None in values:
        return NONE
    error = f" ± {statistics.stdev(values) / math.sqrt(len(values)):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.{digits}f}{error}"


def accuracy_table(methods: list[Method]) -> list[list[str]]:
    """Return the last and the best validation accuracy in percent, on each data source and of their mean."""
    common, partial = validated_sources(methods)
    columns = {"average": common} | {benchmark_name(source): [source] for source in [*common, *partial]}
    rows = [["validation accuracy (%)", *(f"{name}, {which}" for name in columns for which in ("last", "best"))]]
    for method in methods:
        cells = []
        for sources in columns.values():
            for pick in (points.last, points.best):

                def percent(run: Run, sources=sources, pick=pick) -> float | None:
                    value = pick(points.accuracy(run.rows, sources))
                    return None if value is None else 100 * value

                cells.append(_cell(method, percent, 1))
        rows.append([method.name, *cells])
    return rows


def dynamics_table(methods: list[Method]) -> list[list[str]]:
    """Return each method's last numbers: reward, entropy of all rollouts and of each channel, shares of groups."""
    columns = {
        "training reward": (points.logged, "critic/score/mean"),
        "entropy": (lambda rows, _: points.policy_entropy(rows), ""),
        "entropy, correct": (points.logged, "rollouts/correct/entropy"),
        "entropy, incorrect": (points.logged, "rollouts/incorrect/entropy"),
        "all-solved, step": (points.logged, "groups/all_solved"),
        "none-solved, step": (points.logged, "groups/none_solved"),
        "all-solved, epoch": (points.by_epoch, "epoch/all_solved"),
        "none-solved, epoch": (points.by_epoch, "epoch/none_solved"),
    }
    rows = [["at the end", "runs", "step", *columns]]
    for method in methods:
        cells = [
            _cell(method, lambda run, read=read, key=key: points.last(read(run.rows, key)), 3)
            for read, key in columns.values()
        ]
        steps = ", ".join(map(str, sorted({run.last_step for run in method.runs})))
        rows.append([method.name, str(len(method.runs)), steps, *cells])
    return rows


def metrics_table(methods: list[Method]) -> list[list[str]]:
    """Return a row per metric of ours that the logs have: its key, unit and meaning."""
    keys = {key for method in methods for run in method.runs for row in run.rows for key in row}
    return [["metric", "unit", "meaning"], *([m.key, m.unit, m.meaning] for m in logged_metrics(keys))]


def settings_table(methods: list[Method]) -> tuple[list[list[str]], str]:
    """Return (a row per run, with the settings that differ between runs; the others of SETTINGS as a sentence)."""
    runs = [run for method in methods for run in method.runs]
    columns: dict[str, list[Any]] = {name: [run.config.get(key) for run in runs] for name, key in SETTINGS.items()}
    betas = [betas_of(run) or (None, None, None) for run in runs]
    columns |= {name: [of_run[i] for of_run in betas] for i, name in enumerate(Betas._fields)}
    columns["steps"] = [run.last_step for run in runs]
    columns["seeds"] = [_seeds(run) for run in runs]
    shown = {*SETTINGS.values(), *(f"algorithm.asymgrpo.{name}" for name in Betas._fields)}
    for key in differing(runs):
        if key not in shown and not SEED.fullmatch(key):
            columns[key] = [run.config.get(key) for run in runs]
    texts = {name: [_text(value) for value in values] for name, values in columns.items()}
    differ = [name for name, values in texts.items() if len(set(values)) > 1]
    rows = [["method", "run", *differ]]
    for i, run in enumerate(runs):
        known = [texts[name][i] if run.config or name == "steps" else "unknown" for name in differ]
        rows.append([run.label, str(run.path), *known])
    return rows, "; ".join(f"{name} {texts[name][0]}" for name in texts if name not in differ)


def _text(value: Any) -> str:
    return NONE if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _seeds(run: Run) -> str | None:
    """Return the seeds of a run's configuration, each value once; None if it has none."""
    seeds = dict.fromkeys(str(value) for key, value in run.config.items() if SEED.fullmatch(key) and value is not None)
    return ", ".join(seeds) or None
