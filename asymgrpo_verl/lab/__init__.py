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
"""`asymgrpo lab`: train small policies with the functions of `core`, many seeds side by side, and compare methods.

Imports `core`, `runs`, `integration.settings` and the floor; no verl, Ray or vLLM. Read `steps` first: one step of the
runs is there. `policies` is a Qwen3 whose weights have a leading axis, one entry per run, and `sampling` draws rollouts
from it. `tasks` has the problems, `base_policy` what a run starts from, `methods` what METHOD means here. `training`
takes the steps of a block of runs, between which there is a `state`. `command` trains what the user has `asked` for,
and `comparison` makes the table.
"""
