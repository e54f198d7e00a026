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
"""A package of an extra that is not installed is one sentence on stderr that names the extra."""

import subprocess
import sys

import pytest

from asymgrpo_verl.row_files import verl_row, write_rows

pytestmark = pytest.mark.process

ABSENT = """
import sys
absent = sys.argv.pop(1).split(",")
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from importlib import metadata
if "vllm" in absent:
    metadata.distributions = lambda **context: ()
from asymgrpo_verl.cli import main
main()
"""


def without(packages: str, *arguments, cwd) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", ABSENT, packages, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


@pytest.mark.parametrize(
    ("packages", "arguments", "extra"),
    [
        ("matplotlib", ["figures", "run.jsonl", "--out", "figures"], "figures"),
        ("jinja2", ["figures", "run.jsonl", "--out", "figures"], "figures"),
        ("plotly", ["figures", "run.jsonl", "--out", "figures"], "figures"),
        ("matplotlib", ["curves"], "figures"),
        ("torch", ["curves"], "verl"),
        ("torch", ["lab", "grpo", "--task", "facts", "--out", "runs"], "verl"),
        ("omegaconf", ["curves", "0.9,0.4"], "verl"),
        ("verl", ["check"], "verl"),
        ("verl,torch,ray,omegaconf", ["check"], "verl"),
        ("verl", ["evaluate", "checkpoint", "--data", "prompts.parquet", "--out", "out"], "verl"),
        ("transformers", ["evaluate", "model", "--data", "prompts.parquet", "--out", "out"], "verl"),
        ("vllm", ["evaluate", "model", "--data", "prompts.parquet", "--out", "out"], "cpu"),
    ],
)
def test_a_missing_package_is_one_sentence_that_names_its_extra(packages, arguments, extra, tmp_path):
    write_rows([verl_row("aime24", "What is 1+1?", "2", "test", 0)], tmp_path / "prompts.parquet")
    for path in ("model/config.json", "model/model.safetensors"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "checkpoint/actor/huggingface").mkdir(parents=True)
    (tmp_path / "checkpoint/actor/huggingface/config.json").touch()
    (tmp_path / "checkpoint/actor/model_world_size_1_rank_0.pt").touch()
    (tmp_path / "run.jsonl").write_text('{"step": 1, "data": {"groups/mixed": 0.5}}\n')
    before = sorted(tmp_path.rglob("*"))
    done = without(packages, *arguments, cwd=tmp_path)
    assert done.returncode == 1 and done.stdout == "", done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"asymgrpo {arguments[0]}: ") and f".[{extra}]" in line
    assert sorted(tmp_path.rglob("*")) == before
