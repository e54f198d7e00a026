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
"""MATH-500 (Lightman et al., 2023), 500 of MATH's test rows: python -m data_prep.math500

Hub: HuggingFaceH4/MATH-500, which states no licence. The split is from openai/prm800k (MIT); data_prep.math says more
about MATH. Layouts: the hub's (problem, answer, subject, level, unique_id) and RLVR-Decomposed's; without an
answer, a solution. Writes test.parquet: 500 rows in, 500 out. Degree signs, units and thousands separators are removed
from numbers. One question mentions a figure that its text does not contain.
"""

from data_prep import DATA_SOURCES
from data_prep.convert import Dataset
from data_prep.prepare import main

DATASET = Dataset(
    name="math500",
    data_source=DATA_SOURCES["math500"],
    hub=("HuggingFaceH4/MATH-500",),
    splits={"test": "test"},
)

if __name__ == "__main__":
    main(DATASET, __doc__)
