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
"""The repository's own files agree with each other: versions, workflow, links and commands of the documents."""

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from places import ROOT

import asymgrpo_verl


def files(*patterns: str) -> list[str]:
    """Return the paths of the files that git has or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(path for path in {*found} if (ROOT / path).exists())


# tools/recipe has the page of a folder in verl's tree: tests/tools/test_export_recipe.py checks it there.
PAGES = [page for page in files("*.md") if not page.startswith("tools/recipe/")]
WORKFLOW = ROOT / ".github" / "workflows" / "tests.yml"
LINK = re.compile(r"\]\(([^)\s]+)\)")
MODULE = re.compile(r"\bpython3? -m ([\w.]+)")
SCRIPT = re.compile(r"\b(?:bash|python3?) ([\w./-]+\.(?:sh|py))\b")
OURS = ("asymgrpo_verl", "data_prep", "studies")


def relative_links(page: str) -> list[str]:
    """Return the links of a page to files of the repository, without anchors."""
    links = LINK.findall((ROOT / page).read_text())
    return [link.split("#")[0] for link in links if not re.match(r"[a-z]+:|#", link)]


def is_a_module(name: str) -> bool:
    if name.split(".")[0] not in OURS:
        return importlib.util.find_spec(name.split(".")[0]) is not None
    place = ROOT.joinpath(*name.split("."))
    return place.with_suffix(".py").is_file() or (place / "__main__.py").is_file()


def is_a_script(page: str, path: str) -> bool:
    """Return whether `path` is a file seen from the repository's root or from the page's own directory."""
    return any((place / path).is_file() for place in (ROOT, (ROOT / page).parent))


@pytest.mark.parametrize("path", files("*.yml", "*.yaml", "*.cff"))
def test_every_yaml_file_can_be_read(path):
    assert yaml.safe_load((ROOT / path).read_text())


def test_the_citation_has_the_version_of_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["version"] == asymgrpo_verl.__version__


def test_the_changelog_starts_with_the_version_of_the_package():
    versions = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == asymgrpo_verl.__version__


def test_the_workflow_runs_every_python_that_setup_py_allows():
    (required,) = re.findall(r'python_requires="(.+?)"', (ROOT / "setup.py").read_text())
    allowed = SpecifierSet(required).filter(f"3.{minor}" for minor in range(100))
    matrix = yaml.safe_load(WORKFLOW.read_text())["jobs"]["tests"]["strategy"]["matrix"]
    assert matrix["tier"] == ["fast"]
    assert matrix["python"] == list(allowed)


@pytest.mark.parametrize("page", [page for page in PAGES if relative_links(page)])
def test_every_relative_link_leads_to_a_file(page):
    missing = {link for link in relative_links(page) if not (ROOT / Path(page).parent / link).exists()}
    assert not missing


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_names_a_module_or_script_that_exists(page):
    text = (ROOT / page).read_text()
    modules = {name.rstrip(".") for name in MODULE.findall(text)}
    assert not {name for name in modules if not is_a_module(name)}
    assert not {path for path in SCRIPT.findall(text) if not is_a_script(page, path)}
