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
"""Compose verl's configuration for a test, without reading the same files for every test."""

import copy
import re
from functools import cache
from pathlib import Path

from hydra import compose, initialize_config_dir, initialize_config_module
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig


@cache
def read(place: Path | str, name: str, choices: tuple[str, ...]) -> DictConfig:
    """Return what Hydra composes of a directory (a Path) or a package (a str) with these choices of files."""
    initialize = initialize_config_dir if isinstance(place, Path) else initialize_config_module
    with initialize(str(place), version_base=None):
        return compose(name, overrides=list(choices))


def composed(place: Path | str, name: str, *overrides: str) -> DictConfig:
    """Return what `hydra.compose` returns for these overrides, except for keys of `hydra` itself.

    Hydra takes a second to read verl's thirty files, and it sets the values of overrides after that. So the files are
    read once per choice of files (+asymgrpo=grpo), and Hydra's own function sets the values in a copy.
    """
    choices = tuple(override for override in overrides if re.match(r"\+\w+=", override))
    values = [override for override in overrides if not override.startswith(("hydra.", *choices))]
    config = copy.deepcopy(read(place, name, choices))
    ConfigLoaderImpl._apply_overrides_to_config(OverridesParser.create().parse_overrides(values), config)
    return config
