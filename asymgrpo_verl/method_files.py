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
"""What the files of configs/asymgrpo set, and how a run that changes some of it is called.

A setting is "a.b.c" -> value here. A method is defined by the settings of its file, except for these:
- strengths: the numbers of the method's own estimator, such as the betas. They may be changed, and the name shows it.
- settings that change nothing in what is trained: the diagnostics, and the trainer's.

`python -m asymgrpo_verl.method_files > docs/methods.md` writes the page of methods.
"""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

LEGEND = (
    "p is the accuracy of a rollout's group; r is 1 for a correct and 0 for an incorrect rollout. A is the advantage, "
    "A+ of a correct and A- of an incorrect rollout. A formula with p is for mixed groups. Table 1 is that of arXiv "
    "2604.04894. Choose a method with METHOD=... or +asymgrpo=...; its settings stand after its formula."
)
METHODS = Path(__file__).parent / "configs" / "asymgrpo"
NOT_TRAINED = ("algorithm.diagnostics.", "trainer.")
BETAS = ("algorithm.asymgrpo.beta_pos", "algorithm.asymgrpo.beta_neg")
# In these modes of verl's trainer the rollouts are of older policies, so the name of the run shows the mode.
ASYNCHRONOUS = ("colocate_async", "separate_async")
# No method sets these. They change what is trained, and the name of the run shows it.
ADDITIONS = ("algorithm.asymgrpo.schedule", "algorithm.token_weighting")
# Nor these, whose values in verl are here. Another value shows in the name.
DEFAULTS_OF_VERL = {
    "actor_rollout_ref.actor.use_kl_loss": False,
    "actor_rollout_ref.actor.clip_ratio_c": 3.0,
    "algorithm.use_kl_in_reward": False,
    "algorithm.zero_weight.mean_over": "all",  # ours, and what verl does
}


def read_method(method: str) -> dict[str, Any]:
    """Read what one of our methods sets, with what it takes from others; {} if the method is not one of ours."""
    path = METHODS / f"{method}.yaml"
    if not path.is_file():
        return {}
    node = yaml.safe_load(path.read_text(encoding="utf-8"))
    settings = {}
    for part in node.pop("defaults", ["_self_"]):
        settings |= flat(node) if part == "_self_" else read_method(part)
    return settings


def check_composed(config: Mapping[str, Any]) -> None:
    """Check that `+asymgrpo=METHOD` chose a method.

    In a process that has not loaded our plugin, Hydra does not know the config group asymgrpo. It then takes the
    override as a key of the configuration, and verl would train its default method.

    Raises:
        ValueError: the configuration has a key asymgrpo.
    """
    if "asymgrpo" in config:
        raise ValueError(
            f"+asymgrpo={config['asymgrpo']}: got a key of the configuration; expected a method, but verl has not "
            "loaded the plugin of asymgrpo_verl. Run: asymgrpo check. It says why."
        )


def method_names() -> list[str]:
    """Return the names of our methods, sorted."""
    return sorted(path.stem for path in METHODS.glob("[!_]*.yaml"))


def describe(method: str) -> tuple[str, str, dict[str, Any]]:
    """Return (name and source, formula, settings) of a method.

    The first two stand in its file, as the comments after `# @package _global_`. The settings are those that differ
    from what all methods share, "a.b.c" -> value.
    """
    _, about, formula, *_ = (METHODS / f"{method}.yaml").read_text(encoding="utf-8").splitlines()
    shared = read_method("_shared")
    settings = {key: value for key, value in read_method(method).items() if shared.get(key) != value}
    return about.removeprefix("# "), formula.removeprefix("# "), settings


def listing(methods: list[str]) -> str:
    """Return methods as text of 80 columns: name and source, formula, settings. [] stands for all methods."""
    paragraphs = [textwrap.fill(LEGEND, 80)]
    for method in methods or method_names():
        about, formula, settings = describe(method)
        lines = [about, formula, " ".join(f"{key}={_text(value)}" for key, value in settings.items())]
        wrapped = [
            textwrap.fill(line, 80, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False)
            for line in lines
            if line
        ]
        paragraphs.append("\n".join([method, *wrapped]))
    return "\n\n".join(paragraphs)


PAGE = f"""\
# Methods

<!-- Made by `python -m asymgrpo_verl.method_files > docs/methods.md`: edit configs/asymgrpo. -->

{LEGEND} `asymgrpo methods` prints this list.

[The recipe](../recipes/asymgrpo/README.md#methods) has the averages of Table 1 and says which methods were run.
All methods have these settings, unless they set another value:

"""


def markdown() -> str:
    """Return the text of docs/methods.md."""
    shared = "".join(f"- `{key}={_text(value)}`\n" for key, value in read_method("_shared").items())
    parts = []
    for method in method_names():
        about, formula, settings = describe(method)
        values = "".join(f"- `{key}={_text(value)}`\n" for key, value in settings.items())
        parts.append(f"\n## {method}\n\n{about}\n\n`{formula}`\n\n{values}")
    return PAGE + shared + "".join(parts)


def settings_that_define_methods() -> set[str]:
    """Return the settings that at least one of our methods sets and that change what is trained."""
    keys = {key for path in METHODS.glob("*.yaml") for key in read_method(path.stem)}
    return {key for key in keys if not key.startswith(NOT_TRAINED)}


def flat(node: Mapping, prefix: str = "") -> dict[str, Any]:
    """Return the leaves of nested mappings as "a.b.c" -> value."""
    leaves = {}
    for key, value in node.items():
        leaves |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return leaves


def is_strength(key: str, value: Any, estimator: str) -> bool:
    """Return whether a setting is a number of the estimator's own."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and key.startswith(f"algorithm.{estimator}.")


def differences(settings: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """Return how a run differs from its method, as a label shows it.

    This is both betas, "key=value", the mode of an asynchronous trainer, the name of an addition.

    Args:
        settings: those of the method.
        config: those of the run. A setting that is not in it is taken as unchanged.
    """
    values = {key: config.get(key, value) for key, value in settings.items() if not key.startswith(NOT_TRAINED)}
    changed = [key for key, value in values.items() if value != settings[key]]
    words = [_text(values.get(key)) for key in BETAS] if any(key in changed for key in BETAS) else []
    words += [f"{key.rsplit('.', 1)[1]}={_text(values[key])}" for key in changed if key not in BETAS]
    of_estimator = f"algorithm.{config.get('algorithm.adv_estimator')}.reward_threshold"
    extra = [key for key, value in DEFAULTS_OF_VERL.items() if key not in settings and config.get(key, value) != value]
    extra += [of_estimator] if of_estimator in config and of_estimator not in settings else []
    words += [f"{key.rsplit('.', 1)[1]}={_text(config[key])}" for key in extra]
    mode = str(config.get("trainer.v1.trainer_mode")).removeprefix("asymgrpo_")
    words += [mode] if mode in ASYNCHRONOUS else []
    used = ADDITIONS if config.get("algorithm.adv_estimator") == "asymgrpo" else ADDITIONS[1:]
    added = [group for group in used if any(key.startswith(f"{group}.") and key not in settings for key in config)]
    return words + [group.rsplit(".", 1)[1] for group in added]


def _text(value: Any) -> str:
    """Return a value as a label has it: 1 and 1.0 are the same setting, so they get one label."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


if __name__ == "__main__":
    print(markdown(), end="")
