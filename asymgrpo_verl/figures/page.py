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
"""`asymgrpo figures`: the pictures as files, and one page with them, the runs' settings and their last numbers."""

import base64
import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from asymgrpo_verl.figures import points as series
from asymgrpo_verl.figures.paper_figures import FIGURES, Picture, benchmark_name, draw_all, exponents, validated_sources
from asymgrpo_verl.files import atomic
from asymgrpo_verl.runs.comparison import SEED, Method, Run, by_method, differing, read_run

NONE = "–"
# What the page says of every run, beside all else in which the runs differ.
SETTINGS = {
    "model": "actor_rollout_ref.model.path",
    "estimator": "algorithm.adv_estimator",
    "learning rate": "actor_rollout_ref.actor.optim.lr",
    "prompts a step": "data.train_batch_size",
    "prompts an update": "actor_rollout_ref.actor.ppo_mini_batch_size",
    "rollouts a prompt": "actor_rollout_ref.rollout.n",
    "response tokens": "data.max_response_length",
    "clip low": "actor_rollout_ref.actor.clip_ratio_low",
    "clip high": "actor_rollout_ref.actor.clip_ratio_high",
    "entropy coefficient": "actor_rollout_ref.actor.entropy_coeff",
}
BETAS = ("beta_pos", "beta_neg", "flip")
NOTES = (
    "Accuracies are the log's, not smoothed; the average is over the data sources that all validated runs have. The "
    "best is the highest of a run's validations, which flatters it. Entropies are in nats a token. All-solved and "
    "none-solved are shares of the prompts of the last step, and of those of the last epoch.",
    "Over several seeds: mean ± standard error of the mean. – where the log has nothing.",
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
td.path { white-space: normal; overflow-wrap: anywhere; min-width: 9em; }
th { font-weight: 600; border-bottom: 1px solid #222; max-width: 9em; overflow-wrap: anywhere; }
th:first-child, td:first-child, td.path, th.path { text-align: left; }
@media print { body { margin: 0; max-width: none; font-size: 10px; } .wide { overflow: visible; }
  table { font-size: 7px; } td { white-space: normal; } }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% macro table(rows) %}
<div class="wide"><table>
<thead><tr>{% for cell in rows[0] %}<th scope="col"{{ ' class="path"'|safe if cell == "run" }}>{{ cell }}</th>
{%- endfor %}</tr></thead>
<tbody>
{% for row in rows[1:] %}
<tr>{% for cell in row %}<td{{ ' class="path"'|safe if rows[0][loop.index0] == "run" }}>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</tbody>
</table></div>
{% endmacro %}
<h2>Last numbers</h2>
{% for rows in tables %}
{{ table(rows) }}
{% endfor %}
{% for note in notes %}
<p class="note">{{ note }}</p>
{% endfor %}
{% for picture in pictures %}
<h2>{{ picture.title }}</h2>
<figure>
<img src="data:image/png;base64,{{ base64(picture.png) }}" alt="{{ picture.title }}" width="{{ pixels(picture) }}">
<figcaption>{{ picture.caption }} <a href="{{ picture.name }}.pdf">{{ picture.name }}.pdf</a></figcaption>
</figure>
{% endfor %}
<h2>Settings</h2>
{{ table(settings) }}
{% if shared %}
<p class="note">The same in all runs: {{ shared }}.</p>
{% endif %}
{% if remarks %}
<h2>Remarks</h2>
<ul class="note">
{% for remark in remarks %}
<li>{{ remark }}</li>
{% endfor %}
</ul>
{% endif %}
</body>
</html>
"""


def write(arguments: list[str], out: Path) -> list[str]:
    """Draw the runs of the arguments (see `read_run`) into the directory `out`: NAME.png and NAME.pdf of each figure,
    and index.html. All of it is made before anything there is replaced.

    Returns:
        what there is to say: which figures are skipped and why.
    Raises:
        OSError, ValueError: a run that cannot be read, runs of one label that are not seeds of one method.
    """
    runs = {(run.label, run.path.resolve()): run for run in map(read_run, arguments)}
    methods, remarks = by_method(list(runs.values()))
    out.mkdir(parents=True, exist_ok=True)
    pictures, said = draw_all(methods)
    remarks += said
    files = {f"{picture.name}.{kind}": getattr(picture, kind) for picture in pictures for kind in ("png", "pdf")}
    files["index.html"] = render(methods, pictures, remarks).encode()
    for name, content in files.items():
        with atomic(out / name) as partial:
            partial.write_bytes(content)
    old = [out / f"{name}.{kind}" for name in FIGURES for kind in ("png", "pdf") if f"{name}.{kind}" not in files]
    if old := [str(path) for path in old if path.exists()]:
        remarks.append(f"of an earlier call, not of these runs: {', '.join(old)}")
    return remarks


def render(methods: list[Method], pictures: list[Picture], remarks: list[str]) -> str:
    """The page. It needs nothing beside it."""
    settings, shared = settings_table(methods)
    page = Environment(autoescape=True, trim_blocks=True, undefined=StrictUndefined).from_string(PAGE)
    return page.render(
        title=f"AsymGRPO: methods compared ({', '.join(method.name for method in methods)})"
        if len(methods) < 5
        else f"AsymGRPO: {len(methods)} methods compared",
        tables=[accuracy_table(methods), dynamics_table(methods)],
        notes=NOTES,
        pictures=pictures,
        base64=lambda png: base64.b64encode(png).decode(),
        pixels=lambda picture: round(picture.inches * 130),
        settings=settings,
        shared=shared,
        remarks=remarks,
    )


def _cell(method: Method, number: Callable[[Run], float | None], digits: int) -> str:
    """A number of a run; over several seeds its mean and standard error. None where a seed has none."""
    values = [number(run) for run in method.seeds]
    if None in values:
        return NONE
    error = f" ± {statistics.stdev(values) / math.sqrt(len(values)):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.{digits}f}{error}"


def accuracy_table(methods: list[Method]) -> list[list[str]]:
    """Last and best validation accuracy in percent, of each data source and of their mean."""
    common, partial = validated_sources(methods)
    columns = {"average": common} | {benchmark_name(source): [source] for source in [*common, *partial]}
    rows = [["validation accuracy (%)", *(f"{name}, {which}" for name in columns for which in ("last", "best"))]]
    for method in methods:
        cells = []
        for sources in columns.values():
            for pick in (series.last, series.best):

                def percent(run: Run, sources=sources, pick=pick) -> float | None:
                    value = pick(series.accuracy(run.rows, sources))
                    return None if value is None else 100 * value

                cells.append(_cell(method, percent, 1))
        rows.append([method.name, *cells])
    return rows


def dynamics_table(methods: list[Method]) -> list[list[str]]:
    """The last entropy, of all rollouts and of each channel, and the last shares of unanimous groups."""
    columns = {
        "training reward": (series.logged, "critic/score/mean"),
        "entropy": (lambda rows, _: series.policy_entropy(rows), ""),
        "entropy, correct": (series.logged, "rollouts/correct/entropy"),
        "entropy, incorrect": (series.logged, "rollouts/incorrect/entropy"),
        "all-solved, step": (series.logged, "groups/all_solved"),
        "none-solved, step": (series.logged, "groups/none_solved"),
        "all-solved, epoch": (series.by_epoch, "epoch/all_solved"),
        "none-solved, epoch": (series.by_epoch, "epoch/none_solved"),
    }
    rows = [["at the end", "seeds", "step", *columns]]
    for method in methods:
        cells = [
            _cell(method, lambda run, points=points, key=key: series.last(points(run.rows, key)), 3)
            for points, key in columns.values()
        ]
        steps = ", ".join(map(str, sorted({run.last_step for run in method.seeds})))
        rows.append([method.name, str(len(method.seeds)), steps, *cells])
    return rows


def settings_table(methods: list[Method]) -> tuple[list[list[str]], str]:
    """(a row for each run, with the settings in which runs differ; those of SETTINGS that are the same in all)."""
    runs = [run for method in methods for run in method.seeds]
    columns: dict[str, list[Any]] = {name: [run.config.get(key) for run in runs] for name, key in SETTINGS.items()}
    betas = [exponents(run) or (None, None, None) for run in runs]
    columns |= {name: [setting[i] for setting in betas] for i, name in enumerate(BETAS)}
    columns["steps"] = [run.last_step for run in runs]
    columns["seeds"] = [_seeds(run) for run in runs]
    shown = {*SETTINGS.values(), *(f"algorithm.asymgrpo.{name}" for name in BETAS)}
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
    """The seeds of verl's parts, each value once."""
    seeds = dict.fromkeys(str(value) for key, value in run.config.items() if SEED.fullmatch(key) and value is not None)
    return ", ".join(seeds) or None
