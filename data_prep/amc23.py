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
"""AMC 12 2023, A and B, with integer answers: python -m data_prep.amc23

Hub: math-ai/amc23, which states no licence; the Mathematical Association of America owns the problems, which are
rewritten to have integer answers. Layouts: id, problem or question, and answer (a text or a number);
RLVR-Decomposed's. Writes test.parquet: 40 rows in, 40 out.
"""

from data_prep import DATA_SOURCES
from data_prep.convert import Dataset
from data_prep.prepare import main

DATASET = Dataset(
    name="amc23",
    data_source=DATA_SOURCES["amc23"],
    hub=("math-ai/amc23",),
    splits={"test": "test"},
    is_numeric=True,
    folders=("amc2023",),
)

if __name__ == "__main__":
    main(DATASET, __doc__)
