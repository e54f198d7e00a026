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
"""The reward of the smoke test: half of all texts are correct, so that an untrained model has groups to learn from."""

import zlib

from asymgrpo_verl import rewards


def compute_score(data_source: str, solution_str: str, ground_truth: str, extra_info=None, **kwargs) -> dict:
    """Score an answer that is right if the checksum of the text is even, with the reward function of the recipe."""
    answer = "1" if zlib.crc32(solution_str.encode()) % 2 == 0 else "2"
    return rewards.compute_score(data_source, f"\\boxed{{{answer}}}", "1", extra_info, **kwargs)
