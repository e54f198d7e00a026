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
"""The tables of the page of `asymgrpo figures`: last numbers of each method, and settings as a diff."""

import math
import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

from asymgrpo_verl.figures import points
from asymgrpo_verl.figures.paper_figures import benchmark_name, betas_of, validated_sources
from asymgrpo_verl.figures.weight_curves import Betas
from asymgrpo_verl.runs.methods import PLACE, SEED, Method, differing
from asymgrpo_verl.runs.run import Run

NONE = "–"
FOOTNOTES = (
    "Nothing here is smoothed. The average is over the data sources that all validated runs have. The best is the "
    "highest of a run's validations: it is biased upwards, and more so for a run with more validations. Entropies are "
    "in nats per token. All-solved and none-solved are shares of the prompts of the last step, and of the last epoch.",
    "If a method has several runs: mean ± standard error of the mean. –: the log has no value.",
)


def _cell(values: list[float | None], digits: int) -> str:
    """Return the number of a run; over several runs, mean and standard error. NONE if a run has no number."""
    if None in values:
        return NONE
    error = f" ± {statistics.stdev(values) / math.sqrt(len(values)):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.{digits}f}{error}"


def accuracy_table(methods: list[Method]) -> list[list[str]]:
    """Return the last and the best validation accuracy in percent, on each data source and of their mean.

    If the runs' last validations are at different steps, the table also has the accuracy at the last step at which all
    runs were validated, because a longer run would else be compared with a shorter one. [] if no run was validated.
    """
    common, partial = validated_sources(methods)
    if not common and not partial:
        return []
    sources = {"average": common} | {benchmark_name(source): [source] for source in [*common, *partial]}
    picks = {"last": points.last, "best": points.best}
    validated = [{*points.accuracy(run.rows, common)} for method in methods for run in method.runs]
    together = set.intersection(*validated)
    if together and len({max(steps) for steps in validated}) > 1:
        step = max(together)
        picks = {f"at step {step}": lambda found: found.get(step)} | picks
    rows = [["validation accuracy (%)", "step", *(f"{name}, {pick}" for name in sources for pick in picks)]]
    for method in methods:
        ends = sorted({max(steps) for run in method.runs if (steps := points.accuracy(run.rows, common))})
        found = [[points.accuracy(run.rows, of_column) for run in method.runs] for of_column in sources.values()]
        cells = [
            _cell([_percent(pick(of_run)) for of_run in of_runs], 1) for of_runs in found for pick in picks.values()
        ]
        rows.append([method.name, ", ".join(map(str, ends)) or NONE, *cells])
    return rows


def _percent(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else 100 * value


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
        cells = [_cell([points.last(read(run.rows, key)) for run in method.runs], 3) for read, key in columns.values()]
        steps = ", ".join(map(str, sorted({run.last_step for run in method.runs})))
        rows.append([method.name, str(len(method.runs)), steps, *cells])
    return rows


class Setting(NamedTuple):
    """A setting: its key, its value per method, and whether the values differ."""

    key: str
    values: list[str]
    differs: bool


def settings_table(methods: list[Method]) -> list[Setting]:
    """Return the settings of all methods: first where the runs are and what differs, then what is the same.

    Runs of a method differ only in their seeds and places, so a cell may have several values. A method whose
    configuration is unknown has "unknown".
    """
    runs = [run for method in methods for run in method.runs]
    known = [run for run in runs if run.config]
    changed = {*differing(known)} if known else set()

    def row(key: str, value: Callable[[Run], Any], needs_config: bool = True) -> Setting:
        cells = []
        for method in methods:
            found = [value(run) if run.config or not needs_config else "unknown" for run in method.runs]
            cells.append(", ".join(dict.fromkeys(map(_text, found))))
        return Setting(key, cells, len({*cells} - {"unknown"}) > 1)

    first = [row("run", lambda run: run.path, False), row("last step", lambda run: run.last_step, False)]
    betas = [
        row(f"{name} at the start", lambda run, i=i: (betas_of(run) or [None] * 3)[i])
        for i, name in enumerate(Betas._fields)
    ]
    keys = dict.fromkeys(key for run in known for key in run.config if not PLACE.fullmatch(key))
    rows = [row(key, lambda run, key=key: run.config.get(key)) for key in keys]
    rows = [*betas, *(setting._replace(differs=setting.key in changed) for setting in rows)]
    rows.sort(key=lambda setting: (not setting.differs, bool(SEED.fullmatch(setting.key))))
    return [*(setting._replace(differs=True) for setting in first), *rows]


def _text(value: Any) -> str:
    return NONE if value is None else f"{value:g}" if isinstance(value, float) else str(value)
