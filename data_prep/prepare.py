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
"""Convert the files of a dataset to parquet files in verl's schema, and read the options of its command line."""

import argparse
import gc
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from asymgrpo_verl.files import atomic, in_a_line
from asymgrpo_verl.row_files import BATCH, SUFFIXES, batches, count_rows, iter_batches, table_writer
from data_prep.convert import Batch, Dataset, Options, convert, names_of
from data_prep.overlap import Questions, questions_of
from data_prep.rows import columns_to_read
from data_prep.tables import INSTRUCTIONS, Kept, verl_table

SHOWN = 20  # printed row numbers per rule; the summary file has more of them


class Source(NamedTuple):
    """A file, or a split of a dataset on the hub."""

    place: str
    name: str  # without the directory
    batches: Iterator[list]
    total: int | None  # rows, if it is known
    split: str | None = None  # what the directory or the hub says


def find(dataset: Dataset, path: Path) -> dict[str, Path]:
    """Return the file of each split in a directory or its folder data: its name begins with the split, as on the hub.

    Raises:
        FileNotFoundError: there is no such path, or no file in it.
        ValueError: there are two files for one split.
    """

    def is_of(file: Path, split: str) -> bool:  # test.jsonl, test_675.jsonl, test-00000-of-00001.parquet
        named = file.name.startswith(split) and not file.name[len(split) : len(split) + 1].isalnum()
        kind = Path(file.name.removesuffix(".gz")).suffix
        return named and kind in SUFFIXES and ".summary" not in file.name and file.is_file()

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


def sources_of(dataset: Dataset, paths: list[Path], options: Options) -> list[list[Source]]:
    """Return the sources to convert. The ones of one list are converted together, as parts of one dataset.

    Args:
        paths: files, or one directory; if empty, the dataset is downloaded from the hub.

    Raises:
        OSError, ValueError: a path does not exist, or a directory has not one file for a split.
    """
    if not paths:
        from datasets import load_dataset

        hub = dataset.subjects.get(options.subject, dataset.hub)
        splits = {options.split: dataset.splits[options.split]} if options.split else dataset.splits
        loaded = {split: load_dataset(*hub, split=name) for split, name in splits.items()}
        return [
            [Source(" ".join(hub), " ".join(hub), batches(rows), len(rows), split)] for split, rows in loaded.items()
        ]
    select = columns_to_read(names_of(dataset, options), dataset.columns)
    if len(paths) == 1 and paths[0].is_dir():
        files = find(dataset, paths[0])
        if options.split and options.split not in files:
            raise FileNotFoundError(f"{paths[0]}: got no {options.split} file; expected one, because of --split.")
        wanted = {options.split: files[options.split]} if options.split else files
        return [
            [Source(str(file), file.name, iter_batches(file, select), count_rows(file), split)]
            for split, file in wanted.items()
        ]
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or directory.")
    return [[Source(str(path), path.name, iter_batches(path, select), count_rows(path)) for path in paths]]


def prepare(dataset: Dataset, path: Path | list[Path] | None, save_dir: Path, options: Options) -> None:
    """Write <split>.parquet and <split>.summary.json for each split, and print the summary.

    Each file is written completely or not at all.

    Args:
        path: a file, a list of files, or a directory; if None, the dataset is downloaded from the hub.

    Raises:
        OSError, ValueError: a file cannot be read or written.
    """
    paths = path if isinstance(path, list) else [path] if path else []
    for sources in sources_of(dataset, paths, options):
        for source in sources:
            for split in dataset.splits:
                if Path(source.place).resolve() == (save_dir / f"{split}.parquet").resolve():
                    raise ValueError(
                        f"{source.place}: got the same file as input and output; expected two. Choose another "
                        "--local_save_dir."
                    )
        reports = {}
        with ExitStack() as files:
            for split, rows in _written(dataset, sources, save_dir, options, reports, files).items():
                summary = _summary(dataset, sources, split, rows, options, reports[split])
                partial = files.enter_context(atomic(save_dir / f"{split}.summary.json"))
                partial.write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
                reports[split]["summary"] = summary
        for split, report in reports.items():
            _print(save_dir / f"{split}.parquet", report)


def _written(
    dataset: Dataset, sources: list[Source], save_dir: Path, options: Options, reports: dict, files: ExitStack
) -> dict[str, int]:
    """Write the tables to files that get their names when `files` is closed. Return the rows of each split."""
    instruction = INSTRUCTIONS["boxed"] if options.instruction is None else options.instruction
    data_source = dataset.data_source or save_dir.resolve().name
    add, pending, rows = {}, defaultdict(list), defaultdict(int)
    with ThreadPoolExecutor(1) as thread:  # writes while the next rows are converted; ends before `files` is closed
        written = thread.submit(int)

        def write(split: str, kept: list[Kept]) -> None:
            nonlocal written
            if split not in add:
                add[split] = files.enter_context(table_writer(save_dir / f"{split}.parquet"))
            written.result()
            written = thread.submit(lambda: add[split](verl_table(kept, split, instruction)))
            rows[split] += len(kept)

        for split, kept in convert(dataset, _batches(sources), options, data_source, reports):
            reports[split].setdefault("example", kept[0])
            pending[split] += kept
            while len(pending[split]) >= BATCH:
                write(split, pending[split][:BATCH])
                del pending[split][:BATCH]
        for split, kept in pending.items():
            if kept:
                write(split, kept)
        written.result()
    place = ", ".join(source.place for source in sources)
    if not reports:
        raise ValueError(f"{place}: got no rows; expected at least one.")
    for split, report in reports.items():
        if not rows[split]:
            dropped = ", ".join(f"{rule}: {met['count']}" for rule, met in report["dropped"].items())
            raise ValueError(
                f"{place}: got no row to keep out of {report['rows_in']} (dropped: {dropped}); expected at least one."
            )
    return rows


def _batches(sources: list[Source]) -> Iterator[Batch]:
    for source in sources:
        start = 0
        with tqdm(None, source.place, source.total, unit=" rows", leave=False, disable=None, delay=1) as bar:
            for rows in source.batches:
                yield Batch(source.place, start, rows, source.split)
                start += len(rows)
                bar.update(len(rows))


def _summary(dataset: Dataset, sources: list[Source], split: str, rows: int, options: Options, report: dict) -> dict:
    return {
        "dataset": dataset.name,
        "split": split,
        "source": ", ".join(source.name for source in sources),
        "instruction": "boxed" if options.instruction is None else options.instruction,
        "rows_in": report["rows_in"],
        "rows_out": rows,
        **{kind: dict(sorted(report[kind].items())) for kind in ("dropped", "changed", "flagged")},
    }


def _print(out: Path, report: dict) -> None:
    summary = report["summary"]
    print(f"{out}: kept {summary['rows_out']} of {summary['rows_in']} rows")
    for question, gold in report["columns"]:
        print(f"  question from {question}, gold answer from {gold}")
    if report["without_split"]:
        print(f"  split {summary['split']}: {report['without_split']} rows do not say it; --split chooses another")
    example = report["example"]
    question = " ".join(example.question.split())
    print(
        f"  row {example.index}: {question:.100}{'...' if len(question) > 100 else ''} Gold answer: {example.gold:.100}"
    )
    for kind in ("dropped", "changed", "flagged"):
        for rule, met in summary[kind].items():
            shown = ", ".join(map(str, met["rows"][:SHOWN])) + (
                ", ..." if met["count"] > min(SHOWN, len(met["rows"])) else ""
            )
            print(f"  {kind}, {rule}: {met['count']} ({shown})")


def parser_of(doc: str, save_dir: Path | None, splits: list[str], subjects: list[str] = ()) -> argparse.ArgumentParser:
    """Return the parser of a command line, without the argument that says what to read.

    Args:
        save_dir: default of --local_save_dir; None if it must be given.
        splits: of the dataset. Only with several there is --split; only with train there is --drop-overlap.
        subjects: choices of --subject, the default first; without any there is no such flag.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = {"default": str(save_dir), "help": f"default {save_dir}"} if save_dir else {"required": True}
    parser.add_argument("--local_save_dir", type=path_of, **default)
    parser.add_argument(
        "--instruction",
        type=_instruction,
        help=f"a preset ({', '.join(INSTRUCTIONS)}) or a text to append to each question; default boxed, but a prompt "
        "in verl's schema that asks for a box stays as it is",
    )
    parser.add_argument("--single-answer", action="store_true", help="drop questions with several answers")
    if len(splits) > 1:
        parser.add_argument("--split", choices=splits, help="default: what a row or a directory says, else train")
    if subjects:
        parser.add_argument("--subject", choices=subjects, default=subjects[0], help=f"default {subjects[0]}")
    if "train" in splits:
        parser.add_argument(
            "--drop-overlap",
            nargs="+",
            type=path_of,
            default=[],
            metavar="EVAL",
            help="raw or prepared files; drop their questions from the train split, exact or near (data_prep.overlap)",
        )
    return parser


def path_of(value: str) -> Path:
    """Return the path that an argument says; ~ is the home directory."""
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
        (f"{file.parent.name}/{file.name}", Questions(row.question for row in questions_of(file)))
        for file in getattr(args, "drop_overlap", [])
    ]
    chosen = {name: getattr(args, name, None) for name in ("split", "subject", "data_source", "question", "gold")}
    return Options(args.instruction, args.single_answer, evaluations, **chosen)


def main(dataset: Dataset, doc: str) -> None:
    """Run the command line of a dataset's module. Its docstring `doc` is the text of --help."""
    parser = parser_of(doc, Path("~/data") / dataset.name, list(dataset.splits), list(dataset.subjects))
    parser.add_argument("--local_dataset_path", type=path_of, help="file or directory; default: download from the hub")
    run(dataset, parser.parse_args())


def run(dataset: Dataset, args: argparse.Namespace) -> None:
    """Do what a parsed command line says, and exit with a message of one line if it cannot be done."""
    gc.freeze()  # because looking for cycles in all that is imported took a quarter of the time
    try:
        prepare(dataset, args.local_dataset_path, args.local_save_dir, options_of(args))
    except (OSError, ValueError) as error:
        sys.exit(f"data_prep.{dataset.name}: {in_a_line(error)}")
    except KeyboardInterrupt:
        sys.exit(f"data_prep.{dataset.name}: interrupted")
