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
"""A run's log and checkpoints: `asymgrpo select`, and where a model's weights are."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from asymgrpo_verl.runs.logs import read_metrics, validation_accuracy
from asymgrpo_verl.runs.weights import locate_model

MATH_500 = "HuggingFaceH4/MATH-500"


def log(path: Path, accuracy: dict[int, float], source=MATH_500, key="acc/mean@1") -> Path:
    """verl's file log: a line a step, with validation where it is given."""
    rows = [{"step": step, "data": {"critic/score/mean": 0.5}} for step in range(max(accuracy) + 1)]
    for step, value in accuracy.items():
        rows[step]["data"][f"val-core/{source}/{key}"] = value
        rows[step]["data"][f"val-aux/{source}/reward/mean@1"] = 1 - value
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def save(root: Path, *steps: int) -> None:
    for step in steps:
        actor = root / f"global_step_{step}" / "actor"
        actor.mkdir(parents=True)
        (actor / "model_world_size_1_rank_0.pt").touch()


def select(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "asymgrpo_verl.cli", "select", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_best_checkpoint_is_all_that_goes_to_stdout(tmp_path):
    log(tmp_path / "metrics.jsonl", {0: 0.1, 2: 0.5, 4: 0.8, 6: 0.7})
    save(tmp_path / "checkpoints", 2, 4, 6)
    done = select(tmp_path)
    assert done.stdout == f"{tmp_path / 'checkpoints' / 'global_step_4'}\n", done.stderr
    assert done.stderr == f"step 4: 0.8000 on {MATH_500}, the best of 3 checkpoints\n"


def test_the_earliest_of_equals(tmp_path):
    log(tmp_path / "metrics.jsonl", {1: 0.2, 9: 0.8, 10: 0.8})
    save(tmp_path, 9, 10)
    assert select(tmp_path).stdout.strip().endswith("global_step_9")


def test_the_best_step_without_a_checkpoint_is_named(tmp_path):
    log(tmp_path / "metrics.jsonl", {2: 0.5, 3: 0.9, 4: 0.8})
    save(tmp_path, 2, 4, 5)
    (tmp_path / "global_step_3" / "actor").mkdir(parents=True)  # as verl leaves those that max_actor_ckpt_to_keep ends
    done = select(tmp_path)
    assert done.stdout.strip().endswith("global_step_4")
    assert "step 3 was validated at 0.9000 and has no checkpoint" in done.stderr
    assert "no validation of them: steps 5" in done.stderr


def test_another_benchmark_and_another_log(tmp_path):
    metrics = log(tmp_path / "logs" / "a.jsonl", {1: 0.9, 2: 0.1}, source="aime24", key="reward/mean@16")
    save(tmp_path, 1, 2)
    done = select(tmp_path, "--metrics", metrics, "--data-source", "aime24")
    assert done.stdout.strip().endswith("global_step_1")


@pytest.mark.parametrize(
    "accuracy, steps, arguments, message",
    [
        ({}, [1], [], "metrics.jsonl: no such file"),
        ({1: 0.5}, [1], ["--data-source", "amc23"], f"no validation on amc23; it has {MATH_500}."),
        ({1: 0.5}, [2], [], "no checkpoint at a validated step. Validated: 1; saved: 2."),
    ],
)
def test_nothing_to_select_from(tmp_path, accuracy, steps, arguments, message):
    if accuracy:
        log(tmp_path / "metrics.jsonl", accuracy)
    save(tmp_path, *steps)
    done = select(tmp_path, *arguments)
    assert done.returncode == 1 and done.stdout == ""
    assert message in done.stderr and "Traceback" not in done.stderr


def test_a_line_still_being_written_is_left_out(tmp_path):
    path = log(tmp_path / "metrics.jsonl", {1: 0.5})
    path.write_text(path.read_text() + '{"step": 2, "da')
    assert [row["step"] for row in read_metrics(path)] == [0, 1]
    assert read_metrics(tmp_path / "nowhere.jsonl") == []


def test_a_step_that_stands_twice_has_its_last_value():
    key = "val-core/a/acc/mean@1"
    assert validation_accuracy([{"step": 1, key: 0.1}, {"step": 2}, {"step": 1, key: 0.3}], "a") == {1: 0.3}


def hugging_face(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text("{}")
    (directory / "model.safetensors").write_text("weights")
    return directory


def test_weights_are_found_from_wherever_a_user_points(tmp_path):
    model = hugging_face(tmp_path / "model")
    assert locate_model(str(model))[0] == model
    save(tmp_path, 3)
    actor = tmp_path / "global_step_3" / "actor"
    with pytest.raises(ValueError, match="lacks huggingface/config.json, which verl saves beside the shards"):
        locate_model(str(actor))
    (actor / "huggingface").mkdir()
    (actor / "huggingface" / "config.json").write_text("{}")
    assert locate_model(str(actor))[0] == locate_model(str(tmp_path / "global_step_3"))[0] == actor
    hugging_face(actor / "huggingface")
    assert locate_model(str(tmp_path / "global_step_3"))[0] == actor / "huggingface", "nothing to merge"
    assert locate_model("Qwen/Qwen3-4B") == (None, None)


def test_the_fingerprint_follows_the_weights(tmp_path):
    model = hugging_face(tmp_path / "model")
    before = locate_model(str(model))[1]
    assert locate_model(str(model))[1] == before
    (model / "model.safetensors").write_text("other weights")
    assert locate_model(str(model))[1] != before


def test_a_missing_shard_is_named(tmp_path):
    (tmp_path / "model_world_size_4_rank_0.pt").touch()
    with pytest.raises(ValueError, match="1 of 4 FSDP shards are there"):
        locate_model(str(tmp_path))


@pytest.mark.parametrize("line", ["{", '{"step": 10}', "5", "\udcff"])
def test_a_log_that_is_not_verls_is_named_with_its_line(tmp_path, line):
    log = tmp_path / "metrics.jsonl"
    log.write_text(f'{{"step": 1, "data": {{}}}}\n{line}\n', errors="surrogateescape")
    with pytest.raises(ValueError, match="metrics.jsonl, line 2: not a line of verl's file log"):
        read_metrics(log)


def test_what_a_run_logged_before_it_was_resumed_is_read_too(tmp_path):
    """The launcher keeps it by the time of the resume; the later values of a step win, its other values stay."""
    write = {
        "metrics.20261123-104500.jsonl": [(1, {"a": 1}), (2, {"a": 2, "b": 2}), (3, {"a": 3})],
        "metrics.20261123-110000.jsonl": [(2, {"b": 20}), (3, {"a": 30})],
        "metrics.jsonl": [(4, {"a": 4})],
        "metrics.seed2.jsonl": [(9, {"a": 9})],
    }
    for name, rows in write.items():
        (tmp_path / name).write_text("".join(json.dumps({"step": s, "data": d}) + "\n" for s, d in rows))
    expected = [{"step": 1, "a": 1}, {"step": 2, "a": 2, "b": 20}, {"step": 3, "a": 30}, {"step": 4, "a": 4}]
    assert read_metrics(tmp_path / "metrics.jsonl") == expected
    (tmp_path / "metrics.jsonl").unlink()
    assert read_metrics(tmp_path / "metrics.jsonl") == expected[:3], "a resume that failed before it logged"
