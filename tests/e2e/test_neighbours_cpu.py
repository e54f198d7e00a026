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
"""A real run with all that neighbouring methods add to an estimator at once, in bypass mode."""

import json
import math
import subprocess

import pytest
from tiny_run import REAL_RUN, prepare, start_run

from asymgrpo_verl.core.metrics import METRICS, expand

pytestmark = REAL_RUN

VALIDATION = "actor_rollout_ref.rollout.val_kwargs"
SETTINGS = [
    "+asymgrpo_name=all_at_once",
    "+algorithm.codapo.offset=0.1",
    "+algorithm.repo_r.target=5",  # above the entropy, so zeta and the coefficient rise
    "+algorithm.entropy_coefficient.target=5",
    "algorithm.rollout_correction.bypass_mode=True",
    "+algorithm.diagnostics.bypass_mode=measure",
    "algorithm.diagnostics.log_prob_increment_every=1",
    f"{VALIDATION}.n=2",
    f"{VALIDATION}.do_sample=True",
    f"{VALIDATION}.temperature=1.0",
    "trainer.test_freq=1",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory, base_policy):
    """The directory of a run of two steps."""
    place = tmp_path_factory.mktemp("neighbours")
    prepare(place, base_policy)
    with (place / "train.log").open("wb") as log:
        process = start_run(place, log, SETTINGS, METHOD="ha_dw", STEPS="2")
        try:
            status = process.wait(timeout=900)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert status == 0, (place / "train.log").read_text(errors="replace")[-5000:]
    return place


@pytest.fixture(scope="module")
def steps(place):
    rows = [json.loads(line) for line in (place / "out" / "metrics.jsonl").read_text().splitlines()]
    return [row["data"] for row in rows if row["step"] > 0]


def test_every_step_has_the_metrics_of_the_settings(steps):
    absent = ("with algorithm.entropy_advantage", "with adv_estimator=asymgrpo", "if an update may leave out rollouts")
    keys = {key for metric in METRICS if metric.logged not in absent for key in expand(metric.key, 8)}
    for step in steps:
        assert keys <= step.keys()
        assert step["actor/grad_norm"] > 0 and step["timing_s/bypass_mode"] > 0


def test_bypass_mode_measures_the_policy_before_and_after_the_update(steps):
    for step in steps:
        assert step["rollouts/entropy"] == pytest.approx(step["actor/entropy_loss"], rel=0.2), "verl's, in the update"
        assert math.isfinite(step["entropy_change/measured"]) and step["entropy_change/measured"] != 0
        assert 0 <= step["displacement/share"] <= 1


def test_what_adapts_moves_with_the_steps_and_is_in_the_checkpoint(place, steps):
    first, second = steps
    assert (first["entropy_coefficient/value"], second["entropy_coefficient/value"]) == pytest.approx((0, 1e-4))
    assert (first["repo_r/zeta"], second["repo_r/zeta"]) == pytest.approx((0.001, 0.002))
    shares = [step["rollouts/correct/share"] for step in steps]
    assert [step["ha_dw/belief"] for step in steps] == pytest.approx([shares[0], sum(shares) / 2])
    state = json.loads((place / "out" / "checkpoints" / "global_step_2" / "asymgrpo.json").read_text())
    assert state["accuracies"] == pytest.approx(shares) and state["zeta"] == pytest.approx(0.004)


def test_the_validation_has_pass_at_k(steps):
    for step in steps:
        (mean,) = [step[key] for key in step if key.startswith("val-core/") and key.endswith("/pass@2/mean")]
        (accuracy,) = [step[key] for key in step if key.startswith("val-core/") and key.endswith("/mean@2")]
        assert accuracy <= mean <= min(1, 2 * accuracy) + 1e-9
