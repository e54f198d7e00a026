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
"""MATH (Hendrycks et al., 2021) for verl: python -m data_prep.math --local_save_dir ~/data/math

Without --local_dataset_path it loads DigitalLearningGmbH/MATH-lighteval from the hub (MIT licence; 7,500 train and
5,000 test rows). A local path is a .parquet, .jsonl or .json file, or a directory with train.* and test.* files, in the
hub's layout (problem, solution, level, type) or in that of RLVR-Decomposed (reward_model.ground_truth.{question,
solution}).

The gold answer is the last \\boxed{} of the solution. Rows without one are dropped and named: two of the 7,500 train
rows have an empty box.
"""

import argparse
import sys
from pathlib import Path

from data_prep.files import read_rows, verl_row, write_rows

DATA_SOURCE = "DigitalLearningGmbH/MATH-lighteval"
INSTRUCTION = "Let's think step by step and output the final answer within \\boxed{}."
SPLITS = ("train", "test")


def last_boxed(text: str) -> str | None:
    """What the last \\boxed{...}, \\boxed {...} or \\boxed x of a text holds; None if there is none."""
    start = text.rfind("\\boxed")
    if start < 0:
        return None
    rest = text[start + len("\\boxed") :].lstrip()
    if not rest.startswith("{"):
        return rest.split("$")[0].split()[0] if rest.split("$")[0].strip() else None
    depth = 0
    for i, character in enumerate(rest):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return rest[1:i].strip()
    return None


def problem_and_solution(row: dict, place: str) -> tuple[str, str]:
    """The two texts of a row, in either layout.

    Raises:
        ValueError: neither layout; the message names the row and its columns.
    """
    if not isinstance(row, dict):
        raise ValueError(f"{place}: expected an object, found {row!r:.80}.")
    truth = (row.get("reward_model") or {}).get("ground_truth")
    if "problem" in row and "solution" in row:
        texts = row["problem"], row["solution"]
    elif isinstance(truth, dict) and "question" in truth and "solution" in truth:
        texts = truth["question"], truth["solution"]
    else:
        raise ValueError(
            f"{place}: expected the columns problem and solution, or reward_model.ground_truth.{{question, solution}}; "
            f"found {', '.join(row)}."
        )
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise ValueError(f"{place}: the problem or the solution is no text: {texts!r:.80}.")
    return texts


def convert(rows: list[dict], split: str, place: str) -> tuple[list[dict], list[int]]:
    """The rows in verl's schema, and the numbers of the rows dropped because their solution boxes no answer."""
    kept, dropped = [], []
    for index, row in enumerate(rows):
        problem, solution = problem_and_solution(row, f"{place}, row {index}")
        answer = last_boxed(solution)
        if not answer:
            dropped.append(index)
            continue
        about = {"level": row.get("level"), "subject": row.get("type")}
        kept.append(verl_row(DATA_SOURCE, f"{problem} {INSTRUCTION}", answer, split, index, **about))
    if not kept:
        raise ValueError(f"{place}: no row has an answer in a \\boxed{{}}.")
    return kept, dropped


def load(path: Path | None) -> dict[str, tuple[list[dict], str]]:
    """split -> (rows, where they are from)."""
    if path is None:
        from datasets import load_dataset

        hub = load_dataset(DATA_SOURCE)
        return {split: (list(hub[split]), f"{DATA_SOURCE}, {split}") for split in SPLITS}
    if path.is_file():
        split = path.stem if path.stem in SPLITS else "train"
        return {split: (read_rows(path), str(path))}
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: no such file or directory.")
    files = [
        f for split in SPLITS for f in sorted(path.glob(f"{split}.*")) if f.suffix in (".parquet", ".jsonl", ".json")
    ]
    if not files:
        raise FileNotFoundError(f"{path}: holds no train or test file (.parquet, .jsonl or .json).")
    if len({f.stem for f in files}) < len(files):
        raise ValueError(f"{path}: more than one file for a split: {', '.join(f.name for f in files)}.")
    return {f.stem: (read_rows(f), str(f)) for f in files}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--local_dataset_path", type=Path, help="file or directory; the hub dataset without it")
    parser.add_argument("--local_save_dir", type=Path, default=Path("~/data/math"))
    args = parser.parse_args()
    try:
        for split, (rows, place) in load(args.local_dataset_path).items():
            kept, dropped = convert(rows, split, place)
            out = args.local_save_dir.expanduser() / f"{split}.parquet"
            write_rows(kept, out)
            without = f", dropped without an answer: {', '.join(map(str, dropped))}" if dropped else ""
            print(f"{out}: {len(kept)} of {len(rows)} rows{without}")
    except (OSError, ValueError) as error:
        sys.exit(f"data_prep.math: {error}")


if __name__ == "__main__":
    main()
