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
"""One run lives in an OUT_DIR, inherits nothing of another, and removes only its own files."""

import os
import shlex
import signal
import subprocess
import time
import uuid
from functools import partial
from pathlib import Path

import pytest
from launching import RECIPE, idle_python, launch, run_environment

pytestmark = pytest.mark.process

QWEN = "run_qwen3_4b_fsdp.sh"
LATEST = "checkpoints/latest_checkpointed_iteration.txt"


@pytest.fixture
def run(tmp_path):
    """Return the environment of a run whose python is called and ends."""
    return run_environment(tmp_path) | {"TMPDIR": str(tmp_path)}


def wait_for(happened, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def living(run, tmp_path):
    """Start a run that lives until it is killed, and return its process."""
    idle_python(tmp_path, f"touch {tmp_path}/lives; exec sleep 300")
    env = {**os.environ, **run, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    process = subprocess.Popen(["bash", str(RECIPE / QWEN)], env=env, stderr=subprocess.DEVNULL)
    wait_for((tmp_path / "lives").exists)
    yield process
    process.kill()
    process.wait()


def test_a_second_run_is_refused_while_the_first_lives_and_not_after_it_was_killed(living, run, tmp_path):
    (tmp_path / "out" / "metrics.jsonl").write_text("first\n")
    second = launch(QWEN, **run)
    assert second.returncode == 1 and second.stderr.count("\n") == 1
    assert f"OUT_DIR: got {tmp_path / 'out'}, where process {living.pid} on {os.uname().nodename}" in second.stderr
    assert (tmp_path / "out" / "metrics.jsonl").read_text() == "first\n"
    (tmp_path / "out" / "metrics.jsonl").unlink()
    os.kill(living.pid, signal.SIGKILL)
    living.wait()
    idle_python(tmp_path, "echo called python")
    third = launch(QWEN, **run)
    assert third.stdout == "called python\n", third.stderr


def test_a_run_on_another_node_is_seen_if_the_disk_has_no_locks_between_nodes(run, tmp_path):
    lock = tmp_path / "out" / "lock"
    lock.parent.mkdir()
    lock.write_text("other-node 4711 2026-11-28T00:00:00Z\n")
    refused = launch(QWEN, **run)
    assert refused.returncode == 1
    assert "where process 4711 on other-node has trained since 2026-11-28T00:00:00Z" in refused.stderr
    assert "3 minutes" in refused.stderr and [path.name for path in lock.parent.iterdir()] == ["lock"]
    os.utime(lock, (time.time() - 200,) * 2)  # nothing has renewed it, so that node is dead
    assert launch(QWEN, **run).stdout == "called python\n"


def test_a_disk_without_locks_still_refuses_a_second_run(living, run, tmp_path):
    (tmp_path / "flock").write_text("#!/bin/sh\nexit 71\n")
    (tmp_path / "flock").chmod(0o755)
    assert f"process {living.pid} on" in launch(QWEN, **run).stderr
    os.kill(living.pid, signal.SIGKILL)
    living.wait()
    idle_python(tmp_path, "echo called python")
    assert launch(QWEN, **run).stdout == "called python\n"


def test_a_run_that_ended_leaves_an_empty_lock(run, tmp_path):
    assert launch(QWEN, **run).returncode == 0
    wait_for(lambda: (tmp_path / "out" / "lock").read_text() == "")


def left_by_a_run(out: Path, *names: str) -> None:
    if LATEST in names:
        (out / "checkpoints" / "global_step_10").mkdir(parents=True)
    for name in names:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("10")


@pytest.mark.parametrize(
    "left",
    ["metrics.jsonl", "metrics.20260101-000000.jsonl", "tensorboard/events", "checkpoints/global_step_10/data.pt",
     LATEST],
)  # fmt: skip
def test_what_another_program_left_is_an_error_that_says_what_to_remove(run, tmp_path, left):
    out = tmp_path / "out"
    left_by_a_run(out, left)
    refused = launch(QWEN, **run)
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1
    assert f"because there is no {out}/command" in refused.stderr
    assert refused.stderr.endswith(f"remove {out / left.split('/')[0]}\n")
    assert (out / left).exists() and not (out / "command").exists()


def test_the_log_of_a_run_with_other_settings_is_not_inherited(run, tmp_path):
    assert launch(QWEN, "trainer.total_epochs=2", **run).returncode == 0
    left_by_a_run(tmp_path / "out", "metrics.jsonl")
    refused = launch(QWEN, **run)
    assert refused.returncode == 1 and "trainer.total_epochs=2" in refused.stderr
    (tmp_path / "out" / "command").write_text("")
    assert launch(QWEN, **run).stdout == "called python\n", "an empty file says that the change is meant"


def test_a_run_that_died_before_its_first_checkpoint_starts_with_an_empty_log(run, tmp_path):
    out = tmp_path / "out"
    assert launch(QWEN, **run).returncode == 0
    left = ("metrics.jsonl", "tensorboard/events", "checkpoints/global_step_10/part.pt")
    left_by_a_run(out, *left)
    done = launch(QWEN, **run)
    assert done.returncode == 0 and "died before its first checkpoint" in done.stderr
    (aside,) = out.glob("before_*")
    assert all((aside / name).read_text() == "10" and not (out / name).exists() for name in left)
    assert not [*out.glob("metrics*.jsonl")], "read_metrics reads those as earlier parts of this run's log"


def test_a_run_resumes_from_its_own_checkpoint_with_its_log(run, tmp_path):
    out = tmp_path / "out"
    assert launch(QWEN, **run).returncode == 0
    left_by_a_run(out, "metrics.jsonl", "tensorboard/events", LATEST)
    assert launch(QWEN, **run).returncode == 0
    assert len([*out.glob("metrics.*.jsonl")]) == 1 and (out / "tensorboard" / "events").exists()


@pytest.mark.parametrize("content", [b"", b"  \n", b"\0\0", b"ten", b"20"], ids=["", "spaces", "zeros", "ten", "20"])
def test_a_named_checkpoint_that_is_not_there_is_an_error_because_verl_would_start_from_scratch(run, tmp_path, content):
    out = tmp_path / "out"
    assert launch(QWEN, **run).returncode == 0
    left_by_a_run(out, "metrics.jsonl", LATEST)
    (out / LATEST).write_bytes(content)
    refused = launch(QWEN, **run)
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1
    assert f"{out / LATEST}: got " in refused.stderr and "expected the step of a checkpoint beside it" in refused.stderr
    assert (out / "metrics.jsonl").exists() and (out / "lock").read_text() == ""


def test_a_refused_start_leaves_no_lock_that_stops_the_next_one_on_another_node(run, tmp_path):
    assert launch(QWEN, "trainer.total_epochs=2", **run).returncode == 0
    left_by_a_run(tmp_path / "out", "metrics.jsonl")
    assert launch(QWEN, **run).returncode == 1
    assert launch(QWEN, "trainer.total_epochs=2", **run, HOSTNAME="other-node").stdout == "called python\n"


@pytest.mark.parametrize(
    "setting", ["trainer.default_local_dir=/other", "hydra.run.dir=x", "+asymgrpo=grpo", "asymgrpo=grpo"]
)
def test_an_argument_at_odds_with_a_variable_names_the_variable(run, tmp_path, setting):
    refused = launch(QWEN, setting, **run)
    assert refused.returncode == 1 and f"{setting}: got " in refused.stderr and not (tmp_path / "out").exists()


def test_a_run_that_must_not_resume_does_not_start_beside_checkpoints(run, tmp_path):
    start = partial(launch, QWEN, "trainer.resume_mode=disable", **run)
    assert start().returncode == 0
    left_by_a_run(tmp_path / "out", LATEST)
    assert "trainer.resume_mode: got disable, but OUT_DIR=" in start().stderr


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_only_the_runs_own_files_are_removed_at_its_end(run, tmp_path, device):
    """Everything of others has a name, an owner and an age as the run's own files have, and no process uses it."""
    tag = uuid.uuid4().hex
    own, other = Path(f"/dev/shm/verl_weights_{tag}"), Path(f"/dev/shm/verl_weights_{tag[::-1]}")
    socket = Path(f"/tmp/rl-colocate-zmq-01000000-{tag}.sock")
    made = f"""
echo $$ >{tmp_path}/pid
echo {own.name} >>$ASYMGRPO_RUN_TMP/shm
touch {own} {other} {socket} $VLLM_RPC_BASE_PATH/weights-01000000-replica-0-rank-0.sock
for day in 01 02; do
    mkdir -p {tmp_path}/ray/session_2026-01-${{day}}_00-00-00_1_$$/sockets
done
(exec -a gcs_server sleep 3 --session-dir) &
python3 -c 'import time; time.sleep(4)' --session-dir={tmp_path}/ray/session_2026-01-01_00-00-00_1_$$/logs &
sleep 4"""
    idle_python(tmp_path, made)
    try:
        done = launch(QWEN, **run | {"DEVICE": device, "RAY_TMPDIR": str(tmp_path)})
        assert done.returncode == 0, done.stderr
        pid = (tmp_path / "pid").read_text().strip()
        wait_for(lambda: not [*tmp_path.glob("asymgrpo-*")], 30)
        assert not own.exists() and other.exists() and socket.exists()
        sessions = [tmp_path / "ray" / f"session_2026-01-0{day}_00-00-00_1_{pid}" for day in (1, 2)]
        assert [(session / "sockets").exists() for session in sessions] == [False, True]
    finally:
        for path in (own, other, socket):
            path.unlink(missing_ok=True)


def test_the_command_of_a_run_is_in_its_directory(run, tmp_path):
    assert launch(QWEN, **run).returncode == 0
    assert "+asymgrpo=asymgrpo" in shlex.split((tmp_path / "out" / "command").read_text())
