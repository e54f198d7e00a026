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
"""Write AsymGRPO as a recipe for verl-recipe: a folder that needs verl, but not this package.

    python tools/export_recipe.py DIR

This makes DIR/asymgrpo from the files in tools/recipe/asymgrpo. What core_algos.py and register.py import from
`asymgrpo_verl` is replaced by its source, so the recipe has the functions of the package. In README.md, a comment like

    <!-- table of benchmarks/README.md
    | rows x tokens, forward + backward | vanilla | asymgrpo |
    | 64 x 512 |
    -->

is replaced by these columns and rows of a table on that page, so that a measured number is written in one place.
"""

import argparse
import ast
import re
import shutil
import sys
import tempfile
from pathlib import Path

from asymgrpo_verl.files import in_a_line

ROOT = Path(__file__).resolve().parents[1]
NAME = "asymgrpo"
TEMPLATE = ROOT / "tools" / "recipe" / NAME
PACKAGE = "asymgrpo_verl"
# What a docstring names in the package, and what the recipe has in its place.
REFERENCES = ((re.compile(r"`core\.\w+\.(\w+)`"), r"`\1`"), (re.compile("`core.metrics`"), "the README"))
TABLE = re.compile(r"<!-- table of (\S+)\n(.+?)\n-->", re.DOTALL)


def parse(path: Path) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """Read what the names at the top of a module stand for.

    Returns:
        imports: name -> (module, name in the module), or (module, "") for `import module`.
        definitions: name -> source with the comment above it, in the order of the module. Decorators of the package
            are left out, because they register a function with the package; REFERENCES are replaced.
    """
    text = path.read_text()
    lines, imports, definitions = text.splitlines(), {}, {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import):
            imports |= {alias.asname or alias.name: (alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imports |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
        elif isinstance(node, ast.Assign | ast.FunctionDef | ast.ClassDef):
            decorators = getattr(node, "decorator_list", [])
            first = comment = min(one.lineno for one in [node, *decorators]) - 1
            while lines[comment - 1].startswith("#"):
                comment -= 1
            kept = [f"@{ast.unparse(one)}" for one in decorators if not is_ours(one, imports)]
            names = [target.id for target in node.targets] if isinstance(node, ast.Assign) else [node.name]
            source = "\n".join([*lines[comment:first], *kept, *lines[node.lineno - 1 : node.end_lineno]])
            for reference, own in REFERENCES:
                source = reference.sub(own, source)
            definitions |= dict.fromkeys(names, source)
    return imports, definitions


def is_ours(decorator: ast.expr, imports: dict[str, tuple[str, str]]) -> bool:
    name = re.match(r"\w+", ast.unparse(decorator))[0]
    return name in imports and imports[name][0].startswith(PACKAGE)


def needed_names(source: str) -> list[str]:
    """Return the names that a definition reads and does not set itself, in the order of their appearance."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    own = {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
    names.sort(key=lambda node: (node.lineno, node.col_offset))
    return [name for name in dict.fromkeys(node.id for node in names) if name not in own]


def import_lines(libraries: set[tuple[str, str, str]]) -> str:
    """Write the imports as verl-recipe's linter orders them: Python's own, other libraries', verl's."""
    statements = {}
    for module, original, name in sorted(libraries):
        alias = "" if name in (module, original) else f" as {name}"
        if original:
            statements.setdefault((module, f"from {module} import "), []).append(original + alias)
        else:
            statements[module, "import "] = [module + alias]
    sections = [], [], []
    for (module, start), names in sorted(statements.items(), key=lambda item: (item[0][1] != "import ", item)):
        root = module.split(".")[0]
        sections[0 if root in sys.stdlib_module_names else 2 if root == "verl" else 1].append(start + ", ".join(names))
    return "\n\n".join("\n".join(section) for section in sections if section)


def inline(path: Path, elsewhere: dict[tuple[Path, str], str]) -> str:
    """Return a Python file of the recipe with all that it imports from the package written into it.

    Args:
        elsewhere: (file of the package, name) -> the module of the recipe that has this definition already, so that the
            result imports it. What is written into the result is added.
    """
    taken, libraries = [], set()  # definitions, and imports: (module, name in the module, name)

    def take(path: Path, name: str) -> None:
        """Take what a name at the top of a module stands for, after all that it needs."""
        imports, definitions = parse(path)
        module, original = imports.get(name, ("", ""))
        if module.startswith(PACKAGE):
            take(ROOT.joinpath(*module.split(".")).with_suffix(".py"), original)
        elif module:
            libraries.add((module, original, name))
        elif (path, name) in elsewhere:
            libraries.add((elsewhere[path, name], name, name))
        elif name in definitions and (path, name) not in taken:
            for other in needed_names(definitions[name]):
                if other != name:
                    take(path, other)
            taken.append((path, name))

    for name in parse(path)[0]:
        take(path, name)
    elsewhere |= dict.fromkeys(taken, f"recipe.{NAME}.{path.stem}")
    # The modules in an order in which none needs a later one, and the definitions of each in its own order.
    modules = dict.fromkeys(module for module, _ in taken)
    sources = [source for module in modules for name, source in parse(module)[1].items() if (module, name) in taken]
    text = path.read_text()
    statements = [node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)]
    lines = text.splitlines(keepends=True)
    head, tail = lines[: statements[0].lineno - 1], lines[statements[-1].end_lineno :]
    return "".join([*head, "\n\n\n".join([import_lines(libraries), *sources]), "\n", *tail])


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def table(page: str, wanted: str) -> str:
    """Return a part of a table of a page of this repository.

    Args:
        wanted: the header with the columns to take, then each row to take with its cell of the first of these columns.

    Raises:
        ValueError: the page has no table with these columns and rows.
    """
    header, *rows = [cells(line) for line in wanted.splitlines()]
    for block in re.findall(r"(?:^\|.*\n)+", (ROOT / page).read_text(), re.MULTILINE):
        columns, _, *body = [cells(line) for line in block.splitlines()]
        if not {*header} <= {*columns}:
            continue
        found = [dict(zip(columns, line, strict=True)) for line in body]
        found = {row[header[0]]: [row[key] for key in header] for row in found}
        if all(name in found for (name,) in rows):
            lines = [header, ["---"] * len(header), *(found[name] for (name,) in rows)]
            return "\n".join(f"| {' | '.join(line)} |" for line in lines)
    raise ValueError(f"{page}: got no table for {TEMPLATE / 'README.md'}; expected one with the lines {wanted!r}.")


def export(directory: Path) -> Path:
    """Write the recipe to directory/asymgrpo, completely or not at all, and return this path.

    Raises:
        FileExistsError: the path exists.
        OSError: the directory cannot be made or written.
        ValueError: the README's template names a table that does not exist.
    """
    target = directory / NAME
    if target.exists():
        raise FileExistsError(
            f"{target}: got a path that exists; expected none, because a recipe has only the files written here. "
            "Remove it, or choose another directory."
        )
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as temporary:
        recipe = Path(temporary) / NAME
        shutil.copytree(TEMPLATE, recipe, ignore=shutil.ignore_patterns("__pycache__"))
        elsewhere = {}
        for name in ("core_algos.py", "register.py"):  # the second imports what the first has
            path = recipe / name
            path.write_text(inline(path, elsewhere))
        readme = recipe / "README.md"
        readme.write_text(TABLE.sub(lambda found: table(*found.groups()), readme.read_text()))
        required = (ROOT / "recipes" / NAME / "REQUIRED_VERL.txt").read_text().splitlines(keepends=True)
        (recipe / "REQUIRED_VERL.txt").write_text("".join(line for line in required if not line.startswith("NOTES=")))
        recipe.rename(target)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, metavar="DIR", help="the recipe is written to DIR/asymgrpo")
    try:
        print(export(parser.parse_args().directory))
    except (OSError, ValueError) as error:
        sys.exit(f"export_recipe: {in_a_line(error)}")


if __name__ == "__main__":
    main()
