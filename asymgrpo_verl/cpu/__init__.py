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
"""Run verl on a machine without an accelerator; active only if VERL_PLATFORM=cpu.

This room imports nothing else of the package. Read `hooks` first: it says when each part is applied. `platform`,
`engine` and `checkpoint_engine` use verl's registries. `patches` changes the functions that have no extension point.
`metadata` answers for vLLM's version. `agent_loop` is not needed to run, only to run fast: a configuration names it.
"""
