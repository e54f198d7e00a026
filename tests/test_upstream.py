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
"""What we build on in verl, vLLM, TransferQueue, Ray and Hydra is what was read, and nothing we touch is forgotten."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest
from places import ROOT
from upstream import DISTRIBUTIONS, find, installed_version, original_name, read_table, source_hash, source_of

PACKAGE = ROOT / "asymgrpo_verl"
TABLE = read_table()
NAMES = {row.name for row in TABLE}
# Used as their documentation says, so that a change of theirs is an error we see: they only have to be there.
PUBLIC = {
    *("ray.init", "ray.get", "ray.remote", "ray.shutdown", "ray.kill", "ray.get_actor", "ray.util.list_named_actors"),
    *("hydra.main", "vllm.platforms.current_platform"),
    *("vllm.SamplingParams", "vllm.EngineArgs", "vllm.LLMEngine", "vllm.sampling_params.RequestOutputKind"),
}


def need(root: str) -> None:
    pytest.importorskip(root, reason=f"{root} comes with an extra")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_what_we_touch_is_what_was_read(row):
    need(row.root)
    now, (distribution, version) = source_hash(row.name), installed_version(row.root)
    read = {row.read[version]} if version in row.read else set(row.read.values()) - {"absent"}
    ours = ", ".join(by if by.startswith("recipes/") else f"asymgrpo_verl/{by}" for by in row.by)
    assert now in read, (
        f"\n{row.name} is {'gone' if now == 'absent' else 'another'} in {distribution} {version}. Read was {row.read}."
        f"\nTouched by {ours}: {row.how}."
        f"\nRe-read both, change ours where it has to, and add {version}={now} to its row in tests/data/upstream.tsv."
    )


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_what_we_use_as_documented_is_there(name):
    need(name.split(".")[0])
    assert find(name) is not None


def test_every_row_names_modules_of_ours_and_stands_once():
    assert len(NAMES) == len(TABLE)
    for row in TABLE:
        for by in row.by:
            assert (ROOT / by if by.startswith("recipes/") else PACKAGE / by).is_file(), f"{row.name}: no {by}"
    assert not NAMES & PUBLIC


def modules_of_ours() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def is_upstream(name: str) -> bool:
    return name.split(".")[0] in DISTRIBUTIONS


def used_names(tree: ast.Module) -> set[str]:
    """Every dotted name of theirs that a module imports, or reads of a module of theirs that it imports."""
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
    """(module of theirs, function of ours) of every import hook: side by side in a call or in a dict."""
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


def names_in_hooks(tree: ast.Module) -> set[str]:
    """What the hooks of a module read of the module they wait for."""
    functions = {
        node.name: node
        for path in modules_of_ours()
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    names = set()
    for module, function in hooks(tree):
        (parameter, *_) = [argument.arg for argument in functions[function].args.args]
        for node in ast.walk(functions[function]):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == parameter:
                names.add(f"{module}.{node.attr}")
    return names


def covered(name: str) -> bool:
    """Whether the table has it, its class, one of its methods, or the original of what is imported under this name."""
    if name in PUBLIC:
        return True
    found = find(name)
    names = {name, original_name(found)} if inspect.isclass(found) or inspect.isroutine(found) else {name}
    parents = {part.rpartition(".")[0] for part in names if inspect.isclass(find(part.rpartition(".")[0]))}
    return bool((names | parents) & NAMES) or any(row.startswith(f"{part}.") for row in NAMES for part in names)


@pytest.mark.parametrize("path", modules_of_ours(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_a_module_imports_is_in_the_table(path):
    """Add a row to tests/data/upstream.tsv for each name; or to PUBLIC, if it is documented and used so."""
    tree = ast.parse(path.read_text())
    used = used_names(tree) | names_in_hooks(tree)
    for root in {name.split(".")[0] for name in used}:
        need(root)
    assert not {name for name in used if not covered(name)}


def subclasses_of_theirs() -> list[type]:
    """Classes of ours with a base of theirs."""
    found = []
    for path in modules_of_ours():
        tree = ast.parse(path.read_text())
        if any(isinstance(node, ast.ClassDef) and node.bases for node in tree.body) and used_names(tree):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            module = importlib.import_module(name)
            classes = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == name]
            found += [c for c in classes if any(is_upstream(base.__module__) for base in c.__mro__)]
    return found


def definers(ours: type, attribute: str) -> list[str]:
    """The attribute of every base of theirs that defines it."""
    # a class that Ray makes around an actor's has no name
    bases = [base for base in ours.__mro__ if is_upstream(base.__module__) and "<" not in base.__qualname__]
    return [f"{original_name(base)}.{attribute}" for base in bases if attribute in vars(base)]


@pytest.mark.parametrize("ours", subclasses_of_theirs(), ids=lambda ours: ours.__name__)
def test_what_a_class_overrides_and_reads_of_its_base_is_in_the_table(ours):
    """A row for each method of theirs that is overridden or called, and for what sets each attribute that is read."""
    tree = ast.parse(inspect.getsource(ours).lstrip())
    read, written = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            (written if isinstance(node.ctx, ast.Store) else read).add(node.attr)
    body = tree.body[0].body
    overridden = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    overridden |= {target.id for node in body if isinstance(node, ast.Assign) for target in node.targets}
    used = {name for name in overridden | read - written if definers(ours, name)}
    missing = {name for attribute in used for name in definers(ours, attribute) if not covered(name)}
    assert not missing, "overridden or called, and not in the table"
    sources = "\n".join(source_of(row.name) for row in TABLE if ours.__module__.endswith(_module_names(row.by)))
    set_by_them = read - written - used - set(vars(ours))
    unknown = {name for name in set_by_them if not re.search(rf"\bself\.{name}(?:: [^=]+)? = ", sources)}
    assert not unknown, "attributes that no function in the table sets, of those that this module touches"


def _module_names(by: list[str]) -> tuple[str, ...]:
    return tuple("asymgrpo_verl." + name.removesuffix(".py").replace("/", ".") for name in by)
