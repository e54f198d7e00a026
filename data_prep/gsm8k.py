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
r"""GSM8K (Cobbe et al., 2021), which is not one of the paper's benchmarks: python -m data_prep.gsm8k

Hub: openai/gsm8k, config main, licence MIT. Layouts: question, answer (the solution, then #### and the number), or the
number alone in answer. Writes
train.parquet (7,473 rows in and out) and test.parquet (1,319 rows in and out). Thousands separators are removed.

The data source is verl's name for GSM8K. verl's default reward for this name expects "#### 12" in a response, but these
prompts ask for \boxed{12}. So train with pkg://asymgrpo_verl.rewards.
"""

from data_prep import DATA_SOURCES
from data_prep.convert import Dataset
from data_prep.prepare import main

DATASET = Dataset(
    name="gsm8k",
    data_source=DATA_SOURCES["gsm8k"],
    hub=("openai/gsm8k", "main"),
    splits={"train": "train", "test": "test"},
    is_numeric=True,
)

if __name__ == "__main__":
    main(DATASET, __doc__)
