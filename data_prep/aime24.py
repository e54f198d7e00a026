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
"""AIME 2024, parts I and II: python -m data_prep.aime24

Hub: HuggingFaceH4/aime_2024, which states no licence; the Mathematical Association of America owns the problems.
Layouts: the hub's (id, problem, answer); math-ai/aime24's, which has a solution with a box instead of the answer; and
RLVR-Decomposed's. Writes test.parquet: 30 rows in, 30 out. Leading zeros of answers are removed (033 becomes 33). The
question with id 71 mentions a figure that its text does not contain.
"""

from data_prep import DATA_SOURCES
from data_prep.convert import Dataset
from data_prep.prepare import main

DATASET = Dataset(
    name="aime24",
    data_source=DATA_SOURCES["aime24"],
    hub=("HuggingFaceH4/aime_2024",),
    splits={"test": "train"},
    is_numeric=True,
    folders=("aime2024",),
)

if __name__ == "__main__":
    main(DATASET, __doc__)
