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
"""`asymgrpo figures`: write the paper's figures, and a page on which a reader explores the runs."""

import sys
import time
from contextlib import suppress
from pathlib import Path

from asymgrpo_verl.figures import page_panels, tables
from asymgrpo_verl.figures.paper_figures import FIGURES, DrawnFigure, draw_all
from asymgrpo_verl.files import atomic, in_a_line
from asymgrpo_verl.runs.methods import Method, by_method
from asymgrpo_verl.runs.run import read_run
from asymgrpo_verl.web import one_file


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
    methods, messages = read_methods(arguments)
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


def watch(arguments: list[str], out: Path, seconds: int) -> list[str]:
    """Write index.html again every `seconds` if a run has a new step, until the user interrupts; then `write` all.

    Until then the page loads itself again as often, and keeps what the reader chose. A log that cannot be read yet,
    such as that of a run that starts or resumes, leaves the page as it is, and stderr says why.

    Returns:
        messages, see `write`.
    Raises:
        OSError, ValueError: see `write`.
    """
    written, said = None, None
    with suppress(KeyboardInterrupt):
        while True:
            problem = None
            try:
                methods, messages = read_methods(arguments)
                steps = [run.last_step for method in methods for run in method.runs]
                if steps != written:
                    with atomic(out / "index.html") as partial:
                        partial.write_text(render(methods, [], messages, seconds), encoding="utf-8")
                    written = steps
            except (OSError, ValueError) as error:
                problem = in_a_line(error)
            if problem and problem != said:
                print(f"asymgrpo figures: waiting: {problem}", file=sys.stderr)
            said = problem
            time.sleep(seconds)
    return write(arguments, out)


def read_methods(arguments: list[str]) -> tuple[list[Method], list[str]]:
    """Read the runs, each path once; return (methods, messages), see `runs.methods.by_method`."""
    runs = {(run.label, run.path.resolve()): run for run in map(read_run, arguments)}
    return by_method(list(runs.values()))


def render(methods: list[Method], figures: list[DrawnFigure], messages: list[str], refresh: int | None = None) -> str:
    """Return the page as HTML, which needs no other file.

    Args:
        figures: the page links to their PDFs, which are beside it.
        refresh: seconds after which the page loads itself again, for a run that trains.
    """
    found = page_panels.sections(methods)
    names = [method.name for method in methods]
    panels = [drawn for _, of_section in found for drawn in of_section]
    return one_file.render(
        "runs.html",
        page_panels.page_data(methods, panels, refresh),
        title=f"Runs of {', '.join(names) if len(names) < 5 else f'{len(names)} methods'}",
        methods=page_panels.legend(methods),
        sections=[(title, [drawn.panel for drawn in of_section]) for title, of_section in found],
        tables=[tables.accuracy_table(methods), tables.dynamics_table(methods)],
        footnotes=tables.FOOTNOTES,
        figures=figures,
        settings=tables.settings_table(methods),
        messages=messages,
        refresh=refresh,
        last_step=max(run.last_step for method in methods for run in method.runs),
    )
