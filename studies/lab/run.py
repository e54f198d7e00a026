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
"""Train the runs of stage 1 of PLAN.md: all rows, on one instance of one task, at one learning rate.

python -m studies.lab.run OUT TASK INSTANCE RATE [--seeds FIRST LAST] [--rows ROW ...]

The runs are in OUT/TASK-INSTANCE-RATE. If the command is killed, run it again to resume.
"""

import argparse
from pathlib import Path

from asymgrpo_verl.lab.asked import Comparison
from asymgrpo_verl.lab.command import check, compare
from asymgrpo_verl.lab.state import Budget
from asymgrpo_verl.lab.tasks import TASKS

ROWS = (
    "grpo",
    "reinforce",
    "pos_only",
    "neg_only",
    "neg_only:beta_neg=0.75",
    "ent_increase",
    "ent_decrease",
    "symmetric",
    "asymgrpo",
    "asymgrpo_clip_higher",
    "entropy_reg",
    "clip_higher",
    "entropy_advantage",
    "dr_grpo",
    "passk_training",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("instance", type=int)
    parser.add_argument("rate", type=float)
    parser.add_argument("--seeds", type=int, nargs=2, default=(101, 116), metavar=("FIRST", "LAST"))
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS, metavar="ROW")
    args = parser.parse_args()
    first, last = args.seeds
    out = args.out / f"{args.task}-{args.instance}-{args.rate:g}"
    seeds, budget = [*range(first, last + 1)], Budget(learning_rate=args.rate)
    asked = Comparison([*args.rows], seeds, args.task, args.instance, budget, 0.5, out)
    print(compare(asked, check(asked)))


if __name__ == "__main__":
    main()
