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
"""Read one run: the label of its method, its log, its configuration."""

import json
from pathlib import Path

import pytest
from run_logs import all_metrics, asymgrpo, write_log, write_run

from asymgrpo_verl.runs.run import base_model, label_of_checkpoint, read_run


def test_the_label_is_the_given_one_or_the_method_or_the_experiment_or_the_name_of_the_path(tmp_path):
    run = write_run(tmp_path / "one", "grpo", steps=1)
    assert read_run(f"my own={run}").label == "my own"
    assert read_run(f"asymgrpo={run}").label == "AsymGRPO", "a METHOD names a row of Table 1"
    assert read_run(str(run)).label == "GRPO", "METHOD in Hydra's overrides"
    (run / "hydra" / ".hydra" / "overrides.yaml").write_text("[]")
    assert read_run(str(run)).label == "one", "trainer.experiment_name"
    log = write_log(tmp_path / "project" / "a=b.jsonl", all_metrics(1))
    assert read_run(str(log)).label == "a=b" and read_run(str(log)).config == {}
    assert read_run(str(write_log(tmp_path / "run7" / "metrics.jsonl", all_metrics(1)).parent)).label == "run7"


@pytest.mark.parametrize(
    "algorithm, label",
    [
        (asymgrpo(0.9, 0.4), "AsymGRPO"),
        (asymgrpo(0.8, 0.4), "AsymGRPO (0.8, 0.4)"),
        (asymgrpo(0.9, 0.3), "AsymGRPO (0.9, 0.3)"),
        ({"adv_estimator": "grpo"}, "AsymGRPO (adv_estimator=grpo)"),
        (asymgrpo(0.9, 0.4) | {"token_weighting": {"incorrect": "surprisal"}}, "AsymGRPO (token_weighting)"),
    ],
)
def test_a_run_with_other_settings_than_its_method_shows_them_in_its_label(tmp_path, algorithm, label):
    run = write_run(tmp_path / "run", "asymgrpo", algorithm, steps=1)
    assert read_run(str(run)).label == label
    checkpoint = run / "checkpoints" / "global_step_1" / "actor"
    assert label_of_checkpoint(checkpoint, "asymgrpo") == label, "our launchers evaluate with METHOD as the label"
    assert label_of_checkpoint(checkpoint, None) == label and label_of_checkpoint(checkpoint, "my own") == "my own"


def test_a_run_that_the_user_named_has_that_label(tmp_path):
    run = write_run(tmp_path / "run", "asymgrpo", {"adv_estimator": "grpo"}, steps=1)
    overrides = "- +asymgrpo=asymgrpo\n- algorithm.adv_estimator=grpo\n- +asymgrpo_name=odd\n"
    (run / "hydra" / ".hydra" / "overrides.yaml").write_text(overrides)
    with (run / "hydra" / ".hydra" / "config.yaml").open("a") as config:
        config.write("\nasymgrpo_name: odd\n")
    assert read_run(str(run)).label == "odd"
    assert label_of_checkpoint(run / "checkpoints" / "global_step_1", "asymgrpo") == "odd"


def test_a_model_that_no_run_saved_has_no_label_of_the_run_around_it(tmp_path, monkeypatch):
    run = write_run(tmp_path / "run", "asymgrpo", asymgrpo(0.8, 0.4), steps=1)
    monkeypatch.chdir(run)
    assert label_of_checkpoint(Path("Qwen/Qwen3-4B"), None) is None
    assert label_of_checkpoint(run / "model", None) is None


def test_the_base_model_of_a_checkpoint_is_that_of_its_run(tmp_path):
    run = write_run(tmp_path / "run", "asymgrpo", asymgrpo(0.9, 0.4), steps=1)
    checkpoint = run / "checkpoints" / "global_step_1"
    assert base_model(checkpoint) == base_model(checkpoint / "actor") == "Qwen3-4B"
    assert base_model(run) is None, "no checkpoint"
    assert base_model(tmp_path / "global_step_1") is None, "of no run"


def test_a_method_whose_name_is_quoted_or_has_a_hyphen_is_read(tmp_path):
    run = write_run(tmp_path / "run", "asymgrpo", asymgrpo(0.9, 0.4), steps=1)
    overrides = run / "hydra" / ".hydra" / "overrides.yaml"
    for method, label in (("'grpo'", "GRPO (adv_estimator=asymgrpo)"), ("my-own", "my-own")):
        overrides.write_text(json.dumps([f"+asymgrpo={method}"]))
        assert read_run(str(run)).label == label


def test_a_model_outside_a_run_keeps_its_label(tmp_path):
    assert label_of_checkpoint(tmp_path / "model", "mine") == "mine" and label_of_checkpoint(tmp_path, None) is None


def test_an_experiment_may_be_named_by_a_number(tmp_path):
    run = write_log(tmp_path / "run" / "metrics.jsonl", all_metrics(1)).parent
    (run / ".hydra").mkdir()
    (run / ".hydra" / "config.yaml").write_text("trainer:\n  experiment_name: 7\n")
    (run / ".hydra" / "overrides.yaml").write_text("[]")
    assert read_run(str(run)).label == "7"


def test_a_run_of_an_earlier_version_is_read(tmp_path):
    """Written by hand, in the format that is on users' disks. It must not change."""
    (tmp_path / "hydra" / ".hydra").mkdir(parents=True)
    (tmp_path / "metrics.jsonl").write_text(
        '{"step": 0, "data": {"val-core/HuggingFaceH4/MATH-500/acc/mean@1": 0.25}}\n'
        '{"step": 1, "data": {"actor/entropy": 0.5, "asymgrpo/beta_pos": 0.9, "rollouts/correct/entropy": null}}\n'
    )
    (tmp_path / "hydra" / ".hydra" / "config.yaml").write_text(
        "algorithm:\n  adv_estimator: asymgrpo\n  asymgrpo:\n    beta_pos: 0.9\n    flip: none\n"
    )
    (tmp_path / "hydra" / ".hydra" / "overrides.yaml").write_text("- +asymgrpo=symmetric\n- data.seed=1\n")
    run = read_run(str(tmp_path))
    assert run.label == "AsymGRPO, symmetric (0.9, 0.7)" and run.last_step == 1
    assert run.rows[0] == {"step": 0, "val-core/HuggingFaceH4/MATH-500/acc/mean@1": 0.25}
    assert run.rows[1]["rollouts/correct/entropy"] is None
    assert run.config["algorithm.asymgrpo.beta_pos"] == 0.9 and run.config["algorithm.asymgrpo.flip"] == "none"


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "run: no such file or directory."),
        ({}, "run: got a directory without a log; expected metrics.jsonl, or TensorBoard's event files"),
        ({"metrics.jsonl": ""}, "run: got a directory without a log"),
        ({"metrics.jsonl": "{}\n"}, "metrics.jsonl, line 1: got {}; expected a line of verl's file log"),
        (
            {"metrics.jsonl": '{"step": 1, "data": {}}\n', ".hydra/config.yaml": "a: [", ".hydra/overrides.yaml": ""},
            "config.yaml: got a file that is not YAML",
        ),
    ],
)
def test_a_path_that_is_not_a_run_is_an_error_that_names_it(tmp_path, content, message):
    if content is not None:
        (tmp_path / "run").mkdir()
    for name, text in (content or {}).items():
        (tmp_path / "run" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "run" / name).write_text(text)
    with pytest.raises((OSError, ValueError)) as error:
        read_run(str(tmp_path / "run"))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_not_a_log_is_an_error():
    with pytest.raises(ValueError, match="expected a run directory or a .jsonl of verl's logger `file`"):
        read_run(__file__)


def test_a_log_without_a_step_is_an_error(tmp_path):
    (tmp_path / "a.jsonl").touch()
    with pytest.raises(ValueError, match="a.jsonl: got a log without steps; expected one step or more"):
        read_run(str(tmp_path / "a.jsonl"))
