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
"""The rollouts of a step's triggers are those of one batch."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from asymgrpo_verl.core import diagnostics
from asymgrpo_verl.integration.rollouts import Outputs, join, last_outputs
from asymgrpo_verl.integration.sessions import multi_output_share, read_keys

FIELDS = ("mask", "rewards", "log_probs", "entropy", "verl_advantages", "advantages")


def outputs_of(groups: dict[str, list[list[int]]], draw: torch.Generator) -> Outputs:
    """A trigger's batch of random values: uid -> the lengths of the outputs of each session."""
    lengths = {
        f"{uid}_{session}_{index}": length
        for uid, sessions in groups.items()
        for session, outputs in enumerate(sessions)
        for index, length in enumerate(outputs)
    }
    rows, width = len(lengths), max(lengths.values())
    uid, last, session = read_keys([*lengths])
    mask = (torch.arange(width) < torch.tensor([*lengths.values()])[:, None]).long()
    values = {name: torch.rand(rows, width, generator=draw) * mask for name in FIELDS[2:]}
    rewards = torch.zeros(rows, width)
    rewards[:, 0] = torch.randint(2, (rows,), generator=draw).float()
    staleness = torch.randint(4, (rows,), generator=draw).double()
    return Outputs(uid, last, session, mask, mask, rewards, staleness=staleness, **values)


def merged(triggers: list[Outputs]) -> Outputs:
    """The same rows as one batch, padded as verl pads a batch."""
    width = max(trigger.mask.shape[1] for trigger in triggers)
    pad = lambda x: torch.nn.functional.pad(x, (0, width - x.shape[1]))  # noqa: E731
    rows = np.cumsum([0, *(len(trigger.session) for trigger in triggers)])
    sessions = np.cumsum([0, *(len(trigger.last) for trigger in triggers)])
    whole = {name: torch.cat([pad(getattr(trigger, name)) for trigger in triggers]) for name in FIELDS}
    return Outputs(
        uid=np.concatenate([trigger.uid for trigger in triggers]),
        last=np.concatenate([trigger.last + at for trigger, at in zip(triggers, rows, strict=False)]),
        session=np.concatenate([trigger.session + at for trigger, at in zip(triggers, sessions, strict=False)]),
        nested_mask=whole["mask"],
        staleness=torch.cat([trigger.staleness for trigger in triggers]),
        **whole,
    )


@given(
    st.lists(
        st.lists(st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=2), min_size=1, max_size=4), min_size=1),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 2**31),
)
def test_metrics_of_the_triggers_together_are_those_of_one_batch(sizes, seed):
    draw, uids = torch.Generator().manual_seed(seed), iter(range(10**6))
    triggers = [outputs_of({f"prompt{next(uids)}": sessions for sessions in groups}, draw) for groups in sizes]
    together = join([last_outputs(trigger, 0.5) for trigger in triggers])
    whole = last_outputs(merged(triggers), 0.5)
    assert together.rows.tolist() == whole.rows.tolist() and together.session.tolist() == whole.session.tolist()
    for computed in (
        lambda r: diagnostics.group_metrics(r.groups, 4),
        lambda r: diagnostics.channel_metrics(r.groups, r.mask, r.advantages, r.entropy),
        lambda r: diagnostics.covariance_metrics(r.groups, r.mask, r.advantages, r.log_probs, 4),
        lambda r: diagnostics.staleness_metrics(r.groups, r.staleness),
        lambda r: {"several": multi_output_share(r.session, r.groups.alive.numpy())},
    ):
        assert computed(together) == pytest.approx(computed(whole), nan_ok=True)


def test_one_trigger_is_not_copied():
    trigger = last_outputs(outputs_of({"a": [[3], [2]]}, torch.Generator().manual_seed(0)), 0.5)
    assert join([trigger]) is trigger


def test_staleness_by_channel_by_hand():
    trigger = last_outputs(outputs_of({"a": [[1], [1], [1]]}, torch.Generator().manual_seed(0)), 0.5)
    correct = torch.tensor([True, False, True])
    groups = trigger.groups._replace(correct=correct)
    metrics = diagnostics.staleness_metrics(groups, torch.tensor([0.0, 5.0, 3.0], dtype=torch.float64))
    assert metrics == {
        "rollouts/correct/staleness": 1.5,
        "rollouts/correct/staleness_max": 3,
        "rollouts/incorrect/staleness": 5,
        "rollouts/incorrect/staleness_max": 5,
    }
    none_correct = trigger.groups._replace(correct=torch.zeros(3, dtype=torch.bool))
    metrics = diagnostics.staleness_metrics(none_correct, torch.zeros(3, dtype=torch.float64))
    assert metrics["rollouts/correct/staleness"] != metrics["rollouts/correct/staleness"]
    assert metrics["rollouts/correct/staleness_max"] != metrics["rollouts/correct/staleness_max"]
