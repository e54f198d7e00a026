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
"""Two training steps with the folder for verl-recipe, where only the CPU support of the package can be imported.

verl itself has no support for a CPU. So every process of the run loads ONLY_CPU first, which turns on the room `cpu` of
our package and refuses all other imports of it. The plugin is off. The folder has the estimator, the loss, the
configuration and the launcher.
"""

import json
import math
import os
import subprocess
import sys

import pytest
from places import RECIPES, ROOT
from tiny_run import REAL_RUN, prepare

from tools.export_recipe import export

pytestmark = REAL_RUN

STEPS = 2
ONLY_CPU = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("asymgrpo_verl.") and not f"{name}.".startswith("asymgrpo_verl.cpu."):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Refuse())

from asymgrpo_verl.cpu import hooks

hooks.activate()
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory, base_policy):
    """Return (output of the run, metrics per step)."""
    place = tmp_path_factory.mktemp("verl")
    prepare(place, base_policy)
    recipe = export(place / "recipe")
    (place / "only_cpu.py").write_text(ONLY_CPU)
    env = {
        **os.environ,
        "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "VERL_USE_EXTERNAL_PLUGINS": "none",
        "VERL_USE_EXTERNAL_MODULES": "only_cpu",
        "VERL_PLATFORM": "cpu",
        "VLLM_PLUGINS": "none",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "HF_HUB_OFFLINE": "1",
        "MODEL_PATH": str(place / "model"),
        "TRAIN_FILE": str(place / "train.parquet"),
        "VAL_FILE": str(place / "val.parquet"),
        "OUT_DIR": str(place / "out"),
        "NGPUS_PER_NODE": "1",
        "TRAIN_BATCH_SIZE": "8",
        "MINI_BATCH_SIZE": "4",
        "MAX_PROMPT_LENGTH": "32",
        "MAX_RESPONSE_LENGTH": "32",
    }
    settings = [
        f"hydra.searchpath=[pkg://verl.trainer.config,file://{RECIPES / 'asymgrpo' / 'config'}]",
        "+device=cpu",
        f"trainer.total_training_steps={STEPS}",
        "trainer.val_before_train=False",
        "trainer.test_freq=-1",
        "trainer.save_freq=-1",
        f"reward.custom_reward_function.path={place / 'reward.py'}",
    ]
    command = ["bash", str(recipe / "run_qwen3_4b_fsdp.sh"), *settings]
    done = subprocess.run(command, env=env, cwd=place, capture_output=True, text=True, timeout=900)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-5000:]
    lines = (place / "out" / "metrics.jsonl").read_text().splitlines()
    return output, [json.loads(line)["data"] for line in lines]


def test_both_steps_train(run):
    _, steps = run
    assert len(steps) == STEPS
    for step in steps:
        assert 0 < step["actor/grad_norm"] < math.inf
        assert 0 < step["critic/score/mean"] < 1


def test_estimator_and_loss_are_those_of_the_folder_and_the_trainer_is_verls(run):
    output, steps = run
    assert "'adv_estimator': 'asymgrpo'" in output and "'loss_mode': 'asymgrpo'" in output
    for step in steps:
        assert 0 < step["actor/positive/loss_share"] < 1
        assert step["actor/positive/token_frac"] + step["actor/negative/token_frac"] <= 1
        assert not [key for key in step if key.startswith("groups/")], "our trainer would log these"
