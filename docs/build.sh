#!/usr/bin/env bash
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

# Build the site from the Markdown pages and the docstrings: docs/build.sh [DIRECTORY, by default docs/_build]
# It takes an environment with verl and the extra docs. A warning, such as a link to nowhere, is an error.

set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-docs/_build}
python -m sphinx -q -W --keep-going -b html -c docs . "$out"
echo '<meta http-equiv="refresh" content="0; url=docs/index.html">' >"$out/index.html"
