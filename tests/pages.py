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
"""Read a page of one file: its tags, and the data that is packed into it."""

import base64
import gzip
import re
from html.parser import HTMLParser


class Page(HTMLParser):
    """A parser that checks that tags are closed in their order, and collects identities, links and what is loaded."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.ids, self.links, self.loaded = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "link", "input"):
            self.open.append(tag)
        for name, value in attributes:
            self.ids += [value] if name == "id" else []
            self.links += [value] if tag == "a" and name == "href" else []
            self.loaded += [value] if name == "src" or (tag == "link" and name == "href") else []

    def handle_startendtag(self, tag, attributes):
        """Take no notice of <line/>, which needs no end."""

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def unpacked(page: str, name: str) -> str:
    """Return what `web.one_file.pack` put into the element `name` of a page."""
    packed = re.search(rf'<script type="application/octet-stream" id="{name}">(.*?)</script>', page)[1]
    return gzip.decompress(base64.b64decode(packed)).decode()
