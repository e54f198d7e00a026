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
import subprocess
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


FLOOR = "__init__ paper files method_files row_files extras pass_at_k"
ROOMS = {
    # The floor: imported from everywhere, imports nothing above it.
    "__init__": Room(),
    "paper": Room(),
    "files": Room(),
    "method_files": Room("", "yaml"),
    "row_files": Room("files", "pyarrow"),
    "extras": Room(),
    "pass_at_k": Room(),
    # The method, and what does not know verl.
    "core": Room("", "numpy pandas torch"),
    "rewards": Room(FLOOR, "latex2sympy2_extended math_verify sympy"),
    "runs": Room(FLOOR, "peft tensorboard transformers yaml"),
    "cpu": Room("", "ray tensordict torch transfer_queue verl vllm wrapt"),
    # Upper rooms.
    "integration": Room(f"{FLOOR} core", "hydra numpy omegaconf ray tensordict torch transfer_queue verl"),
    "evaluation": Room(f"{FLOOR} rewards runs cpu web", "numpy pandas pyarrow tqdm transformers vllm"),
    "web": Room("", "jinja2 markupsafe plotly"),
    "figures": Room(f"{FLOOR} core runs web", "matplotlib torch"),
    "lab": Room(f"{FLOOR} core runs integration", "numpy omegaconf torch yaml"),
    "smoke": Room(f"{FLOOR} core rewards runs", "numpy torch verl"),
    # Doors, which users name. Nothing imports a door.
    "plugin": Room("core integration cpu", "hydra wrapt"),
    "argument_types": Room("integration"),
    "arguments": Room("__init__ argument_types paper method_files", "shtab"),
    "cli": Room(f"{FLOOR} arguments evaluation figures integration lab runs smoke"),
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
    """Return the dotted names that a module imports, anywhere in it: `package.module` for `from package import x`.

    The names in `import_module("...")` and in attributes such as `asymgrpo_verl.core` are imports too.
    """
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
            names |= {argument.value for argument in node.args if isinstance(argument, ast.Constant)}
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == PACKAGE and not node.attr.startswith("__"):
            names.add(f"{PACKAGE}.{node.attr}")
        elif isinstance(node, ast.Import):
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


@pytest.mark.parametrize("room", ROOMS)
def test_the_table_allows_a_room_only_what_it_uses_and_the_floor(room):
    paths = [path for path in modules() if room_of(path) == room]
    assert {*ROOMS[room].ours.split()} - {*FLOOR.split()} <= set().union(*map(rooms_imported, paths))
    roots = {name.split(".")[0] for path in paths for name in imports(path)}
    assert {*ROOMS[room].theirs.split()} <= roots


@pytest.mark.parametrize(
    "code",
    [
        "import asymgrpo_verl.plugin",
        "from asymgrpo_verl import plugin",
        "from asymgrpo_verl.plugin import activate_cpu",
        "def f():\n    import asymgrpo_verl.plugin as door",
        "import importlib\nimportlib.import_module('asymgrpo_verl.plugin')",
        "from importlib import import_module\nimport_module('asymgrpo_verl.plugin')",
        "import asymgrpo_verl\nasymgrpo_verl.plugin.activate_cpu()",
    ],
)
def test_every_way_to_import_a_module_is_seen(code, tmp_path):
    path = tmp_path / "module.py"
    path.write_text(code)
    assert "asymgrpo_verl.plugin" in imports(path)


@pytest.mark.process
@pytest.mark.parametrize("room", [room for room in ROOMS if (ROOT / PACKAGE / room / "__init__.py").exists()])
def test_importing_a_room_imports_nothing_heavy(room):
    code = f"import sys, {PACKAGE}.{room}; print(*(name for name in sys.modules if '.' not in name))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "verl", "vllm", "ray", "pandas", "numpy", "pyarrow", "sympy", "math_verify", "matplotlib"}
    assert not heavy & {*done.stdout.split()}


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
