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
"""docs/trainers.md says which feature works with which trainer, and is made by the check at the start of a run."""

import pytest
from places import ROOT

from asymgrpo_verl.integration.feature_table import markdown

pytestmark = pytest.mark.seconds


@pytest.fixture(scope="module")
def page() -> str:
    return markdown()


@pytest.fixture(scope="module")
def table(page) -> dict[str, list[str]]:
    """{feature: its cells}"""
    rows = [row.strip("| \n").split(" | ") for row in page.splitlines() if row.startswith("|")]
    return {name: cells for name, *cells in rows[2:]}


def test_the_page_is_the_one_that_the_module_makes(page):
    made = "python -m asymgrpo_verl.integration.feature_table > docs/trainers.md"
    assert (ROOT / "docs" / "trainers.md").read_text() == page, made


def test_our_three_trainers_have_every_feature(table):
    refused = {name for name, cells in table.items() if cells[:3] != ["yes"] * 3}
    assert refused == {"bypass mode with `log_prob_increment`"}, "there is no policy before the update to compare with"


def test_another_trainer_uses_nothing_silently(table):
    estimators_alone = {"estimators and policy loss of every method", "rollout correction, decoupled"}
    assert {name for name, cells in table.items() if "yes" in cells[3:]} == {
        *estimators_alone,
        "rollout correction, bypass mode",
    }
