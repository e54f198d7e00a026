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
"""The paper's evaluation protocol and its Table 1 as data (arXiv 2604.04894 v1: Appendices C and E, Table 1)."""

from typing import NamedTuple

# The final evaluation of Qwen3-4B
TEMPERATURE = 0.4
TOP_P = 1.0
MAX_RESPONSE_LENGTH = 4096  # tokens
SAMPLES = 5  # responses per prompt on a data source that is not in BENCHMARKS
# The checkpoint that the paper evaluates has the best validation accuracy on this data source.
SELECTION_BENCHMARK = "HuggingFaceH4/MATH-500"


class Benchmark(NamedTuple):
    name: str  # of its column in Table 1
    samples: int  # responses per prompt: the table shows Avg@samples
    prompts: int  # in the file that data_prep makes, and on the hub; the paper does not state it


# data source -> benchmark, in the order of the table's columns
BENCHMARKS = {
    "HuggingFaceH4/MATH-500": Benchmark("MATH-500", 5, 500),
    "aime24": Benchmark("AIME24", 10, 30),
    "aime25": Benchmark("AIME25", 10, 30),
    "amc23": Benchmark("AMC23", 10, 40),
    "olympiadbench": Benchmark("Olympiad", 5, 674),
}


class Row(NamedTuple):
    """A row of Table 1.

    Attributes:
        name: the method's name in the paper.
        method: METHOD of our launchers, a file in configs/asymgrpo, except for "untrained".
        beta_pos, beta_neg: the betas; None if the method has none.
        scores: accuracies in percent, in the order of BENCHMARKS.
        average: their mean as the paper prints it, in percent.
    """

    name: str
    method: str
    beta_pos: float | None
    beta_neg: float | None
    scores: tuple[float, float, float, float, float]
    average: float


TABLE_1 = (
    Row("Qwen3-4B", "untrained", None, None, (81.60, 21.67, 20.00, 63.75, 47.52), 46.91),
    Row("REINFORCE", "reinforce", 0, 0, (86.60, 28.67, 24.67, 73.75, 54.86), 53.71),
    Row("GRPO", "grpo", 0.5, 0.5, (88.20, 31.00, 27.33, 78.25, 57.74), 56.50),
    Row("GRPO + entropy regularisation", "entropy_reg", 0.5, 0.5, (88.20, 38.33, 28.33, 75.50, 57.24), 57.52),
    Row("GRPO + Clip-higher", "clip_higher", 0.5, 0.5, (90.07, 34.67, 32.33, 78.50, 58.18), 58.75),
    Row("GRPO + entropy advantage", "entropy_advantage", 0.5, 0.5, (86.73, 32.00, 25.33, 77.25, 54.46), 55.16),
    Row("Dr.GRPO", "dr_grpo", None, None, (88.87, 36.33, 30.00, 78.25, 57.24), 58.14),
    Row("Pass@K training", "passk_training", None, None, (86.33, 27.67, 31.00, 74.00, 55.06), 54.81),
    Row("Pos-Only", "pos_only", 0.5, 0, (87.13, 27.33, 28.00, 76.75, 57.34), 55.31),
    Row("Neg-Only", "neg_only", 0, 0.5, (87.00, 26.00, 27.00, 78.00, 54.46), 54.49),
    Row("EntIncrease", "ent_increase", 0.5, 0.5, (85.60, 26.00, 23.33, 71.75, 53.03), 51.94),
    Row("EntDecrease", "ent_decrease", 0.5, 0.5, (83.73, 25.00, 23.67, 71.50, 50.74), 50.93),
    Row("AsymGRPO, symmetric", "symmetric", 0.7, 0.7, (88.53, 32.00, 29.33, 78.50, 57.34), 57.14),
    Row("AsymGRPO", "asymgrpo", 0.9, 0.4, (89.33, 39.33, 28.67, 81.00, 58.48), 59.36),
    Row("AsymGRPO + Clip-higher", "asymgrpo_clip_higher", 0.9, 0.3, (89.73, 33.67, 36.00, 83.25, 58.93), 60.32),
)


def row_name(label: str) -> str:
    """Return the name of the row of Table 1 that `label` is the name or the METHOD of, in any case; else `label`."""
    names = {key.casefold(): row.name for row in TABLE_1 for key in (row.method, row.name)}
    return names.get(label.casefold(), label)
