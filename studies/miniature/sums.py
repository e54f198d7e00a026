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
"""Make the miniature's task and base policy: the quickstart's sums, worked in two ways and with slips.

The prompts are those of recipes/quickstart/task.py. The base policy has three habits, and each can give the right
answer: to work from the left, to work from the right, and to guess. Some of its additions are off by one. So the policy
has several correct ways to answer, which training may keep or lose, and it has entropy that only leads to mistakes.
"""

import random
import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "recipes" / "quickstart"))

from base_policy import make_policy  # noqa: E402
from task import direct_answer, write_task  # noqa: E402

from asymgrpo_verl.files import atomic  # noqa: E402

# The base policy is trained in two parts: study, the first STUDY_PART of the steps, and habit. *_WORKED is the share of
# worked answers in each part.
STUDY_PART, STUDY_WORKED, HABIT_WORKED = 0.85, 0.85, 0.3
FROM_LEFT = 0.7  # share of the worked answers
SLIP = 0.12  # in the habit part, the probability that an addition is off by one


def worked_answer(chain: str, rng: random.Random, slip: float) -> str:
    """Add the terms one by one, from the left or from the right; each sum is off by one with probability `slip`."""
    terms = [int(term) for term in chain.split("+")]
    if rng.random() >= FROM_LEFT:
        terms.reverse()
    total, text = terms[0], str(terms[0])
    for term in terms[1:]:
        total += term + (rng.choice((-1, 1)) if rng.random() < slip else 0)
        text += f"+{term}={total}"
    return text + f"\\boxed{{{total}}}"


def draw_answer(chain: str, rng: random.Random, done: float) -> str:
    studies = done < STUDY_PART
    if rng.random() < (STUDY_WORKED if studies else HABIT_WORKED):
        return worked_answer(chain, rng, 0.0 if studies else SLIP)
    return direct_answer(chain, rng)


def prepare(out: Path, samples: int) -> None:
    """Make base_policy, train.parquet, val.parquet and val_samples.parquet in `out`, the same on every call.

    val_samples.parquet has each row of val.parquet `samples` times. Files that exist are kept.
    """
    if not (out / "val.parquet").is_file():
        write_task(out, train_rows=4096, val_rows=256)
    if not (out / "val_samples.parquet").is_file():
        prompts = pd.read_parquet(out / "val.parquet")
        with atomic(out / "val_samples.parquet") as partly:
            prompts.loc[prompts.index.repeat(samples)].to_parquet(partly, index=False)
    if not (out / "base_policy").is_dir():
        make_policy(out / "base_policy", steps=400, seed=0, answer_to=draw_answer)
