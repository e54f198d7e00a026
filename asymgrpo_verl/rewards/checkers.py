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
"""Ask the answer checkers of this process whether two answers are equal.

An answer checker is a process that runs math-verify (`checker`). A process has at most CHECKERS of them. Each starts
when it is first needed, answers many questions, and is replaced when it dies. A forked process starts its own.
"""

import atexit
import json
import os
import queue
import signal
import subprocess
import sys

CHECKERS = min(4, os.cpu_count())  # at most, per process

# One place per checker; None is a place without a process. Last in, first out, because the last one used is warm.
_places: queue.LifoQueue


UNDECIDED = "undecided"


def ask(gold: str, answer: str, time_limit: float) -> bool | str | None:
    """Return whether math-verify takes two answers, in LaTeX, as equal; UNDECIDED if it cannot read or compare them.

    It is None if there was no verdict within `time_limit` seconds. The limit does not count the wait for a free checker, or for a new one to start.

    Raises:
        RuntimeError: a checker cannot start.
    """
    question = json.dumps([gold, answer, time_limit]).encode() + b"\n"
    reply, code = _put(question)
    if code == -signal.SIGKILL:  # Neither the time limit nor the memory limit sends SIGKILL, so it came from outside.
        reply, code = _put(question)
    if code > 0:
        raise RuntimeError(
            f"asymgrpo_verl.rewards.checker: got exit code {code} at its start; expected a running answer checker. Its "
            "own error is printed above."
        )
    return {b"1\n": True, b"0\n": False, b"?\n": UNDECIDED}[reply] if reply else None


def stop_all() -> None:
    """Stop the checkers that have no question. The next questions start new ones."""
    stopped = 0
    while not _places.empty():
        if checker := _places.get():
            _stop(checker)
        stopped += 1
    for _ in range(stopped):
        _places.put(None)


def _put(question: bytes) -> tuple[bytes, int]:
    """Wait for a free checker and ask it. Return its reply and 0; if it dies, return no reply and its exit code."""
    checker, successor = _places.get(), None
    try:
        if checker and checker.poll() is not None:
            _stop(checker)
            checker = None
        checker = checker or _start()
        reply = _exchange(checker, question)
        code = 0 if reply else checker.wait()
        if code <= 0:
            successor = checker if reply else _start()
    finally:  # An exception from a signal handler comes here too; the checker may then still write a reply to nobody.
        if checker and checker is not successor:
            _stop(checker)
        _places.put(successor)
    return reply, code


def _start() -> subprocess.Popen:
    """Start a checker. It takes about a second to be ready, but its pipe takes a question at once."""
    return subprocess.Popen(
        [sys.executable, "-m", "asymgrpo_verl.rewards.checker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,  # A Ctrl-C goes to this process only, which then stops its checkers.
    )


def _stop(checker: subprocess.Popen) -> None:
    checker.kill()
    checker.wait()
    checker.stdin.close()
    checker.stdout.close()


def _exchange(checker: subprocess.Popen, question: bytes) -> bytes:
    try:
        checker.stdin.write(question)
    except BrokenPipeError:
        return b""
    return checker.stdout.readline()


def _empty_places() -> None:
    global _places
    _places = queue.LifoQueue()
    for _ in range(CHECKERS):
        _places.put(None)


_empty_places()
os.register_at_fork(after_in_child=_empty_places)  # because two processes must not share one pipe
atexit.register(stop_all)
