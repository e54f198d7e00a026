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
"""Any maths dataset: python -m data_prep.any FILE... --local_save_dir DIR

FILE is a parquet, json, jsonl, csv or arrow file, also with .gz. Several files are parts of one dataset. The question
and the gold answer are found under the names in use; what was taken is printed, with an example.

- Question: problem, question, query; or prompt, messages, conversations, which may be chats ({role, content} or {from,
  value}). An instruction about the form of the answer is removed from a question, for example DAPO's frame.
- Gold answer: answer, final_answer, gold, ground_truth, reward_model.ground_truth, target, ...; else the box or the
  #### of a solution or of the assistant's turn. An answer may be a list of one, also as text: ["5"].
- Two such columns that contradict each other are an error; --question and --gold choose one. A field of a column is
  COLUMN.FIELD.
- Split: the column split, or extra_info.split; else --split; else train.
- Rows in verl's schema keep data_source and ability. A prompt that asks for a box stays as it is, unless --instruction
  is given. Rows whose ability is not maths are dropped.

It reads DAPO-Math-17k, Open-Reasoner-Zero, DeepScaleR, Skywork-OR1, NuminaMath, Big-Math, Minerva, GSM8K with or
without solutions, RLVR-Decomposed's files, and the files that data_prep writes.
"""

from data_prep.convert import Dataset
from data_prep.prepare import parser_of, path_of, run

DATASET = Dataset(
    name="any",
    data_source=None,
    hub=(),
    splits={"train": "train", "validation": "validation", "test": "test"},
)


def main() -> None:
    """Run the command line."""
    parser = parser_of(__doc__, None, list(DATASET.splits))
    parser.add_argument("local_dataset_path", nargs="+", type=path_of, metavar="FILE")
    parser.add_argument("--question", metavar="COLUMN", help="the column of the question")
    parser.add_argument("--gold", metavar="COLUMN", help="the column of the gold answer")
    parser.add_argument(
        "--data-source", metavar="NAME", help="default: the column data_source, else the name of the directory DIR"
    )
    run(DATASET, parser.parse_args())


if __name__ == "__main__":
    main()
