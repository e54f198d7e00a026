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
those that data_prep writes, or raw ones in any layout that data_prep.any reads. Rows of one file that have the same
question and different gold answers are listed too.

A pair is exact if the two questions differ only in white space, case, punctuation, braces and LaTeX spacing
(`data_prep.defects.normal`). A pair is near if the Jaccard similarity of their sets of 8-byte substrings is at least
--threshold. With 0.7, the near pairs of MATH train with OlympiadBench and MATH-500 are copies in other words, and about
as many pairs of different problems that differ only in a number or a word. A copy with rewritten sentences has a lower
similarity.
"""

import argparse
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from asymgrpo_verl.files import in_a_line
from asymgrpo_verl.rewards.answers import same_by_text
from asymgrpo_verl.row_files import count_rows, iter_batches
from data_prep.batches import Batch, read_batch
from data_prep.defects import normal
from data_prep.rows import ANY, columns_to_read

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


class Row(NamedTuple):
    """A question of a file."""

    name: str  # "row 3", or "row 3 (id a)" if the row has an id
    question: str
    gold: str | None  # None if the row has no gold answer


def questions_of(path: Path) -> Iterator[Row]:
    """Yield the question and the gold answer of each row of a file that data_prep wrote, or of a raw one in any layout.

    Raises:
        OSError, ValueError: there is no such file, it has no rows, or a row has no question.
    """
    index = -1
    bar = tqdm(None, str(path), count_rows(path), leave=False, disable=None, delay=1)
    for rows in iter_batches(path, columns_to_read(ANY)):
        for read in read_batch(Batch(str(path), index + 1, rows), ANY, needs_gold=False):
            index += 1
            about = read.problem.about
            name = f"row {index}" + (f" (id {about['id']})" if about.get("id") is not None else "")
            yield Row(name, read.problem.question, read.answer)
        bar.update(len(rows))
    if index < 0:
        raise ValueError(f"{path}: got no rows; expected at least one.")


def conflicts_in(path: Path) -> list[tuple[Row, Row]]:
    """Return pairs of rows of a file with one question and different gold answers: its first row, and another.

    Keeps in memory a hash of each question, and only the texts of such pairs.

    Raises:
        OSError, ValueError: as `questions_of`.
    """
    first, pairs = {}, []  # hash of a question -> number of its first row and a checksum of its gold answer
    for index, row in enumerate(questions_of(path)):
        if row.gold is not None:
            key = hash(normal(row.question))
            earlier, checksum = first.setdefault(key, (index, zlib.crc32(normal(row.gold))))
            if checksum != zlib.crc32(normal(row.gold)):
                pairs.append((earlier, index))
    wanted = {index for pair in pairs for index in pair}
    rows = {index: row for index, row in enumerate(questions_of(path)) if index in wanted} if wanted else {}
    return [(rows[a], rows[b]) for a, b in pairs if not same_gold(rows[a].gold, rows[b].gold)]


def same_gold(gold: str | None, other: str | None) -> bool:
    """Return whether two gold answers are equal as texts or numbers, or one of them is missing."""
    return gold is None or other is None or gold == other or same_by_text(gold, other) is True


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
        sets = [(file, list(questions_of(file))) for file in args.evaluations]
        sets = [(file, rows, Questions(row.question for row in rows)) for file, rows in sets]
        pairs = [
            (score, row, file, rows[its_row])
            for row in questions_of(args.train)
            for file, rows, index in sets
            for its_row, score in index.like(row.question, args.threshold)
        ]
        conflicts = {file: conflicts_in(file) for file in dict.fromkeys((args.train, *args.evaluations))}
    except (OSError, ValueError) as error:
        sys.exit(f"data_prep.overlap: {in_a_line(error)}")
    except KeyboardInterrupt:
        sys.exit("data_prep.overlap: interrupted")
    for score, row, file, its_row in sorted(pairs, key=lambda pair: -pair[0]):
        print(f"{score:.2f}  {args.train} {row.name} = {file} {its_row.name}")
        print(f"      {_short(row.question)}\n      {_short(its_row.question)}")
        if score == 1 and not same_gold(row.gold, its_row.gold):
            print(f"      other gold answers: {_short(row.gold)} | {_short(its_row.gold)}")
    for file, found in conflicts.items():
        for row, its_row in found:
            print(
                f"{file} {row.name} and {its_row.name}: one question, other gold answers: {row.gold} | {its_row.gold}"
            )
    for file, rows, _ in sets:
        found = [(score, row.name) for score, row, its_file, _ in pairs if its_file == file]
        exact = sum(score == 1 for score, _ in found)
        print(
            f"{file}, {len(rows)} questions: {exact} exact and {len(found) - exact} near pairs, "
            f"with {len({name for _, name in found})} rows of {args.train}"
        )


def _short(text: str) -> str:
    return f"{' '.join(text.split()):.150}"


if __name__ == "__main__":
    main()
