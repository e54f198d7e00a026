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
"""Settings for all tests. verl runs on the CPU. Hypothesis has no deadline, because no test times a single call."""

import gc
import os
import sys
from pathlib import Path

import hypothesis
import pytest
from tiny_run import quickstart

os.environ["VERL_PLATFORM"] = "cpu"

hypothesis.settings.register_profile("default", deadline=None, print_blob=True)
hypothesis.settings.load_profile("default")


STARTS = ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.system")  # audit events of Python
MAY_START = {"process", "checker", "slow"}
unmarked: str | None = None  # the running test, if it has none of these marks


def refuse(event: str, arguments: tuple) -> None:
    """Raise in a test without a mark that starts a process, because the fast tier leaves out only marked tests."""
    # libraries run uname and file when they are imported
    if unmarked and event in STARTS and not (arguments and arguments[0] in ("uname", "file")):
        raise RuntimeError(f"{unmarked}: got {event} of {arguments[:1]}; expected one of the marks {sorted(MAY_START)}")


sys.addaudithook(refuse)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    global unmarked
    marks = {mark.name for mark in item.iter_markers()}
    unmarked = None if marks & MAY_START else item.nodeid
    try:
        return (yield)
    finally:
        unmarked = None


@pytest.fixture(scope="session")
def base_policy(tmp_path_factory) -> Path:
    """Return a model that has learnt almost nothing of the quickstart's task. The tests only read it."""
    model = tmp_path_factory.mktemp("base_policy") / "model"
    quickstart("base_policy.py", model, "--steps", 40)
    return model


def pytest_collection_finish():
    """Leave what the collection has imported out of Python's garbage collections, which took much of the time."""
    gc.freeze()
