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
"""Add the methods to Hydra as the config group `asymgrpo`: `python -m verl.trainer.main_ppo +asymgrpo=clip_higher ...`.

A method is a YAML file in configs/asymgrpo with the settings it changes. The plugin imports this module when hydra is
imported.
"""

from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

CONFIGS = Path(__file__).parents[1] / "configs"


class MethodsSearchPath(SearchPathPlugin):
    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Add CONFIGS to the directories in which Hydra looks for configuration files."""
        search_path.append(provider="asymgrpo_verl", path=f"file://{CONFIGS}")


Plugins.instance().register(MethodsSearchPath)
