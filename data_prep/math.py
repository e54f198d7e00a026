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
r"""MATH (Hendrycks et al., 2021) for verl: python -m data_prep.math --local_save_dir ~/data/math

Hub: DigitalLearningGmbH/MATH-lighteval, licence MIT; a takedown notice against another copy of MATH (2025) disputes the
right to redistribute it. Layouts: the hub's (problem, solution, level, type) and RLVR-Decomposed's
(reward_model.ground_truth.{question, solution}). Writes train.parquet and test.parquet.

The gold answer is the last \boxed{} of the solution; \boxed 9 and \boxed {17} are boxes too. Train: 7,500 rows in,
7,493 out. The hub's test split has 5,000 rows.
- Two have an empty box and are dropped (rows 5341, 5343).
- Five repeat an earlier question with other spacing or punctuation and an equal answer, and are dropped (rows 959,
  1227, 3881, 4322, 7378).
- Degree signs, units and thousands separators are removed from numbers. In one question, a tab replaces the \t of
  \textbf, which is restored.
- Four questions mention a figure that their text does not contain. Two rows have the level "Level ?" (2773, 2832).
- Four questions are also in OlympiadBench, and two more in other words: see data_prep.overlap and --drop-overlap.
"""

from asymgrpo_verl.rewards.answers import last_boxed
from data_prep import DATA_SOURCES
from data_prep.prepare import Dataset, main
from data_prep.rows import Problem, label, text_of


def problem(row: dict) -> Problem:
    about = {"level": label(row.get("level")), "subject": label(row.get("type"))}
    return Problem(text_of(row, "problem", "question"), last_boxed(text_of(row, "solution")), about)


DATASET = Dataset(
    name="math",
    data_source=DATA_SOURCES["math"],
    hub=("DigitalLearningGmbH/MATH-lighteval",),
    splits={"train": "train", "test": "test"},
    problem=problem,
    folders=("math_train",),
)

if __name__ == "__main__":
    main(DATASET, __doc__)
