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
"""Train the miniature's runs one after the other; skip the runs that are finished.

    python -m studies.miniature.run OUT                     the trained rows of Table 1, three seeds each
    python -m studies.miniature.run OUT --grid              25 pairs of betas, and the schedules, one seed
    python -m studies.miniature.run OUT --list              print which runs are done

A run is the recipe's launcher with METHOD, ENVIRONMENT and SETTINGS; it writes into OUT/<method>-seed<n>.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from asymgrpo_verl import paper
from asymgrpo_verl.runs.logs import read_metrics
from studies.miniature.sums import prepare

LAUNCHER = Path(__file__).resolve().parents[2] / "recipes" / "quickstart" / "run_tiny_cpu.sh"
STEPS = 40
SEEDS = (1, 2, 3)
ENVIRONMENT = {"STEPS": STEPS, "TEST_FREQ": STEPS, "TRAIN_BATCH_SIZE": 32, "MINI_BATCH_SIZE": 16, "LR": 1e-4}
SETTINGS = [
    "algorithm.diagnostics.log_prob_increment_every=5",
    "trainer.val_before_train=False",
    "actor_rollout_ref.rollout.val_kwargs.temperature=0.4",
    "actor_rollout_ref.rollout.val_kwargs.do_sample=True",
]
# Responses per prompt. Each has its own row in the validation file, because with val_kwargs.n=8 verl would bootstrap
# its metrics, which takes as long as ten steps.
SAMPLES = 8
# The methods that most claims are about are trained first.
FIRST = ("grpo", "asymgrpo", "reinforce", "pos_only", "neg_only", "ent_increase", "ent_decrease", "symmetric")
TRAINED = [row.method for row in paper.TABLE_1 if row.method != "untrained"]
METHODS = {method: (method, []) for method in [*FIRST, *(method for method in TRAINED if method not in FIRST)]}
# The paper's Fig. 2 d, h
METHODS["beta_neg_0.75"] = ("neg_only", ["algorithm.asymgrpo.beta_neg=0.75"])
BETAS = (0.0, 0.25, 0.5, 0.75, 1.0)
GRID = {
    f"betas_{pos}_{neg}": ("asymgrpo", [f"algorithm.asymgrpo.beta_pos={pos}", f"algorithm.asymgrpo.beta_neg={neg}"])
    for pos in BETAS
    for neg in BETAS
}
SCHEDULES = {
    "cosine": ("{kind: cosine, end: 0.4}", "{kind: cosine, end: 0.9}"),
    "solve_rate": (
        "{kind: solve_rate, none_solved: 1, all_solved: 0.5}",
        "{kind: solve_rate, none_solved: 0, all_solved: 0.8}",
    ),
    # each target is between the channel's entropy at the start and at the end of GRPO's tuning runs
    "entropy": ("{kind: entropy, target: 0.12}", "{kind: entropy, target: 0.15}"),
}
for schedule, (pos, neg) in SCHEDULES.items():
    key = "+algorithm.asymgrpo.schedule.beta"
    GRID[f"schedule_{schedule}"] = ("asymgrpo", [f"{key}_pos={pos}", f"{key}_neg={neg}"])


def run(name: str, method: str, overrides: list[str], seed: int, out: Path) -> None:
    """Train and evaluate one run in `out`/<name>-seed<seed>; if it was interrupted before, start it again.

    Raises:
        SystemExit: the training failed; the message names its log.
    """
    place = out / f"{name}-seed{seed}"
    if place.exists():
        shutil.rmtree(place)
    place.mkdir(parents=True)
    env = {
        **os.environ,
        **{key: str(value) for key, value in ENVIRONMENT.items()},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "METHOD": method,
        "MODEL_PATH": str(out / "base_policy"),
        "TRAIN_FILE": str(out / "train.parquet"),
        "VAL_FILE": str(out / "val_samples.parquet"),
        "OUT_DIR": str(place),
    }
    seeds = ["data.seed", "actor_rollout_ref.rollout.seed", "actor_rollout_ref.actor.data_loader_seed"]
    own = [*(f"{key}={seed}" for key in seeds), f"trainer.validation_data_dir={place / 'validation'}"]
    with (place / "train.log").open("wb") as log:
        command = ["bash", str(LAUNCHER), *SETTINGS, *own, *overrides]
        done = subprocess.run(command, env=env, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    if done.returncode != 0 or last_step(place) != STEPS:
        sys.exit(f"{place / 'train.log'}: got a run that failed; expected {STEPS} steps. Read the end of this log.")
    responses = place / "responses.jsonl"
    by_prompt(place / "validation" / f"{STEPS}.jsonl", responses)
    evaluate = [sys.executable, "-m", "asymgrpo_verl.cli", "evaluate", "--responses", str(responses), "--label", name]
    subprocess.run([*evaluate, "--out", str(place / "evaluation")], check=True, stdout=subprocess.DEVNULL)


def by_prompt(dump: Path, responses: Path) -> None:
    """Turn verl's dump of a validation into a file for `asymgrpo evaluate`; rows of one prompt get one index."""
    rows = [json.loads(line) for line in dump.read_text().splitlines()]
    about = {"data_source": "asymgrpo/sums"}
    named = [about | {"index": r["input"], "response": r["output"], "ground_truth": r["gts"]} for r in rows]
    responses.write_text("".join(json.dumps(row) + "\n" for row in named))


def is_done(place: Path) -> bool:
    return (place / "evaluation" / "results.json").is_file()


def last_step(place: Path) -> int | None:
    rows = read_metrics(place / "metrics.jsonl")
    return rows[-1]["step"] if rows else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--grid", action="store_true")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    out = args.out.resolve()
    methods, seeds = (GRID, SEEDS[:1]) if args.grid else (METHODS, SEEDS)
    # one seed after the other, so that the methods are comparable whenever training stops
    todo = [(name, seed) for seed in seeds for name in methods]
    done = [(name, seed) for name, seed in todo if is_done(out / f"{name}-seed{seed}")]
    if args.list:
        for name in methods:
            print(f"{name:24}", *(seed if (name, seed) in done else "-" for seed in seeds))
        return
    prepare(out, SAMPLES)
    for name, seed in todo:
        if (name, seed) not in done:
            started = time.time()
            run(name, *methods[name], seed, out)
            print(f"{name}-seed{seed}: {time.time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
