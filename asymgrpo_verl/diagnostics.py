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
"""What the paper's figures plot, as functions of a batch."""

import torch

from asymgrpo_verl.groups import Groups


def group_metrics(groups: Groups) -> dict[str, float]:
    """Shares of the prompts of a batch by what became of their rollouts (Fig. 2 c, g). Three shares that add up to 1.

    Returns:
        groups/all_solved: p = 1; groups/none_solved: p = 0; groups/mixed: 0 < p < 1, the groups whose curves differ;
        groups/accuracy: mean p. 0 each for a batch without a group.
    """
    size, solved = groups.size[groups.size > 0], groups.solved[groups.size > 0]
    count = max(len(size), 1)
    shares = torch.stack([solved == size, solved == 0, (0 < solved) & (solved < size), solved / size]).double()
    names = ("groups/all_solved", "groups/none_solved", "groups/mixed", "groups/accuracy")
    return dict(zip(names, (shares.sum(1) / count).tolist(), strict=True))
