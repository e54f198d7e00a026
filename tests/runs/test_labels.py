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
"""LABEL=PATH on the command line: where the label ends, and which row of Table 1 it names."""

from pathlib import Path

import pytest

from asymgrpo_verl.paper import TABLE_1, row_name
from asymgrpo_verl.runs.labels import split_label


@pytest.mark.parametrize(
    "argument, label, path",
    [
        ("run", None, "run"),
        ("GRPO=run", "GRPO", "run"),
        (" my own =run", "my own", "run"),
        ("a=b", None, "a=b"),  # exists
        ("GRPO=a=b", "GRPO", "a=b"),
        ("beta_neg = 0.75=run", "beta_neg = 0.75", "run"),
        ("x=y=a=b", "x=y", "a=b"),
        ("GRPO=nowhere=1", "GRPO", "nowhere=1"),  # does not exist, nor does "1"
    ],
)
def test_a_label_ends_before_an_existing_path_else_at_the_first_equals_sign(
    tmp_path, monkeypatch, argument, label, path
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "a=b").touch()
    assert split_label(argument) == (label, Path(path))


@pytest.mark.parametrize(
    "argument, missing", [("=run", "label"), (" =run", "label"), ("GRPO=", "path"), ("=", "label")]
)
def test_an_empty_label_or_path_is_an_error(argument, missing):
    with pytest.raises(ValueError, match=f"^{argument}: got an empty {missing}; expected LABEL=PATH.$"):
        split_label(argument)


def test_a_row_of_table_1_is_found_by_its_name_in_any_case_and_by_its_method():
    for row in TABLE_1:
        assert row_name(row.name) == row_name(row.name.upper()) == row_name(row.method) == row.name
    assert row_name("asymGRPO") == "AsymGRPO" and row_name("clip_higher") == "GRPO + Clip-higher"
    assert row_name("my own") == "my own"
