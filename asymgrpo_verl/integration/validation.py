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
"""pass@k of a validation, from the outputs that verl validates with: `val-{core,aux}/<data source>/*/pass@k/*`."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from asymgrpo_verl.pass_at_k import pass_at_k


def pass_metrics(
    sources: Sequence[str],
    uids: Sequence[str],
    infos: Mapping[str, Sequence[Any]],
    expected_acc_counts: Mapping[tuple[str, str], int],
    threshold: float,
) -> dict[str, float]:
    """Compute pass@k, with its standard error over the prompts, for k = 1, 2, 4, ... and n responses per prompt.

    verl's best@k draws k responses with replacement, so it is lower: 0.847 for best@4 with 3 of 8 correct, where pass@4
    is 0.929. A response that failed is incorrect, as in verl's acc. A data source with one response per prompt has none
    of these metrics, because pass@1 would be verl's mean@1.

    Args:
        sources, uids: of each response, its data source and its prompt.
        infos: what the reward function said of each response: "reward", and "acc" if it gave one, else None.
        expected_acc_counts: number of responses of each (data source, uid).
        threshold: a number other than 0 and 1 is correct if it is greater.

    Returns:
        `val-core/<data source>/<acc or reward>/pass@n/mean` and `/se`, and the same under val-aux for smaller k.
    """
    values: dict[tuple[str, str], dict[tuple[str, str], list]] = defaultdict(lambda: defaultdict(list))
    for name in ("acc", "reward"):
        for source, uid, value in zip(sources, uids, infos.get(name, ()), strict=False):
            if value is not None and not isinstance(value, str):
                values[source, name][source, uid].append(bool(value) if value in (0, 1) else value > threshold)
    metrics = {}
    for source in dict.fromkeys(sources):
        name = "acc" if (source, "acc") in values else "reward"
        found = values[source, name]
        prompts = [prompt for prompt in expected_acc_counts if prompt[0] == source] if name == "acc" else [*found]
        sizes = [max(len(found[prompt]), expected_acc_counts.get(prompt, 0)) for prompt in prompts]
        counts = [(sum(found[prompt]), size) for prompt, size in zip(prompts, sizes, strict=True)]
        n = max(sizes, default=0)
        ks = [2**power for power in range(n.bit_length()) if 2**power < n]
        for k in [*ks, n] if n > 1 else []:
            each = [pass_at_k(correct, size)[k - 1] for correct, size in counts if size >= k]
            key = f"{'val-core' if k == n else 'val-aux'}/{source}/{name}/pass@{k}"
            metrics[f"{key}/mean"] = fmean(each)
            metrics[f"{key}/se"] = stdev(each) / math.sqrt(len(each)) if len(each) > 1 else math.nan
    return metrics
