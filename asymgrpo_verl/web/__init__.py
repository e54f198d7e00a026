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
"""Pages of one file: HTML with its style, its scripts, plotly.js and its data inside, so that it needs no network.

Imports nothing of ours. Read `one_file` first. We draw with Plotly, because it has hover, zoom and touch, and its
package brings plotly.js and needs one other package. Bokeh's script is smaller (1.3 MB against 4.8 MB), but Bokeh
brings a server. Altair needs another package of 33 MB to work without network. Packed with gzip, plotly.js adds 2.0 MB
to a page.
"""
