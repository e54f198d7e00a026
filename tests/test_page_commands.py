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
"""Each command of a page is run by a test, or is marked on the page as one that needs a GPU, or is listed in NOT_RUN.

A command of verl is composed and checked as a run does before Ray starts. A launcher is called with DRY_RUN=check.
"""

import re
import shlex

import pytest
from composing import composed
from launching import launch, run_environment
from omegaconf import OmegaConf
from places import ROOT
from test_docs import commands

from asymgrpo_verl.integration.startup_check import check_run_config

# How a command starts -> the test that runs it, on files of the test's own.
TESTS = {
    "asymgrpo verdict": "evaluation/test_verdict.py::test_what_both_sides_were_read_as_is_printed",
    "asymgrpo verdict --responses": "evaluation/test_verdict.py::test_disagreements_with_a_file_are_listed_and_counted",
    "asymgrpo evaluate": "e2e/test_evaluate_cpu.py::test_every_prompt_has_n_responses_with_a_verdict",
    "asymgrpo evaluate --responses": "evaluation/test_command.py::test_given_responses_are_scored_without_a_model",
    "asymgrpo table": "evaluation/test_table.py::test_the_latex_table_has_a_line_per_row_and_escaped_names",
    "asymgrpo lab": "lab/test_command.py::test_a_comparison_ends_with_a_table_and_is_not_trained_twice",
    "asymgrpo check": "test_cli.py::test_check_finds_the_plugin_in_this_process_and_in_a_ray_worker",
    "asymgrpo figures": "figures/test_page.py::test_a_log_with_all_keys_gives_all_figures",
    "python -m data_prep.all": (
        "data_prep/test_prepare.py::test_all_prepares_the_datasets_that_are_there_and_names_the_others"
    ),
    "python -m data_prep.any": "data_prep/test_any.py::test_what_was_taken_is_printed_with_an_example",
    ".venv/bin/python -m data_prep.math": "data_prep/test_prepare.py::test_the_command_prints_what_the_summary_says",
    "python tools/export_recipe.py": (
        "tools/test_export_recipe.py::test_the_tool_prints_the_folder_and_does_not_overwrite_one"
    ),
}
# How a command starts -> why no test runs it.
NOT_RUN = {
    "bash tests/run.sh": "it runs this test",
    "bash recipes/quickstart/quickstart.sh": "it installs packages; e2e/test_train_cpu.py runs its training script",
    "pip install examples/own_estimator": "it installs; tests/test_own_estimator.py loads the package from there",
    "cd": "a change of directory",
}
VARIABLES = re.compile(r"^(?:[A-Z_]+=\S+ )+")
VERL = "python -m verl.trainer.main_ppo"
LAUNCHER = re.compile(r"^bash (?:recipes/asymgrpo/)?(run_\w+_fsdp\.sh)")


def start(command: str) -> str:
    return VARIABLES.sub("", command)


def longest(prefixes, command: str) -> str | None:
    return max((prefix for prefix in prefixes if start(command).startswith(prefix)), key=len, default=None)


def is_composed(command: str) -> bool:
    """Return whether a line is a command of verl, or settings for one."""
    return command.startswith(VERL) or all("=" in word and "." in word for word in shlex.split(command, comments=True))


@pytest.mark.parametrize("page, command", commands())
def test_a_command_is_run_by_a_test_or_marked_or_listed(page, command):
    marked = re.search("# needs (a GPU|GPUs)", command)
    assert marked or longest({**TESTS, **NOT_RUN}, command) or is_composed(command), f"{page}: {command}"


@pytest.mark.parametrize("place", TESTS.values())
def test_a_test_that_runs_a_command_exists(place):
    path, name = place.split("::")
    assert f"def {name}(" in (ROOT / "tests" / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("prefix", [*TESTS, *NOT_RUN])
def test_a_listed_command_is_on_a_page(prefix):
    assert prefix in {longest({**TESTS, **NOT_RUN}, command) for _, command in commands()}


@pytest.mark.process
@pytest.mark.parametrize("command", [command for _, command in commands() if is_composed(command)])
def test_a_command_of_verl_is_composed_and_passes_the_check_before_a_run(command):
    words = shlex.split(command.removeprefix(VERL), comments=True)
    names = [word.removeprefix("--config-name=") for word in words if word.startswith("--config-name=")]
    overrides = [word for word in words if not word.startswith("--")]
    if not command.startswith(VERL):
        overrides = ["+asymgrpo=asymgrpo", *overrides]
    config = composed("verl.trainer.config", *(names or ["ppo_trainer"]), "actor_rollout_ref.rollout.n=8", *overrides)
    check_run_config(config)


@pytest.mark.process
@pytest.mark.parametrize("command", sorted({c for _, c in commands() if LAUNCHER.search(start(c))}))
def test_a_launcher_takes_the_variables_of_a_page(command, tmp_path):
    given = dict(word.split("=", 1) for word in VARIABLES.match(command)[0].split())
    env = run_environment(tmp_path) | given | {"DRY_RUN": "check"}
    done = launch(
        LAUNCHER.search(start(command))[1], *shlex.split(start(command), comments=True)[2:], cwd=tmp_path, **env
    )
    assert done.returncode == 0, done.stderr


def test_the_pages_own_reward_is_one_that_verl_loads(tmp_path):
    from verl.trainer.ppo.reward import get_custom_reward_fn

    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/reward.md").read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "my_reward.py"
    path.write_text(code)
    function = {"path": str(path), "name": "compute_score", "reward_kwargs": {}}
    score = get_custom_reward_fn(OmegaConf.create({"reward": {"custom_reward_function": function}}))
    assert score("mine", "it is 4", "4", None) == {"score": 1, "acc": True}
    assert score("mine", "x" * 10_001, "4", None) == {"score": -0.2, "acc": False}
