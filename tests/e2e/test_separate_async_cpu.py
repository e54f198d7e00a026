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
"""separate_async with several ranks and rollout servers, and with rollout servers in the trainer's ranks: real runs."""

from pathlib import Path

import pytest
from tiny_run import REAL_RUN, prepare, start_run

from asymgrpo_verl.runs.logs import read_metrics

pytestmark = REAL_RUN

STEPS = 2
RUNS = {
    "two ranks, two servers": ([], {"RANKS": "2", "ROLLOUT_NGPUS_PER_NODE": "2"}),
    # The servers in the trainer's ranks generate until the first step, and for each validation.
    "hybrid": (["actor_rollout_ref.hybrid_engine=True"], {"TEST_FREQ": "1"}),
}


@pytest.fixture(scope="module", params=RUNS)
def log_and_rows(request, tmp_path_factory, base_policy) -> tuple[str, str, list[dict]]:
    overrides, variables = RUNS[request.param]
    place = tmp_path_factory.mktemp("separate")
    prepare(place, base_policy)
    overrides = [*overrides, "algorithm.diagnostics.gradient_share_every=2"]
    path = Path(place / "run.log")
    with path.open("wb") as log:
        code = start_run(place, log, overrides, MODE="separate_async", STEPS=str(STEPS), **variables).wait(timeout=900)
    text = path.read_text(errors="replace")
    assert code == 0, text[-5000:]
    return request.param, text, read_metrics(place / "out" / "metrics.jsonl")


def test_every_step_is_logged_with_both_channels(log_and_rows):
    _, _, rows = log_and_rows
    rows = [row for row in rows if row["step"] > 0]
    assert [row["step"] for row in rows] == [1, 2]
    assert [row["epoch/prompts"] for row in rows] == [8, 16]
    for row in rows:
        assert row["rollouts/correct/share"] + row["rollouts/incorrect/share"] == pytest.approx(1)
        assert row["actor/grad_norm"] > 0 and abs(row["actor/ppo_kl"]) > 1e-6
    assert 0 < rows[1]["gradient/positive/share"] < 1


def test_every_server_has_the_weights_that_were_sent(log_and_rows):
    """vLLM's log-probabilities of the first step are the trainer's, whichever server drew the tokens."""
    _, _, rows = log_and_rows
    (first,) = [row for row in rows if row["step"] == 1]
    assert first["training/rollout_probs_diff_max"] < 1e-4
    assert first["training/off_policy/trajectory_staleness_worst/max"] == 0


def test_the_servers_of_the_run_are_all_there(log_and_rows):
    name, text, rows = log_and_rows
    if name == "hybrid":
        assert "Switching hybrid engine to rollout mode for validation" in text
        assert "val-core/asymgrpo/sums/acc/mean@1" in rows[-1] or "val-core/asymgrpo/sums/reward/mean@1" in rows[-1]
    else:
        assert text.count("LLMServerManager: [") == 1 and ", '" in text.split("LLMServerManager: [")[1].split("]")[0]
