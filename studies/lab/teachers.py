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
"""Print the table of docs/lab.md: how often the teachers of the base policies are right, without training anything.

python -m studies.lab.teachers
"""

import numpy as np

from asymgrpo_verl.lab.tasks import TASKS

INSTANCES, PROMPTS, RESPONSES = (1, 2, 3), 1000, 64


def shares(name: str, instance: int) -> np.ndarray:
    """Return accuracy, pass@8, pass@64, and the shares of groups of 8 with 0, 1 to 2, 3 to 5, and 6 to 8 correct."""
    task, rng = TASKS[name](instance), np.random.default_rng(0)
    prompts = task.draw(rng, PROMPTS, held_out=True)
    correct = np.stack([task.correct(prompts.solution, task.teach(prompts, rng)) for _ in range(RESPONSES)], axis=1)
    eight = correct[:, :8].sum(1)
    groups = [(eight >= low) & (eight <= high) for low, high in ((0, 0), (1, 2), (3, 5), (6, 8))]
    return np.array([correct.mean(), (eight > 0).mean(), correct.any(1).mean(), *(group.mean() for group in groups)])


def main() -> None:
    print("| task | accuracy | pass@8 | pass@64 | groups of 8 with 0 correct | 1 to 2 | 3 to 5 | 6 to 8 |")
    print("|---" * 8 + "|")
    for name in TASKS:
        means = np.mean([shares(name, instance) for instance in INSTANCES], axis=0)
        print(f"| `{name}` | {' | '.join(f'{value:.2f}' for value in means)} |")


if __name__ == "__main__":
    main()
