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
"""How much one rollout of a group weighs, as a function of how many of its group share its outcome.

The paper's two curves are one curve seen from two sides: A-(p; b) = -A+(1-p; b) (Eq. 7). So a channel (the correct
rollouts of a group, or its incorrect ones) is described by its own share of the group, and the sign is put on later.
"""

import torch


def channel_weight(members: torch.Tensor, size: torch.Tensor, beta: float, flip: bool = False) -> torch.Tensor:
    """|A| of every rollout in a channel that holds `members` of the `size` rollouts of its group.

    With s = members/size the weight is ((1-s)/s)^beta (Eq. 7 and 10: s = p for A+, s = 1-p for A-), and 0^0 = 1, so a
    channel that is the whole group weighs 0 for beta > 0 and 1 for beta = 0.

    Flipped (Appendix D, Eq. 15-18) it is (s/(1-s))^beta, the curve reflected about s = 1/2. That is singular at s = 1,
    where the curve goes on by its last step of 1/size: f(1) = 2 f((size-1)/size) - f((size-2)/size). A group of two has
    f(0) as the second of these points. A group of one has no step at all: f(1) is f(0), which is 0 for beta > 0 and 1
    for beta = 0, as without the flip.

    Args:
        members: (groups,) float64, 0 to size. Where it is 0 nobody reads the weight, which may then be infinite.
        size: (groups,) float64, number of rollouts of each group.
        beta: finite, >= 0.
        flip: reflect the curve.

    Returns:
        (groups,) float64, >= 0, never NaN where size > 0; infinite where a huge beta leaves the range.
    """
    if not flip:
        return ((size - members) / members).pow(beta)
    reflected = (members / (size - members)).pow(beta)
    # f((size-2)/size) as a share of the last point: 2 last - before_last would be inf - inf where both overflow.
    last, before_last = (size - 1).pow(beta), ((size - 2).clamp(min=0) / (2 * size - 2)).pow(beta)
    continued = torch.where(size > 1, last * (2 - before_last), last)
    return torch.where(members == size, continued, reflected)
