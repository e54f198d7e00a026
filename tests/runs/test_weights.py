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
"""Find a run's checkpoints and a model's weights; `asymgrpo select`."""

import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from console import Done, asymgrpo
from run_logs import write_log
from tiny_run import quickstart

from asymgrpo_verl.runs.weights import find_checkpoints, locate_model, merge, must_be_merged

MATH_500 = "HuggingFaceH4/MATH-500"


def log(path: Path, accuracy: dict[int, float], source=MATH_500, key="acc/mean@1") -> Path:
    """Write verl's file log: a line per step, with a validation at the steps of `accuracy`."""
    rows = [(step, {"critic/score/mean": 0.5}) for step in range(max(accuracy) + 1)]
    for step, value in accuracy.items():
        rows[step][1][f"val-core/{source}/{key}"] = value
        rows[step][1][f"val-aux/{source}/reward/mean@1"] = 0.5
    return write_log(path, rows)


def save(root: Path, *steps: int) -> None:
    for step in steps:
        actor = root / f"global_step_{step}" / "actor"
        actor.mkdir(parents=True)
        (actor / "model_world_size_1_rank_0.pt").touch()


def select(*arguments) -> Done:
    return asymgrpo("select", *arguments)


def test_only_the_best_checkpoint_goes_to_stdout(tmp_path):
    log(tmp_path / "metrics.jsonl", {0: 0.1, 2: 0.5, 4: 0.8, 6: 0.7})
    save(tmp_path / "checkpoints", 2, 4, 6)
    done = select(tmp_path)
    assert done.status == 0 and done.stdout == f"{tmp_path / 'checkpoints' / 'global_step_4'}\n"
    assert done.stderr == f"step 4: 0.8000 on {MATH_500}, the best of 3 checkpoints\n"


def test_of_equally_good_checkpoints_the_earliest_is_selected(tmp_path):
    log(tmp_path / "metrics.jsonl", {1: 0.2, 9: 0.8, 10: 0.8})
    save(tmp_path, 9, 10)
    assert select(tmp_path).stdout == f"{tmp_path / 'global_step_9'}\n"


def test_messages_name_a_better_step_without_checkpoint_and_checkpoints_without_validation(tmp_path):
    log(tmp_path / "metrics.jsonl", {2: 0.5, 3: 0.9, 4: 0.8})
    save(tmp_path, 2, 4, 5)
    (tmp_path / "global_step_3" / "actor").mkdir(parents=True)  # verl leaves it when it removes an old checkpoint
    done = select(tmp_path)
    assert done.stdout == f"{tmp_path / 'global_step_4'}\n"
    assert done.stderr.splitlines()[1:] == [
        "step 3: validated at 0.9000, but it has no checkpoint",
        "not considered, because the log has no validation at these steps: 5",
    ]


def test_the_data_source_and_the_log_can_be_chosen(tmp_path):
    metrics = log(tmp_path / "logs" / "a.jsonl", {1: 0.9, 2: 0.1}, source="aime24", key="reward/mean@16")
    save(tmp_path, 1, 2)
    done = select(tmp_path, "--metrics", metrics, "--data-source", "aime24")
    assert done.stdout == f"{tmp_path / 'global_step_1'}\n"


def test_another_metric_of_the_validation_can_be_chosen(tmp_path):
    rows = [
        (step, {f"val-core/{MATH_500}/acc/mean@8": mean, f"val-core/{MATH_500}/acc/pass@8/mean": one})
        for step, mean, one in [(1, 0.9, 0.91), (2, 0.1, 0.95)]
    ]
    write_log(tmp_path / "metrics.jsonl", rows)
    save(tmp_path, 1, 2)
    assert select(tmp_path).stdout == f"{tmp_path / 'global_step_1'}\n"
    done = select(tmp_path, "--by", "pass@8")
    assert done.stdout == f"{tmp_path / 'global_step_2'}\n"
    assert done.stderr == f"step 2: pass@8 0.9500 on {MATH_500}, the best of 2 checkpoints\n"
    done = select(tmp_path, "--by", "pass@4")
    assert done.status == 1 and f"got mean@8, pass@8 on {MATH_500}; expected pass@4." in done.stderr


def test_a_nan_never_wins_and_its_step_is_named(tmp_path):
    log(tmp_path / "metrics.jsonl", {1: None, 2: math.nan, 3: 0.5, 4: math.inf})
    save(tmp_path, 1, 2, 3, 4)
    done = select(tmp_path)
    assert done.stdout == f"{tmp_path / 'global_step_3'}\n"
    assert done.stderr.splitlines()[0] == f"step 3: 0.5000 on {MATH_500}, the best of 1 checkpoints"
    assert "the accuracy in the log is not a number at these steps: 1, 2, 4" in done.stderr


@pytest.mark.parametrize(
    "accuracy, steps, arguments, message",
    [
        ({}, [1], [], "metrics.jsonl: no such file"),
        ({1: 0.5}, [1], ["--data-source", "amc23"], f"got validations on {MATH_500}; expected amc23."),
        ({1: 0.5}, [2], [], "got checkpoints at these steps: 2; expected one at a validated step: 1."),
        ({1: None, 2: math.nan}, [1], [], f"got no number in any validation on {MATH_500}; expected at least one"),
        ({1: 0.5}, [], [], "got checkpoints at these steps: none; expected one at a validated step: 1."),
    ],
)
def test_without_a_validated_checkpoint_it_ends_with_an_error(tmp_path, accuracy, steps, arguments, message):
    if accuracy:
        log(tmp_path / "metrics.jsonl", accuracy)
    save(tmp_path, *steps)
    done = select(tmp_path, *arguments)
    assert done.status == 1 and done.stdout == ""
    assert done.stderr.startswith("asymgrpo select: ") and message in done.stderr


def test_a_checkpoint_is_a_directory_that_still_has_the_actors_weights(tmp_path):
    save(tmp_path, 3)
    save(tmp_path / "checkpoints", 20)
    for name in ("global_step_1/actor", "global_step_3.tmp/actor", "other/actor"):
        (tmp_path / name).mkdir(parents=True)
    assert find_checkpoints(tmp_path) == {
        3: tmp_path / "global_step_3",
        20: tmp_path / "checkpoints" / "global_step_20",
    }


def hugging_face(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text("{}")
    (directory / "model.safetensors").write_text("weights")
    return directory


def test_weights_are_found_from_the_model_the_checkpoint_and_its_actor(tmp_path):
    model = hugging_face(tmp_path / "model")
    assert locate_model(str(model))[0] == model
    save(tmp_path, 3)
    actor = tmp_path / "global_step_3" / "actor"
    with pytest.raises(ValueError, match="expected huggingface/config.json, which verl saves beside the shards"):
        locate_model(str(actor))
    (actor / "huggingface").mkdir()
    (actor / "huggingface" / "config.json").write_text("{}")
    assert locate_model(str(actor))[0] == locate_model(str(tmp_path / "global_step_3"))[0] == actor
    hugging_face(actor / "huggingface")
    assert locate_model(str(tmp_path / "global_step_3"))[0] == actor / "huggingface", "nothing to merge"
    assert locate_model("Qwen/Qwen3-4B") == (None, None)


def test_the_fingerprint_changes_when_the_weights_change(tmp_path):
    model = hugging_face(tmp_path / "model")
    before = locate_model(str(model))[1]
    assert locate_model(str(model))[1] == before
    (model / "model.safetensors").write_text("other weights")
    assert locate_model(str(model))[1] != before


def test_a_missing_shard_is_an_error(tmp_path):
    (tmp_path / "model_world_size_4_rank_0.pt").touch()
    with pytest.raises(ValueError, match="got 1 FSDP shards; expected 4, one per rank"):
        locate_model(str(tmp_path))


def test_a_path_without_a_model_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="got a directory without weights; expected a Hugging Face model"):
        locate_model(str(tmp_path))
    with pytest.raises(FileNotFoundError, match="nowhere: no such directory"):
        locate_model(str(tmp_path / "nowhere"))


def adapter(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "adapter_config.json").write_text("{}")
    (directory / "adapter_model.safetensors").write_text("adapter")
    return directory


def shards_of(global_step: Path, meta: str | None = '{"r": 2, "lora_alpha": 8}') -> Path:
    save(global_step.parent, int(global_step.name.removeprefix("global_step_")))
    actor = global_step / "actor"
    (actor / "huggingface").mkdir()
    (actor / "huggingface" / "config.json").write_text("{}")
    if meta is not None:
        (actor / "lora_train_meta.json").write_text(meta)
    return actor


@pytest.mark.parametrize("place", ["lora_adapter", "."])
def test_a_model_with_a_lora_adapter_must_be_merged(tmp_path, place):
    model = hugging_face(tmp_path / "model")
    before = locate_model(str(model))
    assert not must_be_merged(model)
    adapter(model / place)
    assert must_be_merged(model)
    assert locate_model(str(model))[0] == model and locate_model(str(model)) != before, "another fingerprint"


def test_of_a_lora_checkpoint_the_shards_are_taken_and_not_the_weights_in_huggingface(tmp_path):
    """verl writes base and adapter into huggingface/ under names that no engine reads (base_model.model...)."""
    for step, mark in ((1, "meta"), (2, "actor/lora_adapter"), (3, "lora_adapter")):
        actor = shards_of(tmp_path / f"global_step_{step}", meta="{}" if mark == "meta" else None)
        hugging_face(actor / "huggingface")
        if mark != "meta":
            adapter(actor.parent / mark)
        for path in (actor.parent, actor, actor / "huggingface"):
            assert locate_model(str(path))[0] == actor


def test_the_fingerprint_of_a_lora_checkpoint_is_not_that_of_its_base(tmp_path):
    actor = shards_of(tmp_path / "global_step_1", meta=None)
    base = locate_model(str(actor))[1]
    (actor / "lora_train_meta.json").write_text('{"r": 2, "lora_alpha": 8}')
    assert locate_model(str(actor))[1] != base


@pytest.mark.parametrize("name", ["lora_adapter", "global_step_1/actor/lora_adapter"])
def test_an_adapter_without_its_base_model_is_an_error_that_says_how_to_merge(tmp_path, name):
    alone = adapter(tmp_path / name)
    for path in (alone, alone.parent, *([alone.parents[1]] if "actor" in name else [])):
        with pytest.raises(ValueError, match="got a LoRA adapter without its base model.*runs.adapter BASE .* TARGET"):
            locate_model(str(path))
    (alone / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="without its base model"):
        locate_model(str(alone))


@pytest.mark.parametrize("meta", ["", "{}", "[]", '{"r": 8, "lora_alpha": 0}', '{"lora_alpha": "8"}', "\x00"])
def test_shards_of_a_lora_model_of_unknown_alpha_are_an_error(tmp_path, meta):
    actor = shards_of(tmp_path / "global_step_1", meta)
    with pytest.raises(ValueError, match="lora_train_meta.json: got .*; expected the rank and the alpha"):
        must_be_merged(actor)
    adapter(actor / "lora_adapter")
    assert must_be_merged(actor), "its own configuration has the alpha"


@pytest.fixture(scope="module")
def lora(tmp_path_factory):
    """A tiny Qwen3 with an adapter, as verl saves it in one shard; and the model that they make together."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    place = tmp_path_factory.mktemp("lora")
    quickstart("base_policy.py", place / "model", "--steps", 1)
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(place / "model", dtype=torch.bfloat16)
    model = get_peft_model(base, LoraConfig(r=2, lora_alpha=8, target_modules=["down_proj"], init_lora_weights=False))
    weights = model.state_dict()
    prefix, down = "base_model.model.", "model.layers.1.mlp.down_proj"
    b, a = (weights[f"{prefix}{down}.lora_{factor}.default.weight"].float() for factor in "BA")
    expected = weights[f"{prefix}{down}.base_layer.weight"].float() + 8 / 2 * b @ a
    actor = shards_of(place / "global_step_5")
    torch.save(weights, actor / "model_world_size_1_rank_0.pt")
    (actor / "fsdp_config.json").write_text('{"FSDP_version": 2, "world_size": 1}')
    shutil.copytree(place / "model", actor / "huggingface", dirs_exist_ok=True)
    (actor / "huggingface" / "model.safetensors").unlink()
    return actor, f"{down}.weight", expected


@pytest.mark.slow
@pytest.mark.process
def test_shards_of_a_lora_model_are_merged_with_their_adapter_and_not_into_the_base(lora, tmp_path):
    import torch
    from safetensors.torch import load_file

    actor, name, expected = lora
    assert locate_model(str(actor))[0] == actor and must_be_merged(actor)
    (tmp_path / "model" / "lora_adapter").mkdir(parents=True)  # version 0.1.0 left the adapter beside the base
    (tmp_path / "model" / "lora_adapter" / "adapter_config.json").write_text("{}")
    merge(actor, tmp_path / "model")
    merged = load_file(tmp_path / "model" / "model.safetensors")
    torch.testing.assert_close(merged[name].float(), expected, atol=4e-3, rtol=8e-3)
    assert not [key for key in merged if "lora_" in key or "base_layer" in key]
    assert (tmp_path / "model" / "tokenizer.json").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]


@pytest.mark.slow
@pytest.mark.process
def test_shards_without_the_base_model_end_with_how_to_merge(lora, tmp_path, capsys):
    """verl saves them with actor.checkpoint.save_lora_only=True."""
    import torch

    actor = shutil.copytree(lora[0], tmp_path / "actor")
    shard = actor / "model_world_size_1_rank_0.pt"
    torch.save({key: value for key, value in torch.load(shard).items() if "lora_" in key}, shard)
    with pytest.raises(SystemExit, match="adapter without its base model.*Run: python -m asymgrpo_verl.runs.adapter"):
        merge(actor, tmp_path / "model")
    assert not (tmp_path / "model").exists()
    done = subprocess.run(
        [sys.executable, "-m", "asymgrpo_verl.runs.adapter"]
        + [str(lora[0].parents[1] / "model"), str(tmp_path / "model.partial" / "lora_adapter"), str(tmp_path / "whole")]
    )
    assert done.returncode == 0
    from safetensors.torch import load_file

    found = load_file(tmp_path / "whole" / "model.safetensors")[lora[1]].float()
    torch.testing.assert_close(found, lora[2], atol=4e-3, rtol=8e-3)
