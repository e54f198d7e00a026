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
"""The page of our settings, made from the dataclasses and functions that declare them.

`python -m asymgrpo_verl.integration.setting_table > docs/setting_keys.md` writes the page.
"""

import inspect
import re
import typing
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields

from asymgrpo_verl.core.estimators import ESTIMATORS
from asymgrpo_verl.core.registry import OutcomeSettings
from asymgrpo_verl.core.schedules import KINDS
from asymgrpo_verl.integration import settings

PAGE = """\
# All keys of ours

<!-- Made by `python -m asymgrpo_verl.integration.setting_table > docs/setting_keys.md`: edit the module. -->

[Settings](settings.md) says which of these to choose. ESTIMATOR is the value of
`algorithm.adv_estimator`. verl's command line takes a key that is new to it with a `+`; a key that the METHOD of the
run sets is changed without the `+`. A value that is not allowed is an error before Ray starts.
"""
HEAD = "| key | default | allowed | meaning |\n|---|---|---|---|\n"
BOUNDS = {"at_least": ">=", "above": ">", "at_most": "<=", "below": "<"}


def meanings(*declared: type | typing.Callable) -> dict[str, str]:
    """Return name -> meaning from the sections Attributes and Args of docstrings."""
    found, keys = {}, []
    for line in "\n\n".join(map(inspect.getdoc, declared)).splitlines():
        if entry := re.match(r" {4}(\w[\w, ]*): (.*)", line):
            keys = entry[1].split(", ")
            found |= dict.fromkeys(keys, entry[2])
        elif line.startswith("        "):
            found |= {key: f"{found[key]} {line.strip()}" for key in keys}
    return found


def allowed(field: Field) -> str:
    """Return which values a field made by `core.fields` allows."""
    if "check" in field.metadata:
        return "{step: beta, ...}"
    if "options" in field.metadata:
        return ", ".join(f"`{option}`" for option in field.metadata["options"])
    kind = "an integer" if isinstance(field.default, int) else "a number"
    bounds = " and ".join(f"{BOUNDS[name]} {bound}" for name, bound in field.metadata.items())
    return f"{kind} {bounds}".strip()


def _rows(key: str, holds: type, *declared: type | typing.Callable) -> Iterator[str]:
    about = meanings(*holds.__mro__[-2::-1], *declared)
    shared = {field.name for field in fields(OutcomeSettings)} if holds is not OutcomeSettings else {}
    for field in (field for field in fields(holds) if field.name not in shared):
        default = "none: must be given" if field.default is MISSING else f"`{field.default}`"
        cells = (f"`{key}.{field.name}`", default, allowed(field), about[field.name].replace("|", "\\|"))
        yield f"| {' | '.join(cells)} |\n"


def markdown() -> str:
    """Return the text of docs/setting_keys.md."""
    parts = [PAGE, "\n## Estimators\n\n", HEAD]
    parts += _rows("algorithm.ESTIMATOR", OutcomeSettings)
    for name, estimator in ESTIMATORS.items():
        if estimator.advantages.__module__.startswith("asymgrpo_verl."):  # not one of the user's
            parts += _rows(f"algorithm.{name}", estimator.settings, estimator.advantages)
    parts += ["\n## Groups of our trainers, with any estimator\n\n", HEAD]
    for name in settings.TRAINER_GROUPS:
        returned = typing.get_type_hints(getattr(settings, f"{name}_from"))["return"]
        holds = next(kind for kind in (*typing.get_args(returned), returned) if isinstance(kind, type))
        parts += _rows(f"algorithm.{name}", holds)
    parts.append("\n## Schedules of a beta\n\nBETA is `beta_pos` or `beta_neg`; its `kind` chooses the other keys.\n\n")
    for kind, holds in KINDS.items():
        parts.append(f"### kind: {kind}\n\n{' '.join(inspect.getdoc(holds).split('Attributes:')[0].split())}\n\n")
        if fields(holds):
            parts += [HEAD, *_rows("algorithm.asymgrpo.schedule.BETA", holds), "\n"]
    return "".join(parts).rstrip("\n") + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
