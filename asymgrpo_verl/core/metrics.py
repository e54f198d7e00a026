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
"""What each metric that we log means: docs/metrics.md and the page of `asymgrpo figures` come from one table.

`python -m asymgrpo_verl.core.metrics > docs/metrics.md` writes the page.
"""

import re
from collections.abc import Iterable

from asymgrpo_verl.core.metric_table import METRICS, Metric

__all__ = ["METRICS", "Metric", "expand", "logged_metrics", "markdown", "names"]


def names(key: str) -> list[str]:
    """Return the names that the braces of a `Metric.key` stand for."""
    if braces := re.search(r"\{(.*?)\}", key):
        parts = [key[: braces.start()] + option + key[braces.end() :] for option in braces[1].split(",")]
        return [name for part in parts for name in names(part)]
    return [key]


def expand(key: str, n: int) -> list[str]:
    """Return the keys in a log that a `Metric.key` stands for, with n rollouts per prompt."""
    return [
        name.replace("k_of_n", f"{k}_of_{n}")
        for name in names(key)
        for k in (range(n + 1) if "k_of_n" in name else range(1))
    ]


def logged_metrics(keys: Iterable[str]) -> list[Metric]:
    """Return the metrics of the table of which at least one key is among the keys of a log."""
    found = {re.sub(r"\d+_of_\d+$", "k_of_n", key) for key in keys}
    return [metric for metric in METRICS if found & {*names(metric.key)}]


PAGE = """\
# The metrics that asymgrpo_verl logs

<!-- Made by `python -m asymgrpo_verl.core.metrics > docs/metrics.md`: edit that module, not this page. -->

They stand beside verl's own metrics in every logger. p is the group accuracy of a prompt, and n is the number of
rollouts per prompt. `{a,b}` stands for one key with a and one with b, and `k_of_n` for one key per k from 0 to n.

- Our trainers (`trainer.v1.trainer_mode=asymgrpo` and its two asynchronous ones, see [trainers.md](trainers.md)) log
  their metrics at every step and with every estimator, also with verl's own, so that baselines are comparable. A step
  is everything between two weight syncs, in which the rollout servers get the policy's weights. If a step has no data
  for a metric, the metric is NaN: for example `rollouts/incorrect/*` when all rollouts are correct, and metrics of
  every N steps at the steps between.
- In bypass mode (`algorithm.rollout_correction.bypass_mode`) verl computes no entropy, so `rollouts/*/entropy` is NaN.
  `algorithm.diagnostics.bypass_mode=measure` computes it by one more forward pass before each update.
- `log_prob_increment_every` and `gradient_share_every` stand under `algorithm.diagnostics`; 0 switches them off.
  `log_prob_increment_every` costs one more forward pass over the batch. `gradient_share_every` costs two more forward
  and backward passes, and needs fsdp2.
- `rollouts/*/advantage_mass` and `covariance/*` use the advantages after `algorithm.ha_dw` and `algorithm.codapo`,
  and before `algorithm.entropy_advantage` and `algorithm.token_weighting`.
- The loss's metrics (`actor/*`) are verl's plain means over micro-batches. `token_frac`, `clipfrac` and `ppo_kl` are
  shares of all tokens, so a micro-batch may lack a channel. Their mean is the share of the batch if micro-batches have
  equally many tokens, and near it with `use_dynamic_bsz`.
- A validation with n > 1 responses per prompt (`rollout.val_kwargs.n`) has `val-core/<data source>/acc/pass@n/mean` and
  `/se`, and `val-aux/<data source>/acc/pass@k/*` for k = 1, 2, 4, ... below n: the unbiased estimate of pass@k and
  its standard error over the prompts. verl's `best@k` draws with replacement, so it is lower. If the reward function
  returns no `acc`, the keys have `reward` in its place.
- An update leaves out rollouts whose advantages are 0 on every token (`algorithm.zero_weight`). verl's `actor/pg_loss`,
  `actor/loss` and `actor/grad_norm` stay the same. `token_frac`, `clipfrac` and `ppo_kl`, `actor/pg_clipfrac`,
  `actor/pg_clipfrac_lower` and `actor/ppo_kl` stay shares of all tokens: tokens that are left out count as 0. With the
  policy losses `asymgrpo` and `vanilla` they add 0 in verl too, except to `actor/ppo_kl`: from the second update of a
  step on, it is nearer to 0 than verl's. Other metrics of a policy loss, such as `ratio` and `loss_share`, are over the
  rollouts in the update. `actor/entropy` and `rollouts/*` are over all rollouts. `perf/mfu/actor` counts the tokens in
  the update.

| key | unit | logged | computed by | meaning |
|---|---|---|---|---|
"""


def markdown() -> str:
    """Return the text of docs/metrics.md."""
    rows = []
    for metric in METRICS:
        cells = (f"`{metric.key}`", metric.unit, metric.logged or "every step", f"`{metric.source}`", metric.meaning)
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n")
    return PAGE + "".join(rows)


if __name__ == "__main__":
    print(markdown(), end="")
