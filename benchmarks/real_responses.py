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
"""Read real responses to maths problems, with gold answers and verdicts, from checkouts of public repositories.

The texts stay where they are. This file holds the recipe: repository, commit, file, and which rows are taken. Each
commit is read with `git show`, so the work tree of a checkout does not matter.

    git clone https://github.com/QwenLM/Qwen2.5-Math DIR/Qwen2.5-Math      # and the others, see SOURCES
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Response:
    """A response of a model, the gold answer of its problem, and the verdict of the source.

    A verdict of the source is no truth: it is the rule of another evaluation.
    """

    source: str
    text: str
    gold: str
    correct: bool


# Checkout -> commit
SOURCES = {
    "QwenLM/Qwen2.5-Math": "a45202bd16f1ec06f433442dc1152d0074773465",
    "xrryyds/anyno": "5b0475d04896b008929a2a4c877e9f5f527d3622",
    "WildEval/ZeroEval": "8c1485edf12c6efb5f69135a562927c5ad484059",
}
EXPECTED = 5789  # responses, of which 1,517 are incorrect by their source

_ANSWER = re.compile(r'"answer"\s*:\s*"((?:[^"\\]|\\.)*)"')
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def read_responses(checkouts: Path) -> list[Response]:
    """Return the responses of all SOURCES, whose checkouts lie in one directory under their own names.

    Raises:
        ValueError: the commits do not have the expected number of responses.
        subprocess.CalledProcessError: a checkout or its commit is missing.
    """
    readers = zip(SOURCES.items(), (_read_qwen, _read_anyno, _read_zero_eval), strict=True)
    found = [
        response
        for (repository, commit), read in readers
        for response in read(checkouts / repository.split("/")[1], commit)
    ]
    if len(found) != EXPECTED:
        raise ValueError(f"{checkouts}: got {len(found)} responses; expected {EXPECTED}. Check the commits in SOURCES.")
    return found


def _git(checkout: Path, *arguments: str) -> str:
    command = ["git", "-C", str(checkout), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8").stdout


def _read_qwen(checkout: Path, commit: str) -> Iterator[Response]:
    """Yield 8 responses of a Qwen2.5-Math model to each of 100 problems of MATH, and the verdicts of its evaluation."""
    path = "evaluation/data/eval_rm_maj_example/math_cot_100.jsonl"
    for line in _git(checkout, "show", f"{commit}:{path}").splitlines():
        row = json.loads(line)
        for text, correct in zip(row["code"], row["score"], strict=True):
            yield Response("Qwen2.5-Math", text, row["gt"], correct)


def _read_anyno(checkout: Path, commit: str) -> Iterator[Response]:
    """Yield responses to problems of MATH that the repository's own evaluation takes as correct."""
    for name in ("corr_answer_8b", "newly_learned_knowledge"):
        for row in json.loads(_git(checkout, "show", f"{commit}:datasets/exam/{name}.json")):
            yield Response("anyno", row["answer"], row["ref_answer"], True)


def _read_zero_eval(checkout: Path, commit: str) -> Iterator[Response]:
    """Yield the responses of 43 models to problems of MATH's level 5 that have a box. The gold answers are integers.

    A response is JSON, so its backslashes are doubled. The verdict is ZeroEval's rule, applied to the field "answer" of
    the response: its first number is the gold answer.
    """
    folder = "result_dirs/math-l5/"
    for path in _git(checkout, "ls-tree", "--name-only", commit, folder).splitlines():
        for row in json.loads(_git(checkout, "show", f"{commit}:{path}")):
            text = row["output"][0]
            answers = _ANSWER.findall(text)
            if answers and "\\boxed" in text:
                number = _NUMBER.search(re.sub("[$,]", "", answers[-1]))
                correct = number is not None and float(number.group()) == float(_NUMBER.search(row["answer"]).group())
                yield Response("ZeroEval", text.replace("\\\\", "\\"), row["answer"], correct)
