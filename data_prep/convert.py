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
"""Convert raw rows, one batch at a time: find, clean and check the gold answer, and drop what a rule drops."""

import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

from data_prep.batches import FRAME_REMOVED, Batch, Read, read_batch
from data_prep.defects import answers_of, miss_figures, normals
from data_prep.golds import Gold
from data_prep.overlap import Questions
from data_prep.rows import ANY, Names, Problem, read_row
from data_prep.tables import Kept

LISTED = 10_000  # names of rows that a report has for each rule
SPLITS = {"training": "train", "testing": "test", "val": "validation", "valid": "validation", "dev": "validation"}
_NOT_TRAIN = re.compile(
    r"(?<![a-z])(?:tests?|testing|val|valid|validation|dev|evals?|evaluation|held[-_ ]?out)(?![a-z])"
)


@dataclass(frozen=True)
class Dataset:
    """How to find and read one dataset."""

    name: str  # of its module, and of the folder in ~/data to which it is written
    data_source: str | None  # None: the rows say it, or the command line
    hub: tuple[str, ...]  # arguments of datasets.load_dataset
    splits: dict[str, str]  # our name of a split -> the hub's
    names: Names = ANY
    read: Callable[[dict, Names], Problem] = read_row
    columns: tuple[str, ...] = ()  # others that `read` uses
    is_numeric: bool = False  # True if every answer is a number
    folders: tuple[str, ...] = ()  # other names that its folder may have in `data_prep.all`
    subjects: dict[str, tuple[str, ...]] = field(default_factory=dict)  # of --subject -> arguments as in `hub`


@dataclass
class Options:
    """What the command line chooses."""

    instruction: str | None = None  # None: "boxed", but a prompt in verl's schema that asks for a box stays as it is
    single_answer: bool = False
    evaluations: list[tuple[str, Questions]] = field(default_factory=list)  # (file, its questions), dropped from train
    split: str | None = None
    subject: str | None = None
    data_source: str | None = None
    question: str | None = None  # a column
    gold: str | None = None  # a column


def new_report() -> dict:
    """Return a report without rows: dropped, changed and flagged are rule -> {"count": rows, "rows": their names}."""
    kinds = {kind: defaultdict(lambda: {"count": 0, "rows": []}) for kind in ("dropped", "changed", "flagged")}
    return {"rows_in": 0, "without_split": 0, "columns": {}} | kinds


def note(rules: dict, rule: str, name) -> None:
    """Add a row to a rule of a report, which lists the names of the first LISTED rows."""
    met = rules[rule]
    met["count"] += 1
    if len(met["rows"]) < LISTED:
        met["rows"].append(name)


def convert(
    dataset: Dataset, batches: Iterable[Batch], options: Options, data_source: str, reports: dict[str, dict]
) -> Iterator[tuple[str, list[Kept]]]:
    """Yield a split and its rows to keep. Record in `reports` which rule dropped, changed or flagged which rows.

    Keeps in memory a hash of each kept question, to find duplicates.

    Args:
        data_source: of rows that do not say it.
        reports: split -> `new_report`; a split is added when a row has it.

    Raises:
        ValueError: a row has another layout, or columns that contradict each other; names the source and the row.
    """
    # split -> hash of a question -> its row number and a checksum of its answer, as one integer
    first = defaultdict(dict)
    names = names_of(dataset, options)
    total = 0
    for batch in batches:
        reads = read_batch(batch, names, dataset.read, dataset.is_numeric)
        questions = [read.problem.question for read in reads]
        keys, checks = normals(questions), normals([read.answer or "" for read in reads])
        figures = miss_figures(questions)
        for split, rows in _by_split(dataset, batch, reads, options).items():
            report = reports.setdefault(split, new_report())
            report["rows_in"] += len(rows)
            report["columns"] |= dict.fromkeys(reads[row].problem.columns for row in rows)
            if not options.split and batch.split is None and len(dataset.splits) > 1:
                report["without_split"] += sum(reads[row].problem.split is None for row in rows)
            kept = []
            for row in rows:
                problem, gold, answer, changes = reads[row]
                index, about = total + row, problem.about
                name = about.get("id") or index
                several = gold.is_list or (answer is not None and "," in answer and len(answers_of(answer)) > 1)
                may_drop = not answer or several or problem.drop or gold.drop or problem.field
                drop = _drop(problem, gold, answer, several, options) if may_drop else None
                if not drop and options.evaluations and split == "train":
                    if leak := _leak(problem.question, options.evaluations):
                        drop, name = "in an evaluation set", f"{name}: {leak}"
                if drop:
                    note(report["dropped"], drop, name)
                    continue
                entry = index << 32 | zlib.crc32(checks[row])
                earlier = first[split].setdefault(hash(keys[row]), entry)
                if earlier != entry:
                    same = (earlier ^ entry) & 0xFFFFFFFF == 0
                    rule = "duplicate" if same else "duplicate with another answer"
                    note(
                        report["dropped"],
                        rule,
                        f"{name}: of row {earlier >> 32}" + ("" if same else f", here {answer}"),
                    )
                    continue
                messages = None
                if problem.messages and options.instruction is None and asks_for_box(problem.messages):
                    messages = problem.messages
                for rule in changes:
                    if not (messages and rule == FRAME_REMOVED):
                        note(report["changed"], rule, name)
                if several or gold.flag or row in figures or "error" in about or "relay" in about:
                    for rule in _flags(gold, about, several, row in figures):
                        note(report["flagged"], rule, name)
                about["missing_figure"] = row in figures
                if answer != gold.answer:
                    about["raw_answer"] = gold.answer
                source = options.data_source or dataset.data_source or problem.data_source or data_source
                kept.append(Kept(index, problem.question, answer, about, source, problem.ability or "math", messages))
            if kept:
                yield split, kept
        total += len(reads)


def _by_split(dataset: Dataset, batch: Batch, reads: list[Read], options: Options) -> dict[str, Iterable[int]]:
    """Return the rows of each split."""
    if options.split:
        return {options.split: range(len(reads))}
    if reads and all(read.problem.split is None for read in reads):  # nearly all batches
        return {_split_of(reads[0].problem, dataset, batch, 0): range(len(reads))}
    rows = defaultdict(list)
    for row, read in enumerate(reads):
        rows[_split_of(read.problem, dataset, batch, row)].append(row)
    return rows


def _flags(gold: Gold, about: dict, several: bool, misses_figure: bool) -> Iterator[str]:
    """Yield the rules that flag a row."""
    if misses_figure:
        yield "speaks of a missing figure"
    if several:
        yield "several answers"
    if gold.flag:
        yield gold.flag
    if about.get("error"):
        yield "answer with a tolerance"
    if about.get("relay"):
        yield "needs another problem's answer"


def names_of(dataset: Dataset, options: Options) -> Names:
    """Return the columns in which the question and the gold answer are searched."""
    names = dataset.names
    if options.question:
        names = replace(names, questions=(options.question.lower(),), prompts=())
    if options.gold:
        names = replace(names, answers=(options.gold.lower(),), solutions=())
    return names


def _drop(problem: Problem, gold: Gold, answer: str | None, several: bool, options: Options) -> str | None:
    """Return the rule that drops a row, or None."""
    if options.subject and problem.field and problem.field != options.subject:
        return f"subject {problem.field}"
    if problem.drop or gold.drop:
        return problem.drop or gold.drop
    if not answer:
        return "no answer"
    return "several answers" if several and options.single_answer else None


def _leak(question: str, evaluations: list[tuple[str, Questions]]) -> str | None:
    """Return the file, the row and the similarity of an evaluation question like this one, or None."""
    for file, questions in evaluations:
        for row, score in questions.like(question):
            return f"{file} row {row}, {score:.2f}"
    return None


def asks_for_box(messages: list[dict]) -> bool:
    r"""Return whether a prompt asks for an answer in \boxed{}."""
    return any("\\boxed" in message["content"] for message in messages)


@lru_cache
def _word_of_test(place: str) -> str | None:
    """Return the word in the name of a file that speaks of another split than train, or None."""
    found = _NOT_TRAIN.search(place.rpartition("/")[2].lower())
    return found and found[0]


def _split_of(problem: Problem, dataset: Dataset, batch: Batch, row: int) -> str:
    """Return the split of a row: the dataset's only one, else the row's own, the directory's, or the first, train.

    Raises:
        ValueError: the dataset has no such split; the row contradicts its directory; or the file's name speaks of
            another split than train, and nothing else says the split.
    """
    if len(dataset.splits) == 1:
        return next(iter(dataset.splits))
    allowed = " or ".join(f"--split {split}" for split in dataset.splits)
    if problem.split is not None:
        split = SPLITS.get(problem.split.lower(), problem.split.lower())
        if split in dataset.splits and batch.split in (None, split):
            return split
        expected = batch.split or ", ".join(dataset.splits)
        place = f"{batch.place}, row {batch.start + row}"
        raise ValueError(f"{place}: split: got {problem.split!r}; expected {expected}. Choose with {allowed}.")
    if batch.split is None and (word := _word_of_test(batch.place)):
        raise ValueError(
            f"{batch.place}: got no column split, and {word!r} in the name; expected the split in the file or as an "
            f"argument, because a name does not say it. Add {allowed}."
        )
    return batch.split or next(iter(dataset.splits))
