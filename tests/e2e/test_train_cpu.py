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
"""A real training run: verl's v1 trainer, Ray, FSDP2, vLLM's CPU backend, our estimator, loss and trainer."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import QUICKSTART
from tiny_run import REAL_RUN, quickstart

from asymgrpo_verl.core.metrics import METRICS, expand

pytestmark = REAL_RUN

STEPS = 2
CHANNELS = ("correct", "incorrect")
KEYS = ("groups/", "rollouts/", "covariance/", "actor/")
OURS = ("groups/", "epoch/", "rollouts/", "covariance/", "entropy_change/", "gradient/", "asymgrpo/")
OURS += ("entropy_advantage/", "actor/positive/", "actor/negative/")


@pytest.fixture(scope="module")
def run(tmp_path_factory, base_policy):
    """The directory of a run of STEPS steps from a hardly trained base policy, saved at its last step."""
    out = tmp_path_factory.mktemp("run")
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MODEL_PATH": str(base_policy),
        "TRAIN_FILE": str(out / "train.parquet"),
        "VAL_FILE": str(out / "val.parquet"),
        "OUT_DIR": str(out),
        "STEPS": str(STEPS),
        "TRAIN_BATCH_SIZE": "8",
        "MINI_BATCH_SIZE": "4",
    }
    quickstart("task.py", out, "--train-rows", 64, "--val-rows", 8)
    overrides = [f"trainer.save_freq={STEPS}", "actor_rollout_ref.actor.checkpoint.save_contents=[hf_model]"]
    # beta = 0 makes unanimous groups speak too, so that even this policy has something to learn from
    overrides += ["algorithm.asymgrpo.beta_pos=0", "algorithm.asymgrpo.beta_neg=0"]
    with (out / "train.log").open("wb") as log:
        command = ["bash", str(QUICKSTART / "run_tiny_cpu.sh"), *overrides]
        done = subprocess.run(command, env=env, stdout=log, stderr=subprocess.STDOUT, timeout=900)
    assert done.returncode == 0, (out / "train.log").read_text(errors="replace")[-5000:]
    return out


@pytest.fixture(scope="module")
def steps(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row["data"] for row in rows if row["step"] > 0]


def test_weights_change(run, base_policy):
    import torch
    from safetensors.torch import load_file

    (trained,) = run.glob(f"checkpoints/global_step_{STEPS}/actor/huggingface/model*.safetensors")
    before, after = load_file(base_policy / "model.safetensors"), load_file(trained)
    assert before.keys() == after.keys()
    for name, weight in before.items():
        assert not torch.equal(weight, after[name].to(weight.dtype)), name
        assert torch.isfinite(after[name]).all()


def test_every_step_is_logged_with_finite_metrics(steps):
    assert len(steps) == STEPS
    # NaN, null in JSON: a channel or an accuracy that the batch has not, what is measured every so many steps alone
    may_be_empty = ("rollouts/", "covariance/at/", "entropy_change/", "gradient/", "asymgrpo/beta_", "displacement/")
    for step in steps:
        values = {k: v for k, v in step.items() if not (v is None and k.startswith(may_be_empty))}
        assert {key: value for key, value in values.items() if not math.isfinite(value)} == {}
        assert step["actor/grad_norm"] > 0


def test_the_log_has_the_metrics_of_the_table_and_no_others_of_ours(steps):
    of_every_run = [metric for metric in METRICS if not metric.logged.startswith("with algorithm.")]  # not set here
    table = {key for metric in of_every_run for key in expand(metric.key, n=8)}
    for step in steps:
        logged = {key for key in step if key.startswith(OURS)}
        assert logged == {key for key in table if key.startswith(OURS)}
        assert table - logged <= step.keys(), "those under timing_s, which verl's own are under too"


def test_channels_and_groups_are_logged_under_the_same_keys_at_every_step(steps):
    assert len({frozenset(k for k in step if k.startswith(KEYS)) for step in steps}) == 1
    for step in steps:
        assert step["groups/all_solved"] + step["groups/mixed"] + step["groups/none_solved"] == pytest.approx(1)
        tokens = step["actor/positive/token_frac"] + step["actor/negative/token_frac"]
        assert tokens == pytest.approx(1), "with beta = 0 no advantage is 0"
        assert step["groups/accuracy"] == pytest.approx(step["critic/score/mean"])
        assert step["rollouts/correct/share"] == pytest.approx(step["groups/accuracy"]), "groups are of one size"
        of = {
            channel: step[f"rollouts/{channel}/share"] * (step[f"rollouts/{channel}/length"] or 0)
            for channel in CHANNELS
        }
        entropy = sum(of[channel] * (step[f"rollouts/{channel}/entropy"] or 0) for channel in CHANNELS) / sum(
            of.values()
        )
        assert entropy == pytest.approx(step["actor/entropy"], rel=1e-3), "the channels make up what verl logs"
        assert step["rollouts/entropy"] == pytest.approx(step["actor/entropy"], rel=1e-3)


def test_rollouts_come_from_the_weights_that_were_trained(steps):
    """vLLM's log-probabilities are the trainer's: the weights arrive whole after every update."""
    for step in steps:
        assert step["training/rollout_probs_diff_max"] < 1e-4


def test_validation_logs_accuracy_and_the_answers_that_were_given_up(run):
    rows = [json.loads(line)["data"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    validated = [row for row in rows if "val-core/asymgrpo/sums/acc/mean@1" in row]
    assert validated and all(row["val-aux/asymgrpo/sums/timed_out/mean@1"] == 0 for row in validated)


def test_the_checkpoint_is_selected(run):
    select = [sys.executable, "-m", "asymgrpo_verl.cli", "select", str(run), "--data-source", "asymgrpo/sums"]
    done = subprocess.run(select, capture_output=True, text=True)
    assert done.stdout == f"{run / 'checkpoints' / f'global_step_{STEPS}'}\n", done.stderr
