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
"""`asymgrpo lab`: train small policies with the functions of `core`, in one process and with many seeds side by side.

Imports `core`, `runs` and the floor; no verl, Ray or vLLM. Read `training` first: one step of a run is there.
`policies` is a Qwen3 whose weights have a leading axis, one entry per run. `sampling` draws rollouts from it. `tasks`
has the problems, `base_policy` what a run starts from, `methods` what METHOD means here, `comparison` the table at the
end.
"""
