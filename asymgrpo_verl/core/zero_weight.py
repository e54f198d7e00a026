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
"""Which rows of a mini-batch the update has to run, if rows with advantage 0 on every token need not be trained on."""

from collections.abc import Sequence

import torch

# The metrics of a policy loss that are sums over tokens, divided by all response tokens of a micro-batch.
SHARES_OF_TOKENS = {
    "actor/pg_clipfrac",
    "actor/pg_clipfrac_lower",
    "actor/ppo_kl",
    *(f"actor/{sign}/{name}" for sign in ("positive", "negative") for name in ("token_frac", "clipfrac", "ppo_kl")),
}


def has_weight(advantages: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return for each row whether a response token of it has an advantage other than 0. NaN is other than 0.

    Args:
        advantages: (bs, len).
        mask: (bs, len), the response mask.

    Returns:
        (bs,), bool.
    """
    return ((advantages != 0) & mask.bool()).any(dim=1)


def rows_to_run(weighs: Sequence[bool], lengths: Sequence[int], at_least: int) -> list[int]:
    """Return the rows that have weight, and the shortest of the other rows if these are fewer than `at_least`.

    Args:
        weighs: whether the row has weight.
        lengths: tokens of the row, prompt and response.
        at_least: 1 to the number of rows.

    Returns:
        The rows in ascending order.
    """
    rows = [row for row, weight in enumerate(weighs) if weight]
    others = sorted((row for row, weight in enumerate(weighs) if not weight), key=lambda row: lengths[row])
    return sorted(rows + others[: max(0, at_least - len(rows))])
