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
"""The parts of the quickstart that need no training: the task, the report, and what it refuses."""

import inspect
import os
import subprocess
import sys

import pytest
from places import QUICKSTART
from tqdm import tqdm

from asymgrpo_verl.row_files import read_rows

sys.path.insert(0, str(QUICKSTART))

import quickstart  # noqa: E402
import report  # noqa: E402
import task  # noqa: E402


def test_the_worked_answer_equals_one_by_hand():
    assert task.work("3+8+5") == [11, 16]
    assert task.worked_answer("3+8+5") == "3+8=11+5=16\\boxed{16}"


def test_validation_prompts_are_held_out_gold_answers_are_right_and_the_files_reproducible(tmp_path):
    for name in ("a", "b"):
        task.write_task(tmp_path / name, train_rows=200, val_rows=50)
    training, validation = (read_rows(tmp_path / "a" / f"{split}.parquet") for split in ("train", "val"))
    questions = [{row["prompt"][0]["content"] for row in rows} for rows in (training, validation)]
    assert not questions[0] & questions[1] and len(questions[1]) == len(validation) == 50
    for row in training + validation:
        assert int(row["reward_model"]["ground_truth"]) == eval(row["prompt"][0]["content"])
    assert (tmp_path / "a" / "train.parquet").read_bytes() == (tmp_path / "b" / "train.parquet").read_bytes()


def step(number: int, **metrics: float) -> dict:
    return {"step": number, "timing_s/step": 1.0, "actor/entropy": 0.5, "actor/grad_norm": 1.0, **metrics}


def test_the_summary_has_first_and_last_values(tmp_path):
    rows = [{"step": 0, "val-core/x/acc/mean@1": 0.25}, step(1), step(2, **{"val-core/x/acc/mean@1": 0.75})]
    text = report.summarise(rows)
    assert "0.250     0.750" in text and "no gradient" not in text
    report.draw(rows, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 1000


def test_a_nan_and_a_damaged_line_do_not_end_the_training_that_they_are_shown_of(tmp_path, capsys):
    log = tmp_path / "metrics.jsonl"
    log.write_text('{"step": 1, "data": {"critic/score/mean": NaN, "actor/entropy": 0.5}}\n{"st\n')
    bar = tqdm(total=3, disable=True)
    assert quickstart.show_progress(bar, tmp_path / "train.log", log, 0) == 1
    assert capsys.readouterr().out == "step 1 of 3: entropy 0.50\n"
    rows = [{"step": 0, "val-core/x/acc/mean@1": None}, {"step": 1, "critic/score/mean": None, "timing_s/step": None}]
    assert "before" in report.summarise(rows)
    report.draw(rows, tmp_path / "picture.png")


def test_the_summary_says_when_no_gradient_flowed():
    assert "so no gradient flowed" in report.summarise([step(1, **{"actor/grad_norm": 0.0})])


def test_a_log_without_any_step_still_has_a_summary(tmp_path):
    assert "before" in report.summarise([])
    report.draw([], tmp_path / "picture.png")


@pytest.mark.process
@pytest.mark.parametrize(
    "data, message", [("nowhere.parquet", "no such file"), ("notes.parquet", "not a parquet file")]
)
def test_data_that_verl_cannot_read_is_refused_before_anything_is_made(tmp_path, data, message):
    (tmp_path / "notes.parquet").write_text("hello")
    env = {**os.environ, "DATA": str(tmp_path / data), "OUT_ROOT": str(tmp_path / "out")}
    done = subprocess.run([sys.executable, str(QUICKSTART / "quickstart.py")], env=env, capture_output=True, text=True)
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_trainer_sets_what_verls_replay_buffer_reads():
    from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer

    assert "self.poll_interval" in inspect.getsource(ReplayBuffer._wait_for_next_poll)
