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
"""`asymgrpo table --format html`: a page of evaluations, with curves, accuracies by group, and responses to read."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from asymgrpo_verl import paper
from asymgrpo_verl.evaluation.metrics import BREAKDOWNS, percent
from asymgrpo_verl.evaluation.progress import progress
from asymgrpo_verl.evaluation.responses import SCORED
from asymgrpo_verl.evaluation.table import read_any_result
from asymgrpo_verl.rewards.maths import verdict_on
from asymgrpo_verl.rewards.tolerance import tolerances
from asymgrpo_verl.web import one_file

NONE = "–"
RESPONSES = 2000  # on the page at most, of all results together: about 5 MB of text if each has 1,000 tokens


class Evaluated(NamedTuple):
    """An evaluation: its name on the page, its results.json, and the path of its responses.parquet."""

    name: str
    results: dict
    responses: Path


def render(arguments: list[str]) -> str:
    """Return a page of evaluations as HTML, which needs no other file.

    Args:
        arguments: "LABEL=PATH" or "PATH" of each, see `table.read_any_result`.
    Raises:
        OSError, ValueError: none is given, or one cannot be read.
    """
    if not arguments:
        raise ValueError(
            "RESULT: got none; expected at least one results.json of `asymgrpo evaluate`, or its directory."
        )
    found = [read_any_result(argument) for argument in arguments]
    names = [name for name, _, _ in found]
    evaluated = [
        Evaluated(
            name if names.count(name) == 1 else f"{name} ({path.parent})", results, path.parent / "responses.parquet"
        )
        for name, results, path in found
    ]
    sources = list(dict.fromkeys(source for one in evaluated for source in one.results["benchmarks"]))
    panels = [panel for source in sources for panel in _curves(evaluated, source) + _breakdowns(evaluated, source)]
    prompts, count = _prompts(evaluated)
    return one_file.render(
        "evaluation.html",
        {"names": [one.name for one in evaluated], "panels": panels, "prompts": prompts},
        title=f"Evaluation of {', '.join(names) if len(names) < 5 else f'{len(names)} results'}",
        names=[one.name for one in evaluated],
        accuracies=_accuracies(evaluated, sources),
        sections=[(_name(source), [panel for panel in panels if panel["source"] == source]) for source in sources],
        sources=list(dict.fromkeys(prompt["source"] for prompt in prompts)),
        shown=len(prompts),
        prompts=count,
        without=[str(one.responses) for one in evaluated if not one.responses.is_file()],
    )


def _name(source: str) -> str:
    return paper.BENCHMARKS[source].name if source in paper.BENCHMARKS else source


def _accuracies(evaluated: list[Evaluated], sources: list[str]) -> list[list[str]]:
    """Return a row per evaluation: Avg@n, pass@n and maj@n on each data source, in percent."""
    rows = [
        ["%", *(f"{_name(source)}, {metric}" for source in sources for metric in ("Avg@n", "pass@n", "maj@n", "n"))]
    ]
    for one in evaluated:
        row = [one.name]
        for source in sources:
            entry = one.results["benchmarks"].get(source)
            n = entry and entry["samples"]
            values = [entry and entry["metrics"].get(f"{metric}@{n}") for metric in ("avg", "pass", "maj")]
            row += [percent(value) if value and value["mean"] is not None else NONE for value in values]
            row.append(str(n or NONE))
        rows.append(row)
    return rows


def _line(x: list, values: list[dict | None]) -> dict[str, list]:
    """Return values with their standard errors in percent, as the script draws them; None if there is no number."""

    def percent_of(key: str) -> list[float | None]:
        return [None if not value or value.get(key) is None else round(100 * value[key], 2) for value in values]

    return {"x": x, "y": percent_of("mean"), "error": percent_of("se")}


def _curves(evaluated: list[Evaluated], source: str) -> list[dict[str, Any]]:
    """Return the panels pass@k and maj@k by k of a data source."""
    meanings = {
        "pass": "Probability that k of the n responses to a prompt, drawn without replacement, include a correct one.",
        "maj": "Probability that a vote among k of the n responses to a prompt elects the correct answer.",
    }
    panels = []
    for metric, meaning in meanings.items():
        lines = []
        for one in evaluated:
            entry = one.results["benchmarks"].get(source, {"metrics": {}, "samples": 0})
            ks = [k for k in range(1, entry["samples"] + 1) if f"{metric}@{k}" in entry["metrics"]]
            lines.append(_line(ks, [entry["metrics"][f"{metric}@{k}"] for k in ks]) if ks else None)
        if any(lines):
            panels.append(
                _panel(source, f"{metric}@k", "k", f"{metric}@k (%)", f"{meaning} Band: standard error.", lines)
            )
    return panels


def _breakdowns(evaluated: list[Evaluated], source: str) -> list[dict[str, Any]]:
    """Return the panels of the accuracy by level and by subject of a data source."""
    panels = []
    for by in BREAKDOWNS:
        groups = [one.results["benchmarks"].get(source, {}).get(by) or {} for one in evaluated]
        names = sorted(dict.fromkeys(name for of_one in groups for name in of_one))
        if not names:
            continue
        lines = []
        for one, of_one in zip(evaluated, groups, strict=True):
            accuracy = f"avg@{one.results['benchmarks'].get(source, {}).get('samples')}"
            values = [of_one.get(name, {}).get("metrics", {}).get(accuracy) for name in names]
            lines.append(_line(names, values) if any(values) else None)
        counts = {name: of_one[name]["prompts"] for of_one in groups for name in names if name in of_one}
        listed = ", ".join(f"{name} ({count})" for name, count in counts.items())
        meaning = f"Avg@n by {by} (number of prompts): {listed}. Bars: standard error."
        panels.append(_panel(source, f"accuracy by {by}", by, "accuracy (%)", meaning, lines))
    return panels


def _panel(source: str, title: str, x: str, unit: str, meaning: str, lines: list) -> dict[str, Any]:
    slug = "".join(letter if letter.isalnum() else "-" for letter in f"{source}-{title}".lower())
    return {"slug": slug, "source": source, "title": title, "x": x, "unit": unit, "meaning": meaning, "lines": lines}


def _prompts(evaluated: list[Evaluated]) -> tuple[list[dict[str, Any]], int]:
    """Return (prompts with the responses of all evaluations, number of prompts that the files have).

    These are all prompts, or as many as RESPONSES allows, evenly spread. Each response has its verdict in the file, and
    why the reward decides so; if the reward of this version decides otherwise, that is said.
    """
    rows: dict[str, dict[str, list[list[dict]]]] = {}  # data source -> index -> responses of each evaluation
    for number, one in enumerate(evaluated):
        for row in _responses(one.responses):
            of_prompt = rows.setdefault(row["data_source"], {}).setdefault(row["index"], [[] for _ in evaluated])
            of_prompt[number].append(row)
    total = sum(len(of_one) for of_source in rows.values() for of_prompt in of_source.values() for of_one in of_prompt)
    chosen = []
    for of_source in rows.values():
        keep = max(1, len(of_source) * RESPONSES // total) if total > RESPONSES else len(of_source)
        prompts = list(of_source.values())
        chosen += [prompts[i * len(prompts) // keep] for i in range(min(keep, len(prompts)))]
    shown = [row for of_prompt in chosen for of_one in of_prompt for row in of_one]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reasons = list(progress(pool.map(_why, shown), "reading verdicts", "response", len(shown)))
    why = dict(zip(map(id, shown), reasons, strict=True))
    return [_prompt(of_prompt, why) for of_prompt in chosen], sum(map(len, rows.values()))


def _responses(path: Path) -> list[dict]:
    """Return the rows of a responses.parquet; [] if there is none."""
    if not path.is_file():
        return []
    found = pq.read_table(path)
    needed = {*SCORED.names} - {"error"}  # which earlier versions did not write
    if missing := needed - {*found.column_names}:
        raise ValueError(
            f"{path}: got no column {', '.join(sorted(missing))}; expected a responses.parquet of `asymgrpo evaluate`."
        )
    return found.to_pylist()


def _prompt(of_prompt: list[list[dict]], why: dict[int, str]) -> dict[str, Any]:
    first = next(row for of_one in of_prompt for row in of_one)
    about = {key: first[key] for key in ("index", "level", "subject")}
    about |= {"source": _name(first["data_source"]), "gold": first["ground_truth"]}
    messages = first["prompt"] or []
    question = "\n\n".join(message["content"] for message in messages) or "The file has no prompts."
    keys = ("response", "length", "truncated", "pred", "acc")
    answers = [[{key: row[key] for key in keys} | {"why": why[id(row)]} for row in of_one] for of_one in of_prompt]
    return about | {"question": question, "answers": answers}


def _why(row: dict) -> str:
    _, verdict = verdict_on(row["response"], row["ground_truth"], allowed=tolerances(row.get("error")))
    if (verdict.same is True) == bool(row["acc"]):
        return verdict.why
    return f"the reward of this version decides otherwise: {verdict.why}"
