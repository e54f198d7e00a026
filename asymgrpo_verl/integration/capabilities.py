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
"""Look for what we use of verl, vLLM, Ray, Hydra and the TransferQueue, instead of trusting a version number.

`needs` has a row for each. A verl that we have not tested is used if it has them all. Nothing here runs when verl loads
the plugin: the plugin's hooks and `asymgrpo check` call it.
"""

import importlib.util
import inspect
import os
from collections.abc import Iterable
from types import CodeType
from typing import Any

from omegaconf import DictConfig, OmegaConf

from asymgrpo_verl.core.estimators import ESTIMATORS
from asymgrpo_verl.integration.modes import VERLS, is_ours, trainer_mode
from asymgrpo_verl.integration.needs import (
    ALGOS,
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

TESTED_VERL = ("0.9.1",)
POLICY_LOSSES = ("asymgrpo", "up")
PREFIX = "[asymgrpo_verl]"


def problems(needs: Iterable[Need]) -> list[str]:
    """Return a message for each need that is not met; an empty list if all are. Imports the modules that they name."""
    return [message for need in needs if (message := _problem(need))]


def _problem(need: Need) -> str | None:
    try:
        found = _find(need.name)
    except (AttributeError, ModuleNotFoundError) as error:
        missing = getattr(error, "name", None)
        elsewhere = isinstance(error, ModuleNotFoundError) and not need.name.startswith(str(missing))
        return f"{need.name}: not found" + (f", because {missing} is not installed" if elsewhere else "")
    except Exception as error:  # because a foreign module may raise anything when it is imported
        return f"{need.name}: importing it failed ({type(error).__name__}: {error})"
    if (need.call or need.override) and (message := _signature_problem(need, found)):
        return message
    known = _attributes(found) if inspect.isclass(found) else _names(found.__code__) if need.has else set()
    if lacks := [name for name in need.has.split() if name not in known]:
        return f"{need.name}: expected {', '.join(lacks)} in it"
    return None


def _find(name: str) -> Any:
    """Return the object of a dotted name as it was before any patch; of a Ray actor, the class that the actor has."""
    first, *rest = name.split(".")
    found, path = importlib.import_module(first), first
    for part in rest:
        path = f"{path}.{part}"
        # A package may not have its module as an attribute: a hook runs while the package is being imported, and
        # hydra has a function of the name of its module compose.
        if hasattr(found, "__path__") and importlib.util.find_spec(path):
            found = importlib.import_module(path)
        else:
            found = _original(getattr(found, part))
    return found


def _original(found: Any) -> Any:
    metadata = inspect.getattr_static(found, "__ray_metadata__", None)
    return metadata.modified_class.__ray_actor_class__ if metadata else inspect.unwrap(found)


def _signature_problem(need: Need, function: Any) -> str | None:
    signature = inspect.signature(function)
    # Ray adds parameters of its own to the methods of an actor.
    parameters = [parameter for parameter in signature.parameters.values() if not parameter.name.startswith("_ray_")]
    got = f"{need.name}: got the parameters ({', '.join(parameter.name for parameter in parameters)})"
    if need.override and [parameter.name for parameter in parameters] != need.override.split():
        return f"{got}; expected ({', '.join(need.override.split())})"
    if need.call:
        arguments = need.call.split()
        named = {argument.rstrip("="): None for argument in arguments if argument.endswith("=")}
        try:
            signature.bind(*[None] * arguments.count("_"), **named)
        except TypeError as error:
            return f"{got}; expected to be called with ({', '.join(arguments)}): {error}"
    return None


def _attributes(found: type) -> set[str]:
    """Return the attributes of a class, with the fields of a dataclass, also those without a default."""
    return {*dir(found), *getattr(found, "__dataclass_fields__", {})}


def _names(code: CodeType) -> set[str]:
    """Return the names and texts in a function's code, with those of the functions inside it."""
    names, todo = {*code.co_names, *code.co_varnames, *code.co_freevars}, list(code.co_consts)
    while todo:
        constant = todo.pop()
        if isinstance(constant, str):
            names.add(constant)
        elif isinstance(constant, tuple | frozenset):
            todo += constant
        elif isinstance(constant, CodeType):
            names |= _names(constant)
    return names


def can_register() -> bool:
    """Return whether verl's registries, and verl.utils.config, where our settings are checked, have what METHOD needs.

    If not, our names are not registered, so that a run that does not use them is not affected. A run that uses them
    ends with the error of `check_at_start`.
    """
    return not problems(need for need in NEEDS[METHOD] if need.name.startswith((f"{ALGOS}.", "verl.utils.config.")))


def used_features(config: DictConfig) -> list[str]:
    """Return the features of NEEDS that a run uses, by its whole configuration."""
    select = OmegaConf.select
    trainer = is_ours(config)
    mode = VERLS[trainer_mode(config)] if trainer else None
    loss = select(config, "actor_rollout_ref.actor.policy_loss.loss_mode")
    callback = str(select(config, "trainer.checkpoint_callback_class"))
    reward = str(select(config, "reward.custom_reward_function.path"))
    used = {
        METHOD: select(config, "algorithm.adv_estimator") in ESTIMATORS or loss in POLICY_LOSSES or trainer,
        TRAINER: trainer,
        COLOCATE_ASYNC: mode == "colocate_async",
        SEPARATE_ASYNC: mode == "separate_async",
        # A run that leaves out rollouts with advantage 0 by default runs them if this verl lacks what that needs.
        WORKER: trainer
        and (
            bool(select(config, "algorithm.diagnostics.gradient_share_every"))
            or bool(select(config, "algorithm.entropy_coefficient"))
            or bool(select(config, "algorithm.repo_r"))
            or select(config, "algorithm.zero_weight.mean_over") == "nonzero"
        ),
        KEEP_BEST: callback.startswith("asymgrpo_verl."),
        REWARD: reward == "pkg://asymgrpo_verl.rewards",
        CPU: on_cpu(),
    }
    return [feature for feature, uses in used.items() if uses]


def on_cpu() -> bool:
    """Return whether this process has our CPU support."""
    return os.environ.get("VERL_PLATFORM", "").strip().lower() == "cpu"


def check_at_start(config: DictConfig) -> None:
    """Check that the installed verl has what this run uses of it. Nothing is checked if the run uses nothing of ours.

    One line is printed about a version of verl that we have not tested, and one about each feature that cannot be used
    with it and is not used.

    Raises:
        ValueError: something is missing that the run uses.
    """
    import verl

    used = used_features(config)
    if not used:
        return
    found = {feature: problems(NEEDS[feature]) for feature in NEEDS if feature != CPU or feature in used}
    lacking = {feature: messages for feature, messages in found.items() if messages}
    for feature, messages in lacking.items():
        if feature in used:
            raise ValueError(
                f"verl: got {verl.__version__}; expected a version with all that this run needs for {feature} "
                f"({'; '.join(messages)}). Install verl {TESTED_VERL[-1]}, or do without this feature."
            )
        print(f"{PREFIX} verl {verl.__version__}: {feature} cannot be used ({'; '.join(messages)})")
    if verl.__version__ not in TESTED_VERL and not lacking:
        print(f"{PREFIX} verl {verl.__version__} is not tested ({', '.join(TESTED_VERL)} is); it has all that we use")
