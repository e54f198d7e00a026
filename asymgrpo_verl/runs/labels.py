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
"""Read the argument LABEL=PATH of `asymgrpo figures` and of `asymgrpo table`."""

from pathlib import Path


def split_label(argument: str) -> tuple[str | None, Path]:
    """Return the label and the path of "LABEL=PATH", and None and the path of "PATH".

    If `argument` as a whole is an existing path, it is a PATH, even if it contains "=". A label may contain "=" too, as
    in "beta_neg = 0.75=PATH": it ends at the first "=" that is followed by an existing path, else at the first "=".
    Spaces around the label are removed.

    Raises:
        ValueError: the label or the path is empty. That the path exists is not checked.
    """
    cuts = [i for i, letter in enumerate(argument) if letter == "="]
    if not cuts or Path(argument).exists():
        return None, Path(argument)
    cut = next((i for i in cuts if Path(argument[i + 1 :]).exists()), cuts[0])
    label, path = argument[:cut].strip(), argument[cut + 1 :]
    if not label or not path:
        raise ValueError(f"{argument}: got an empty {'path' if label else 'label'}; expected LABEL=PATH.")
    return label, Path(path)
