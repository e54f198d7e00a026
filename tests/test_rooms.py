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
"""Which room may import what: one table, held against the imports of every module, those inside functions too."""

import ast
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from places import ROOT

PACKAGE = "asymgrpo_verl"


class Room(NamedTuple):
    """What the modules of a room may import.

    Attributes:
        ours: other rooms and modules of the package.
        theirs: libraries outside Python's own.
    """

    ours: str = ""
    theirs: str = ""


FLOOR = "__init__ paper files method_files row_files extras"
ROOMS = {
    # The floor: imported from everywhere, imports nothing above it.
    "__init__": Room(),
    "paper": Room(),
    "files": Room(),
    "method_files": Room("", "yaml"),
    "row_files": Room("files", "pyarrow"),
    "extras": Room(),
    # The method, and what does not know verl.
    "core": Room("paper files", "numpy pandas torch"),
    "rewards": Room("files", "latex2sympy2_extended math_verify sympy"),
    "runs": Room(FLOOR, "peft tensorboard transformers yaml"),
    "cpu": Room("", "ray tensordict torch transfer_queue verl vllm wrapt"),
    # Upper rooms.
    "integration": Room(f"{FLOOR} core", "hydra numpy omegaconf ray tensordict torch transfer_queue verl"),
    "evaluation": Room(f"{FLOOR} rewards runs cpu", "numpy pandas pyarrow tqdm transformers verl vllm"),
    "figures": Room(f"{FLOOR} core runs", "jinja2 matplotlib torch"),
    "smoke": Room(f"{FLOOR} core rewards runs", "numpy torch verl"),
    # Doors, which users name. Nothing imports a door.
    "plugin": Room("core integration cpu", "wrapt"),
    "cli": Room(f"{FLOOR} core integration evaluation figures runs smoke"),
    "checkpoints": Room(f"{FLOOR} runs", "verl"),
    "dry_run": Room(f"{FLOOR} integration", "hydra omegaconf verl"),
    "data_prep": Room("files row_files rewards", "datasets pyarrow tqdm"),
}


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[0] if parts[0] == "data_prep" else parts[1]


def modules() -> list[Path]:
    return sorted([*(ROOT / PACKAGE).rglob("*.py"), *(ROOT / "data_prep").rglob("*.py")])


def imports(path: Path) -> set[str]:
    """Return the dotted names that a module imports, anywhere in it: `package.module` for `from package import x`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: got a relative import; expected an absolute one"
            bare = node.module == PACKAGE
            names |= {f"{PACKAGE}.{alias.name}" for alias in node.names} if bare else {node.module}
    return names


def rooms_imported(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith(f"{PACKAGE}.")} - {room_of(path)}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_what_its_room_may(path):
    room = ROOMS[room_of(path)]
    assert rooms_imported(path) <= {*room.ours.split()}
    roots = {name.split(".")[0] for name in imports(path)} - {*sys.stdlib_module_names, PACKAGE, room_of(path)}
    assert roots <= {*room.theirs.split()}


def test_the_table_has_every_room_and_no_other():
    assert {room_of(path) for path in modules()} == ROOMS.keys()


def test_no_room_imports_one_that_imports_it():
    imported = {room: {*rules.ours.split()} for room, rules in ROOMS.items()}
    while free := {room for room, others in imported.items() if not others & imported.keys()}:
        imported = {room: others for room, others in imported.items() if room not in free}
    assert not imported, "these import each other in a circle"


def test_no_modules_import_each_other_in_a_circle():
    names = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in modules()
    }
    imported = {}
    for name, path in names.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                submodules = {f"{node.module}.{alias.name}" for alias in node.names} & names.keys()
                found |= submodules or {node.module}
        imported[name] = (found & names.keys()) - {name}
    while free := {name for name, others in imported.items() if not others & imported.keys()}:
        imported = {name: others for name, others in imported.items() if name not in free}
    assert not imported, "these import each other in a circle"


def test_nothing_imports_a_door():
    doors = {"plugin", "cli", "checkpoints", "dry_run"}
    assert not {str(path) for path in modules() if rooms_imported(path) & doors}
