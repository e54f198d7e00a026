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
"""Score responses: is an answer correct, and which responses to a prompt give the same answer?"""

import os
from concurrent.futures import ThreadPoolExecutor

from asymgrpo_verl.evaluation.progress import progress
from asymgrpo_verl.rewards.maths import compute_score, equivalent


def score(responses: list[dict]) -> list[dict]:
    """Return the responses with pred, acc and vote: see `responses.SCORES`."""
    # Threads, because most of the time is spent waiting for the answer checkers, which are processes.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        scores = pool.map(_score, responses)
        scores = progress(scores, "scoring", "response", len(responses))
        scored = [r | {"pred": s["pred"], "acc": int(s["acc"])} for r, s in zip(responses, scores, strict=True)]
        prompts: dict[tuple, list[dict]] = {}
        for response in scored:
            prompts.setdefault((response["data_source"], response["index"]), []).append(response)
        for of_prompt, votes in zip(prompts.values(), pool.map(_votes, prompts.values()), strict=True):
            for response, vote in zip(of_prompt, votes, strict=True):
                response["vote"] = vote
    return scored


def _score(response: dict) -> dict:
    about = {"error": response.get("error")}
    return compute_score(response["data_source"], response["response"], response["ground_truth"], about)


def _votes(responses: list[dict]) -> list[int]:
    """Return the votes of the responses to one prompt.

    Correct responses vote for one answer, 0. An incorrect response votes for the first incorrect answer that equals its
    own. A response without an answer votes -1.
    """
    votes, numbers = [], {}  # incorrect answer -> its number, from 1
    for response in responses:
        answer = " ".join(response["pred"].split())
        if answer and not response["acc"] and answer not in numbers:
            equal = (number for other, number in numbers.items() if equivalent(other, answer))
            numbers[answer] = next(equal, 1 + max(numbers.values(), default=0))
        votes.append(0 if response["acc"] else numbers.get(answer, -1))
    return votes
