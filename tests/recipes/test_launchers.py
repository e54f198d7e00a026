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
"""The launchers say in a second what is wrong with a variable, a file, the disk or the job, and start nothing."""

import os
import re
import shutil
import time
from pathlib import Path

import pytest
from launching import RECIPE, idle_python, launch, run_environment, write_command
from places import QUICKSTART

pytestmark = pytest.mark.process

WHOLE = "expected a whole number of at least 1"
QWEN, TINY, ALL = "run_qwen3_4b_fsdp.sh", QUICKSTART / "run_tiny_cpu.sh", "run_all.sh"


@pytest.fixture
def run(tmp_path):
    """Return the environment of a run whose files are there, and whose python says that it was called."""
    return run_environment(tmp_path) | {
        "VAL_FILE": str(tmp_path / "val.parquet"),
        "OUT_ROOT": str(tmp_path / "root"),
        "DRY_RUN": "0",
    }


@pytest.mark.parametrize(
    "launcher, name, value, message",
    [
        (QWEN, "NNODES", "0", WHOLE),
        (QWEN, "NGPUS_PER_NODE", "abc", WHOLE),
        (QWEN, "TRAIN_BATCH_SIZE", "12x", WHOLE),
        (QWEN, "TRAIN_BATCH_SIZE", "a[$(touch /tmp/no)]", WHOLE),
        (QWEN, "MINI_BATCH_SIZE", "50", "expected a number that divides TRAIN_BATCH_SIZE=128"),
        (QWEN, "MINI_BATCH_SIZE", "064", WHOLE),
        (QWEN, "MAX_PROMPT_LENGTH", "-1", WHOLE),
        (QWEN, "MAX_RESPONSE_LENGTH", "4k", WHOLE),
        (QWEN, "MAX_TOKENS_PER_GPU", "1e4", WHOLE),
        (QWEN, "TOTAL_EPOCHS", "0", WHOLE),
        (QWEN, "SEED", "1.5", "expected a whole number of at least 0"),
        (QWEN, "MODE", "separate", "expected sync, colocate_async or separate_async. Did you mean separate_async?"),
        (QWEN, "ROLLOUT_NNODES", "0", WHOLE),
        (QWEN, "ROLLOUT_NGPUS_PER_NODE", "two", WHOLE),
        (QWEN, "WANDB", "yes", "expected 0 or 1."),
        (QWEN, "DRY_RUN", "yes", "expected 0, 1, all or check."),
        (QWEN, "LOGGER", "console", "expected a list"),
        (QWEN, "LOGGER", "[ ]", "expected a list with a name"),
        (QWEN, "VAL_FILES", " ", "got spaces alone; expected parquet files"),
        (QWEN, "METHOD", "asymgrp", "Did you mean asymgrpo"),
        (QWEN, "MODEL_PATH", "/no/such/model", "expected the directory of a model, with config.json."),
        (QWEN, "MODEL_PATH", "a b/c", "expected a directory, or a model's name on the hub"),
        (TINY, "MODE", "async", "expected sync, colocate_async or separate_async."),
        (TINY, "STEPS", "abc", WHOLE),
        (TINY, "RANKS", "0", WHOLE),
        (TINY, "ROLLOUT_N", "x", WHOLE),
        (TINY, "TEST_FREQ", "-2", "expected a whole number of at least -1"),
        (TINY, "LR", "2e", "expected a number above 0"),
        (TINY, "LR", "0e-4", "expected a number above 0"),
        (QUICKSTART / "quickstart.sh", "STEPS", "abc", WHOLE),
        (QUICKSTART / "quickstart.sh", "METHOD", "grp", "Did you mean grpo"),
        (QUICKSTART / "quickstart.sh", "MINI_BATCH_SIZE", "5", "expected a number that divides TRAIN_BATCH_SIZE=32"),
        (QUICKSTART / "quickstart.sh", "STAGE", "evaluate", "expected it unset"),
        (QUICKSTART / "quickstart.sh", "DRY_RUN", "1", "expected it unset"),
        (QUICKSTART / "quickstart.sh", "VAL_DATA", "/no/such", "expected a parquet file"),
        (ALL, "MODELS", "qwen3_4b qwen3_9b", "got qwen3_9b; expected llama3_2_3b,"),
        (ALL, "METHODS", "grpo asymgrp", "got asymgrp; expected a_grae,"),
        (ALL, "TOTAL_EPOCHS", "x", WHOLE),
        (ALL, "MINI_BATCH_SIZE", "50", "expected a number that divides TRAIN_BATCH_SIZE=128"),
    ],
)
def test_a_wrong_variable_is_named_before_anything_starts(run, tmp_path, launcher, name, value, message):
    started = time.monotonic()
    done = launch(launcher, cwd=tmp_path, **run | {name: value, "VENV": str(tmp_path / "no_venv")})
    assert time.monotonic() - started < 10, "on a busy machine; alone it takes one second"
    assert done.returncode == 1 and done.stdout == ""
    assert re.fullmatch(rf"{Path(launcher).name}|{QWEN}", done.stderr.split(":")[0])
    assert f"{name}: got " in done.stderr and message in done.stderr and done.stderr.count("\n") == 1
    for made in ("out", "root", "no_venv", "outputs"):
        assert not (tmp_path / made).exists()


def test_a_method_of_the_users_own_is_left_to_hydra(run):
    done = launch(QWEN, "hydra.searchpath=[file:///mine]", **run | {"METHOD": "mine"})
    assert done.returncode == 0 and "+asymgrpo=mine" in done.stderr


def test_a_learning_rate_may_be_written_in_every_usual_way(run):
    for rate in ("2e-6", "0.0002", ".5", "1E-3", "1."):
        assert launch(TINY, **run | {"LR": rate, "DRY_RUN": "check"}).returncode == 0


def test_a_dry_run_warns_of_what_is_missing_and_checks_the_rest(run, tmp_path):
    env = run | {"DRY_RUN": "1", "TRAIN_FILE": "/no/train.parquet", "MODEL_PATH": "/no/model"}
    done = launch(QWEN, cwd=tmp_path, **env)
    assert done.returncode == 0 and done.stdout.endswith("called python\n")
    assert "warning: /no/train.parquet: no such file." in done.stderr
    assert "warning: MODEL_PATH: got /no/model; expected the directory of a model" in done.stderr
    assert "val.parquet" not in done.stderr
    for name in ("TRAIN_FILE", "MODEL_PATH"):
        refused = launch(QWEN, cwd=tmp_path, **run | {name: env[name]})
        assert refused.returncode == 1 and env[name] in refused.stderr and not (tmp_path / "out").exists()


def disk(place: Path, free_gb: float) -> None:
    write_command(place, "df", f"echo header; echo disk 0 0 {int(free_gb * 1e9 / 1024)} 0% /")


# Qwen3-4B has 4.022e9 parameters, so a checkpoint takes 12 * 4.022e9 bytes = 48.3 GB, three take 144.8 GB.
@pytest.mark.parametrize(
    "free, status, message",
    [
        (20, 1, "expected room for one at least"),
        (100, 0, "warning: a checkpoint takes 48GB, and up to three lie on the disk: 145GB. OUT_DIR="),
        (500, 0, "has 500GB free."),
    ],
)
def test_the_disk_of_a_run_is_said_and_compared_with_what_is_free(run, tmp_path, free, status, message):
    disk(tmp_path, free)
    done = launch(QWEN, **run | {"MODEL_PATH": "Qwen/Qwen3-4B"})
    assert done.returncode == status and message in done.stderr
    dry = launch(QWEN, **run | {"MODEL_PATH": "Qwen/Qwen3-4B", "DRY_RUN": "1"})
    assert dry.returncode == 0 and ("warning" in dry.stderr) == (free < 145)


def test_the_disk_follows_the_settings(run, tmp_path):
    disk(tmp_path, 1e-5)  # 10 kB
    assert "a checkpoint takes" not in launch(QWEN, "trainer.save_freq=-1", **run).stderr
    done = launch(QWEN, "trainer.checkpoint_callback_class=null", **run | {"DRY_RUN": "1"})
    assert "warning: a checkpoint takes 12KB, and all of them are kept" in done.stderr, "1,000 parameters"


def test_the_disk_of_the_whole_table_is_said_before_it_starts(run, tmp_path):
    """14 rows keep two checkpoints of 48.264 GB and a merged model of 8.044 GB; one more checkpoint is written."""
    disk(tmp_path, 500)
    idle_python(tmp_path, "exit 1")
    done = launch(ALL, **run | {"MODEL_PATH": "Qwen/Qwen3-4B"})
    assert "the rows that are not trained yet need 1.5TB of disk" in done.stderr.splitlines()[0]
    assert "OUT_ROOT=" in done.stderr and "has 500GB free" in done.stderr


def table_commands(tmp_path: Path) -> Path:
    """Write a python that `trains` a row and an asymgrpo that `evaluates` it; return the file of what was called."""
    calls = tmp_path / "calls"
    latest = "checkpoints/latest_checkpointed_iteration.txt"
    train = f"""echo "train $METHOD" >>{calls}
[ "$METHOD" != "$FAILS" ] || exit 1
mkdir -p $OUT_DIR/checkpoints/global_step_10; echo 10 >$OUT_DIR/{latest}"""
    idle_python(tmp_path, train)
    evaluate = f"""echo "$1 $METHOD" >>{calls}
case $1 in
select) echo model ;;
evaluate) mkdir -p $OUT_DIR/evaluation; echo done >$OUT_DIR/evaluation/results.json ;;
esac"""
    write_command(tmp_path, "asymgrpo", evaluate)
    return calls


def test_a_second_run_of_the_table_does_only_what_is_missing(run, tmp_path):
    calls = table_commands(tmp_path)
    table = run | {"METHODS": "untrained grpo dr_grpo"}
    del table["OUT_DIR"]
    assert launch(ALL, **table, FAILS="dr_grpo").stderr.endswith("run_all.sh: failed: qwen3_4b/dr_grpo\n")
    assert calls.read_text().split("\n")[:5] == [
        *("evaluate untrained", "train grpo", "select grpo", "evaluate grpo", "train dr_grpo"),
    ]
    calls.unlink()
    (tmp_path / "root" / "qwen3_4b" / "grpo" / "evaluation" / "results.json").unlink()
    done = launch(ALL, **table, FAILS="")
    assert done.returncode == 0, done.stderr
    made = [line for line in calls.read_text().splitlines() if not line.startswith("table")]
    assert made == ["select grpo", "evaluate grpo", "train dr_grpo", "select dr_grpo", "evaluate dr_grpo"]
    calls.unlink()
    results = tmp_path / "root" / "qwen3_4b" / "grpo" / "evaluation" / "results.json"
    latest = tmp_path / "root" / "qwen3_4b" / "grpo" / "checkpoints" / "latest_checkpointed_iteration.txt"
    results.touch()
    latest.write_bytes(latest.read_bytes())
    os.utime(latest, ns=(results.stat().st_mtime_ns,) * 2)  # as a copy of outputs with times in seconds has it
    assert launch(ALL, **table, FAILS="").returncode == 0
    assert [line for line in calls.read_text().splitlines() if not line.startswith("table")] == []
    shutil.rmtree(latest.parent)  # to make room, as the script advises
    assert launch(ALL, **table, FAILS="").returncode == 0
    assert [line for line in calls.read_text().splitlines() if not line.startswith("table")] == []


def test_a_table_of_a_seed_has_runs_of_its_own(run, tmp_path):
    table_commands(tmp_path)
    env = run | {"METHODS": "grpo", "SEED": "2", "FAILS": ""}
    assert launch(ALL, **env).returncode == 0
    assert sorted(path.name for path in (tmp_path / "root" / "qwen3_4b").iterdir()) == ["grpo-seed2", "table-seed2.md"]


def test_a_row_of_the_table_may_start_directly_too(run):
    """run_all.sh checks the variables of every launcher first; what it checks with prints one number."""
    done = launch(QWEN, **run | {"DRY_RUN": "check"})
    assert (done.stdout, done.stderr, done.returncode) == ("12000\n", "", 0), "1,000 parameters of 12 bytes"


SLURM = {"SLURM_JOB_ID": "391", "SLURM_JOB_NODELIST": "node[1-2]", "SLURM_CPUS_PER_TASK": "16"}


@pytest.fixture
def job(run, tmp_path):
    """Return the environment of a job on two nodes, without what Slurm says of GPUs."""
    write_command(tmp_path, "scontrol", 'printf "%s\\n" node1 node2')
    write_command(
        tmp_path, "srun", f'while [ "${{1#--}}" != "$1" ]; do shift; done\n'
        f'[ "$1" = hostname ] && echo "$ADDRESSES" || echo "$@" >>{tmp_path}/started',
    )  # fmt: skip
    idle_python(tmp_path, '[ "$1" != - ] || exit 0\nenv | grep -E "^(RAY_ADDRESS|NNODES|NGPUS_PER_NODE)="\nexit 0')
    write_command(tmp_path, "openssl", "echo token")
    return {**run, **SLURM, "ADDRESSES": "10.0.0.1 fd00::1"}


def said(stdout: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in stdout.splitlines())


@pytest.mark.parametrize(
    "gpus, count",
    [
        ({"SLURM_GPUS_PER_NODE": "8"}, "8"),
        ({"SLURM_GPUS_PER_NODE": "h100:4"}, "4"),
        ({"SLURM_GPUS_ON_NODE": "2"}, "2"),  # --gres=gpu:2 or --gpus=4
        ({"SLURM_JOB_GPUS": "0,1,2"}, "3"),
        ({"SLURM_JOB_GPUS": "0-3"}, "4"),
        ({"SLURM_GPUS_PER_NODE": "h100", "SLURM_GPUS_ON_NODE": "1"}, "1"),
        ({"SLURM_GPUS_ON_NODE": "8", "NGPUS_PER_NODE": "4"}, "4"),
    ],
)
def test_a_job_takes_the_gpus_that_it_was_given(job, gpus, count):
    done = launch("slurm.sh", str(RECIPE / QWEN), **job | gpus)
    assert done.returncode == 0, done.stderr
    assert said(done.stdout) == {"RAY_ADDRESS": "10.0.0.1:20391", "NNODES": "2", "NGPUS_PER_NODE": count}


def test_an_address_of_ipv6_is_in_brackets_before_the_port(job, tmp_path):
    done = launch("slurm.sh", str(RECIPE / QWEN), **job | {"SLURM_GPUS_ON_NODE": "4", "ADDRESSES": "fd00::1 fd00::2"})
    assert said(done.stdout)["RAY_ADDRESS"] == "[fd00::1]:20391"
    started = (tmp_path / "started").read_text()
    assert "--node-ip-address=fd00::1 " in started and "--address=[fd00::1]:20391 " in started


@pytest.mark.parametrize(
    "env, message",
    [
        ({"SLURM_JOB_ID": ""}, "SLURM_JOB_ID: got nothing, so this is no job of Slurm; expected a job."),
        ({}, "got a job without GPUs; expected some on each node."),
        ({"SLURM_GPUS_ON_NODE": "4", "SLURM_CPUS_PER_TASK": ""}, "SLURM_CPUS_PER_TASK: got nothing"),
        ({"SLURM_GPUS_ON_NODE": "4", "PORT": "99999"}, "PORT: got 99999"),
        ({"SLURM_GPUS_ON_NODE": "4", "METHOD": "grp"}, "METHOD: got grp"),
        ({"SLURM_GPUS_ON_NODE": "4", "ADDRESSES": ""}, "HEAD_IP: got nothing"),
        ({"SLURM_GPUS_PER_NODE": "4", "NGPUS_PER_NODE": "abc"}, "NGPUS_PER_NODE: got abc"),
        ({"SLURM_GPUS_PER_NODE": "4", "NGPUS_PER_NODE": "0"}, "NGPUS_PER_NODE: got 0"),
        ({"SLURM_GPUS_PER_NODE": "a100:2,v100:2"}, "SLURM_GPUS_PER_NODE: got a100:2,v100:2; expected GPUs of one kind"),
    ],
)
def test_a_job_that_cannot_run_starts_no_ray(job, tmp_path, env, message):
    done = launch("slurm.sh", str(RECIPE / QWEN), **job | env)
    assert done.returncode == 1 and message in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "started").exists()


def test_a_dry_run_and_an_evaluation_start_no_ray(job, tmp_path):
    assert launch("slurm.sh", str(RECIPE / QWEN), **job | {"SLURM_GPUS_ON_NODE": "4", "DRY_RUN": "1"}).returncode == 0
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("name", ["MODELS", "METHODS"])
@pytest.mark.parametrize("value, message", [(" ", "got no name; expected"), ("*", "got *; expected")])
def test_a_list_of_the_table_is_names_and_no_pattern(run, name, value, message):
    done = launch(ALL, **run | {name: value})
    assert done.returncode == 1 and f"{name}: {message}" in done.stderr
