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
"""`asymgrpo table`: the paper's Table 1 with our numbers beside the paper's, as Markdown, LaTeX or CSV."""

import csv
import io
import json
import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from asymgrpo_verl import paper
from asymgrpo_verl.runs.labels import split_label

COLUMNS = [*(benchmark.name for benchmark in paper.BENCHMARKS.values()), "Avg"]
NOT_RUN, NOT_IN_PAPER = "not run", "—"


class Cell(NamedTuple):
    """An accuracy in percent.

    Attributes:
        se: standard error; None if it is unknown. The paper prints none.
        digits: after the decimal point.
    """

    mean: float
    se: float | None = None
    digits: int = 2

    def __str__(self) -> str:
        error = "" if self.se is None else f" ± {self.se:.{self.digits}f}"
        return f"{self.mean:.{self.digits}f}{error}"


class TableRow(NamedTuple):
    """A row: the paper's cells and ours, each in the order of COLUMNS; None if there is no number."""

    name: str
    paper: list[Cell | None]
    ours: list[Cell | None]


def read_result(argument: str) -> tuple[str, dict]:
    """Read results with at least one benchmark of Table 1; see `read_any_result`."""
    name, results, path = read_any_result(argument)
    if not results["benchmarks"].keys() & paper.BENCHMARKS.keys():
        found = ", ".join(results["benchmarks"]) or "no data source"
        raise ValueError(
            f"{path}: got results on {found}; expected at least one benchmark of Table 1: "
            f"{', '.join(paper.BENCHMARKS)}. For other data sources: asymgrpo table --format html."
        )
    return name, results


def read_any_result(argument: str) -> tuple[str, dict, Path]:
    """Read the results of "LABEL=PATH" or "PATH", where PATH is a results.json or its directory.

    Without LABEL, the label is the one that `asymgrpo evaluate --label` wrote there, else the name of the directory.

    Returns:
        (name of the row: the label, or the row of Table 1 that it names; results; path of results.json).
    Raises:
        OSError, ValueError: no such file, or `asymgrpo evaluate` did not write it.
    """
    label, path = split_label(argument)
    path = path / "results.json" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file.")
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # RecursionError: too many nested brackets
        raise ValueError(f"{path}: got a file that is not JSON ({error}).") from error
    expected = {"label": str | None, "settings": dict, "benchmarks": dict}
    if not isinstance(results, dict) or not all(
        key in results and isinstance(results[key], kind) for key, kind in expected.items()
    ):
        raise ValueError(f"{path}: got a JSON file with other keys; expected a results.json of `asymgrpo evaluate`.")
    for source, entry in results["benchmarks"].items():
        _check_entry(entry, f"{path}: benchmarks.{source}")
    label = label or (results["label"] or path.absolute().parent.name).strip()
    return paper.row_name(label), results, path


def _check_entry(entry, place: str) -> None:
    """Raise a ValueError if `entry` lacks counts of prompts and samples, or their accuracy: {"mean", "se"} or null."""
    try:
        counts = [entry["prompts"], entry["samples"]]
        average = entry["metrics"][f"avg@{entry['samples']}"]
        values = [average["mean"], average["se"]]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{place}: got {entry!r:.80}; expected what `asymgrpo evaluate` writes.") from error
    if not all(type(count) is int and 0 < count < 2**53 for count in counts):
        raise ValueError(
            f"{place}: got prompts {counts[0]!r:.40} and samples {counts[1]!r:.40}; expected integers >= 1."
        )
    for name, value in zip(("mean", "se"), values, strict=True):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (is_number and (_number(value) is None or 0 <= value <= 1)):
            raise ValueError(f"{place}: {name}: got {value!r:.40}; expected a number in [0, 1], or null.")


def _number(value: float | None) -> float | None:
    """Return a finite number; None for null, NaN and infinities."""
    return value if value is not None and abs(value) < math.inf else None


def build(results: list[tuple[str, dict]]) -> list[TableRow]:
    """Return the rows of Table 1 in the paper's order, then the rows that only our results have."""
    by_row: dict[str, list[dict]] = {row.name: [] for row in paper.TABLE_1}
    for name, result in results:
        by_row.setdefault(name, []).append(result)
    printed = {row.name: [Cell(value) for value in (*row.scores, row.average)] for row in paper.TABLE_1}
    missing: list[Cell | None] = [None] * len(COLUMNS)
    return [TableRow(name, printed.get(name, missing), _our_cells(found)) for name, found in by_row.items()]


def _our_cells(results: list[dict]) -> list[Cell | None]:
    """Return the mean over results of each column.

    If every result has all five benchmarks, Avg is the mean over results of their averages. Else it is the average of
    the five cells, and None if one of them is None.
    """
    scores = [[_score(result, source) for source in paper.BENCHMARKS] for result in results]
    cells = [_mean([score for score in column if score]) for column in zip(*scores, strict=True)]
    averages = [_average(row) for row in scores]
    average = _mean(averages) if averages and all(averages) else _average(cells)
    return [*(cells or [None] * len(paper.BENCHMARKS)), average]


def _score(result: dict, source: str) -> Cell | None:
    if source not in result["benchmarks"]:
        return None
    entry = result["benchmarks"][source]
    average = entry["metrics"][f"avg@{entry['samples']}"]
    mean, error = _number(average["mean"]), _number(average["se"])
    return None if mean is None else Cell(100 * mean, None if error is None else 100 * error, digits=1)


def _mean(cells: list[Cell]) -> Cell | None:
    """Return the mean with its standard error: over prompts for a single result, over results for several."""
    if len(cells) < 2:
        return cells[0] if cells else None
    means = [cell.mean for cell in cells]
    return Cell(statistics.mean(means), statistics.stdev(means) / math.sqrt(len(means)), digits=1)


def _average(cells: list[Cell | None]) -> Cell | None:
    """Return the mean over the benchmarks; its error treats them as independent, because their prompts differ."""
    if not cells or None in cells:
        return None
    errors = [cell.se for cell in cells]
    error = None if None in errors else math.hypot(*errors) / len(errors)
    return Cell(statistics.mean(cell.mean for cell in cells), error, digits=1)


def messages_about(results: list[tuple[str, dict]]) -> list[str]:
    """Return what a reader of the table must know: its units, its errors, and the departures from the protocol."""
    lines = [
        "paper: arXiv 2604.04894 v1, Table 1, Qwen3-4B. ours: percent ± standard error. "
        f"{NOT_IN_PAPER}: the paper has no number.",
        "The error is over prompts for a single result, and over results for several.",
    ]
    names = [name for name, _ in results]
    lines += [f"{name}: mean of {names.count(name)} results." for name in dict.fromkeys(names) if names.count(name) > 1]
    for name, result in results:
        if departures := _departures(result):
            lines.append(f"{name}: not the paper's protocol: {', '.join(departures)}.")
        for source, benchmark in paper.BENCHMARKS.items():
            if source in result["benchmarks"] and _score(result, source) is None:
                lines.append(f"{name}: the accuracy on {benchmark.name} is not a number, so it is left out.")
    return lines + _not_comparable(results)


def _not_comparable(results: list[tuple[str, dict]]) -> list[str]:
    """Return a line per setting that differs between the results, with each result's value.

    Each run has trained a model of its own, so the base models are compared; if they are unknown, the models of a row.
    """

    def thinking(settings: dict):
        chat = settings.get("chat_template_kwargs")
        return chat.get("enable_thinking", "the model's default") if isinstance(chat, dict) else None

    read: dict[str, Callable[[dict], object]] = {
        "the base model": lambda result: result.get("base_model"),
        "thinking mode": lambda result: thinking(result["settings"]),
        **{
            key: lambda result, key=key: result["settings"].get(key)
            for key in ("temperature", "top_p", "max_response_length", "vllm")
        },
        **{
            f"{what} on {benchmark.name}": lambda result, source=source, what=what: (
                result["benchmarks"].get(source, {}).get(what)
            )
            for source, benchmark in paper.BENCHMARKS.items()
            for what in ("samples", "prompts")
        },
    }
    lines = []
    for what, value in read.items():
        found = [(name, json.dumps(got)) for name, result in results if (got := value(result)) is not None]
        if len({got for _, got in found}) > 1:
            listed = ", ".join(dict.fromkeys(f"{name} {got:.60}" for name, got in found))
            lines.append(f"not comparable, because {what} differs: {listed}.")
    for name in dict.fromkeys(name for name, _ in results):
        of_row = [result for n, result in results if n == name]
        models = dict.fromkeys(str(result["settings"].get("model")) for result in of_row)
        if len(models) > 1 and not all(result.get("base_model") for result in of_row):
            lines.append(f"{name}: results of several models: {', '.join(models)}.")
    return lines


def _departures(result: dict) -> list[str]:
    settings = result["settings"]
    wanted = {
        "temperature": paper.TEMPERATURE,
        "top_p": paper.TOP_P,
        "max_response_length": paper.MAX_RESPONSE_LENGTH,
    }
    found = [
        f"{key} {settings.get(key, 'unknown')} (paper: {value})"
        for key, value in wanted.items()
        if settings.get(key) != value
    ]
    for source, benchmark in paper.BENCHMARKS.items():
        entry = result["benchmarks"].get(source)
        if entry and entry["samples"] != benchmark.samples:
            found.append(f"Avg@{entry['samples']} on {benchmark.name} (paper: Avg@{benchmark.samples})")
        if entry and entry["prompts"] != benchmark.prompts:
            found.append(f"{entry['prompts']} of the {benchmark.prompts} prompts of {benchmark.name}")
    return found


def markdown(rows: list[TableRow], messages: list[str]) -> str:
    """Return a table, with the messages below it."""
    header = ["", *(f"{name} {whose}" for name in COLUMNS for whose in ("paper", "ours"))]
    lines = [header, ["---", *["---:"] * (len(header) - 1)]]
    for row, cells in zip(rows, _marked(rows, "**{}**", "<ins>{}</ins>"), strict=True):
        lines.append([row.name.replace("|", "\\|"), *cells])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return table + "\n\n" + "\n".join(f"{line}  " for line in messages).rstrip()


def latex(rows: list[TableRow], messages: list[str]) -> str:
    """Return a tabular for the package booktabs; the messages are comments."""
    pairs = range(2, 2 * len(COLUMNS) + 1, 2)
    lines = [f"% {line}" for line in messages]
    lines += [f"\\begin{{tabular}}{{l*{{{2 * len(COLUMNS)}}}{{r}}}}", "\\toprule"]
    lines.append("".join(f" & \\multicolumn{{2}}{{c}}{{{name}}}" for name in COLUMNS) + " \\\\")
    lines.append(" ".join(f"\\cmidrule(lr){{{i}-{i + 1}}}" for i in pairs))
    lines += [" & paper & ours" * len(COLUMNS) + " \\\\", "\\midrule"]
    for row, cells in zip(rows, _marked(rows, "\\textbf{{{}}}", "\\underline{{{}}}"), strict=True):
        cells = [cell.replace("±", "$\\pm$").replace(NOT_IN_PAPER, "---") for cell in cells]
        lines.append(" & ".join([_escape(row.name), *cells]) + " \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"])


def _escape(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(c, f"\\{c}" if c in "&%$#_{}" else c) for c in text)


def comma_separated(rows: list[TableRow], messages: list[str]) -> str:
    """Return only numbers, NA if there is none; the messages are left out, because a CSV file has no comments."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["method", *(f"{name} {what}" for name in COLUMNS for what in ("paper", "ours", "ours se"))])
    for row in rows:
        values = []
        for printed, ours in zip(row.paper, row.ours, strict=True):
            values += [printed and printed.mean, ours and ours.mean, ours and ours.se]
        writer.writerow([row.name, *("NA" if value is None else f"{value:.2f}" for value in values)])
    return text.getvalue().rstrip("\n")


FORMATS: dict[str, Callable[[list[TableRow], list[str]], str]] = {
    "markdown": markdown,
    "latex": latex,
    "csv": comma_separated,
}


def _marked(rows: list[TableRow], best: str, second: str) -> list[list[str]]:
    """Return the texts of the cells, (rows, 2 * columns): the paper's and ours of each column side by side.

    In each column the highest number is formatted with `best` and the next with `second`. Numbers that are equal as
    printed are marked alike. If a column has only one number, it is not marked.
    """
    columns = []
    for i in range(len(COLUMNS)):
        for cells, missing in (([r.paper[i] for r in rows], NOT_IN_PAPER), ([r.ours[i] for r in rows], NOT_RUN)):
            printed = [None if cell is None else round(cell.mean, cell.digits) for cell in cells]
            ranked = sorted({value for value in printed if value is not None}, reverse=True)
            marks = dict(zip(ranked, (best, second), strict=False)) if len(ranked) > 1 else {}
            columns.append(
                [
                    missing if cell is None else marks.get(value, "{}").format(cell)
                    for cell, value in zip(cells, printed, strict=True)
                ]
            )
    return [list(row) for row in zip(*columns, strict=True)]
