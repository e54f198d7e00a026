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
"""`asymgrpo watch`: the key numbers of a run while it trains, as text."""

import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from asymgrpo_verl.figures import points
from asymgrpo_verl.files import duration, in_a_line
from asymgrpo_verl.runs.logs import data_sources
from asymgrpo_verl.runs.run import Run, read_run

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 20  # letters of a sparkline
BEFORE = 10  # steps between the two numbers of a row, and steps over which the time of a step is averaged


def _logged(key: str) -> Callable[[list[dict]], points.Points]:
    return partial(points.logged, key=key)


def _accuracy(rows: list[dict]) -> points.Points:
    """Return the mean accuracy over all data sources, in percent."""
    return {step: 100 * value for step, value in points.accuracy(rows, sorted(data_sources(rows))).items()}


# name -> (unit, what reads its points)
NUMBERS: dict[str, tuple[str, Callable[[list[dict]], points.Points]]] = {
    "reward": ("per rollout", _logged("critic/score/mean")),
    "accuracy": ("%, validation", _accuracy),
    "entropy": ("nats per token", points.policy_entropy),
    "entropy, correct": ("nats per token", _logged("rollouts/correct/entropy")),
    "entropy, incorrect": ("nats per token", _logged("rollouts/incorrect/entropy")),
    "all-solved": ("share of prompts", _logged("groups/all_solved")),
    "none-solved": ("share of prompts", _logged("groups/none_solved")),
    "length": ("tokens per response", _logged("response_length/mean")),
    "gradient": ("norm", _logged("actor/grad_norm")),
}


def watch(argument: str, seconds: int, once: bool) -> None:
    """Print the key numbers of a run every `seconds`, until its last step or Ctrl-C.

    In a terminal they stay in place; elsewhere each step that is new when the log is read is a line.

    Args:
        argument: the run, see `runs.run.read_run`. A run without a log is waited for.
        once: print them once.
    Raises:
        OSError, ValueError: with `once`, the run cannot be read.
    """
    if once:
        print(screen(read_run(argument), time.time()))
        return
    place, height, said, written = sys.stdout.isatty(), 0, None, -1
    with suppress(KeyboardInterrupt):
        while True:
            try:
                run = read_run(argument)
            except (OSError, ValueError) as error:
                run, problem = None, f"waiting: {in_a_line(error)}"
                if problem != said:
                    print(problem, file=sys.stderr)
                said = problem
            if run and place:
                text = screen(run, time.time())
                print(f"\033[{height}F\033[J{text}" if height else text, flush=True)
                height = text.count("\n") + 1
            elif run and run.last_step > written:
                print(line(run), flush=True)
            if run:
                written = run.last_step
                if written >= (total_steps(run) or float("inf")):
                    return
            time.sleep(seconds)


def total_steps(run: Run) -> int | None:
    """Return the number of steps that the configuration sets; None if it counts epochs or is unknown."""
    return run.config.get("trainer.total_training_steps")


def step_time(run: Run) -> float | None:
    """Return the mean wall time of the last BEFORE steps, in seconds; None if the log has none."""
    times = list(points.logged(run.rows, "timing_s/step").values())[-BEFORE:]
    return statistics.fmean(times) if times else None


def time_left(run: Run) -> str:
    """Return the estimate of the time to the last step, "" if the number of steps or the time of a step is unknown."""
    total, each = total_steps(run), step_time(run)
    return f"about {duration((total - run.last_step) * each)} left" if total and each else ""


def screen(run: Run, now: float) -> str:
    """Return the numbers of the last step as a table of at most 80 columns.

    Args:
        now: seconds since the epoch, from which the age of the log is counted.
    """
    total, each = total_steps(run), step_time(run)
    log = run.path / "metrics.jsonl" if run.path.is_dir() else Path(run.path)
    age = f"last written {duration(now - log.stat().st_mtime)} ago" if log.exists() else ""
    parts = [
        f"step {run.last_step}" + (f" of {total}" if total else ""),
        each and f"{each:.1f} s a step",
        time_left(run),
    ]
    rows = [f"{run.label}: {run.path}", ", ".join(filter(None, [*parts, age])), ""]
    rows.append(f"{'':18}{'now':>10}{f'{BEFORE} before':>11}  all steps")
    for name, (unit, read) in NUMBERS.items():
        found = {step: value for step, value in sorted(read(run.rows).items()) if value == value}
        if found:
            last = max(found)
            cells = [f"{found[last]:.4g}", f"{found[last - BEFORE]:.4g}" if last - BEFORE in found else "–"]
            rows.append(f"{name:18}{cells[0]:>10}{cells[1]:>11}  {sparkline([*found.values()]):{WIDTH}}  {unit}")
    return "\n".join(rows)


def line(run: Run) -> str:
    """Return the numbers of the last step in one line."""
    total = total_steps(run)
    cells = [f"step {run.last_step}" + (f"/{total}" if total else "")]
    for name, (_, read) in NUMBERS.items():
        value = read(run.rows).get(run.last_step)
        if value is not None and value == value:
            cells.append(f"{name} {value:.4g}")
    return "; ".join(filter(None, [*cells, time_left(run)]))


def sparkline(values: list[float]) -> str:
    """Return at most WIDTH bars, from the lowest to the highest: each the mean of equally many values in a row."""
    count = min(WIDTH, len(values))
    cuts = [i * len(values) // count for i in range(count + 1)]
    means = [statistics.fmean(values[a:b]) for a, b in zip(cuts, cuts[1:], strict=False)]
    low, high = min(means), max(means)
    return "".join(BARS[round((mean - low) / (high - low) * 7) if high > low else 0] for mean in means)
