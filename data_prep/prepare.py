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
"""Convert the rows of a dataset to a parquet file in verl's schema, and write a summary beside it."""

import argparse
import json
import sys
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from tqdm import tqdm

from asymgrpo_verl.files import atomic, in_a_line
from asymgrpo_verl.row_files import SUFFIXES, batches, count_rows, iter_rows, write_tables
from data_prep.defects import answers_of, clean_gold, misses_figure, normal
from data_prep.overlap import Questions, questions_of
from data_prep.rows import Problem, flat

INSTRUCTIONS = {
    "boxed": "Let's think step by step and output the final answer within \\boxed{}.",
    "qwen2.5-math": "Please reason step by step, and put your final answer within \\boxed{}.",  # a system prompt
}
SHOWN = 20  # printed row numbers per rule; the summary file has all of them
_TEXT = pa.string()
MESSAGE = pa.struct({"role": _TEXT, "content": _TEXT})
REWARD_MODEL = pa.struct({"style": _TEXT, "ground_truth": _TEXT})
EXTRA_INFO = pa.struct(
    {"split": _TEXT, "index": pa.int64(), "id": _TEXT, "level": _TEXT, "subject": _TEXT, "answer_type": _TEXT}
    | {"unit": _TEXT, "error": _TEXT, "question": _TEXT, "raw_answer": _TEXT, "missing_figure": pa.bool_()}
    | {"relay": pa.bool_()}
)
# All datasets have the same schema, because verl concatenates the files of a run. What a source lacks is null.
SCHEMA = pa.schema(
    {
        "data_source": _TEXT,
        "prompt": pa.list_(MESSAGE),
        "ability": _TEXT,
        "reward_model": REWARD_MODEL,
        "extra_info": EXTRA_INFO,
    }
)


@dataclass(frozen=True)
class Dataset:
    """How to find and read one dataset."""

    name: str  # of its module, and of the folder in ~/data to which it is written
    data_source: str
    hub: tuple[str, ...]  # arguments of datasets.load_dataset
    splits: dict[str, str]  # our name of a split -> the hub's
    problem: Callable[[dict], Problem]
    folders: tuple[str, ...] = ()  # other names that its folder may have in `data_prep.all`


@dataclass
class Options:
    """What the command line chooses."""

    instruction: str = "boxed"
    single_answer: bool = False
    evaluations: list[tuple[str, Questions]] = field(default_factory=list)  # (file, its questions), dropped from train


class Kept(NamedTuple):
    """A row to write."""

    index: int
    question: str
    gold: str
    about: dict  # fields of extra_info


def convert(
    dataset: Dataset, rows: Iterable[dict], split: str, options: Options, place: str, report: dict
) -> Iterator[Kept]:
    """Yield the rows to keep. Record in `report` which rule dropped, changed or flagged which rows.

    Keeps in memory a hash of each kept question, to find duplicates, and the names of the rows in the report.

    Args:
        place: name of the source, for error messages.
        report: rows_in, a number; dropped, changed and flagged, each rule -> list of rows.

    Raises:
        ValueError: a row has another layout, there are no rows, or no row is kept.
    """
    first = {}  # hash of a question -> its row number and a checksum of its answer, in one integer
    for index, row in enumerate(rows):
        report["rows_in"] += 1
        try:
            row, repairs = flat(row)
            problem = dataset.problem(row)
        except ValueError as error:
            raise ValueError(f"{place}, row {index}: {error}") from error
        gold, changes = clean_gold(problem.answer.strip(), problem.is_list) if problem.answer else (None, [])
        several = bool(gold) and (problem.is_list or len(answers_of(gold)) > 1)
        name = problem.about.get("id") or index
        if drop := problem.drop or (None if gold else "no answer"):
            report["dropped"][drop].append(name)
            continue
        if several and options.single_answer:
            report["dropped"]["several answers"].append(name)
            continue
        if split == "train":
            like = (
                (file, *pair) for file, questions in options.evaluations for pair in questions.like(problem.question)
            )
            if leak := next(like, None):
                report["dropped"]["in an evaluation set"].append(f"{name}: {leak[0]} row {leak[1]}, {leak[2]:.2f}")
                continue
        key = int.from_bytes(blake2b(normal(problem.question), digest_size=8).digest(), "big")
        checksum = zlib.crc32(gold.encode() if gold.isalnum() else normal(gold))
        earlier, its_checksum = divmod(first.setdefault(key, index << 32 | checksum), 1 << 32)
        if earlier != index:
            other = "" if its_checksum == checksum else ", with another answer"
            report["dropped"]["duplicate"].append(f"{name}: of row {earlier}{other}")
            continue
        missing_figure = misses_figure(problem.question)
        for rule in (*repairs, *changes):
            report["changed"][rule].append(name)
        if missing_figure:
            report["flagged"]["speaks of a missing figure"].append(name)
        if several:
            report["flagged"]["several answers"].append(name)
        if problem.about.get("relay"):
            report["flagged"]["needs another problem's answer"].append(name)
        about = {**problem.about, "missing_figure": missing_figure}
        if gold != problem.answer:
            about["raw_answer"] = problem.answer
        yield Kept(index, problem.question, gold, about)
    if report["rows_in"] == 0:
        raise ValueError(f"{place}: got no rows; expected at least one.")
    if not first:
        dropped = ", ".join(f"{rule}: {len(rows)}" for rule, rows in report["dropped"].items())
        raise ValueError(
            f"{place}: got no row to keep out of {report['rows_in']} (dropped: {dropped}); expected at least one."
        )


def verl_table(kept: list[Kept], data_source: str, split: str, instruction: str) -> pa.Table:
    """Return rows in verl's schema. It is built by columns, which is several times as fast as from dicts."""
    indices, questions, golds, abouts = zip(*kept, strict=True)
    count = len(kept)
    if instruction == "qwen2.5-math":
        roles = ["system", "user"] * count
        contents = [text for question in questions for text in (INSTRUCTIONS[instruction], question)]
    else:
        roles = ["user"] * count
        suffix = f" {INSTRUCTIONS.get(instruction, instruction)}" if instruction else ""
        contents = [question + suffix for question in questions]
    offsets = pa.array(range(0, len(roles) + 1, len(roles) // count), pa.int32())
    extra = {field.name: [about.get(field.name) for about in abouts] for field in EXTRA_INFO}
    extra |= {"split": pa.repeat(split, count), "index": indices, "question": questions}
    columns = {
        "data_source": pa.repeat(data_source, count),
        "prompt": pa.ListArray.from_arrays(offsets, _struct(MESSAGE, {"role": roles, "content": contents})),
        "ability": pa.repeat("math", count),
        "reward_model": _struct(REWARD_MODEL, {"style": pa.repeat("rule", count), "ground_truth": golds}),
        "extra_info": _struct(EXTRA_INFO, extra),
    }
    return pa.Table.from_arrays(list(columns.values()), schema=SCHEMA)


def _struct(kind: pa.StructType, columns: dict) -> pa.StructArray:
    return pa.StructArray.from_arrays([pa.array(columns[field.name], field.type) for field in kind], fields=list(kind))


def find(dataset: Dataset, path: Path) -> dict[str, Path]:
    """Return the file of each split: `path` itself, or the file in it (or in its folder data) with the split's name.

    Raises:
        FileNotFoundError: there is no such path, or no file in it.
        ValueError: there are two files for one split.
    """

    def is_of(file: Path, split: str) -> bool:  # test.jsonl, test_675.jsonl, test-00000-of-00001.parquet
        named = file.name.startswith(split) and not file.name[len(split) : len(split) + 1].isalnum()
        return named and file.suffix in SUFFIXES and ".summary" not in file.name and file.is_file()

    if path.is_file():
        return {next((split for split in dataset.splits if is_of(path, split)), next(iter(dataset.splits))): path}
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: no such file or directory.")
    found = {}
    for split, hub_split in dataset.splits.items():
        for name in dict.fromkeys((split, hub_split)):
            files = [f for folder in (path, path / "data") for f in sorted(folder.glob("*")) if is_of(f, name)]
            if len(files) > 1:
                raise ValueError(f"{path}: got {', '.join(f.name for f in files)}; expected one file for {name}.")
            if files:
                found[split] = files[0]
                break
    if not found:
        raise FileNotFoundError(
            f"{path}: got no {' or '.join(dataset.splits)} file; expected at least one ({', '.join(SUFFIXES)})."
        )
    return found


def prepare(dataset: Dataset, path: Path | None, save_dir: Path, options: Options) -> None:
    """Write <split>.parquet and <split>.summary.json for each split, and print the summary.

    Each file is written completely or not at all.

    Args:
        path: a file or a directory; if None, the dataset is downloaded from the hub.

    Raises:
        OSError, ValueError: a file cannot be read or written.
    """
    if path is None:
        from datasets import load_dataset

        hub = {split: load_dataset(*dataset.hub, split=name) for split, name in dataset.splits.items()}
        sources = {split: (rows, len(rows), " ".join(dataset.hub)) for split, rows in hub.items()}
    else:
        files = find(dataset, path)
        for split, file in files.items():
            if file.resolve() == (save_dir / f"{split}.parquet").resolve():
                raise ValueError(
                    f"{file}: got the same file as input and output; expected two. Choose another --local_save_dir."
                )
        sources = {split: (iter_rows(file), count_rows(file), str(file)) for split, file in files.items()}
    for split, (rows, total, place) in sources.items():
        out = save_dir / f"{split}.parquet"
        report = {"rows_in": 0} | {kind: defaultdict(list) for kind in ("dropped", "changed", "flagged")}
        rows = tqdm(rows, place, total, unit=" rows", leave=False, disable=None, delay=1)
        with atomic(out.with_suffix(".summary.json")) as partial:
            kept = convert(dataset, rows, split, options, place, report)
            tables = (verl_table(batch, dataset.data_source, split, options.instruction) for batch in batches(kept))
            rows_out = write_tables(tables, out)
            summary = {
                "dataset": dataset.name,
                "split": split,
                "source": Path(place).name if path else place,
                "instruction": options.instruction,
                "rows_in": report.pop("rows_in"),
                "rows_out": rows_out,
                **{
                    kind: {rule: {"count": len(rows), "rows": rows} for rule, rows in sorted(rules.items())}
                    for kind, rules in report.items()
                },
            }
            partial.write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{out}: kept {rows_out} of {summary['rows_in']} rows")
        for kind in report:
            for rule, met in summary[kind].items():
                shown = ", ".join(map(str, met["rows"][:SHOWN])) + (", ..." if met["count"] > SHOWN else "")
                print(f"  {kind}, {rule}: {met['count']} ({shown})")


def parser_of(doc: str, save_dir: Path, trains: bool) -> argparse.ArgumentParser:
    """Return the parser of a command line. It has --drop-overlap only if `trains`: the dataset has a train split."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--local_dataset_path", type=_path, help="file or directory; default: download from the hub")
    parser.add_argument("--local_save_dir", type=_path, default=str(save_dir), help=f"default {save_dir}")
    parser.add_argument(
        "--instruction",
        type=_instruction,
        default="boxed",
        help=f"a preset ({', '.join(INSTRUCTIONS)}) or a text to append to each question; default boxed",
    )
    parser.add_argument("--single-answer", action="store_true", help="drop questions with several answers")
    if trains:
        parser.add_argument(
            "--drop-overlap",
            nargs="+",
            type=_path,
            default=[],
            metavar="EVAL",
            help="raw or prepared files; drop their questions from the train split, exact or near (data_prep.overlap)",
        )
    return parser


def _path(value: str) -> Path:
    return Path(value).expanduser()


def _instruction(value: str) -> str:
    if len(value.split()) == 1 and value not in INSTRUCTIONS:
        presets = ", ".join(INSTRUCTIONS)
        raise argparse.ArgumentTypeError(f"got {value!r}; expected {presets} or a text of several words")
    return value


def options_of(args: argparse.Namespace) -> Options:
    """Return the options of a parsed command line, after reading the files of --drop-overlap.

    Raises:
        OSError, ValueError: one of these files cannot be read.
    """
    evaluations = [
        (f"{file.parent.name}/{file.name}", Questions(question for _, question in questions_of(file)))
        for file in getattr(args, "drop_overlap", [])
    ]
    return Options(args.instruction, args.single_answer, evaluations)


def main(dataset: Dataset, doc: str) -> None:
    """Run the command line of a dataset's module. Its docstring `doc` is the text of --help."""
    args = parser_of(doc, Path("~/data") / dataset.name, "train" in dataset.splits).parse_args()
    try:
        prepare(dataset, args.local_dataset_path, args.local_save_dir, options_of(args))
    except (OSError, ValueError) as error:
        sys.exit(f"data_prep.{dataset.name}: {in_a_line(error)}")
    except KeyboardInterrupt:
        sys.exit(f"data_prep.{dataset.name}: interrupted")
