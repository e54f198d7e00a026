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
"""Run a launcher of the recipe, with a `python` that trains nothing."""

import os
import subprocess
import sys
from pathlib import Path

from places import RECIPES

RECIPE = RECIPES / "asymgrpo"


def launch(launcher: str | Path, *overrides: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess:
    """Run a launcher of the recipe, or one of another path. PATH in `env` comes before the directory of this Python."""
    path = f"{env.pop('PATH', '')}:{Path(sys.executable).parent}:{os.environ['PATH']}".lstrip(":")
    command = ["bash", str(RECIPE / launcher), *overrides]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": path, **env}, cwd=cwd)


def idle_python(place: Path, script: str) -> None:
    """Write a command `python` that runs a line of sh instead of a module. `python -c` is the real Python."""
    write_command(place, "python", f'[ "$1" != -c ] || exec "{sys.executable}" "$@"\n{script}')


def write_command(place: Path, name: str, script: str) -> None:
    (place / name).write_text(f"#!/bin/sh\n{script}\n")
    (place / name).chmod(0o755)


def tiny_model(place: Path) -> Path:
    """Write a model's directory: it has 1,000 parameters in bfloat16, all but the weights' bytes made up."""
    place.mkdir()
    (place / "config.json").write_text('{"torch_dtype": "bfloat16"}')
    (place / "model.safetensors").write_bytes(bytes(2000))
    return place


def run_environment(place: Path) -> dict[str, str]:
    """Return the variables of a run whose files are made in `place`, and whose `python` says that it was called."""
    for name in ("train.parquet", "val.parquet"):
        (place / name).touch()
    idle_python(place, "echo called python")
    return {
        "TRAIN_FILE": str(place / "train.parquet"),
        "VAL_FILES": str(place / "val.parquet"),
        "MODEL_PATH": str(tiny_model(place / "model")),
        "OUT_DIR": str(place / "out"),
        "PATH": str(place),
    }
