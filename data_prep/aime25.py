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
"""AIME 2025, parts I and II: python -m data_prep.aime25

Hub: math-ai/aime25, which states no licence; the Mathematical Association of America owns the problems. Layouts: the
hub's (id, problem, answer) and RLVR-Decomposed's. Writes test.parquet: 30 rows in, 30 out. The degree sign in the
answer of row 19 is removed. The questions of rows 19 and 20 mention a figure that their text does not contain.
"""

from data_prep import DATA_SOURCES
from data_prep.convert import Dataset
from data_prep.prepare import main

DATASET = Dataset(
    name="aime25",
    data_source=DATA_SOURCES["aime25"],
    hub=("math-ai/aime25",),
    splits={"test": "test"},
    is_numeric=True,
    folders=("aime2025",),
)

if __name__ == "__main__":
    main(DATASET, __doc__)
