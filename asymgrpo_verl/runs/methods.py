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
"""Group runs into methods: runs with one label are runs of one method, and may differ only in their seeds."""

import re
from typing import NamedTuple

from asymgrpo_verl import paper
from asymgrpo_verl.runs.run import Run

SEED = re.compile(r"(.*[._])?seed")
# Where a run writes, what it keeps and from which checkpoint it resumes: no curve depends on these settings.
PLACE = re.compile(
    r"ray_kwargs\..*|trainer\.(experiment_name|project_name|logger|default_\w+_dir|\w+_data_dir|save_freq|resume_\w+"
    r"|checkpoint_callback_class|max_\w+_ckpt_to_keep)"
)


class Method(NamedTuple):
    name: str
    runs: list[Run]


def differing(runs: list[Run]) -> list[str]:
    """Return the settings, seeds included, that differ between the runs whose configuration is known."""
    configs = [run.config for run in runs if run.config]
    keys = dict.fromkeys(key for config in configs for key in config if not PLACE.fullmatch(key))
    return [key for key in keys if any(config.get(key) != configs[0].get(key) for config in configs)]


def by_method(runs: list[Run]) -> tuple[list[Method], list[str]]:
    """Group runs by their label.

    Returns:
        (methods: the rows of Table 1 first and in its order; messages for the user about runs of one method).
    Raises:
        ValueError: runs of one label differ in more than their seeds.
    """
    labels = dict.fromkeys([row.name for row in paper.TABLE_1] + [run.label for run in runs])
    methods = [Method(label, [run for run in runs if run.label == label]) for label in labels]
    methods = [method for method in methods if method.runs]
    return methods, [message for method in methods for message in _check_seeds(method)]


def _check_seeds(method: Method) -> list[str]:
    """Check that the runs of a method differ only in their seeds; return messages about what cannot be checked."""
    name, runs = method
    if keys := [key for key in differing(runs) if not SEED.fullmatch(key)]:
        values = [", ".join(dict.fromkeys(str(run.config.get(key)) for run in runs if run.config)) for key in keys[:5]]
        listed = "; ".join(f"{key}: {value}" for key, value in zip(keys, values, strict=False))
        listed += f"; and {len(keys) - 5} more" if len(keys) > 5 else ""
        raise ValueError(
            f"{', '.join(str(run.path) for run in runs)}: got runs labelled {name} with different settings ({listed}); "
            "expected them to differ only in their seeds, because the runs of a label are averaged. Give each its own "
            "label, LABEL=PATH."
        )
    messages = []
    if len(runs) > 1 and (unknown := [str(run.path) for run in runs if not run.config]):
        messages.append(
            f"{name}: taken as runs of one method because of the label; their settings could not be compared, because "
            f"there is no hydra/.hydra/config.yaml beside {', '.join(unknown)}"
        )
    if len({run.last_step for run in runs}) > 1:
        ends = ", ".join(map(str, sorted(run.last_step for run in runs)))
        messages.append(f"{name}: the runs end at steps {ends}; only the steps that all runs have are drawn")
    return messages
