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
"""The reward for maths answers. verl loads `compute_score` from `pkg://asymgrpo_verl.rewards`.

Read `maths` first: it scores a response. `answers` finds the answer and compares it with the gold answer: `tokens`
splits it, `reading` says what it is (with `cursor`, `numerals`, `expressions`, `units`), and `comparing` compares the
two (with `equations`, `regions`, `equality`, `values`). `checkers` asks math-verify about the pairs that these cannot
decide, if `cost` allows; `checker_process` is the program that its processes run. `tolerance` compares numbers where a
row allows a difference.
"""

from asymgrpo_verl.rewards.maths import compute_score

__all__ = ["compute_score"]
