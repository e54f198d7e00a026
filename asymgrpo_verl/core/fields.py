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
"""Read a group of configuration keys into a frozen dataclass, whose fields say which values they allow."""

import difflib
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, field, fields
from typing import Any


def number(default: Any = MISSING, **allowed: float) -> Any:
    """Declare a field for a finite number, or for an integer if the default is one.

    Args:
        default: without one, the key has to be given.
        allowed: `at_least`, `above`, `at_most`, `below`.

    Raises:
        TypeError: another bound.
    """
    if unknown := allowed.keys() - {"at_least", "above", "at_most", "below"}:
        raise TypeError(f"number(): got the bound {', '.join(unknown)}; expected at_least, above, at_most or below.")
    return field(default=default, metadata=allowed)


def choice(*options: str) -> Any:
    """Declare a field for one of the options; the first one is the default."""
    return field(default=options[0], metadata={"options": options})


def checked(check: Callable[[str, Any], None]) -> Any:
    """Declare a field without a default for every value on which `check(key, value)` does not raise."""
    return field(metadata={"check": check})


def check_value(key: str, value: Any, default: Any, allowed: Mapping) -> Any:
    """Return the value as its field holds it: a float, an integer or an option.

    Args:
        key: named in errors.
        default: of the field; an integer here means that the value has to be one.
        allowed: the metadata of a field made by `number`, `choice` or `checked`.

    Raises:
        ValueError, TypeError: the value is not allowed.
    """
    if "check" in allowed:
        allowed["check"](key, value)
        return value
    if "options" in allowed:
        if value not in allowed["options"]:
            raise ValueError(f"{key}: got {value!r}; expected one of {', '.join(allowed['options'])}.")
        return value
    kind, name = (int, "an integer") if isinstance(default, int) else (int | float, "a number")
    if isinstance(value, bool) or not isinstance(value, kind):
        raise TypeError(f"{key}: got {value!r}, a {type(value).__name__}; expected {name}.")
    if not abs(value) <= sys.float_info.max:  # an integer may be larger
        raise ValueError(f"{key}: got {value}; expected a finite number.")
    if value < allowed.get("at_least", -math.inf):
        raise ValueError(f"{key}: got {value}; expected {name} >= {allowed['at_least']}.")
    if value <= allowed.get("above", -math.inf):
        raise ValueError(f"{key}: got {value}; expected {name} > {allowed['above']}.")
    if value > allowed.get("at_most", math.inf):
        raise ValueError(f"{key}: got {value}; expected {name} <= {allowed['at_most']}.")
    if value >= allowed.get("below", math.inf):
        raise ValueError(f"{key}: got {value}; expected {name} < {allowed['below']}.")
    return value if kind is int else float(value)  # torch takes no integer of more than 64 bits


def unknown_key(key: str, name: Any, known: list[str]) -> ValueError:
    """Return the error for `key.name`: it names the nearest known key, or all known keys if none is near."""
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    options = f"one of {', '.join(known)}" if known else "none"
    expected = f"did you mean {key}.{near[0]}?" if near else f"expected {options}."
    return ValueError(f"{key}.{name}: got an unknown key; {expected}")


def check_group(node: Any, key: str, example: str) -> None:
    """Raise a TypeError if `node` is not a mapping."""
    if not isinstance(node, Mapping):
        raise TypeError(f"{key}: got {node!r}; expected a group of keys, such as {key}.{example}.")


def read(node: Any, key: str, settings: type) -> Any:
    """Read the mapping `node`, which stands at `key`, into the dataclass `settings`; None is an empty mapping.

    Raises:
        ValueError: a key is unknown or missing, or a value is out of range.
        TypeError: `node` is not a mapping, or a value has the wrong type.
    """
    known = {item.name: item for item in fields(settings)}
    if node is None:
        node = {}
    last = fields(settings)[-1] if known else None
    check_group(node, key, f"{last.name}={last.default}" if last else "kind=constant")
    for name in node:
        if name not in known:
            raise unknown_key(key, name, list(known))
    for name, item in known.items():
        if item.default is MISSING and name not in node:
            raise ValueError(f"{key}.{name}: got nothing; expected a value, because it has no default.")
    given = {name: known[name] for name in node}
    return settings(
        **{name: check_value(f"{key}.{name}", node[name], item.default, item.metadata) for name, item in given.items()}
    )
