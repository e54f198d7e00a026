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
"""Find a run's checkpoints and a model's weights; `asymgrpo select`."""

import math
from pathlib import Path

import pytest
from console import Done, asymgrpo
from run_logs import write_log

from asymgrpo_verl.runs.weights import find_checkpoints, locate_model

MATH_500 = "HuggingFaceH4/MATH-500"


def log(path: Path, accuracy: dict[int, float], source=MATH_500, key="acc/mean@1") -> Path:
    """Write verl's file log: a line per step, with a validation at the steps of `accuracy`."""
    rows = [(step, {"critic/score/mean": 0.5}) for step in range(max(accuracy) + 1)]
    for step, value in accuracy.items():
        rows[step][1][f"val-core/{source}/{key}"] = value
        rows[step][1][f"val-aux/{source}/reward/mean@1"] = 0.5
    return write_log(path, rows)


def save(root: Path, *steps: int) -> None:
    for step in steps:
        actor = root / f"global_step_{step}" / "actor"
        actor.mkdir(parents=True)
        (actor / "model_world_size_1_rank_0.pt").touch()


def select(*arguments) -> Done:
    return asymgrpo("select", *arguments)


def test_only_the_best_checkpoint_goes_to_stdout(tmp_path):
    log(tmp_path / "metrics.jsonl", {0: 0.1, 2: 0.5, 4: 0.8, 6: 0.7})
    save(tmp_path / "checkpoints", 2, 4, 6)
    done = select(tmp_path)
    assert done.status == 0 and done.stdout == f"{tmp_path / 'checkpoints' / 'global_step_4'}\n"
    assert done.stderr == f"step 4: 0.8000 on {MATH_500}, the best of 3 checkpoints\n"


def test_of_equally_good_checkpoints_the_earliest_is_selected(tmp_path):
    log(tmp_path / "metrics.jsonl", {1: 0.2, 9: 0.8, 10: 0.8})
    save(tmp_path, 9, 10)
    assert select(tmp_path).stdout == f"{tmp_path / 'global_step_9'}\n"


def test_messages_name_a_better_step_without_checkpoint_and_checkpoints_without_validation(tmp_path):
    log(tmp_path / "metrics.jsonl", {2: 0.5, 3: 0.9, 4: 0.8})
    save(tmp_path, 2, 4, 5)
    (tmp_path / "global_step_3" / "actor").mkdir(parents=True)  # verl leaves it when it removes an old checkpoint
    done = select(tmp_path)
    assert done.stdout == f"{tmp_path / 'global_step_4'}\n"
    assert done.stderr.splitlines()[1:] == [
        "step 3: validated at 0.9000, but it has no checkpoint",
        "not considered, because the log has no validation at these steps: 5",
    ]


def test_the_data_source_and_the_log_can_be_chosen(tmp_path):
    metrics = log(tmp_path / "logs" / "a.jsonl", {1: 0.9, 2: 0.1}, source="aime24", key="reward/mean@16")
    save(tmp_path, 1, 2)
    done = select(tmp_path, "--metrics", metrics, "--data-source", "aime24")
    assert done.stdout == f"{tmp_path / 'global_step_1'}\n"


def test_a_nan_never_wins_and_its_step_is_named(tmp_path):
    log(tmp_path / "metrics.jsonl", {1: None, 2: math.nan, 3: 0.5, 4: math.inf})
    save(tmp_path, 1, 2, 3, 4)
    done = select(tmp_path)
    assert done.stdout == f"{tmp_path / 'global_step_3'}\n"
    assert done.stderr.splitlines()[0] == f"step 3: 0.5000 on {MATH_500}, the best of 1 checkpoints"
    assert "the accuracy in the log is not a number at these steps: 1, 2, 4" in done.stderr


@pytest.mark.parametrize(
    "accuracy, steps, arguments, message",
    [
        ({}, [1], [], "metrics.jsonl: no such file"),
        ({1: 0.5}, [1], ["--data-source", "amc23"], f"got validations on {MATH_500}; expected amc23."),
        ({1: 0.5}, [2], [], "got checkpoints at steps 2; expected one at a validated step: 1."),
        ({1: None, 2: math.nan}, [1], [], f"got no number in any validation on {MATH_500}; expected at least one"),
        ({1: 0.5}, [], [], "got checkpoints at steps none; expected one at a validated step: 1."),
    ],
)
def test_without_a_validated_checkpoint_it_ends_with_an_error(tmp_path, accuracy, steps, arguments, message):
    if accuracy:
        log(tmp_path / "metrics.jsonl", accuracy)
    save(tmp_path, *steps)
    done = select(tmp_path, *arguments)
    assert done.status == 1 and done.stdout == ""
    assert done.stderr.startswith("asymgrpo select: ") and message in done.stderr


def test_a_checkpoint_is_a_directory_that_still_has_the_actors_weights(tmp_path):
    save(tmp_path, 3)
    save(tmp_path / "checkpoints", 20)
    for name in ("global_step_1/actor", "global_step_3.tmp/actor", "other/actor"):
        (tmp_path / name).mkdir(parents=True)
    assert find_checkpoints(tmp_path) == {
        3: tmp_path / "global_step_3",
        20: tmp_path / "checkpoints" / "global_step_20",
    }


def hugging_face(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text("{}")
    (directory / "model.safetensors").write_text("weights")
    return directory


def test_weights_are_found_from_the_model_the_checkpoint_and_its_actor(tmp_path):
    model = hugging_face(tmp_path / "model")
    assert locate_model(str(model))[0] == model
    save(tmp_path, 3)
    actor = tmp_path / "global_step_3" / "actor"
    with pytest.raises(ValueError, match="expected huggingface/config.json, which verl saves beside the shards"):
        locate_model(str(actor))
    (actor / "huggingface").mkdir()
    (actor / "huggingface" / "config.json").write_text("{}")
    assert locate_model(str(actor))[0] == locate_model(str(tmp_path / "global_step_3"))[0] == actor
    hugging_face(actor / "huggingface")
    assert locate_model(str(tmp_path / "global_step_3"))[0] == actor / "huggingface", "nothing to merge"
    assert locate_model("Qwen/Qwen3-4B") == (None, None)


def test_the_fingerprint_changes_when_the_weights_change(tmp_path):
    model = hugging_face(tmp_path / "model")
    before = locate_model(str(model))[1]
    assert locate_model(str(model))[1] == before
    (model / "model.safetensors").write_text("other weights")
    assert locate_model(str(model))[1] != before


def test_a_missing_shard_is_an_error(tmp_path):
    (tmp_path / "model_world_size_4_rank_0.pt").touch()
    with pytest.raises(ValueError, match="got 1 FSDP shards; expected 4, one per rank"):
        locate_model(str(tmp_path))


def test_a_path_without_a_model_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="got a directory without weights; expected a Hugging Face model"):
        locate_model(str(tmp_path))
    with pytest.raises(FileNotFoundError, match="nowhere: no such directory"):
        locate_model(str(tmp_path / "nowhere"))
