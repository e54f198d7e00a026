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
"""The command `asymgrpo`: version, help, fast start; `asymgrpo check` with a real Ray worker.

The other subcommands are tested with their rooms: select in tests/runs, evaluate, verdict and table in
tests/evaluation, figures and curves in tests/figures, lab in tests/lab.
"""

import os
import re
import shlex
import subprocess
import sys
from importlib import metadata
from math import comb, sqrt

import pytest
from console import asymgrpo
from places import ROOT

from asymgrpo_verl import arguments
from asymgrpo_verl.cli import COMMANDS
from asymgrpo_verl.core.estimators import ESTIMATORS, advantages_by_count
from asymgrpo_verl.method_files import describe, method_names, read_method


def test_version_prints_the_version_of_the_package():
    done = asymgrpo("--version")
    assert done.status == 0 and done.stdout == f"asymgrpo_verl {metadata.version('asymgrpo_verl')}\n"


def test_help_lists_every_subcommand_on_a_screen_of_24_lines(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = asymgrpo("--help")
    assert done.status == 0 and "example: asymgrpo " in done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80
    assert {line.split()[0] for line in lines if line.startswith("    ")} >= COMMANDS.keys()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_subcommand_has_help_of_at_most_40_lines_that_ends_with_an_example(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = asymgrpo(command, "--help")
    lines = done.stdout.splitlines()
    assert done.status == 0 and done.stdout.startswith(f"usage: asymgrpo {command} ")
    assert len(lines) <= 40 and max(map(len, lines)) <= 80
    (start,) = [i for i, line in enumerate(lines) if line.startswith(f"example: asymgrpo {command} ")]
    example = " ".join(line.strip().removesuffix("\\") for line in lines[start:]).split(" > ")[0]
    parsed = arguments.build().parse_args(shlex.split(example.removeprefix("example: asymgrpo ")))
    assert parsed.command == command, "the example can be parsed"
    if parsed.problem:
        parsed.problem(parsed)


def test_methods_lists_every_method_with_source_formula_and_settings():
    done = asymgrpo("methods")
    paragraphs = {paragraph.split("\n")[0]: paragraph for paragraph in done.stdout.strip().split("\n\n")[1:]}
    assert [*paragraphs] == method_names() and max(map(len, done.stdout.splitlines())) <= 80
    assert paragraphs["f_grpo"] == (
        "f_grpo\n"
        "    F-GRPO (arXiv 2602.06717).\n"
        "    A+ = (1-p)^gamma ((1-p)/p)^0.5; A- = -(1-p)^gamma (p/(1-p))^0.5\n"
        "    algorithm.adv_estimator=f_grpo algorithm.f_grpo.gamma=0.5"
    )
    assert asymgrpo("methods", "f_grpo").stdout.strip().endswith(paragraphs["f_grpo"])
    for paragraph in paragraphs.values():
        assert re.search(r"arXiv\s+\d{4}\.\d{5}|Table 1", paragraph), "each has a source"
    wrong = asymgrpo("methods", "f_gpro")
    assert wrong.status == 2 and "got 'f_gpro'; expected a METHOD; asymgrpo methods lists them" in wrong.stderr


@pytest.mark.parametrize("method", [name for name in method_names() if describe(name)[1].startswith("A+ = ")])
def test_the_formula_that_methods_prints_is_what_the_estimator_computes(method):
    """For every p of a mixed group of 8. `passk_training` has its own F and q."""
    _, formula, settings = describe(method)
    estimator = read_method(method)["algorithm.adv_estimator"]
    prefix = f"algorithm.{estimator}."
    own = {key.removeprefix(prefix): value for key, value in settings.items() if key.startswith(prefix)}
    if method == "dr_grpo":
        expected = [[1 - k / 8 for k in range(9)], [-k / 8 for k in range(9)]]
    else:
        both = advantages_by_count(estimator, 8, ESTIMATORS[estimator].settings(**own))
        expected = [one.tolist() for one in both]
    terms = [part.split(" = ")[1] for part in formula.split("; ")[:2]]
    for k in range(1, 8):
        names = own | {"p": k / 8}
        if method == "passk_training":
            fails = comb(8 - k, own["k"]) / comb(8, own["k"])
            names |= {
                "F": fails,
                "q": comb(7 - k, own["k"] - 1) / comb(7, own["k"] - 1),
                "s": sqrt(fails * (1 - fails)),
            }
            if not fails:
                continue
        for term, values in zip(terms, expected, strict=True):
            code = re.sub(r"(?<=[\w)]) (?=\()", "*", term.replace("^", "**")).replace("2p", "2*p").replace("2(", "2*(")
            assert eval(code, {}, names) == pytest.approx(values[k]), term


@pytest.mark.process
@pytest.mark.parametrize(
    "words, expected",
    [
        ("asymgrpo me", "methods"),
        ("asymgrpo methods f_", "f_grpo"),
        ("asymgrpo figures --w", "--watch"),
        ("asymgrpo table --format la", "latex"),
        ("asymgrpo select tests/test_cl", "tests/test_cli.py"),
    ],
)
def test_bash_completes_commands_options_methods_and_files(words, expected, tmp_path):
    script = tmp_path / "asymgrpo"
    script.write_text(asymgrpo("completion", "bash").stdout)
    ask = (
        'source "$1"; read -ra COMP_WORDS <<<"$2"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$2; '
        'COMP_POINT=${#2}; "$(complete -p asymgrpo | sed "s/.*-F \\([^ ]*\\).*/\\1/")"; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", ask, "bash", script, words], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split() == [expected], done.stderr


def test_zsh_has_a_completion_of_every_command():
    done = asymgrpo("completion", "zsh")
    assert done.status == 0 and done.stdout.startswith("#compdef asymgrpo")
    assert all(f"\n    {command}:'" in done.stdout for command in COMMANDS)


def test_without_a_subcommand_the_command_is_an_error():
    assert asymgrpo().status == 2 and asymgrpo("train").status == 2


def check(**env: str) -> subprocess.CompletedProcess:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("VERL_", "RAY_"))}
    command = [sys.executable, "-m", "asymgrpo_verl.cli", "check"]
    return subprocess.run(command, env={**clean, **env}, capture_output=True, text=True)


@pytest.mark.process
def test_check_finds_the_plugin_in_this_process_and_in_a_ray_worker():
    done = check()
    assert done.returncode == 0, done.stderr
    assert f"verl {metadata.version('verl')}" in done.stdout
    for place in ("this process", "a fresh Ray worker"):
        assert f"{place}: estimators {', '.join(ESTIMATORS)} and policy losses asymgrpo, up registered" in done.stdout


@pytest.mark.process
def test_check_says_why_the_plugin_is_not_loaded():
    done = check(VERL_USE_EXTERNAL_PLUGINS="another")
    assert done.returncode == 1
    for place in ("this process", "a fresh Ray worker"):
        missing = ", ".join(f"estimator {name}" for name in ESTIMATORS)
        assert f"PROBLEM: {place}: not registered: {missing}, policy loss asymgrpo, policy loss up" in done.stderr
    assert "VERL_USE_EXTERNAL_PLUGINS: got another; expected a list with asymgrpo" in done.stderr


@pytest.mark.process
def test_check_shows_the_exception_of_a_failed_load(tmp_path):
    (tmp_path / "wrapt.py").write_text("raise ImportError('no wrapt for you')")
    done = check(PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.count("ImportError: no wrapt for you") == 2, "once per process"


@pytest.mark.process
@pytest.mark.parametrize("arguments", [["--help"], ["evaluate", "--help"], ["select", "--help"], ["table"]])
def test_a_command_without_a_model_imports_no_large_package(arguments):
    """We count imports, because a clock depends on what else runs on the machine."""
    command = [sys.executable, "-X", "importtime", "-m", "asymgrpo_verl.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout
    imported = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "argparse" in imported
    assert not imported & {"torch", "verl", "vllm", "ray", "pandas", "numpy", "pyarrow"}
