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
"""Batches of agent loops, in which one trajectory may hand several rows to the trainer.

A session is one trajectory of an agent loop, and an output is one row of it, such as one call of the model. verl names
each row uid_session_output. The last output of a session decides whether the session is correct, and all outputs of the
session get the same advantage. verl does this for `grpo` alone
(verl.trainer.ppo.v1.utils.compute_advantage_for_multi_trajectories).
"""

from collections.abc import Callable

import numpy as np
import torch


def read_keys(batch_keys: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read verl's keys of a batch.

    Returns:
        uid: (bs,) object.
        rows: (sessions,) int64, the row of the last output of each session.
        session: (bs,) int64, the place of each row's session in `rows`.
    """
    last: dict[str, tuple[int, int]] = {}
    names = [key.rsplit("_", 1)[0] for key in batch_keys]
    for row, (name, key) in enumerate(zip(names, batch_keys, strict=True)):
        last[name] = max(last.get(name, (-1, row)), (int(key.rsplit("_", 1)[1]), row))
    place = {name: i for i, name in enumerate(last)}
    uid = np.array([name.rsplit("_", 1)[0] for name in names], dtype=object)
    return uid, np.array([row for _, row in last.values()]), np.array([place[name] for name in names])


def multi_output_share(session: np.ndarray, alive: np.ndarray) -> float:
    """Return the share of sessions with several outputs; rows that verl pads a batch with are not `alive`."""
    several = (np.bincount(session) > 1)[alive]
    return float(several.mean()) if len(several) else 0.0


def advantages_by_session(
    estimate: Callable,
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    uid: np.ndarray,
    rows: np.ndarray,
    session: np.ndarray,
) -> torch.Tensor:
    """Compute (bs, len) advantages from the last output of each session, for all outputs of the session.

    Args:
        estimate: an estimator with one value on every token of a row, such as `adapters.outcome_advantage`.
        uid, rows, session: see `read_keys`.
    """
    advantage, _ = estimate(token_level_rewards[rows], response_mask[rows], uid[rows])
    first = response_mask[rows].argmax(dim=1, keepdim=True)
    return advantage.gather(1, first)[session] * response_mask
