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
"""Prepare every dataset: python -m data_prep.all --local_save_dir ~/data

Each dataset is written to a folder with the name of its module. --local_dataset_path is a directory with one folder per
dataset; a folder has the same name (or math_train, aime2024, aime2025, amc2023). If a dataset has no folder there, or
cannot be prepared, stderr says so and the other datasets are prepared anyway.
"""

import sys
from pathlib import Path

from asymgrpo_verl.files import in_a_line
from data_prep import aime24, aime25, amc23, gsm8k, math, math500, olympiadbench
from data_prep.prepare import options_of, parser_of, path_of, prepare

DATASETS = [module.DATASET for module in (math, math500, aime24, aime25, amc23, olympiadbench, gsm8k)]


def main() -> None:
    parser = parser_of(__doc__, Path("~/data"), ["train"])
    parser.add_argument("--local_dataset_path", type=path_of, help="directory; default: download from the hub")
    args = parser.parse_args()
    root = args.local_dataset_path
    if root and not root.is_dir():
        sys.exit(f"data_prep.all: --local_dataset_path: got {root}; expected a directory.")
    try:
        options = options_of(args)
    except (OSError, ValueError) as error:
        sys.exit(f"data_prep.all: {in_a_line(error)}")
    made, failed = 0, 0
    for dataset in DATASETS:
        names = (dataset.name, *dataset.folders)
        path = root and next((root / name for name in names if (root / name).is_dir()), None)
        if root and path is None:
            print(f"{dataset.name}: skipped, because {root} has no folder {' or '.join(names)}", file=sys.stderr)
            continue
        try:
            prepare(dataset, path, args.local_save_dir / dataset.name, options)
            made += 1
        except (OSError, ValueError) as error:
            print(f"{dataset.name}: {in_a_line(error)}", file=sys.stderr)
            failed += 1
        except KeyboardInterrupt:
            sys.exit(f"data_prep.all: interrupted at {dataset.name}")
    if failed or not made:
        sys.exit(f"data_prep.all: {made} prepared, {failed} failed, {len(DATASETS) - made - failed} skipped.")


if __name__ == "__main__":
    main()
