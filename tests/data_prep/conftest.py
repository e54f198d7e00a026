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
"""Run a module of data_prep as a command, in the process of the test."""

import runpy
import subprocess
import sys

import pytest


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that does what `python -m data_prep.MODULE ARGUMENTS...` does, without a new process."""

    def command(module: str, *arguments) -> subprocess.CompletedProcess:
        name = f"data_prep.{module}"
        monkeypatch.setattr(sys, "argv", [module, *map(str, arguments)])
        monkeypatch.delitem(sys.modules, name, raising=False)  # because runpy warns about an imported module
        status = 0
        capsys.readouterr()
        try:
            runpy.run_module(name, run_name="__main__")
        except SystemExit as end:
            status = end.code
            if isinstance(status, str):  # Python prints a text to stderr and exits with 1.
                print(status, file=sys.stderr)
                status = 1
        return subprocess.CompletedProcess(sys.argv, status, *capsys.readouterr())

    return command
