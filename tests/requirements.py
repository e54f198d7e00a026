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
"""Read the requirements of setup.py in this checkout, because the installed metadata may be those of another one."""

import os
from distutils.core import run_setup  # setuptools brings it for the Pythons that no longer have it

from packaging.requirements import Requirement
from places import ROOT


def requirements() -> tuple[list[Requirement], dict[str, list[Requirement]]]:
    """Return what `pip install .` requires, and what each extra requires beside it."""
    before = os.getcwd()
    os.chdir(ROOT)  # setup.py looks for its packages here
    try:
        setup = run_setup("setup.py", stop_after="init")
    finally:
        os.chdir(before)
    extras = {extra: list(map(Requirement, texts)) for extra, texts in setup.extras_require.items()}
    return list(map(Requirement, setup.install_requires)), extras
