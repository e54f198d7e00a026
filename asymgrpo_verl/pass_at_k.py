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
"""The unbiased estimator of pass@k, for `asymgrpo evaluate` and for the validations of a training."""

import math
from functools import cache


@cache
def pass_at_k(correct: int, n: int) -> tuple[float, ...]:
    """Return the probability that k of n responses, drawn without replacement, include a correct one; k = 1 to n.

    It is the unbiased estimator of Chen et al., 2021 (arXiv 2107.03374, Eq. 1), 1 - C(n-c, k) / C(n, k), in exact
    integers up to the division.
    """
    draws = [(math.comb(n, k), math.comb(n - correct, k)) for k in range(1, n + 1)]
    return tuple((every - without) / every for every, without in draws)
