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
"""The pages: what they name exists, and the site is built from them without a warning."""

import ast
import importlib
import importlib.util
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from console import asymgrpo
from places import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "recipes/asymgrpo/README.md", *ROOT.glob("docs/*.md")]
NAME = re.compile(r"`((?:asymgrpo_verl|studies|data_prep)(?:\.\w+)+)`")
BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)
ELSEWHERE = {"DIR", "FILE", "TRAIN", "EVAL"}  # stand for a path of the reader's


def names() -> list[tuple[str, str]]:
    return sorted({(page.name, name) for page in PAGES for name in NAME.findall(page.read_text(encoding="utf-8"))})


def commands() -> list[tuple[str, str]]:
    """Return (page, command) for each line of the pages' blocks of bash, without comments and continuations."""
    found = []
    for page in PAGES:
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            lines = re.sub(r"\\\n\s*", " ", block).splitlines()
            found += [(page.relative_to(ROOT).as_posix(), line) for line in lines if line.strip()]
    return found


@pytest.mark.parametrize("page, name", names())
def test_a_module_function_or_class_that_a_page_names_exists(page, name):
    parts = name.split(".")
    place = next(
        ".".join(parts[:end])
        for end in range(len(parts), 0, -1)
        if (ROOT / Path(*parts[:end])).is_dir() or (ROOT / Path(*parts[:end])).with_suffix(".py").is_file()
    )
    import verl.trainer.ppo.v1.trainer_sync  # noqa: F401  verl loads our trainers after its own

    found = importlib.import_module(place)
    for attribute in parts[place.count(".") + 1 :]:
        found = getattr(found, attribute)


@pytest.mark.parametrize("page, command", commands())
def test_a_command_that_a_page_shows_exists(page, command):
    """A command of ours has the options that the page gives it; a script and a module that it runs exist."""
    words = [word for word in shlex.split(command, comments=True) if not re.fullmatch(r"[A-Z_]+=.*", word)]
    if not words:
        return
    program = Path(words[0]).name
    if program == "asymgrpo":
        known = asymgrpo(words[1], "--help").stdout
        for option in (word.split("=")[0] for word in words[2:] if word.startswith("--")):
            assert option in known, f"{page}: asymgrpo {words[1]} has no {option}"
    elif program == "python" and words[1] == "-m":
        assert importlib.util.find_spec(words[2]), f"{page}: no module {words[2]}"
    elif program in ("bash", "python", "sbatch"):
        scripts = [word for word in words[1:] if word.endswith((".sh", ".py")) and word.split("/")[0] not in ELSEWHERE]
        assert scripts
        for script in scripts:
            places = (ROOT / script, (ROOT / page).parent / script, ROOT / "recipes/asymgrpo" / script)
            assert any(place.is_file() for place in places), f"{page}: no {script}"


@pytest.mark.parametrize(
    "page, module",
    [("methods.md", "asymgrpo_verl.method_files"), ("setting_keys.md", "asymgrpo_verl.integration.setting_table")],
)
def test_a_page_is_made_from_the_code(page, module):
    made = importlib.import_module(module).markdown()
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == made, f"python -m {module} > docs/{page}"


def test_the_readme_can_be_read_to_its_end():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_the_page_of_the_method_says_where_each_equation_that_we_use_is():
    page = (ROOT / "docs/method.md").read_text(encoding="utf-8")
    told = set()
    for first, last in re.findall(r"^\| Eq\. (\d+)(?:-(\d+))?", page, re.MULTILINE):
        told |= {*range(int(first), int(last or first) + 1)}
    assert told == {2, 4, 5, 6, 7, *range(9, 19)}


@pytest.mark.process
def test_the_site_is_built_without_a_warning(tmp_path):
    pytest.importorskip("sphinx", reason="the extra docs has it")
    done = subprocess.run(["bash", "docs/build.sh", tmp_path], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "docs/index.html").is_file()


def texts_of_the_code() -> list[str]:
    """Return the strings of the package, with a space for each value in them, and the lines of the shell scripts."""
    found = []
    for path in (ROOT / "asymgrpo_verl").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append(" ".join(part.value for part in node.values if isinstance(part, ast.Constant)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found + [line for path in ROOT.glob("recipes/*/*.sh") for line in path.read_text().splitlines()]


def test_an_error_that_the_page_explains_is_one_that_the_code_can_print():
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    messages = re.findall(r"^\*\*`(.+?)`\*\*", page, re.MULTILINE)
    texts = texts_of_the_code()
    assert len(messages) >= 9
    for message in messages:
        words = re.findall(r"(?<!\S)[a-z]+[,;?]?(?!\S)", message)  # the others are names and numbers
        pattern = re.compile(r"(?!\w).*?(?<!\w)".join(map(re.escape, words)), re.DOTALL)
        assert len(words) > 1 and any(pattern.search(text) for text in texts), message
