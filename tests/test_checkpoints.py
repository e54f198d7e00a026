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
import os
import shutil
from pathlib import Path

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
    "resume_mode": "auto",
}
MATH_500 = "HuggingFaceH4/MATH-500"
RISING = {step: step / 100 for step in range(10, 70, 10)}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("VERL_FILE_LOGGER_PATH", str(tmp_path / "metrics.jsonl"))
    return tmp_path


def callback(**changes):
    place = {"default_local_dir": str(Path(os.environ["VERL_FILE_LOGGER_PATH"]).parent / "checkpoints")}
    return build_checkpoint_callback(OmegaConf.create({"trainer": CONFIG | place | changes}))


def test_a_method_that_the_run_has_not_composed_ends_the_run(run):
    config = OmegaConf.create({"trainer": CONFIG, "asymgrpo": "f_grpo"})
    with pytest.raises(ValueError, match=r"\+asymgrpo=f_grpo: got a key of the configuration; expected a method"):
        build_checkpoint_callback(config)


def weights(checkpoint: Path, text: str = "") -> Path:
    (checkpoint / "actor").mkdir(parents=True)
    (checkpoint / "actor" / "model_world_size_1_rank_0.pt").write_text(text)
    return checkpoint


def steps_left(run: Path) -> list[int]:
    return sorted(int(path.name.rsplit("_", 1)[1]) for path in (run / "checkpoints").glob("global_step_*"))


def train(run, validated: dict, source: str = MATH_500, keep=None, steps=range(10, 70, 10)) -> list[int]:
    """Save every tenth step and validate it afterwards, as verl does. Return the steps whose checkpoints are left."""
    keep = keep or callback()
    for step in steps:
        checkpoint = run / "checkpoints" / f"global_step_{step}"
        shutil.rmtree(checkpoint, ignore_errors=True)
        weights(checkpoint)
        (run / "checkpoints" / "latest_checkpointed_iteration.txt").write_text(str(step))
        keep.on_save(trainer=None, global_step=step, checkpoint_dir=str(checkpoint))
        with (run / "metrics.jsonl").open("a") as log:
            data = {f"val-core/{source}/acc/mean@1": validated[step]} if step in validated else {}
            log.write(json.dumps({"step": step, "data": data}) + "\n")
    return steps_left(run)


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
        build_checkpoint_callback(OmegaConf.create({"trainer": CONFIG}))


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


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -float("inf"), "0.9", [1]])
def test_an_accuracy_that_is_not_a_finite_number_never_wins_and_its_checkpoint_stays(run, value):
    assert train(run, {10: value, 20: 0.5, 30: 0.3, 40: 0.4, 50: 0.1, 60: 0.1}) == [10, 20, 60]


@pytest.mark.parametrize(
    "line",
    [b"\x00\xff\xfe", b'{"step": 20, "da{"step": 20, "data": {}}', b"[]", b"[" * 100_000, b"7", b'{"step": 1e400}'],
)
def test_a_damaged_line_is_skipped_with_one_warning_that_names_it(run, capsys, line):
    (run / "metrics.jsonl").write_bytes(line + b"\n")
    assert train(run, {10: 0.2, 20: 0.5, 30: 0.3, 40: 0.4, 50: 0.1, 60: 0.1}) == [20, 60]
    warning = f"[asymgrpo_verl] KeepBest: {run / 'metrics.jsonl'}, line 1: got "
    assert capsys.readouterr().out.count(warning) == 1


def test_a_last_line_that_was_cut_in_the_middle_of_a_letter_is_left_out(run):
    train(run, RISING)
    with (run / "metrics.jsonl").open("ab") as log:
        log.write('{"step": 70, "data": {"é'.encode()[:-1])
    weights(run / "checkpoints" / "global_step_70")
    callback().on_save(None, 70, str(run / "checkpoints" / "global_step_70"))
    assert steps_left(run) == [60, 70]


def fail(*_, **__):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("trouble", ["cannot read", "no variable", "cannot remove", "full disk", "cannot print"])
def test_no_trouble_with_old_checkpoints_ends_the_run(run, monkeypatch, capsys, trouble):
    keep = callback()
    train(run, RISING, keep=keep, steps=[10, 20])
    match trouble:
        case "cannot read":
            monkeypatch.setattr(Path, "read_text", fail)
        case "no variable":
            monkeypatch.delenv("VERL_FILE_LOGGER_PATH")
        case "cannot remove":
            monkeypatch.setattr(shutil, "rmtree", fail)
        case "full disk":
            monkeypatch.setattr(Path, "write_text", fail)
        case "cannot print":
            monkeypatch.delenv("VERL_FILE_LOGGER_PATH")
            monkeypatch.setattr("builtins.print", fail)
    new = run / "checkpoints" / "global_step_30"
    (new / "actor").mkdir(parents=True)
    keep.on_save(None, 30, str(new))
    monkeypatch.undo()
    assert steps_left(run) == ([20, 30] if trouble == "full disk" else [10, 20, 30])
    said = capsys.readouterr().out
    assert trouble == "cannot print" or said.startswith("[asymgrpo_verl] KeepBest: ") and "because of" in said


def test_a_resumed_run_removes_what_it_wrote_before(run):
    train(run, RISING, steps=[10, 20])
    assert steps_left(run) == [10, 20]
    assert train(run, RISING, steps=[30, 40]) == [30, 40]
    later = callback(resume_mode="resume_path", resume_from_path=str(run / "checkpoints" / "global_step_40"))
    assert train(run, RISING, keep=later, steps=[50]) == [40, 50]


def test_a_fresh_run_keeps_the_checkpoints_that_it_found(run):
    train(run, RISING, steps=[10, 20])
    assert train(run, RISING, keep=callback(resume_mode="disable"), steps=[30, 40]) == [10, 20, 30, 40]
    elsewhere = callback(resume_mode="resume_path", resume_from_path=str(run / "other" / "global_step_40"))
    assert train(run, RISING, keep=elsewhere, steps=[50, 60]) == [10, 20, 30, 40, 50, 60]


def test_a_fresh_run_that_saves_over_a_checkpoint_that_it_found_keeps_it(run):
    weights(run / "checkpoints" / "global_step_10")
    assert train(run, RISING, keep=callback(), steps=[10, 20, 30, 40]) == [10, 30, 40]


def test_a_run_without_a_list_keeps_what_was_there(run):
    train(run, RISING, steps=[10, 20])
    (run / "checkpoints" / "keep_best.json").unlink()
    assert train(run, RISING, steps=[30, 40, 50]) == [10, 20, 40, 50]


@pytest.mark.parametrize("content", ["", "[]", "\x00", '{"global_step_10": 7, "global_step_20": null}'])
def test_a_damaged_list_keeps_what_was_there(run, content):
    train(run, RISING, steps=[10, 20])
    (run / "checkpoints" / "keep_best.json").write_text(content)
    assert train(run, RISING, steps=[30, 40, 50]) == [10, 20, 40, 50]


def test_a_directory_that_only_looks_like_the_runs_own_stays(run, tmp_path, capsys):
    keep = callback()
    train(run, RISING, keep=keep, steps=[10, 20, 30, 40])
    assert steps_left(run) == [30, 40]
    copied = run / "checkpoints" / "global_step_30"
    shutil.rmtree(copied)
    weights(copied, "of another run")
    linked = run / "checkpoints" / "global_step_40"
    linked.rename(tmp_path / "archive")
    linked.symlink_to(tmp_path / "archive")
    assert train(run, RISING, keep=keep, steps=[50, 60]) == [30, 40, 50, 60]
    assert f"{copied} has changed since this run saved it, so it stays" in capsys.readouterr().out
    assert (tmp_path / "archive" / "actor").is_dir()


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
