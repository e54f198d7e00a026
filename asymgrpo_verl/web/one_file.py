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
"""Render a template of this directory to a page that is one file."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

HERE = Path(__file__).parent


def render(template: str, data: Any, **values: Any) -> str:
    """Return the page of `template`, in which `data` is packed for its scripts.

    Args:
        template: name of a file of this directory.
        data: what the scripts draw; JSON-able, with None for a missing number.
        values: what the template writes as HTML.
    """
    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, loader=FileSystemLoader(HERE)
    )
    return environment.get_template(template).render(
        data=pack(json.dumps(data, separators=(",", ":"), allow_nan=False)),
        plotly=pack(get_plotlyjs()),
        file=lambda name: Markup((HERE / name).read_text(encoding="utf-8")),
        **values,
    )


def pack(text: str) -> str:
    """Return `text` as gzip in base64, which `unpack` of base.js reads. The same text gives the same result."""
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()
