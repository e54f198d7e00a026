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
"""What we use of verl is looked for by name and parameters: an unknown version is used, a missing piece is named."""

import subprocess
import sys

import pytest
import verl
from omegaconf import OmegaConf
from upstream import read_table
from verl.trainer.ppo import core_algos
from verl.trainer.ppo.checkpoint_callback import CheckpointCallback
from verl.trainer.ppo.v1.trainer_base import PPOTrainer
from verl.workers.engine_workers import TrainingWorker

from asymgrpo_verl.integration import capabilities
from asymgrpo_verl.integration.needs import (
    COLOCATE_ASYNC,
    CPU,
    KEEP_BEST,
    METHOD,
    NEEDS,
    REWARD,
    SEPARATE_ASYNC,
    TRAINER,
    WORKER,
    Need,
)

NEWER = "0.10.0.dev0"


@pytest.fixture(autouse=True)
def on_a_gpu(monkeypatch):
    monkeypatch.delenv("VERL_PLATFORM", raising=False)


def run(**changes):
    """Return the part of a run's configuration that says what of ours it uses: the estimator alone, by default."""
    config = OmegaConf.create(
        {
            "algorithm": {"adv_estimator": "asymgrpo"},
            "actor_rollout_ref": {"actor": {"policy_loss": {"loss_mode": "vanilla"}}},
            "trainer": {"use_v1": True, "v1": {"trainer_mode": "sync"}},
        }
    )
    for key, value in changes.items():
        OmegaConf.update(config, key.replace("__", "."), value, force_add=True)
    return config


OURS_IN_FULL = {"trainer__v1__trainer_mode": "asymgrpo", "algorithm__diagnostics__gradient_share_every": 5}


def touched_by_a_training(by: str) -> bool:
    rooms = by.startswith(("integration/", "cpu/")) and by != "integration/check.py"
    return rooms or by in ("plugin.py", "checkpoints.py", "rewards/maths.py")


def test_the_needs_are_the_rows_of_upstream_that_a_training_touches():
    rows = {row.name for row in read_table() if any(map(touched_by_a_training, row.by))}
    names = [need.name for needs in NEEDS.values() for need in needs]
    assert {*names} == rows and len(names) == len({*names})


@pytest.mark.parametrize("feature", [feature for feature in NEEDS if feature != CPU])
def test_the_installed_verl_has_every_need(feature):
    assert capabilities.problems(NEEDS[feature]) == []


@pytest.mark.process
def test_the_installed_verl_has_every_need_of_a_cpu():
    code = (
        "from asymgrpo_verl.integration.capabilities import problems; "
        "from asymgrpo_verl.integration.needs import CPU, NEEDS; import verl; print(problems(NEEDS[CPU]))"
    )
    command = ["env", "VERL_PLATFORM=cpu", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr


def renamed(monkeypatch, owner, name):
    """Rename a function or a class of verl, as another version of it might have done."""
    monkeypatch.setattr(owner, f"{name}_2", getattr(owner, name), raising=False)
    monkeypatch.delattr(owner, name)


@pytest.mark.parametrize(
    ("need", "message"),
    [
        (Need("verl.trainer.ppo.core_algos.aggregate"), ": not found"),
        (Need("verl.trainer.ppo.v3.trainer_base.PPOTrainer"), ": not found"),
        (Need("no_such_package.module"), ": not found"),
        (
            Need("verl.trainer.ppo.v1.trainer_base.PPOTrainer._update_actor", override="self batch"),
            ": got the parameters (self, batch, metrics); expected (self, batch)",
        ),
        (
            Need("verl.workers.utils.padding.response_to_nested", call="_ mask="),
            ": got the parameters (tensor, response_mask); expected to be called with (_, mask=): missing a required "
            "argument: 'response_mask'",
        ),
        (Need("verl.trainer.config.AlgoConfig", has="adv_estimator temperature"), ": expected temperature in it"),
        (Need("verl.workers.utils.losses.ppo_loss", has="old_log_prob uid"), ": expected uid in it"),
    ],
    ids=lambda value: value.name if isinstance(value, Need) else None,
)
def test_what_is_missing_is_named(need, message):
    assert capabilities.problems([need]) == [need.name + message]


def test_a_module_whose_own_import_fails_is_named_with_the_reason(tmp_path, monkeypatch):
    (tmp_path / "breaks.py").write_text("raise OSError('libcudart.so.13: cannot open')")
    (tmp_path / "lacks.py").write_text("import no_such_package")
    monkeypatch.syspath_prepend(tmp_path)
    assert capabilities.problems([Need("breaks.f"), Need("lacks.f")]) == [
        "breaks.f: importing it failed (OSError: libcudart.so.13: cannot open)",
        "lacks.f: not found, because no_such_package is not installed",
    ]


def test_the_features_that_a_run_uses_are_read_from_its_configuration():
    used = capabilities.used_features
    assert used(run(algorithm__adv_estimator="grpo")) == []
    assert used(run()) == [METHOD]
    loss = "actor_rollout_ref__actor__policy_loss__loss_mode"
    assert used(run(**{"algorithm__adv_estimator": "grpo", loss: "asymgrpo"})) == [METHOD]
    assert used(run(**OURS_IN_FULL)) == [METHOD, TRAINER, WORKER]
    assert used(run(trainer__v1__trainer_mode="asymgrpo", algorithm__zero_weight__mean_over="nonzero")) == [
        *(METHOD, TRAINER, WORKER)
    ]
    assert used(run(trainer__v1__trainer_mode="asymgrpo", trainer__use_v1=False)) == [METHOD]
    of_modes = {"sync": [], "colocate_async": [COLOCATE_ASYNC], "separate_async": [SEPARATE_ASYNC]}
    for mode, features in of_modes.items():
        assert used(run(trainer__v1__trainer_mode=mode)) == [METHOD], "verl's own trainer"
        needs_ours = run(trainer__v1__trainer_mode=mode, algorithm__diagnostics__log_prob_increment_every=1)
        assert used(needs_ours) == [METHOD, TRAINER, *features]
    assert used(run(trainer__v1__trainer_mode="asymgrpo_separate_async")) == [METHOD, TRAINER, SEPARATE_ASYNC]
    keep_best = {"trainer__checkpoint_callback_class": "asymgrpo_verl.checkpoints.KeepBest"}
    reward = {"reward__custom_reward_function__path": "pkg://asymgrpo_verl.rewards"}
    assert used(run(algorithm__adv_estimator="grpo", **keep_best, **reward)) == [KEEP_BEST, REWARD]


def test_a_tested_verl_with_all_of_it_is_used_without_a_word(capsys):
    capabilities.check_at_start(run(**OURS_IN_FULL))
    assert capsys.readouterr().out == ""


def test_an_unknown_verl_with_all_of_it_is_used_with_one_line(monkeypatch, capsys):
    monkeypatch.setattr(verl, "__version__", NEWER)
    capabilities.check_at_start(run(**OURS_IN_FULL))
    assert capsys.readouterr().out == f"[asymgrpo_verl] verl {NEWER} is not tested (0.9.1 is); it has all that we use\n"


def renamed_parameter(self, batch, logged):
    """Stand for PPOTrainer._update_actor of a verl that calls `metrics` `logged`."""


def test_a_trainer_that_lacks_something_is_an_error_if_it_is_used(monkeypatch):
    monkeypatch.setattr(verl, "__version__", NEWER)
    monkeypatch.setattr(PPOTrainer, "_update_actor", renamed_parameter)
    renamed(monkeypatch, PPOTrainer, "_save_checkpoint")
    with pytest.raises(ValueError) as error:
        capabilities.check_at_start(run(**OURS_IN_FULL))
    assert str(error.value) == (
        "verl: got 0.10.0.dev0; expected a version with all that this run needs for trainer.v1.trainer_mode=asymgrpo "
        "(verl.trainer.ppo.v1.trainer_base.PPOTrainer._save_checkpoint: not found; "
        "verl.trainer.ppo.v1.trainer_base.PPOTrainer._update_actor: got the parameters (self, batch, logged); expected "
        "(self, batch, metrics)). Install verl 0.9.1, or do without this feature."
    )


def test_a_trainer_that_lacks_something_is_one_line_if_it_is_not_used(monkeypatch, capsys):
    monkeypatch.setattr(PPOTrainer, "_update_actor", renamed_parameter)
    capabilities.check_at_start(run())
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"[asymgrpo_verl] verl {verl.__version__}: {TRAINER} cannot be used (verl.trainer.ppo.v1.")


def test_gradient_norms_alone_are_missed_by_a_run_that_measures_them(monkeypatch, capsys):
    renamed(monkeypatch, TrainingWorker, "train_batch")
    capabilities.check_at_start(run(trainer__v1__trainer_mode="asymgrpo"))
    (line,) = capsys.readouterr().out.splitlines()
    assert f"{WORKER} cannot be used (verl.workers.engine_workers.TrainingWorker.train_batch: not found)" in line
    with pytest.raises(ValueError, match="TrainingWorker.train_batch: not found"):
        capabilities.check_at_start(run(**OURS_IN_FULL))


def test_keep_best_is_missed_by_a_run_that_uses_it(monkeypatch, capsys):
    renamed(monkeypatch, CheckpointCallback, "on_save")
    capabilities.check_at_start(run())
    assert f"{KEEP_BEST} cannot be used" in capsys.readouterr().out
    with pytest.raises(ValueError, match="CheckpointCallback: expected on_save in it"):
        capabilities.check_at_start(run(trainer__checkpoint_callback_class="asymgrpo_verl.checkpoints.KeepBest"))


def test_a_method_that_cannot_be_right_is_an_error_and_no_matter_to_another_estimator(monkeypatch, capsys):
    def agg_loss(loss_mat, loss_mask, reduction):
        """Stand for the agg_loss of a verl with other parameters."""

    monkeypatch.setattr(core_algos, "agg_loss", agg_loss)
    with pytest.raises(ValueError, match=r"agg_loss: got the parameters \(loss_mat, loss_mask, reduction\); expected"):
        capabilities.check_at_start(run())
    capabilities.check_at_start(run(algorithm__adv_estimator="grpo"))
    assert capsys.readouterr().out == ""


def test_validate_config_looks_before_it_reads_our_settings(monkeypatch):
    from verl.utils.config import validate_config

    renamed(monkeypatch, core_algos, "agg_loss")
    with pytest.raises(ValueError, match="verl.trainer.ppo.core_algos.agg_loss: not found"):
        validate_config(run(), False, False)


CHANGED = """
import sys, wrapt
module, change, imported = sys.argv[1:]
wrapt.register_post_import_hook(lambda module: exec(change, vars(module)), module)
import importlib, verl
importlib.import_module(imported)
from verl.trainer.ppo import core_algos
print("asymgrpo" in core_algos.ADV_ESTIMATOR_REGISTRY, "asymgrpo" in core_algos.POLICY_LOSS_REGISTRY)
if imported.endswith("v1"):
    from verl.trainer.ppo.v1.trainer_base import TRAINER_REGISTRY as trainers
    print(*(name for name in trainers if name.startswith("asymgrpo")), "sync" in trainers)
"""


def changed_verl(*arguments: str) -> list[str]:
    """Return what a process prints in which verl was changed before our hooks run."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", CHANGED, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.process
def test_a_verl_without_what_the_method_needs_is_imported_and_has_no_estimator_of_ours():
    core = "verl.trainer.ppo.core_algos"
    assert changed_verl(core, "def agg_loss(loss_mat): ...", core) == ["False False"]


@pytest.mark.process
def test_a_verl_without_validate_config_is_imported_with_a_line_and_has_no_estimator_of_ours():
    line, registered = changed_verl("verl.utils", "del config.validate_config", "verl.utils.config")
    assert registered == "False False"
    assert line == (
        "[asymgrpo_verl] verl.utils.config.validate_config: not found, so this verl cannot use asymgrpo_verl"
    )


@pytest.mark.process
def test_a_verl_without_what_the_trainer_needs_is_imported_and_keeps_the_estimators():
    change = "def create_colocated_worker_cls(class_dict): ..."
    lines = changed_verl("verl.single_controller.ray.base", change, "verl.trainer.ppo.v1")
    assert lines[-2:] == ["True True", "True"]


@pytest.mark.process
def test_a_verl_without_what_one_of_our_trainers_needs_keeps_the_others():
    module = "verl.trainer.ppo.v1.trainer_separate_async"
    lines = changed_verl(module, "del PPOTrainerSeparateAsync._step_had_idle", "verl.trainer.ppo.v1")
    assert lines[-1] == "asymgrpo asymgrpo_colocate_async True"
