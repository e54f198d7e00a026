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
"""KeepBest keeps the best and the last checkpoint; the trainer says which checkpoint could not be saved."""

import json

import pytest
from omegaconf import OmegaConf
from verl.trainer.ppo.checkpoint_callback import build_checkpoint_callback
from verl.trainer.ppo.v1 import get_trainer_cls
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

from asymgrpo_verl.integration.trainer import State

CONFIG = {
    "checkpoint_callback_class": "asymgrpo_verl.checkpoints.KeepBest",
    "logger": ["console", "file"],
    "save_freq": 10,
    "test_freq": 10,
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("VERL_FILE_LOGGER_PATH", str(tmp_path / "metrics.jsonl"))
    return tmp_path


def callback(**changes):
    return build_checkpoint_callback(OmegaConf.create({"trainer": CONFIG | changes}))


def train(run, validated: dict[int, float], source: str = "HuggingFaceH4/MATH-500") -> list[int]:
    """Save every tenth step and validate it afterwards, as verl does. Return the steps whose checkpoints are left."""
    keep = callback()
    for step in range(10, 70, 10):
        checkpoint = run / "checkpoints" / f"global_step_{step}"
        (checkpoint / "actor").mkdir(parents=True)
        (checkpoint / "actor" / "model_world_size_1_rank_0.pt").touch()
        keep.on_save(trainer=None, global_step=step, checkpoint_dir=str(checkpoint))
        with (run / "metrics.jsonl").open("a") as log:
            data = {f"val-core/{source}/acc/mean@1": validated[step]} if step in validated else {}
            log.write(json.dumps({"step": step, "data": data}) + "\n")
    return sorted(int(path.name.rsplit("_", 1)[1]) for path in (run / "checkpoints").iterdir())


def test_the_best_and_the_last_checkpoint_stay(run):
    """verl validates the last checkpoint after it has saved it, so an earlier one is the best at that time."""
    assert train(run, {10: 0.2, 20: 0.5, 30: 0.3, 40: 0.4, 50: 0.1, 60: 0.1}) == [20, 60]


def test_of_equally_good_checkpoints_the_earliest_stays(run):
    assert train(run, dict.fromkeys(range(10, 70, 10), 0.5)) == [10, 60]


def test_a_checkpoint_that_was_not_validated_stays(run):
    assert train(run, {10: 0.2, 20: 0.5, 40: 0.4}) == [20, 30, 50, 60]


def test_only_the_accuracy_on_math_500_counts(run):
    assert train(run, dict.fromkeys(range(10, 70, 10), 0.5), source="aime24") == [10, 20, 30, 40, 50, 60]


def test_checkpoints_of_later_steps_stay_if_a_run_was_set_back(run):
    train(run, {10: 0.2, 20: 0.5, 30: 0.3, 40: 0.4, 50: 0.1, 60: 0.1})
    callback().on_save(trainer=None, global_step=30, checkpoint_dir=str(run / "checkpoints" / "global_step_30"))
    assert (run / "checkpoints" / "global_step_60").is_dir()


def test_nothing_is_removed_while_a_checkpoint_is_still_being_written(run):
    train(run, {step: step / 100 for step in range(10, 70, 10)})
    before = sorted((run / "checkpoints").iterdir())
    callback().on_save(None, 70, str(run / "checkpoints" / "global_step_70"), async_save=True)
    assert sorted((run / "checkpoints").iterdir()) == before


def test_a_run_without_the_file_logger_ends_at_start(run, monkeypatch):
    for logger in (["console"], "console"):
        with pytest.raises(ValueError, match=r"trainer.logger: got \['console'\] and .*; expected a list with file"):
            callback(logger=logger)
    callback(logger="file")
    callback(logger=["console"], save_freq=-1)
    monkeypatch.delenv("VERL_FILE_LOGGER_PATH")
    with pytest.raises(ValueError, match="VERL_FILE_LOGGER_PATH=None; expected .* the path of its log"):
        callback()


@pytest.mark.parametrize("save, test, warned", [(5, 10, True), (10, 3, True), (10, -1, True), (10, 5, False)])
def test_a_run_warns_at_start_of_checkpoints_that_will_not_be_validated(run, capsys, save, test, warned):
    callback(save_freq=save, test_freq=test)
    assert ("all stay on the disk" in capsys.readouterr().out) == warned


def test_a_copy_of_a_checkpoint_under_another_name_stays(run):
    copy = run / "checkpoints" / "global_step_10_keep" / "actor"
    copy.mkdir(parents=True)
    (copy / "model_world_size_1_rank_0.pt").touch()
    keep = callback()
    checkpoint = run / "checkpoints" / "global_step_20"
    keep.on_save(trainer=None, global_step=20, checkpoint_dir=str(checkpoint))
    assert copy.is_dir()


@pytest.mark.parametrize(
    "whole, message", [(True, "no upload for you"), (False, "global_step_7 could not be saved, with")]
)
def test_the_trainer_says_that_a_checkpoint_was_not_saved_unless_only_its_callback_failed(
    whole, message, tmp_path, monkeypatch
):
    def save(self):
        if whole:  # verl writes this file last, before it calls the checkpoint callback
            (tmp_path / "latest_checkpointed_iteration.txt").write_text("7")
        raise PermissionError("no upload for you")

    monkeypatch.setattr(PPOTrainerSync, "_save_checkpoint", save)
    trainer_class = get_trainer_cls("asymgrpo")
    trainer = trainer_class.__new__(trainer_class)  # its __init__ builds the run
    trainer.config = OmegaConf.create({"trainer": {"default_local_dir": str(tmp_path)}})
    trainer.global_steps, trainer.state = 7, State()
    with pytest.raises((PermissionError, RuntimeError), match=message):
        trainer._save_checkpoint()
