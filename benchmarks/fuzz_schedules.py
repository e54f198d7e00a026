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
"""Random schedules over random measurements: the beta is a number >= 0 within its bounds, and can be resumed."""

import json
import math
import random

from asymgrpo_verl.core.schedules import KINDS, SIGNALS, Entropy, Memory, SolveRate, beta_at, observe
from asymgrpo_verl.integration.settings import schedules_from

BETAS = (0, 0.0, 1e-300, 1e-8, 0.4, 0.9, 1, 2.5, 50, 1e6, 1e300)
STEPS = (1, 2, 3, 10, 500)


def draw_schedule(rng: random.Random) -> dict:
    """The keys of a schedule, all of them allowed."""

    def beta():
        return rng.choice(BETAS) if rng.random() < 0.5 else rng.uniform(0, 2)

    kind = rng.choice(tuple(KINDS))
    keys = {
        "constant": dict,
        "linear": lambda: {"end": beta(), "steps": rng.choice((0, *STEPS))},
        "cosine": lambda: {"end": beta(), "steps": rng.choice((0, *STEPS))},
        "piecewise": lambda: {"points": {rng.randint(1, 40): beta() for _ in range(rng.randint(1, 4))}},
        "entropy": lambda: {
            "target": rng.choice((5e-324, 1e-8, 0.3, 12, 1e308)),
            "gain": beta(),
            **dict(zip(("minimum", "maximum"), sorted((beta(), beta())), strict=True)),
            "average": rng.choice(STEPS),
        },
        "solve_rate": lambda: {"none_solved": beta(), "all_solved": beta(), "average": rng.choice(STEPS)},
    }[kind]()
    return {"kind": kind, **keys}


def bounds(keys: dict, start: float) -> tuple[float, float]:
    """What the beta stays between."""
    if keys["kind"] == "entropy":
        return keys["minimum"], keys["maximum"]
    values = [
        start,
        *keys.get("points", {}).values(),
        *(keys[k] for k in keys.keys() & {"end", "none_solved", "all_solved"}),
    ]
    return min(values), max(values)


def check_schedule(rng: random.Random) -> tuple[str, str]:
    """A run of one schedule. Returns what it was, for the tally."""
    keys, name, start = draw_schedule(rng), rng.choice(("beta_pos", "beta_neg")), float(rng.choice(BETAS))
    if keys["kind"] == "entropy":  # check_run_config refuses others
        start = min(max(start, float(keys["minimum"])), float(keys["maximum"]))
    schedule = schedules_from({"asymgrpo": {"schedule": {name: keys}}})[name]
    low, high = bounds(keys, start)
    run_steps, memory, resumed = rng.choice(STEPS), Memory(), 0
    for step in range(1, min(run_steps, 60) + 2):
        beta = beta_at(schedule, start, step, run_steps, memory)
        assert math.isfinite(beta) and beta >= 0, f"step {step}: {beta} of {schedule}"
        assert low - 1e-12 * high <= beta <= high * (1 + 1e-12), f"step {step}: {beta} of {schedule} from {start}"
        measured = rng.choice((0.0, 0.3, math.nan, 12.0, rng.random()))
        metrics = dict.fromkeys(SIGNALS.values(), measured) | {"groups/accuracy": min(measured, 1.0)}
        before, memory = memory, observe(schedule, name, beta, memory, metrics)
        if math.isnan(measured) or not isinstance(schedule, Entropy | SolveRate):
            assert memory == before, f"step {step}: {schedule} remembers what nobody measured"
        elif isinstance(schedule, Entropy):
            rises = memory.beta - beta
            short = schedule.target - memory.signal if name == "beta_pos" else memory.signal - schedule.target
            assert rises * short >= 0 or math.isclose(rises * short, 0), (
                f"step {step}: {schedule} moves {name} by {rises}"
            )
            assert abs(rises) <= schedule.gain * (1 + 1e-12) + 1e-15 * beta, f"step {step}: {schedule} moves by {rises}"
        if rng.random() < 0.1:
            saved = Memory(*json.loads(json.dumps(memory)))
            assert saved == memory, f"step {step}: {memory} is {saved} after a checkpoint"
            resumed += 1
    return f"{keys['kind']}, {name}", "resumed" if resumed else "in one run"
