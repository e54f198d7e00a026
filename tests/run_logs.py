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
"""Write run directories as our launchers do, with made-up metrics under the real keys."""

import json
import math
import random
from pathlib import Path

import yaml

SOURCES = ("HuggingFaceH4/MATH-500", "aime24", "aime25", "amc23", "olympiadbench")
N = 8  # rollouts per prompt


def write_log(path: Path, rows: list[tuple[int, dict]]) -> Path:
    """Write verl's file log, a line per step; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"step": step, "data": data}) + "\n" for step, data in rows))
    return path


def write_config(run: Path, method: str | None = None, algorithm: dict | None = None, **trainer) -> None:
    """Write the files that Hydra writes beside the log."""
    config = {
        "algorithm": {"adv_estimator": "grpo", "norm_adv_by_std_in_grpo": True} | (algorithm or {}),
        "data": {"train_batch_size": 128, "max_response_length": 4096, "seed": trainer.pop("seed", None)},
        "actor_rollout_ref": {
            "model": {"path": "Qwen/Qwen3-4B"},
            "actor": {"optim": {"lr": 2e-6}, "ppo_mini_batch_size": 64, "clip_ratio_low": 0.2, "clip_ratio_high": 0.2},
            "rollout": {"n": N, "seed": 42},
        },
        "trainer": {"experiment_name": run.name, "default_local_dir": str(run / "checkpoints")} | trainer,
    }
    hydra = run / "hydra" / ".hydra"
    hydra.mkdir(parents=True)
    (hydra / "config.yaml").write_text(yaml.safe_dump(config))
    (hydra / "overrides.yaml").write_text(yaml.safe_dump([f"+asymgrpo={method}"] if method else []))


def asymgrpo(beta_pos: float, beta_neg: float, flip: str = "none") -> dict:
    """Return the part `algorithm` of a configuration with our estimator."""
    betas = {"beta_pos": beta_pos, "beta_neg": beta_neg, "flip": flip}
    return {"adv_estimator": "asymgrpo", "asymgrpo": betas}


def all_metrics(steps: int, seed: int = 0, pace: float = 1.0, epoch: int = 20, test_freq: int = 10) -> list:
    """Return rows with every key that a figure reads.

    Step 0 and every test_freq-th step have a validation; every fifth step has the log-probability increment. At step 7
    the entropy of the incorrect rollouts is null.
    """
    noise = random.Random(seed)
    rows = []
    for step in range(steps + 1):
        done = 1 - math.exp(-3 * pace * step / steps)
        data = {}
        if step % test_freq == 0:
            for i, source in enumerate(SOURCES):
                data[f"val-core/{source}/acc/pass@8/mean"] = 0.5 + 0.05 * i + 0.2 * done
                data[f"val-core/{source}/acc/pass@8/se"] = 0.02
                data[f"val-core/{source}/acc/mean@1"] = 0.3 + 0.1 * i + 0.2 * done + noise.gauss(0, 0.02)
        if step:
            shares = [0.1 + 0.5 * done + noise.gauss(0, 0.03), 0.3 - 0.2 * done + noise.gauss(0, 0.03)]
            entropy = 0.1 + 0.4 * (1 - done) + noise.gauss(0, 0.01)
            data |= {
                "training/epoch": (step - 1) // epoch,
                "critic/score/mean": 0.3 + 0.5 * done + noise.gauss(0, 0.02),
                "actor/entropy": entropy,
                "groups/all_solved": shares[0],
                "groups/none_solved": shares[1],
                "epoch/all_solved": shares[0],
                "epoch/none_solved": shares[1],
                "rollouts/correct/entropy": 0.8 * entropy,
                "rollouts/incorrect/entropy": None if step == 7 else 1.4 * entropy,
                "rollouts/correct/entropy_mixed": 0.9 * entropy,
                "rollouts/incorrect/entropy_mixed": 1.2 * entropy,
                "rollouts/correct/log_prob_increment": 2 * pace * (1 - done) if step % 5 == 0 else None,
            }
            every_fifth = [0.5 * done, done] if step % 5 == 0 else [None, None]
            data |= dict(zip(("displacement/share", "displacement/fall"), every_fifth, strict=True))
            for k in range(N + 1):
                data[f"displacement/share_at/{k}_of_{N}"] = every_fifth[0]
                inside = 0 < k < N
                value = 0.02 * k / N + noise.gauss(0, 0.004) if inside else 0.0
                data[f"covariance/at/{k}_of_{N}"] = value
                data[f"groups/solved/{k}_of_{N}"] = 1 / (N + 1)
        rows.append((step, data))
    return rows


def write_run(run: Path, method: str | None, algorithm: dict | None = None, seed: int = 0, **metrics) -> Path:
    """Write a run directory, with `metrics` as the arguments of `all_metrics`; return it."""
    write_log(run / "metrics.jsonl", all_metrics(metrics.pop("steps", 60), seed, **metrics))
    write_config(run, method, algorithm, seed=seed)
    return run
