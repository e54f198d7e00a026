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
"""The disk is full while a checkpoint is saved: the run says so and ends, and resumes from the last whole checkpoint.

The disk is a tmpfs, and mounting it needs root.
"""

import shutil
import subprocess

import pytest
from tiny_run import STEPS
from training_run import last_checkpoint, left_behind, on_demand, training_run

from asymgrpo_verl.runs.logs import read_metrics

MEGABYTES = 12  # two checkpoints of 4.6 MB and part of a third


@pytest.fixture
def place(prepared, tmp_path):
    """Yield the directory of a run whose checkpoints are on their own disk."""
    place = tmp_path / "run"
    shutil.copytree(prepared, place)
    disk = place / "out" / "checkpoints"
    disk.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "faults", str(disk)]
    if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("mounting a tmpfs needs root")
    yield place
    subprocess.run(["umount", str(disk)], check=True)


@on_demand
@pytest.mark.slow
def test_a_full_disk_ends_the_run_and_it_resumes_from_the_last_whole_checkpoint(place, temporary, tmp_path):
    with training_run(place, tmp_path / "full.log", temporary) as run:
        assert run.process.wait(timeout=600) == 1
        assert left_behind(run) == []
    saved, log = last_checkpoint(place), run.log.read_text(errors="replace")
    half_written = place / "out" / "checkpoints" / f"global_step_{saved + 1}"
    assert 0 < saved < STEPS and half_written.exists()
    assert f"{half_written} could not be saved, with 0 MiB free on the disk" in log[-5000:], log[-5000:]

    subprocess.run(["mount", "-o", "remount,size=1g", str(half_written.parent)], check=True)
    with training_run(place, tmp_path / "resumed.log", temporary) as run:
        assert run.process.wait(timeout=600) == 0, run.log.read_text(errors="replace")[-5000:]
    assert f"setting global step to {saved}\n" in run.log.read_text(errors="replace")
    assert [row["step"] for row in read_metrics(place / "out" / "metrics.jsonl")] == list(range(1, STEPS + 1))
    assert last_checkpoint(place) == STEPS


@pytest.mark.process
def test_an_empty_record_of_the_last_checkpoint_is_named(tmp_path):
    for name in ("train.parquet", "val.parquet"):
        (tmp_path / name).touch()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    latest = tmp_path / "out" / "checkpoints" / "latest_checkpointed_iteration.txt"
    latest.parent.mkdir(parents=True)
    latest.touch()  # a full disk leaves it empty
    with training_run(tmp_path, tmp_path / "log", tmp_path) as run:
        assert run.process.wait(timeout=60) == 1
    assert f"{latest}: got nothing; expected the step of a checkpoint" in run.log.read_text()
