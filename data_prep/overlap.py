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
"""Find evaluation questions in a training file: python -m data_prep.overlap TRAIN EVAL...

Print the questions of TRAIN that are also in an EVAL file, exactly or nearly, the most similar first. The files are
those that data_prep writes, or raw ones with a column problem or question.

A pair is exact if the two questions differ only in white space, case, punctuation, braces and LaTeX spacing
(`data_prep.defects.normal`). A pair is near if the Jaccard similarity of their sets of 8-byte substrings is at least
--threshold. With 0.7, the near pairs of MATH train with OlympiadBench and MATH-500 are copies in other words, and about
as many pairs of different problems that differ only in a number or a word. A copy with rewritten sentences has a lower
similarity.
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tqdm import tqdm

from asymgrpo_verl.files import in_a_line
from asymgrpo_verl.row_files import count_rows, iter_rows
from data_prep.defects import normal
from data_prep.rows import flat, text_of

THRESHOLD = 0.7
GRAM = 8  # bytes


class Questions:
    """Index the questions of an evaluation set by their substrings."""

    def __init__(self, questions: Iterable[str]):
        self.texts = [normal(question) for question in questions]
        self.sizes = []
        self.rows_of = defaultdict(list)  # substring -> rows of the questions that contain it
        for row, text in enumerate(self.texts):
            grams = _grams(text)
            self.sizes.append(len(grams))
            for gram in grams:
                self.rows_of[gram].append(row)

    def like(self, question: str, threshold: float = THRESHOLD) -> list[tuple[int, float]]:
        """Return (row, similarity) of the questions like this one, the most similar first.

        The similarity is in [threshold, 1]; it is 1 only for an exact pair.
        """
        text = normal(question)
        grams = _grams(text)
        shared = Counter()
        for gram in grams & self.rows_of.keys():
            shared.update(self.rows_of[gram])
        found = []
        for row, n in shared.items():
            score = n / (len(grams) + self.sizes[row] - n)
            if score >= threshold:
                found.append((row, 1.0 if text == self.texts[row] else min(score, 0.99)))
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def _grams(text: bytes) -> set[bytes]:
    return {text[i : i + GRAM] for i in range(max(1, len(text) - GRAM + 1))}


def questions_of(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the question of each row of a file that data_prep wrote, or of a raw file.

    The name is "row 3", or "row 3 (id a)" if the row has an id.

    Raises:
        OSError, ValueError: there is no such file, it has no rows, or a row has no question.
    """
    index = None
    for index, row in enumerate(tqdm(iter_rows(path), str(path), count_rows(path), leave=False, disable=None, delay=1)):
        try:
            row, _ = flat(row)
            about = row.get("extra_info") or {}
            if not isinstance(about, dict):
                raise ValueError(f"extra_info: got {about!r:.80}; expected an object.")
            question = text_of(about if "question" in about else row, "problem", "question")
        except ValueError as error:
            raise ValueError(f"{path}, row {index}: {error}") from error
        name = about.get("id") or row.get("id")
        yield f"row {index}" + (f" (id {name})" if name is not None else ""), question
    if index is None:
        raise ValueError(f"{path}: got no rows; expected at least one.")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path, metavar="TRAIN")
    parser.add_argument("evaluations", type=Path, nargs="+", metavar="EVAL")
    parser.add_argument("--threshold", type=float, default=THRESHOLD, help=f"in (0, 1]; default {THRESHOLD}")
    args = parser.parse_args()
    if not 0 < args.threshold <= 1:
        sys.exit(f"data_prep.overlap: --threshold: got {args.threshold}; expected a number in (0, 1].")
    try:
        sets = [(file, *zip(*questions_of(file), strict=True)) for file in args.evaluations]
        sets = [(file, names, questions, Questions(questions)) for file, names, questions in sets]
        pairs = [
            (score, name, question, file, names[row], questions[row])
            for name, question in questions_of(args.train)
            for file, names, questions, index in sets
            for row, score in index.like(question, args.threshold)
        ]
    except (OSError, ValueError) as error:
        sys.exit(f"data_prep.overlap: {in_a_line(error)}")
    except KeyboardInterrupt:
        sys.exit("data_prep.overlap: interrupted")
    for score, name, question, file, its_name, its_question in sorted(pairs, key=lambda pair: -pair[0]):
        print(f"{score:.2f}  {args.train} {name} = {file} {its_name}")
        print(f"      {' '.join(question.split()):.150}\n      {' '.join(its_question.split()):.150}")
    for file, names, _, _ in sets:
        found = [(score, name) for score, name, _, its_file, _, _ in pairs if its_file == file]
        exact = sum(score == 1 for score, _ in found)
        print(
            f"{file}, {len(names)} questions: {exact} exact and {len(found) - exact} near pairs, "
            f"with {len({name for _, name in found})} rows of {args.train}"
        )


if __name__ == "__main__":
    main()
