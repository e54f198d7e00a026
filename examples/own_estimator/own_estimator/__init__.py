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
"""An estimator of one's own: verl loads this module, and the decorator registers the function below."""

from asymgrpo_verl.core.estimators import estimator
from asymgrpo_verl.core.fields import number


@estimator(power=number(1.0, at_least=0))
def hard_prompts(groups, power):
    """Let p be the group accuracy. Correct: (1-p)^power. Incorrect: -p^power. Unanimous groups: 0 if power > 0.

    Args:
        power: finite, >= 0.
    """
    p = groups.solved / groups.size
    return (1 - p) ** power, -(p**power)
