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
"""recipes/asymgrpo, copied into verl-recipe, passes the checks of verl-recipe and works from there.

Read in verl-project/verl-recipe at 48ea0a797fa29867ea0ad92aff7d284eec7d4be3:
    .github/workflows/pre-commit.yml   all that its CI checks in every recipe: the hooks below, on Python 3.12
    .pre-commit-config.yaml            the hooks: ruff and ruff-format, 0.14.10
    pyproject.toml                     their settings (RUFF below)
    .gitignore                         what `git add` leaves out in that repository (IGNORED below)
    install_verl.sh                    the only reader of REQUIRED_VERL.txt: get_field, resolve_spec, rewrite_pip_cmd
    README.md                          "Required `verl` version per recipe": both files of a recipe, and the link
verl-project/verl at 1dda039b9c6311889a9c9a26040677e1254814f9 may hold it as its submodule recipe/:
    .pre-commit-config.yaml            check-naming-conventions and compileall, on the whole tree
    tests/special_sanity/check_uv_gpu_only.py   scans recipe/ too
    tests/special_sanity/check_license.py       its own files only, by holder; here any Apache-2.0 header is enough
Neither repository checks line endings, executable bits, type hints, docstrings or device calls in a recipe.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from places import RECIPES
from requirements import requirements

from asymgrpo_verl.integration.capabilities import TESTED_VERL

pytestmark = pytest.mark.process

RECIPE = RECIPES / "asymgrpo"

RUFF = """
line-length = 120
target-version = "py310"
[lint]
select = ["E", "F", "UP", "B", "I", "G"]
ignore = ["F405", "F403", "E731", "B007", "UP032", "G004", "UP045", "UP035"]
isort.known-first-party = ["verl"]
"""

IGNORED = """
tensorboard_log checkpoints wget-log _build/ outputs playground wandb logs log .history
*.pt *.ckpt *.tar.gz *.so *.parquet *.lock *.log *.spec *.manifest *.egg *.mo *.pot *.swp *~ *,cover
__pycache__/ *.py[cod] *.egg-info/ .eggs/ .cache .coverage .hypothesis/ .ipynb_checkpoints .idea/ .vscode .DS_Store
.Python env/ .env venv/ .venv/ ENV/ build/ develop-eggs/ dist/ downloads/ eggs/ lib/ lib64/ parts/ sdist/ var/ tmp/
target/ htmlcov/ instance/ pytest.ini output.txt nosetests.xml coverage.xml local_settings.py pip-log.txt
"""

TEXT = (".md", ".py", ".sh", ".txt", ".yaml")


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """Return a checkout with verl-recipe's ruff settings and ignore rules, and the files that git has of the folder."""
    checkout = tmp_path_factory.mktemp("verl-recipe")
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=RECIPE)
    assert listed.returncode == 0, listed.stderr
    for name in listed.stdout.splitlines():
        target = checkout / "asymgrpo" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(RECIPE / name, target)
    (checkout / "ruff.toml").write_text(RUFF)
    (checkout / ".gitignore").write_text("\n".join(IGNORED.split()))
    assert run("git", "init", cwd=checkout).returncode == 0
    return checkout


@pytest.fixture(scope="module")
def folder(there):
    return there / "asymgrpo"


def paths(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def texts(folder: Path, *suffixes: str) -> dict[str, str]:
    """Return the contents, by path, of the folder's files with one of the suffixes, with their line ends."""
    return {name: (folder / name).read_bytes().decode() for name in sorted(paths(folder)) if name.endswith(suffixes)}


def required_verl(folder: Path) -> dict[str, str]:
    """Return KEY -> value of REQUIRED_VERL.txt, after checking that every line is a comment, empty or KEY=value."""
    lines = (folder / "REQUIRED_VERL.txt").read_text().splitlines()
    pairs = [re.fullmatch(r"([A-Z_]+)=(\S(?:.*\S)?)", line) for line in lines if line and not line.startswith("#")]
    assert None not in pairs, "install_verl.sh misreads or skips a line"
    assert len({pair[1] for pair in pairs}) == len(pairs), "install_verl.sh takes the first of two lines with one key"
    return {pair[1]: pair[2] for pair in pairs}


def test_the_folder_has_a_readme_the_pin_a_config_and_a_script(folder):
    files = paths(folder)
    assert {"README.md", "REQUIRED_VERL.txt"} <= files
    assert any(Path(name).match("config/*.yaml") for name in files)
    assert any(Path(name).match("run_*.sh") for name in files)
    assert sum(Path(name).name == "REQUIRED_VERL.txt" for name in files) == 1, "each is a recipe of install_verl.sh"


def test_the_pin_has_the_keys_that_its_mode_needs(folder):
    fields = required_verl(folder)
    assert fields["MODE"] == "pinned_tag"
    assert fields.keys() - {"GIT_SETUP", "NOTES"} == {"UPSTREAM", "MODE", "TAG", "COMMIT", "PIP_INSTALL"}
    assert fields["UPSTREAM"] == "https://github.com/verl-project/verl.git"
    assert re.fullmatch(r"[0-9a-f]{40}", fields["COMMIT"]), "the full hash: install_verl.sh fetches it by name"


def test_the_pin_is_a_verl_that_the_package_is_tested_with(folder):
    fields = required_verl(folder)
    version = fields["TAG"].removeprefix("v")
    assert fields["TAG"] == f"v{version}" and version in TESTED_VERL
    assert fields["PIP_INSTALL"] == f"pip install verl=={version}"  # bash runs it, and would read >= as a redirection
    _, extras = requirements()
    assert all(
        version in required.specifier for extra in extras.values() for required in extra if required.name == "verl"
    )


def test_the_readme_links_the_pin_in_its_section(folder):
    readme = (folder / "README.md").read_text()
    section = re.search(r"^#+ Required `verl` version\n(.*?)(?=^#|\Z)", readme, re.M | re.S)
    assert section and "](REQUIRED_VERL.txt)" in section[1]


def test_every_local_link_of_the_readme_leads_into_the_folder(folder):
    links = re.findall(r"\]\(([^)\s#]+)", (folder / "README.md").read_text())
    local = [link for link in links if "://" not in link]
    assert not [link for link in local if ".." in Path(link).parts or not (folder / link).exists()]


def test_scripts_and_configs_do_not_depend_on_where_the_folder_lies(folder):
    found = texts(folder, ".py", ".sh", ".yaml")
    assert not [name for name, text in found.items() if re.search(r"^[^#\n]*(recipes?/|\.\./)", text, re.M)]


def test_verl_recipe_ignores_no_file_of_the_folder(there):
    assert run("git", "check-ignore", "--verbose", *paths(there / "asymgrpo"), cwd=there / "asymgrpo").stdout == ""


def test_python_files_pass_ruff_with_the_settings_of_verl_recipe(there):
    if not texts(there, ".py"):
        pytest.skip("no Python file in the folder")
    check, layout = run("ruff", "check", "--no-cache", cwd=there), run("ruff", "format", "--diff", cwd=there)
    assert check.returncode == 0, check.stdout
    assert layout.returncode == 0, layout.stdout


@pytest.mark.filterwarnings("error")
def test_python_files_compile_without_warnings_and_name_their_licence(folder):
    if not texts(folder, ".py"):
        pytest.skip("no Python file in the folder")
    for name, text in texts(folder, ".py").items():
        compile(text, name, "exec")
        assert "Apache License, Version 2.0" in text, name


def test_names_are_spelled_as_verl_spells_them(folder):
    wrong = r"veRL|Sglang|sgLang|sglAng|sglaNg|sglanG"
    assert not [name for name, text in texts(folder, *TEXT).items() if re.search(wrong, text)]


def test_scripts_call_no_uv(folder):
    assert not [name for name, text in texts(folder, ".sh").items() if re.search(r"\buv\s+(-\S+\s+)*[a-z]", text)]


def test_lines_end_in_a_line_feed(folder):
    """verl-recipe does not check it, but bash reads a carriage return as part of the last word."""
    assert not [name for name, text in texts(folder, *TEXT).items() if "\r" in text or not text.endswith("\n")]
