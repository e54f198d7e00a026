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
"""figures, select and table on any damaged file: one message on stderr, status 1, no traceback, nothing written."""

import json
import random
from pathlib import Path

import pytest
from console import asymgrpo
from run_logs import all_metrics, write_log, write_run

RESULT = {"label": None, "settings": {}, "benchmarks": {"aime24": {}}}
DAMAGED = {
    "empty": b"",
    "binary": bytes(range(256)),
    "random": random.Random(0).randbytes(1000) + b"\n",
    "zeros": b"\0" * 100 + b"\n",
    "nested": b"[" * 100_000 + b"\n",
    "objects": b'{"a":' * 100_000 + b"\n",
    "digits": b"9" * 100_000 + b"\n",
    "a number": b"5\n",
    "a list": b"[]\n",
    "huge step": b'{"step": 1e999, "data": {}}\n',
    "text step": b'{"step": "1", "data": {}}\n',
    "true step": b'{"step": true, "data": {}}\n',
    "negative step": b'{"step": -1, "data": {}}\n',
    "half a pair": b'{"step": 1, "data": {"val-core/\\ud800/acc/mean@1": 1}}\n',
    "result of texts": json.dumps(RESULT | {"settings": "x"}).encode(),
    "result without counts": json.dumps(RESULT).encode(),
}


def refuse(read):
    def denied(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    return denied


@pytest.mark.parametrize("command", ["figures", "select", "table"])
@pytest.mark.parametrize("damage", [*DAMAGED, "a directory", "no permission"])
def test_a_damaged_file_is_one_message_and_nothing_is_written(tmp_path, monkeypatch, command, damage):
    name = "results.json" if command == "table" else "metrics.jsonl"
    run = tmp_path / "run"
    write_log(run / "metrics.jsonl", all_metrics(1))
    (run / name).unlink(missing_ok=True)
    if damage == "a directory":
        (run / name).mkdir()
    else:
        (run / name).write_bytes(DAMAGED.get(damage, b"{}"))
    if damage == "no permission":  # a test that runs as root may read everything
        monkeypatch.setattr(Path, "read_text", refuse(Path.read_text))
    done = asymgrpo(command, run, *(["--out", tmp_path / "out"] if command == "figures" else []))
    assert done.status == 1 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith(f"asymgrpo {command}: ")
    assert str(run) in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b"\xff\xfe\0",
        b"[1, 2]",
        b"5",
        b"algorithm: {adv_estimator: asymgrpo, asymgrpo: {beta_pos: abc}}",
        b"algorithm: {asymgrpo: {beta_neg: .nan}}",
        b"actor_rollout_ref: {rollout: {n: 1e30}}",
        b"actor_rollout_ref: {rollout: {n: true}}",
    ],
    ids=lambda content: f"{content!r:.40}",
)
def test_a_damaged_configuration_is_one_message_and_nothing_is_written(tmp_path, content):
    run = write_run(tmp_path / "run", "asymgrpo", steps=1)
    (run / "hydra" / ".hydra" / "config.yaml").write_bytes(content)
    done = asymgrpo("figures", run, "--out", tmp_path / "out")
    assert done.status == 1 and done.stdout == "" and len(done.stderr.splitlines()) == 1
    assert str(run / "hydra" / ".hydra") in done.stderr and not (tmp_path / "out").exists()


def test_values_that_are_no_numbers_of_32_bits_leave_gaps_in_the_figures(tmp_path):
    odd = [None, float("nan"), float("inf"), "text", [], True, 1e39, 10**400]
    rows = [(step, {key: odd[i % len(odd)] for i, key in enumerate(data, step)}) for step, data in all_metrics(10)]
    write_log(tmp_path / "run" / "metrics.jsonl", rows)
    done = asymgrpo("figures", tmp_path / "run", "--out", tmp_path / "out")
    assert done.status == 0 and (tmp_path / "out" / "index.html").is_file()
