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
"""The reward through verl's own loader and in Ray's workers."""

import pytest
from omegaconf import OmegaConf

from asymgrpo_verl.rewards.maths import compute_score

CONFIG = {
    "reward": {
        "custom_reward_function": {
            "path": "pkg://asymgrpo_verl.rewards",
            "name": "compute_score",
            "reward_kwargs": {"time_limit": 1.0},
        }
    }
}

HANG = r"\int \frac{x^{60}+1}{x^7+x+1} dx"  # math-verify needs far more than the time limit


def score(answer: str, gold: str) -> dict:
    from verl.trainer.ppo.reward import get_custom_reward_fn

    reward = get_custom_reward_fn(OmegaConf.create(CONFIG))
    return reward(
        data_source="math", solution_str=rf"so \boxed{{{answer}}}", ground_truth=gold, extra_info={"index": 0}
    )


@pytest.mark.checker
def test_verl_loads_it_and_its_settings():
    assert score("(x-1)(x+1)", "x^2-1")["score"] == 1.0
    assert score(HANG, "x+7") == {"score": 0.0, "acc": 0.0, "pred": HANG, "timed_out": 1.0, "undecided": 0.0}


@pytest.mark.slow
def test_workers_of_ray_score_and_survive_what_hangs():
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        remote = ray.remote(num_cpus=1)(compute_score)
        answers = [("(x-1)(x+1)", "x^2-1"), (HANG, "x+7"), ("2+x", "x+2"), ("2+x", "x+3")]
        results = ray.get(
            [remote.remote("math", rf"\boxed{{{answer}}}", gold, time_limit=1.0) for answer, gold in answers],
            timeout=120,
        )
    finally:
        ray.shutdown()
    assert [(result["score"], result["timed_out"]) for result in results] == [(1, 0), (0, 1), (1, 0), (0, 0)]
