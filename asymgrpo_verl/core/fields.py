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
"""A frozen dataclass as a group of configuration keys: a field says what it allows, and a mapping is read into it."""

import difflib
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, field, fields
from typing import Any


def number(default: Any = MISSING, **allowed: float) -> Any:
    """A finite number, `at_least`, `above` or `at_most` something; an integer where the default is one.

    Without a default it has to be given.
    """
    return field(default=default, metadata=allowed)


def choice(*options: str) -> Any:
    """One of the options; the first is the default."""
    return field(default=options[0], metadata={"options": options})


def checked(check: Callable[[str, Any], None]) -> Any:
    """What `check(key, value)` does not raise on; it has to be given."""
    return field(metadata={"check": check})


def check_value(key: str, value: Any, default: Any, allowed: Mapping) -> Any:
    """The value, a number as the float or integer that its field holds.

    Raises:
        ValueError, TypeError: it is not allowed; names the key, what it got and what is allowed.
    """
    if "check" in allowed:
        allowed["check"](key, value)
        return value
    if "options" in allowed:
        if value not in allowed["options"]:
            raise ValueError(f"{key}={value!r}: allowed is one of {', '.join(allowed['options'])}.")
        return value
    kind, name = (int, "an integer") if isinstance(default, int) else (int | float, "a number")
    if isinstance(value, bool) or not isinstance(value, kind):
        raise TypeError(f"{key}={value!r} is a {type(value).__name__}: allowed is {name}.")
    if not abs(value) <= sys.float_info.max:  # an integer may be larger
        raise ValueError(f"{key}={value}: allowed is a finite number.")
    if value < allowed.get("at_least", -math.inf):
        raise ValueError(f"{key}={value}: allowed is {name} >= {allowed['at_least']}.")
    if value <= allowed.get("above", -math.inf):
        raise ValueError(f"{key}={value}: allowed is {name} > {allowed['above']}.")
    if value > allowed.get("at_most", math.inf):
        raise ValueError(f"{key}={value}: allowed is {name} <= {allowed['at_most']}.")
    return value if kind is int else float(value)  # torch takes no integer of more than 64 bits


def nearest(key: str, known: list[str]) -> str:
    """The end of an error message about an unknown key."""
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}."


def check_group(node: Any, key: str, example: str) -> None:
    """Raise a TypeError where `node` is no mapping."""
    if not isinstance(node, Mapping):
        raise TypeError(f"{key}={node!r}: allowed is a group of keys, as in {key}.{example}.")


def read(node: Any, key: str, settings: type) -> Any:
    """The dataclass `settings` from the mapping `node`, which stands at `key`; None is an empty one.

    Raises:
        ValueError: an unknown key (named with the nearest known one), a missing one, a value out of range.
        TypeError: `node` is no mapping, or a value is of the wrong type.
    """
    known = {item.name: item for item in fields(settings)}
    if node is None:
        node = {}
    values, last = {}, fields(settings)[-1] if known else None
    check_group(node, key, f"{last.name}={last.default}" if last else "kind=constant")
    for name, value in node.items():
        if name not in known:
            raise ValueError(f"unknown key {key}.{name}={value!r}: {nearest(str(name), list(known)) if known else ''}")
        values[name] = check_value(f"{key}.{name}", value, known[name].default, known[name].metadata)
    for name, item in known.items():
        if item.default is MISSING and name not in node:
            raise ValueError(f"{key}.{name} is missing: {settings.__name__} needs it.")
    return settings(**values)
