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

The gold answer is the last \boxed{} of the solution; \boxed 9 and \boxed {17} are boxes too. If its sentence has
several boxes, they are the answers, in their order (\boxed{5} or \boxed{-3}). Train: 7,500 rows in, 7,486 out. The
hub's test split has 5,000 rows.
- Two have an empty box and are dropped (rows 5341, 5343).
- Four have several boxes in one sentence that may be one answer, as \boxed{28} or \boxed{28_9}, and are dropped (rows
  4253, 5419, 5446, 6308). Three ask for several answers and box them in several sentences, and are dropped (rows 6922,
  7225, 7321). In six others an earlier box has another answer, which is taken for a step.
- Five repeat an earlier question with other spacing or punctuation and an equal answer, and are dropped (rows 959,
  1227, 3881, 4322, 7378).
- Degree signs, units and thousands separators are removed from numbers. 15,120 is one number, or two if the texts say
  so. In one question, a tab replaces the \t of \textbf, which is restored.
- Four questions mention a figure that their text does not contain. Two rows have the level "Level ?" (2773, 2832).
- Four questions are also in OlympiadBench, and two more in other words: see data_prep.overlap and --drop-overlap.

A file without a column split becomes train.parquet unless --split is given. If its name speaks of test, --split must
be given.
"""

from dataclasses import replace

from data_prep import DATA_SOURCES
from data_prep.convert import Dataset
from data_prep.prepare import main
from data_prep.rows import ANY

DATASET = Dataset(
    name="math",
    data_source=DATA_SOURCES["math"],
    hub=("DigitalLearningGmbH/MATH-lighteval",),
    splits={"train": "train", "test": "test"},
    names=replace(ANY, answers=()),
    folders=("math_train",),
)

if __name__ == "__main__":
    main(DATASET, __doc__)
