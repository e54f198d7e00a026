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
"""The registry of estimators: how a function is declared as one, with the settings that it reads."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields, make_dataclass
from typing import Any, NamedTuple

import torch

from asymgrpo_verl.core.fields import check_value, number


@dataclass(frozen=True)
class OutcomeSettings:
    """What every estimator reads under `algorithm.<estimator>`.

    Attributes:
        reward_threshold: a rollout is correct if its summed reward is greater than this number; 0.5 suits rewards of
            0/1 and of -1/+1.
    """

    reward_threshold: float = number(0.5)


class Estimator(NamedTuple):
    """An estimator of the registry.

    Attributes:
        advantages: the function that was declared.
        settings: frozen dataclass of the keys under `algorithm.<name>`: those of OutcomeSettings, then its own.
        uses_groups: False if the function takes no `groups`: its two advantages are then the same in every group.
    """

    advantages: Callable[..., tuple[torch.Tensor | float, torch.Tensor | float]]
    settings: type[OutcomeSettings]
    uses_groups: bool


ESTIMATORS: dict[str, Estimator] = {}
_listeners: list[Callable[[str], None]] = []


def estimator(**settings: Any) -> Callable[[Callable], Callable]:
    """Declare the decorated function as the estimator of its name.

    The function takes `groups` (`Groups`) and one argument per setting. It returns the advantage of a correct and of an
    incorrect rollout: a (groups,) float64 tensor or a number each. If a group has no correct rollout, its first value
    is not used and may be NaN or infinite; likewise the second value if it has no incorrect rollout. A function whose
    advantages do not depend on the group leaves out `groups` and returns two numbers.

    Args:
        settings: the keys of `algorithm.<name>` with default and range: `number(0.5, at_least=0)`, `choice("a", "b")`.
            A number whose default is an integer accepts only integers.

    Raises:
        TypeError: the function's parameters are not `groups` and the settings, or a setting is not declared by
            `number` or `choice`.
        ValueError: another function has this name, or a setting has no default, a default outside its range, or the
            name of an argument that all estimators have.
    """

    def declare(function: Callable) -> Callable:
        name, parameters = function.__name__, list(inspect.signature(function).parameters)
        known = ESTIMATORS.get(name)
        if known and _origin(known.advantages) != _origin(function):  # a module that is run again declares it anew
            raise ValueError(
                f"estimator {name}: got a second function, {'.'.join(_origin(function))}; expected only "
                f"{'.'.join(_origin(known.advantages))}. Choose another name."
            )
        if parameters not in ([*settings], ["groups", *settings]):
            expected = ", ".join(["groups (or not)", *settings])
            raise TypeError(f"estimator {name}: got the parameters {', '.join(parameters)}; expected {expected}.")
        for key, field in settings.items():
            _check_setting(f"estimator {name}: {key}", key, field)
        keys = [(key, type(field.default), field) for key, field in settings.items()]
        holds = make_dataclass(name, keys, bases=(OutcomeSettings,), frozen=True)
        ESTIMATORS[name] = Estimator(function, holds, uses_groups="groups" in parameters)
        for listener in _listeners if known is None else ():
            listener(name)
        return function

    return declare


def _origin(function: Callable) -> tuple[str, str]:
    return function.__module__, function.__qualname__


def _check_setting(place: str, key: str, field: Any) -> None:
    if not isinstance(field, Field):
        raise TypeError(
            f"{place}: got {field!r}; expected a declaration such as number({field!r}) or choice('a', 'b')."
        )
    if key in ("groups", "reward_threshold"):
        raise ValueError(f"{place}: got the name of an argument that all estimators have; expected another name.")
    if field.default is MISSING:
        raise ValueError(f"{place}: got no default; expected one, because a run may leave the setting out.")
    check_value(place, field.default, field.default, field.metadata)


def on_declared(listener: Callable[[str], None]) -> None:
    """Call `listener(name)` for every estimator that is declared, and for each that is declared later."""
    for name in ESTIMATORS:
        listener(name)
    _listeners.append(listener)


def own_settings(settings: OutcomeSettings) -> dict[str, Any]:
    """Return the settings that are the estimator's own arguments."""
    return {key.name: getattr(settings, key.name) for key in fields(settings) if key.name != "reward_threshold"}
