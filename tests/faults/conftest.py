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
"""Fixtures of the fault tests: a model with its prompts, a short temporary directory, and the table of the kills."""

import tempfile
from pathlib import Path

import pytest
from tiny_run import prepare

ROWS = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, base_policy):
    place = tmp_path_factory.mktemp("prepared")
    prepare(place, base_policy)
    return place


@pytest.fixture
def temporary():
    """Yield a directory with a short path, because the path of a socket in it may have at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="faults-", dir="/tmp", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture
def table(pytestconfig):
    """Return the rows of the table that is printed at the end."""
    return pytestconfig.stash.setdefault(ROWS, [])


def pytest_terminal_summary(terminalreporter, config):
    if rows := config.stash.get(ROWS, []):
        terminalreporter.section("killed")
        terminalreporter.write_line("| | killed | after | at | ended in | exit | left behind | resumed from |")
        for row in ["|---|---|---|---|---|---|---|---|", *rows]:
            terminalreporter.write_line(row)
