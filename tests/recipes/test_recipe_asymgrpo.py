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
"""Every launcher with every method is a configuration that verl and we accept, with the paper's settings.

The launchers print their arguments; hydra composes these here, as verl.trainer.main_ppo would, and the dry run's check
looks at what comes out. A few tests run a whole launcher.
"""

import json
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from composing import composed
from hydra import compose, initialize_config_dir, initialize_config_module
from launching import RECIPE, idle_python, launch, tiny_model
from omegaconf import DictConfig, OmegaConf

from asymgrpo_verl.dry_run import check_run, settings_that_matter
from asymgrpo_verl.integration.search_path import CONFIGS
from asymgrpo_verl.integration.settings import settings_from
from asymgrpo_verl.paper import BENCHMARKS, TABLE_1
from asymgrpo_verl.runs.methods import by_method
from asymgrpo_verl.runs.run import Run, method_label
from data_prep import DATA_SOURCES

pytestmark = pytest.mark.process

CONFIG = RECIPE / "config"
LAUNCHERS = sorted(path.name for path in RECIPE.glob("run_*_*.sh"))
METHODS = sorted(path.stem for path in (CONFIGS / "asymgrpo").glob("[!_]*.yaml"))
TRAINED = [row for row in TABLE_1 if row.method != "untrained"]


@pytest.fixture(autouse=True)
def file_log(monkeypatch):
    """Set the variable that the launcher exports."""
    monkeypatch.setenv("VERL_FILE_LOGGER_PATH", "metrics.jsonl")


@pytest.fixture(scope="session")
def printed(tmp_path_factory) -> dict[str, list[str]]:
    """Return what every launcher passes to verl.trainer.main_ppo, without the method, as its dry run prints it.

    The dry run then calls Python to check it. This Python does nothing, because the tests check it here.
    """
    place = tmp_path_factory.mktemp("bin")
    idle_python(place, "exit 0")
    found = {}
    for launcher in LAUNCHERS:
        done = launch(launcher, DRY_RUN="1", METHOD="grpo", PATH=str(place))
        assert done.returncode == 0, done.stderr
        python, m, module, config_dir, config_name, method, *found[launcher] = shlex.split(done.stdout)
        assert (python, m, module) == ("python", "-m", "verl.trainer.main_ppo")
        assert (config_dir, config_name) == (f"--config-dir={CONFIG}", "--config-name=asymgrpo_trainer")
        assert method == "+asymgrpo=grpo"
    return found


@pytest.fixture
def run_config(printed):
    """Return a function: launcher, method, overrides -> the configuration of the run."""

    def compose_launcher(launcher: str, method: str, *overrides: str) -> DictConfig:
        config = composed(CONFIG, "asymgrpo_trainer", f"+asymgrpo={method}", *printed[launcher], *overrides)
        OmegaConf.resolve(config)
        return config

    return compose_launcher


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_what_these_tests_compose_is_what_hydra_composes(printed, launcher):
    overrides = ["+asymgrpo=clip_cov", *printed[launcher]]
    ours = composed(CONFIG, "asymgrpo_trainer", *overrides)
    with initialize_config_dir(str(CONFIG), version_base=None):
        assert ours == compose("asymgrpo_trainer", overrides=overrides)


def test_every_model_has_a_launcher():
    assert LAUNCHERS == [
        "run_llama3_2_3b_fsdp.sh",
        "run_qwen2_5_math_1_5b_fsdp.sh",
        "run_qwen3_4b_fsdp.sh",
        "run_qwen3_8b_fsdp.sh",
    ]


def test_every_trained_row_of_table_1_has_a_method():
    assert len(TRAINED) == 14
    assert {row.method for row in TRAINED} <= set(METHODS)


@pytest.mark.parametrize("launcher", LAUNCHERS)
@pytest.mark.parametrize("method", METHODS)
def test_every_launcher_runs_every_method_with_the_papers_settings(run_config, launcher, method):
    from verl.trainer.ppo.core_algos import POLICY_LOSS_REGISTRY

    config = run_config(launcher, method)
    check_run(config)
    actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    small = "1_5b" in launcher
    assert (config.data.train_batch_size, actor.ppo_mini_batch_size) == ((512, 128) if small else (128, 64))
    assert config.data.max_response_length == (2560 if small else 4096)
    assert actor.ppo_max_token_len_per_gpu >= config.data.max_prompt_length + config.data.max_response_length
    assert (actor.optim.lr, rollout.n, rollout.temperature) == (2e-6, 8, 1.0)
    assert not actor.use_kl_loss and not config.algorithm.use_kl_in_reward
    assert (rollout.val_kwargs.temperature, rollout.val_kwargs.do_sample, rollout.val_kwargs.n) == (0, False, 1)
    assert (config.trainer.test_freq, config.trainer.save_freq) == (10, 10)
    assert (config.trainer.nnodes, config.trainer.n_gpus_per_node) == (1, 4)
    assert config.trainer.v1.trainer_mode == "asymgrpo"
    assert config.reward.custom_reward_function.path == "pkg://asymgrpo_verl.rewards"
    template = {"qwen3": {"enable_thinking": False}, "llama": {"date_string": "26 Jul 2024"}}
    expected = next((kwargs for name, kwargs in template.items() if name in launcher), {})
    assert config.data.apply_chat_template_kwargs == expected
    assert actor.policy_loss.loss_mode in POLICY_LOSS_REGISTRY
    if method != "gspo":
        assert actor.loss_agg_mode == "token-mean"
    if method not in ("gspo", "cispo"):
        assert (actor.clip_ratio, actor.clip_ratio_low) == (0.2, 0.2)
        assert actor.clip_ratio_high == (0.28 if "clip_higher" in method else 0.2)
    assert actor.entropy_coeff == (0.001 if method == "entropy_reg" else 0)


@pytest.mark.parametrize("device", ["gpu", "cpu"])
@pytest.mark.parametrize("launcher", ["run_qwen3_4b_fsdp.sh", "run_qwen2_5_math_1_5b_fsdp.sh"])
@pytest.mark.parametrize("mode", ["sync", "colocate_async", "separate_async"])
def test_a_launcher_runs_in_every_mode_of_verls_trainer(tmp_path, launcher, mode, device):
    """In separate_async a step has an update per mini-batch, and the rollout servers have GPUs of their own."""
    printed = settings_of_a_dry_run(launcher, tmp_path, MODE=mode, DEVICE=device, NGPUS_PER_NODE="2")
    choices = ["+asymgrpo=asymgrpo", *(override for override in printed if override == "+device=cpu")]
    with initialize_config_dir(str(CONFIG), version_base=None):
        config = compose("asymgrpo_trainer", overrides=choices + [o for o in printed if o not in choices])
    check_run(config)
    ours = config.trainer.v1.trainer_mode
    assert ours == ("asymgrpo" if mode == "sync" else f"asymgrpo_{mode}")
    directory = f"asymgrpo-{mode}" if mode != "sync" else "asymgrpo"
    assert config.trainer.default_local_dir.endswith(f"/{directory}/checkpoints")
    if mode == "separate_async":
        rollout, v1 = config.actor_rollout_ref.rollout, config.trainer.v1
        assert v1.separate_async.parameter_sync_step == (4 if "1_5b" in launcher else 2)
        assert (rollout.nnodes, rollout.n_gpus_per_node) == (1, 2)
        assert rollout.checkpoint_engine.backend == ("nccl" if device == "gpu" else "gloo")
        assert config.actor_rollout_ref.hybrid_engine == (device == "gpu")


def test_a_run_of_another_mode_has_another_label(tmp_path):
    printed = settings_of_a_dry_run("run_qwen3_4b_fsdp.sh", tmp_path, METHOD="grpo", MODE="separate_async")
    config = composed(CONFIG, "asymgrpo_trainer", "+asymgrpo=grpo", *printed)
    assert method_label(leaves(OmegaConf.to_container(config)), ["+asymgrpo=grpo"]) == "GRPO (separate_async)"
    evaluated = launch("run_qwen3_4b_fsdp.sh", DRY_RUN="1", STAGE="evaluate", METHOD="grpo", MODE="separate_async")
    assert "--label grpo " in evaluated.stdout and "/grpo-separate_async/evaluation " in evaluated.stdout


@pytest.mark.parametrize("row", TRAINED, ids=lambda row: row.method)
def test_a_method_has_the_estimator_and_the_betas_of_its_row(run_config, row):
    algorithm = run_config("run_qwen3_4b_fsdp.sh", row.method).algorithm
    others = {"reinforce": "reinforce_pm1", "passk_training": "passk_training"}
    on_grpo = ("grpo", "entropy_reg", "clip_higher", "entropy_advantage", "dr_grpo")
    assert algorithm.adv_estimator == others.get(row.method, "grpo" if row.method in on_grpo else "asymgrpo")
    if algorithm.adv_estimator == "asymgrpo":
        settings = settings_from(algorithm)
        assert (settings.beta_pos, settings.beta_neg) == (row.beta_pos, row.beta_neg)
        assert settings.flip == {"ent_increase": "negative", "ent_decrease": "positive"}.get(row.method, "none")
    assert algorithm.norm_adv_by_std_in_grpo == (row.method != "dr_grpo")
    assert algorithm.get("passk_training") == ({"k": 5} if row.method == "passk_training" else None)
    expected = {"alpha": 0.4, "kappa": 2.0} if row.method == "entropy_advantage" else None
    assert algorithm.get("entropy_advantage") == expected


def test_a_method_changes_only_what_its_file_sets():
    """A user of plain verl gets none of the recipe's own settings."""
    with initialize_config_module("verl.trainer.config", version_base=None):
        plain, config = compose("ppo_trainer"), compose("ppo_trainer", overrides=["+asymgrpo=clip_higher"])
    plain.algorithm.adv_estimator = "grpo"
    plain.actor_rollout_ref.actor.clip_ratio_high = 0.28
    plain.actor_rollout_ref.actor.policy_loss.loss_mode = "asymgrpo"
    plain.trainer.v1.trainer_mode = "asymgrpo"
    own = {"log_prob_increment_every": 10, "gradient_share_every": 0}
    OmegaConf.update(plain, "algorithm.diagnostics", own, force_add=True)
    assert config == plain


def test_plain_verl_finds_the_methods_from_its_command_line(tmp_path):
    command = [sys.executable, "-m", "verl.trainer.main_ppo", "+asymgrpo=asymgrpo_clip_higher", "--cfg", "job"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    settings = OmegaConf.create(done.stdout).algorithm.asymgrpo
    assert settings == {"beta_pos": 0.9, "beta_neg": 0.3}


def settings_of_a_dry_run(launcher: str, tmp_path: Path, **env: str) -> list[str]:
    idle_python(tmp_path, "exit 0")
    done = launch(launcher, DRY_RUN="1", PATH=str(tmp_path), **env)
    assert done.returncode == 0, done.stderr
    return shlex.split(done.stdout)[6:]


def leaves(node: dict, prefix: str = "") -> dict:
    return {
        name: value
        for key, child in node.items()
        for name, value in (
            leaves(child, f"{prefix}{key}.") if isinstance(child, dict) else {f"{prefix}{key}": child}
        ).items()
    }


def test_a_seed_sets_every_seed_and_figures_average_its_runs(tmp_path):
    runs = []
    for seed in ("7", "8"):
        overrides = settings_of_a_dry_run("run_qwen3_4b_fsdp.sh", tmp_path, METHOD="grpo", SEED=seed)
        config = composed(CONFIG, "asymgrpo_trainer", "+asymgrpo=grpo", *overrides)
        values = leaves(OmegaConf.to_container(config))  # unresolved, as Hydra writes it beside a run
        seeds = {key: value for key, value in values.items() if key.split(".")[-1].endswith("seed")}
        assert len(seeds) == 8 and {*seeds.values()} == {int(seed)}, seeds
        assert config.trainer.experiment_name == f"qwen3_4b-grpo-seed{seed}"
        assert config.trainer.default_local_dir.endswith(f"outputs/qwen3_4b/grpo-seed{seed}/checkpoints")
        runs.append(Run(Path(seed), "GRPO", [{"step": 1}], values))
    (method,), messages = by_method(runs)
    assert method.runs == runs and messages == []


def test_a_seed_is_not_part_of_the_label_that_the_table_averages():
    done = launch("run_qwen3_4b_fsdp.sh", DRY_RUN="1", STAGE="evaluate", METHOD="grpo", SEED="3")
    assert "--label grpo " in done.stdout and "/outputs/qwen3_4b/grpo-seed3/evaluation " in done.stdout


def test_without_a_seed_verls_seeds_and_the_runs_name_are_unchanged(run_config):
    config = run_config("run_qwen3_4b_fsdp.sh", "grpo")
    assert (config.data.seed, config.actor_rollout_ref.rollout.seed) == (None, 42)
    assert config.trainer.experiment_name == "qwen3_4b-grpo"


def test_the_settings_that_matter_are_some_forty_lines_with_those_of_the_method(run_config):
    lines = settings_that_matter(run_config("run_qwen3_4b_fsdp.sh", "asymgrpo")).splitlines()
    assert 35 <= len(lines) <= 50 and all(": " in line for line in lines)
    assert "algorithm.asymgrpo: {'beta_pos': 0.9, 'beta_neg': 0.4}" in lines
    assert "actor_rollout_ref.actor.optim.lr: 2e-06" in lines


def test_arguments_override_method_and_model(run_config):
    config = run_config(
        "run_qwen3_4b_fsdp.sh", "asymgrpo", "algorithm.asymgrpo.beta_pos=0.6", "data.train_batch_size=64"
    )
    assert settings_from(config.algorithm).beta_pos == 0.6 and config.data.train_batch_size == 64


def test_the_validation_sets_are_those_of_the_paper(run_config):
    files = run_config("run_qwen3_4b_fsdp.sh", "grpo").data.val_files
    modules = [Path(file).parent.name for file in files]
    assert [DATA_SOURCES[module] for module in modules] == list(BENCHMARKS)


@pytest.mark.parametrize(
    "env, message",
    [
        ({"METHOD": "_shared"}, "METHOD: got _shared; expected a_grae, "),
        ({"METHOD": "untrained"}, "METHOD: got untrained; expected a method that trains."),
        ({"DEVICE": "tpu"}, "DEVICE: got tpu; expected gpu or cpu."),
        ({"STAGE": "test"}, "STAGE: got test; expected train or evaluate."),
        ({"MAX_TOKENS_PER_GPU": "5000"}, "MAX_TOKENS_PER_GPU: got 5000; expected at least 5120"),
        ({"OUT_DIR": "it's"}, "OUT_DIR: got "),
        ({"OUT_DIR": "${oc.env:HOME}/x"}, "OUT_DIR: got "),
        ({"METHOD": "grpo "}, "METHOD: got grpo ; expected a_grae"),
        ({"METHOD": "grpo asymgrpo"}, "METHOD: got grpo asymgrpo; expected a_grae"),
        ({"METHOD": "*"}, "METHOD: got *; expected a_grae"),
        ({"DRY_RUN": "0", "DATA_DIR": "/no/such"}, "/no/such/math/train.parquet, /no/such/math500/test.parquet, "),
    ],
)
def test_a_mistake_is_found_by_the_dry_run_or_earlier(env, message):
    done = launch("run_qwen3_4b_fsdp.sh", **{"DRY_RUN": "1", **env})
    assert done.returncode == 1 and message in done.stderr
    assert "nothing was started" not in done.stderr


@pytest.mark.parametrize(
    "override, message",
    [
        ("trainer.no_such=1", "Could not override 'trainer.no_such'"),
        ("actor_rollout_ref.actor.loss_agg_mode=mean", "Invalid loss_agg_mode: mean"),
        ("algorithm.adv_estimator=nope", "nope"),
        ("actor_rollout_ref.actor.policy_loss.loss_mode=nope", "nope"),
        ("trainer.v1.trainer_mode=nope", "nope"),
        ("reward.custom_reward_function.path=/no/such.py", "/no/such.py"),
        ("algorithm.asymgrpo.beta_pos=-1", "beta_pos: got -1; expected a number >= 0"),
        ("trainer.logger=[console]", "expected a list with file"),
    ],
)
def test_what_the_dry_run_checks(run_config, override, message):
    with pytest.raises(Exception, match=message):
        check_run(run_config("run_qwen3_4b_fsdp.sh", "asymgrpo", override))


def test_validation_files_may_stand_on_several_lines():
    done = launch(
        "run_qwen3_4b_fsdp.sh", DRY_RUN="1", STAGE="evaluate", METHOD="untrained", VAL_FILES="/a.parquet\n/b c.parquet"
    )
    assert shlex.split(done.stdout)[3:7] == ["--data", "/a.parquet", "/b", str(Path.cwd() / "c.parquet")]


def test_an_evaluation_has_the_models_chat_template_and_response_length(run_config):
    done = launch("run_llama3_2_3b_fsdp.sh", DRY_RUN="1", STAGE="evaluate", METHOD="untrained")
    words = shlex.split(done.stdout)
    assert words[:3] == ["asymgrpo", "evaluate", "meta-llama/Llama-3.2-3B-Instruct"]
    of = dict(zip(words[:-1], words[1:], strict=True))
    assert (of["--label"], of["--max-response-length"]) == ("llama3_2_3b", "4096")
    trained = run_config("run_llama3_2_3b_fsdp.sh", "grpo").data
    assert json.loads(of["--chat-template-kwargs"]) == trained.apply_chat_template_kwargs


def test_a_run_does_not_resume_from_checkpoints_of_other_settings(tmp_path):
    """If the settings differ, the launcher ends before it calls Python; if they are equal, it calls verl."""
    for name in ("train.parquet", "val.parquet"):
        (tmp_path / name).touch()
    idle_python(tmp_path, "echo called python")
    env = {
        "TRAIN_FILE": str(tmp_path / "train.parquet"),
        "VAL_FILES": str(tmp_path / "val.parquet"),
        "MODEL_PATH": str(tiny_model(tmp_path / "model")),
        "OUT_DIR": str(tmp_path),
        "PATH": str(tmp_path),
    }
    start = partial(launch, "run_qwen3_4b_fsdp.sh", **env)

    assert start().stdout == "called python\n"
    assert start("algorithm.asymgrpo.beta_pos=0.8").stdout == "called python\n", "there is no checkpoint yet"
    (tmp_path / "checkpoints" / "global_step_10").mkdir(parents=True)
    (tmp_path / "checkpoints" / "latest_checkpointed_iteration.txt").write_text("10")
    (tmp_path / "metrics.jsonl").write_text("{}\n")
    refused = start()
    assert refused.returncode == 1 and "algorithm.asymgrpo.beta_pos=0.8" in refused.stderr
    assert "holds checkpoints of a run with the other settings above" in refused.stderr
    assert (tmp_path / "metrics.jsonl").is_file()
    assert start("algorithm.asymgrpo.beta_pos=0.8").stdout == "called python\n"
    (kept,) = tmp_path.glob("metrics.*.jsonl")
    assert kept.read_text() == "{}\n" and not (tmp_path / "metrics.jsonl").exists()

    (tmp_path / "trained").touch()
    done = start("algorithm.asymgrpo.beta_pos=0.8")
    assert (done.returncode, done.stdout) == (0, ""), "a second run_all.sh does not train again"
    assert done.stderr.endswith(f"{tmp_path} is trained\n")
    assert start().returncode == 1, "with other settings the launcher still refuses"


def test_a_run_of_a_sweep_has_the_label_of_its_directory():
    done = launch("run_qwen3_4b_fsdp.sh", DRY_RUN="1", STAGE="evaluate", OUT_DIR="outputs/beta_0.8")
    assert "--label beta_0.8 " in done.stdout


def test_a_dry_run_of_run_all_prints_every_row_and_marks_none_as_trained(tmp_path):
    place, out = tmp_path / "bin", tmp_path / "out"
    for directory in (place, out):
        directory.mkdir()
    idle_python(place, "exit 0")  # the check of the configuration has its own tests
    done = launch("run_all.sh", DRY_RUN="1", METHODS="untrained grpo", OUT_ROOT=str(out), PATH=str(place))
    assert done.returncode == 0, done.stderr
    for word in ("--label untrained", "+asymgrpo=grpo", "--label grpo"):
        assert word in done.stdout
    assert list(out.iterdir()) == []


def test_a_dry_run_leaves_nothing_behind_and_two_numbers_scale_it(tmp_path):
    env = {"DRY_RUN": "1", "NNODES": "4", "NGPUS_PER_NODE": "8", "OUT_DIR": str(tmp_path / "out")}
    done = launch("run_qwen3_4b_fsdp.sh", cwd=tmp_path, **env)
    assert done.returncode == 0 and "nothing was started" in done.stderr
    assert "trainer.nnodes=4 trainer.n_gpus_per_node=8" in done.stdout
    assert list(tmp_path.iterdir()) == []
