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
"""The table of metrics: it names every key that the core computes, and docs/metrics.md is made from it."""

import pkgutil

import torch
from batches import batch_of
from places import ROOT

from asymgrpo_verl.core import diagnostics
from asymgrpo_verl.core.groups import gather_groups
from asymgrpo_verl.core.losses import two_channel_loss
from asymgrpo_verl.core.metrics import METRICS, expand, logged_metrics, markdown


def keys_of(source: str, n: int = 4) -> set[str]:
    """The keys that the table says a function computes."""
    return {key for metric in METRICS if metric.source == source for key in expand(metric.key, n)}


def test_a_key_with_braces_and_k_of_n_stands_for_all_its_names():
    assert expand("a/{b,c/k_of_n}/d", 1) == ["a/b/d", "a/c/0_of_1/d", "a/c/1_of_1/d"]


def test_the_metrics_of_a_log_are_found_by_its_keys():
    keys = ["actor/lr", "groups/solved/3_of_8", "rollouts/correct/length"]
    assert [metric.key for metric in logged_metrics(keys)] == [
        "groups/solved/k_of_n",
        "rollouts/{correct,incorrect}/length",
    ]


def test_no_key_stands_in_the_table_twice():
    keys = [key for metric in METRICS for key in expand(metric.key, 8)]
    assert len(keys) == len(set(keys))


def test_the_page_is_made_from_the_table():
    assert (ROOT / "docs" / "metrics.md").read_text() == markdown(), (
        "python -m asymgrpo_verl.core.metrics > docs/metrics.md"
    )


def test_every_source_is_a_function_of_ours():
    for metric in METRICS:
        if not metric.source.startswith("integration."):  # which would import verl
            assert callable(pkgutil.resolve_name(f"asymgrpo_verl.{metric.source}")), metric.source


def test_the_functions_of_the_core_compute_the_keys_of_the_table():
    rewards, mask, index = batch_of({"a": [1, 0, 0, 1], "b": [1, 1, 1, 1]})
    groups, values = gather_groups(rewards, mask, index), torch.rand(8, 3)
    made = {
        "group_metrics": diagnostics.group_metrics(groups, 4),
        "epoch_metrics": diagnostics.epoch_metrics(diagnostics.count_epoch(diagnostics.EpochCounts(0), 0, groups, 4)),
        "channel_metrics": diagnostics.channel_metrics(groups, mask, values, values),
        "covariance_metrics": diagnostics.covariance_metrics(groups, mask, values, values, 4),
        "displacement_metrics": diagnostics.displacement_metrics(groups, mask, values, values, 4),
        "update_metrics": diagnostics.update_metrics(groups, mask, values, values, values, values),
    }
    for function, metrics in made.items():
        assert metrics.keys() == keys_of(f"core.diagnostics.{function}"), function
    _, metrics = two_channel_loss(values, values, values, mask.bool(), torch.sum, 0.2, 0.2, 3.0)
    verls = {"actor/pg_clipfrac", "actor/ppo_kl", "actor/pg_clipfrac_lower"}
    assert metrics.keys() - verls == keys_of("core.losses.two_channel_loss")
