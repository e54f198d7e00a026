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
"""The upstream code that we use is the code that we read, and the table of it (data/upstream.tsv) is complete."""

import ast
import importlib
import inspect
import re
from functools import cache
from pathlib import Path

import pytest
from places import ROOT
from upstream import DISTRIBUTIONS, find, installed_version, original_name, read_table, source_hash, source_of

pytestmark = pytest.mark.process

PACKAGE = ROOT / "asymgrpo_verl"
TABLE = read_table()
NAMES = {row.name for row in TABLE}
# We use these as their documentation says, so a change of them is an error that we see: they only have to exist.
PUBLIC = {
    *("ray.init", "ray.get", "ray.remote", "ray.shutdown", "ray.kill", "ray.get_actor", "ray.util.list_named_actors"),
    *("ray.util.get_node_ip_address", "ray.get_runtime_context", "vllm.platforms.current_platform"),
    *("hydra.main", "hydra.initialize_config_module"),
    *("verl.__version__", "verl.__file__"),
    *("vllm.SamplingParams", "vllm.EngineArgs", "vllm.LLMEngine", "vllm.sampling_params.RequestOutputKind"),
}


def need(root: str) -> None:
    pytest.importorskip(root, reason=f"{root} comes with an extra")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_source_of_what_we_use_is_the_one_that_we_read(row):
    need(row.root)
    now, (distribution, version) = source_hash(row.name), installed_version(row.root)
    read = {row.read[version]} if version in row.read else set(row.read.values()) - {"absent"}
    ours = ", ".join(by if by.startswith("recipes/") else f"asymgrpo_verl/{by}" for by in row.by)
    assert now in read, (
        f"\n{row.name}: got {now} in {distribution} {version}; expected one of {row.read}."
        f"\n{ours} uses it: {row.how}."
        f"\nRead both again, change our code if needed, and add {version}={now} to the row in tests/data/upstream.tsv."
    )


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_what_we_use_as_documented_exists(name):
    need(name.split(".")[0])
    assert find(name) is not None


def test_every_row_names_modules_of_ours_and_no_row_stands_twice():
    assert len(NAMES) == len(TABLE)
    for row in TABLE:
        for by in row.by:
            assert (ROOT / by if by.startswith("recipes/") else PACKAGE / by).is_file(), f"{row.name}: no {by}"
    assert not NAMES & PUBLIC


def modules_of_ours() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def is_upstream(name: str) -> bool:
    return name.split(".")[0] in DISTRIBUTIONS


def used_names(tree: ast.Module) -> set[str]:
    """Return every upstream name that a module of ours imports, or reads of an upstream module that it imports."""
    names, modules = set(), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                modules[alias.asname or alias.name.split(".")[0]] = alias.name
        elif isinstance(node, ast.ImportFrom) and is_upstream(node.module):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if inspect.ismodule(find(name)):
                    modules[alias.asname or alias.name] = name
                else:
                    names.add(name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.fullmatch(r"[\w.]+", ast.unparse(node)):
            parent, _, attribute = ast.unparse(node).rpartition(".")
            first, _, rest = parent.partition(".")
            if first in modules and is_upstream(modules[first]):
                parent = f"{modules[first]}.{rest}".strip(".")
                if inspect.ismodule(find(parent)) and not inspect.ismodule(find(f"{parent}.{attribute}")):
                    names.add(f"{parent}.{attribute}")
    return names


def hooks(tree: ast.Module) -> list[tuple[str, str]]:
    """Return (upstream module, our function) of every import hook: the two stand side by side in a call or a dict."""
    pairs = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and len(node.args) == 2:
            pairs.append((node.args[1], node.args[0]))
        elif isinstance(node, ast.Dict):
            pairs += zip(node.keys, node.values, strict=True)
    pairs = [(name, function) for name, function in pairs if isinstance(function, ast.Name | ast.Attribute)]
    dotted = re.compile(rf"(?:{'|'.join(DISTRIBUTIONS)})(?:\.\w+)*")
    return [
        (name.value, ast.unparse(function).rpartition(".")[2])
        for name, function in pairs
        if isinstance(name, ast.Constant) and isinstance(name.value, str) and dotted.fullmatch(name.value)
    ]


@cache
def functions_of_ours() -> dict[str, ast.FunctionDef]:
    """Return the functions of all our modules by name, without those inside a class or a function."""
    return {
        node.name: node
        for path in modules_of_ours()
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }


def names_in_hooks(tree: ast.Module) -> set[str]:
    """Return the upstream names that the import hooks of a module read of the module they wait for."""
    functions = functions_of_ours()
    names = set()
    for module, function in hooks(tree):
        (parameter, *_) = [argument.arg for argument in functions[function].args.args]
        for node in ast.walk(functions[function]):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == parameter:
                names.add(f"{module}.{node.attr}")
    return names


def covered(name: str) -> bool:
    """Return whether the table has the name, its class, one of its methods, or the name where it is defined."""
    if name in PUBLIC:
        return True
    found = find(name)
    names = {name, original_name(found)} if inspect.isclass(found) or inspect.isroutine(found) else {name}
    parents = {part.rpartition(".")[0] for part in names if inspect.isclass(find(part.rpartition(".")[0]))}
    return bool((names | parents) & NAMES) or any(row.startswith(f"{part}.") for row in NAMES for part in names)


@pytest.mark.parametrize("path", modules_of_ours(), ids=relative)
def test_every_upstream_name_that_a_module_uses_is_in_the_table(path):
    """To repair it, add a row per name to data/upstream.tsv. A name used as documented may go into PUBLIC instead."""
    tree = ast.parse(path.read_text())
    used = used_names(tree) | names_in_hooks(tree)
    for root in {name.split(".")[0] for name in used}:
        need(root)
    assert not {name for name in used if not covered(name)}


def has_subclasses(path: Path) -> bool:
    """Return whether a module of ours imports an upstream package and has classes with a base, without importing it."""
    tree = ast.parse(path.read_text())
    imports = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imports += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return any(map(is_upstream, imports)) and any(isinstance(n, ast.ClassDef) and n.bases for n in tree.body)


def upstream_subclasses(path: Path) -> list[type]:
    """Return the classes that a module of ours defines and that have an upstream base."""
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    classes = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
    return [c for c in classes if any(is_upstream(base.__module__) for base in c.__mro__)]


def definers(ours: type, attribute: str) -> list[str]:
    """Return the full name of the attribute in every upstream base that defines it."""
    # Ray makes a nameless class around an actor's class.
    bases = [base for base in ours.__mro__ if is_upstream(base.__module__) and "<" not in base.__qualname__]
    return [f"{original_name(base)}.{attribute}" for base in bases if attribute in vars(base)]


@pytest.mark.parametrize("path", [path for path in modules_of_ours() if has_subclasses(path)], ids=relative)
def test_what_a_class_overrides_or_reads_of_an_upstream_base_is_in_the_table(path):
    """The table has a row per overridden or called method, and per function that sets an attribute that we read."""
    for ours in upstream_subclasses(path):
        (tree,) = ast.parse(inspect.getsource(ours).lstrip()).body
        read, written = set(), set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
                (written if isinstance(node.ctx, ast.Store) else read).add(node.attr)
        overridden = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        overridden |= {target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets}
        used = {name for name in overridden | read - written if definers(ours, name)}
        missing = {name for attribute in used for name in definers(ours, attribute) if not covered(name)}
        assert not missing, f"{ours.__name__} overrides or calls these, but the table does not have them"
        rows = [row for row in TABLE if relative(path) in row.by]
        sources = "\n".join(source_of(row.name) for row in rows)
        set_upstream = read - written - used - set(vars(ours))
        unknown = {name for name in set_upstream if not re.search(rf"\bself\.{name}(?:: [^=]+)? = ", sources)}
        assert not unknown, f"no function in the rows of {path} sets these attributes, which {ours.__name__} reads"
