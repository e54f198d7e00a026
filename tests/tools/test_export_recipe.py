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
"""The recipe for verl-recipe: the folder stands alone, passes verl-recipe's linter, and computes what we do."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from batches import on_tensors, ragged_batches
from composing import composed
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from places import RECIPES, ROOT, TOOLS
from registered import compute

from asymgrpo_verl.core import losses
from asymgrpo_verl.core.estimators import ESTIMATORS
from tools import export_recipe

RUFF = ["--config", str(TOOLS / "recipe" / "ruff.toml")]
FLIPS = ("none", "positive", "negative")
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    """The exported folder, recipe/asymgrpo in a directory of its own."""
    return export_recipe.export(tmp_path_factory.mktemp("verl") / "recipe")


@pytest.fixture(scope="module")
def core_algos(recipe):
    """The module core_algos.py of the folder, loaded without verl."""
    spec = importlib.util.spec_from_file_location("exported_core_algos", recipe / "core_algos.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def outcome(function, *arguments):
    """Return what the function returns, or the type and the text of its error."""
    try:
        return function(*arguments)
    except (TypeError, ValueError) as error:
        return type(error), str(error)


def imports(path: Path) -> set[str]:
    """Return the top-level names of the libraries that a module imports."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name.split(".")[0] for name in names} - {*sys.stdlib_module_names}


def test_the_folder_has_the_files_of_a_recipe(recipe):
    files = {str(path.relative_to(recipe)) for path in recipe.rglob("*") if path.is_file()}
    code = {"core_algos.py", "register.py", "test_asymgrpo.py", "run_qwen3_4b_fsdp.sh", "config/asymgrpo_trainer.yaml"}
    assert files == {"README.md", "REQUIRED_VERL.txt"} | code
    assert os.access(recipe / "run_qwen3_4b_fsdp.sh", os.X_OK)


def test_no_file_needs_the_package(recipe):
    assert imports(recipe / "core_algos.py") == {"numpy", "pandas", "torch"}
    assert imports(recipe / "register.py") == {"numpy", "torch", "recipe", "verl"}
    assert imports(recipe / "test_asymgrpo.py") == {"numpy", "torch", "recipe", "verl", "pytest"}
    for path in [*recipe.rglob("*.py"), *recipe.rglob("*.sh"), *recipe.rglob("*.yaml"), recipe / "REQUIRED_VERL.txt"]:
        text = path.read_text().replace("The asymgrpo_verl Authors", "")
        assert "asymgrpo_verl" not in text and "`core." not in text, path


def test_the_algorithm_is_short_and_each_file_has_the_licence(recipe):
    assert len((recipe / "core_algos.py").read_text().splitlines()) <= 350
    for path in recipe.rglob("*.py"):
        assert "Licensed under the Apache License, Version 2.0" in path.read_text()[:200]


def test_docstrings_and_comments_are_those_of_the_package(recipe):
    package = "\n".join(
        (ROOT / f"asymgrpo_verl/core/{name}.py").read_text() for name in ("groups", "estimators", "losses")
    )
    package = re.sub(r"`core\.metrics`", "the README", package)
    ours = re.findall(r"^def .*?(?=\n\n\n)", (recipe / "core_algos.py").read_text(), re.DOTALL | re.MULTILINE)
    assert len(ours) > 10 and all(function in package for function in ours)


@given(
    ragged_batches(),
    st.sampled_from(DTYPES),
    st.sampled_from([0, 0.4, 0.9, 1, 3, 40.5]) | st.floats(0, 5),
    st.sampled_from([0, 0.4, 0.9, 1, 3, 40.5]) | st.floats(0, 5),
    st.sampled_from(FLIPS),
    st.sampled_from([0.5, 0, -1, 1]),
)
def test_advantages_equal_ours_bit_for_bit(core_algos, batch, dtype, beta_pos, beta_neg, flip, threshold):
    rewards, mask, index = batch
    arguments = (rewards.to(dtype), mask, index, beta_pos, beta_neg, flip)
    ours = outcome(lambda: on_tensors("asymgrpo")(*arguments, reward_threshold=threshold))
    theirs = outcome(core_algos.compute_advantages, *arguments, threshold)
    if isinstance(ours, torch.Tensor):
        assert theirs.dtype == dtype and torch.equal(ours, theirs)
    else:
        assert ours == theirs


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([torch.bfloat16, torch.float32, torch.float64]),
    st.floats(0, 0.9),
    st.floats(0, 2),
    st.floats(0.9, 5),
    st.booleans(),
)
def test_losses_gradients_and_metrics_equal_ours_bit_for_bit(core_algos, seed, dtype, low, high, clip_c, weighted):
    generator = torch.Generator().manual_seed(seed)
    old, new = (-3 * torch.rand(5, 7, generator=generator, dtype=torch.float64).to(dtype) for _ in range(2))
    advantages = torch.randint(-2, 3, (5, 1), generator=generator).to(dtype).expand(5, 7)
    mask = torch.rand(5, 7, generator=generator) < 0.7
    weights = torch.rand(5, 7, generator=generator).to(dtype) if weighted else None

    def run(function):
        log_prob = new.clone().requires_grad_()
        loss, metrics = function(
            old, log_prob, advantages, mask, lambda x: (x * mask).mean(), low, high, clip_c, weights
        )
        loss.backward()
        return loss.item(), log_prob.grad.tolist(), metrics

    assert outcome(run, core_algos.two_channel_loss) == outcome(run, losses.two_channel_loss)


def test_the_readme_has_the_defaults_of_the_package(recipe):
    lines = re.findall(
        r"^\| .+ \| (\S+) \| `\+algorithm\.asymgrpo\.(\w+)=(\S+)` \|", (recipe / "README.md").read_text(), re.M
    )
    defaults = {field.name: str(field.default) for field in fields(ESTIMATORS["asymgrpo"].settings)}
    assert {key: default for default, key, _ in lines} == {key: line for _, key, line in lines} == defaults


def test_the_readme_has_measured_numbers_and_names_files_that_exist(recipe):
    text = (recipe / "README.md").read_text()
    assert "<!--" not in text
    (row,) = re.findall(r"^\| asymgrpo \| 3 \|.*$", text, re.MULTILINE)
    (source,) = re.findall(r"^\| asymgrpo \| 3 \|.*$", (ROOT / "studies/miniature/README.md").read_text(), re.MULTILINE)
    assert row.removesuffix(" |") in source
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert len(links) > 5 and not [link for link in links if not (recipe / link).is_file()]
    commands = re.findall(r"\b(?:bash|pytest) (recipe/\S+)", text)
    assert len(commands) > 2 and not [path for path in commands if not (recipe.parents[1] / path).exists()]


def test_a_table_that_no_page_has_is_an_error_that_names_the_page():
    with pytest.raises(ValueError, match="benchmarks/README.md: got no table"):
        export_recipe.table("benchmarks/README.md", "| rows x tokens, group, mask | grpo |\n| 7 x 7 |")


def flat(config) -> dict[str, object]:
    """Return the configuration as {key path: value}."""
    node = OmegaConf.to_container(config)
    found, todo = {}, [("", node)]
    while todo:
        path, value = todo.pop()
        if isinstance(value, dict) and value:
            todo += [(f"{path}.{key}".removeprefix("."), inner) for key, inner in value.items()]
        else:
            found[path] = value
    return found


def test_the_configuration_is_that_of_our_recipe_but_for_what_needs_the_package(recipe):
    theirs = flat(composed(recipe / "config", "asymgrpo_trainer"))
    ours = flat(composed(RECIPES / "asymgrpo" / "config", "asymgrpo_trainer", "+asymgrpo=asymgrpo"))
    differ = {key for key in {*ours, *theirs} if ours.get(key, "absent") != theirs.get(key, "absent")}
    assert differ == {
        "algorithm.asymgrpo.flip",  # a default that the recipe spells out
        "algorithm.asymgrpo.reward_threshold",
        "algorithm.diagnostics.log_prob_increment_every",
        "algorithm.diagnostics.gradient_share_every",
        "reward.custom_reward_function.path",
        "trainer.checkpoint_callback_class",
        "trainer.v1.trainer_mode",
    }
    defaults = {field.name: field.default for field in fields(ESTIMATORS["asymgrpo"].settings)}
    assert {key: theirs[f"algorithm.asymgrpo.{key}"] for key in defaults} == defaults


def test_the_launcher_has_the_sizes_of_ours(recipe):
    def defaults(*paths: Path) -> dict[str, str]:
        text = "".join(path.read_text() for path in paths)
        return dict(
            re.findall(r"^(MODEL_PATH|NNODES|\w+_SIZE|N\w+_PER_\w+|MAX_\w+|TOTAL_EPOCHS)=\$\{\1:-(.+)\}", text, re.M)
        )

    ours = defaults(*(RECIPES / "asymgrpo" / name for name in ("run_qwen3_4b_fsdp.sh", "launch.sh")))
    assert len(ours) == 9 and defaults(recipe / "run_qwen3_4b_fsdp.sh") == ours


@pytest.mark.process
def test_verl_recipes_linter_passes(recipe):
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *RUFF, str(recipe)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


def tool(directory: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, str(TOOLS / "export_recipe.py"), str(directory)]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)


@pytest.mark.process
def test_the_tool_prints_the_folder_and_does_not_overwrite_one(tmp_path):
    done = tool(tmp_path / "recipe")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path}/recipe/asymgrpo\n", "")
    readme = tmp_path / "recipe" / "asymgrpo" / "README.md"
    readme.write_text("edited")
    again = tool(tmp_path / "recipe")
    assert again.returncode == 1 and again.stdout == ""
    assert again.stderr.startswith(f"export_recipe: {tmp_path}/recipe/asymgrpo: got a path that exists; expected none")
    assert again.stderr.count("\n") == 1 and readme.read_text() == "edited"


@pytest.mark.process
def test_a_directory_that_cannot_be_written_is_one_line_on_stderr(tmp_path):
    (tmp_path / "file").write_text("")
    done = tool(tmp_path / "file")
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and f"{tmp_path}/file" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# In a process that starts with this, the package cannot be imported.
WITHOUT_THE_PACKAGE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "asymgrpo_verl":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refuse())
"""


@pytest.fixture(scope="module")
def alone(recipe, tmp_path_factory) -> tuple[subprocess.CompletedProcess, Path]:
    """Run the folder's own tests, and save what its registered functions compute, as users of verl-recipe would."""
    computed = tmp_path_factory.mktemp("alone") / "computed"
    code = f"""
import pytest, registered, torch
torch.save(registered.compute(), {str(computed)!r})
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "recipe/asymgrpo"]))
"""
    env = {name: value for name, value in os.environ.items() if not name.startswith("VERL_")}
    env |= {"VERL_USE_EXTERNAL_PLUGINS": "none", "VERL_USE_EXTERNAL_MODULES": "recipe.asymgrpo.register"}
    env |= {"PYTHONPATH": str(ROOT / "tests"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", WITHOUT_THE_PACKAGE + code]
    return subprocess.run(command, env=env, cwd=recipe.parents[1], capture_output=True, text=True), computed


@pytest.mark.process
def test_its_own_tests_pass_where_the_package_cannot_be_imported(alone):
    done, _ = alone
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout


@pytest.mark.process
def test_what_it_registers_equals_ours_bit_for_bit_where_the_package_cannot_be_imported(alone):
    theirs, ours = torch.load(alone[1]), compute()
    refused = [one is None for one in ours["advantages"]]
    assert any(refused) and not all(refused)
    for kind in ("advantages", "losses"):
        torch.testing.assert_close(theirs[kind], ours[kind], rtol=0, atol=0)
