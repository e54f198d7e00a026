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
"""Write maths datasets as parquet files that verl reads."""

# Module name -> data_source of its rows. verl puts it into metric keys and chooses its default rewards by it.
DATA_SOURCES = {
    "math": "DigitalLearningGmbH/MATH-lighteval",
    "math500": "HuggingFaceH4/MATH-500",
    "aime24": "aime24",
    "aime25": "aime25",
    "amc23": "amc23",
    "olympiadbench": "olympiadbench",
    "gsm8k": "openai/gsm8k",
}
