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
"""Run the console command `asymgrpo` in the test's own process, where torch and matplotlib are imported already."""

import contextlib
import io
import sys
from typing import NamedTuple
from unittest import mock

from asymgrpo_verl import cli


class Done(NamedTuple):
    """How a command ended: its exit status, and what it wrote."""

    status: int
    stdout: str
    stderr: str


def asymgrpo(*arguments) -> Done:
    """Run `asymgrpo` with `arguments`. An exception other than SystemExit is not caught: the user would see it too."""
    stdout, stderr, status = io.StringIO(), io.StringIO(), 0
    command = ["asymgrpo", *map(str, arguments)]
    with (
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        mock.patch.object(sys, "argv", command),
    ):
        try:
            cli.main()
        except SystemExit as end:
            status = end.code or 0
            if isinstance(status, str):  # Python prints a text to stderr and exits with 1
                print(status, file=stderr)
                status = 1
    return Done(status, stdout.getvalue(), stderr.getvalue())
