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
"""Sphinx's settings of the site. Its source directory is the root of the repository, as pages link to any page."""

import re

project = "asymgrpo_verl"
author = "The asymgrpo_verl Authors"
copyright = "2026, The asymgrpo_verl Authors"

root_doc = "docs/index"
include_patterns = [
    "docs/*.md",
    "recipes/asymgrpo/README.md",
    "benchmarks/*.md",
    "studies/*/*.md",
    "tests/faults/README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "asymgrpo_verl"

default_role = "code"  # the docstrings are plain text with `code`
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the signature has them
autodoc_default_options = {"members": True}


def as_plain_text(app, what, name, obj, options, lines):
    """Keep |A| and * of a docstring as they are, because they mean nothing of reStructuredText there."""
    for number, line in enumerate(lines):
        parts = line.split("`")  # every second one is code
        lines[number] = "`".join(re.sub(r"[|*]", r"\\\g<0>", p) if i % 2 == 0 else p for i, p in enumerate(parts))


def setup(app):
    app.connect("autodoc-process-docstring", as_plain_text, priority=900)
