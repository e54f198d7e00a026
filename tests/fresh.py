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
"""Run code in a process that has not imported verl, without waiting for what verl imports.

`import verl` takes seconds, nearly all of them for torch, transformers and Ray. So one server process imports these,
and each call runs in a fork of it, where verl and our package are still to be imported.
"""

import contextlib
import io
import multiprocessing
import os
import traceback
from multiprocessing.connection import Connection

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["torch", "tensordict", "transformers", "peft", "ray", "hydra", "pandas", "sympy"])


def run(code: str, env: dict[str, str], sender: Connection) -> None:
    """Execute the code in this process and send what it prints, and the traceback if it fails."""
    for name in [name for name in os.environ if name.startswith(("VERL_", "RAY_"))]:
        del os.environ[name]
    os.environ.update(env)
    printed, error = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        try:
            exec(code, {"__name__": "__main__"})
        except BaseException:
            error = traceback.format_exc()
    sender.send((printed.getvalue(), error))


def fresh_python(code: str, **env: str) -> str:
    """Return the last line that the code prints, without the VERL_ and RAY_ variables of this session."""
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=run, args=(code, env, sender))
    process.start()
    sender.close()
    printed, error = receiver.recv()
    process.join()
    assert error is None, error
    return (printed.strip().splitlines() or [""])[-1]
