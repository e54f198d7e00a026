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
"""Where the tests find the project's files, and the dataset files beside the checkout."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "recipes"
QUICKSTART = RECIPES / "quickstart"
TOOLS = ROOT / "tools"
TEST_DATA = ROOT / "tests" / "data"
SHARED = ROOT.parent / "shared"  # real dataset files and cases, only on the project's own machines
