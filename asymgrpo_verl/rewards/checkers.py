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

An answer checker compares two answers with math-verify in a process of its own (`checker_process`). A process has at
most CHECKERS of them. Each starts when it is first needed and answers many questions. A forked process starts its own.
"""

import atexit
import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time

from asymgrpo_verl.rewards.verdicts import DIFFERENT, EQUAL, GIVEN_UP, KILLED, UNDECIDED

CHECKERS = min(4, os.cpu_count())  # at most, per process
EASY = 0.05  # seconds of processor time that every comparison may take; 97% of ordinary comparisons need less
_VERDICTS = {EQUAL: True, DIFFERENT: False, UNDECIDED: UNDECIDED}
WINDOW = 60.0  # seconds in which a spent batch limit comes back

# One place per checker; None is a place without a checker. Last in, first out, because the last one used is warm.
_places: queue.LifoQueue
_starter: subprocess.Popen | None  # forks the checkers, because a new process needs a second to import sympy
_channels: socket.socket | None  # takes the channels of new checkers to the starter
_lock: threading.Lock  # for the starter and the two numbers below
_spent: float  # seconds of processor time that comparisons have taken beyond EASY, less what came back
_counted_at: float  # when _spent was computed


def ask(gold: str, answer: str, time_limit: float, batch_limit: float) -> bool | str | None:
    """Return whether math-verify takes two answers, in LaTeX, as equal; UNDECIDED if it cannot read or compare them.

    It is None if there was no verdict within the limits.

    The limits are seconds of processor time, so the verdict does not depend on how busy the machine is. A comparison
    may take `time_limit`, but at most half of what is left of `batch_limit`, and always EASY. `batch_limit` is what the
    comparisons of this process may take together in WINDOW seconds; the first EASY seconds of each do not count.

    Raises:
        RuntimeError: a checker cannot start.
        TimeoutError: the comparison was given up before `time_limit`, because the batch limit is spent.
    """
    limit = _reserve(time_limit, batch_limit)
    question = json.dumps([gold, answer, limit]).encode() + b"\n"
    used = limit
    try:
        verdict, seconds = _put(question)
        if verdict in ("", KILLED):  # by another process, for example because the machine was out of memory
            verdict, seconds = _put(question)
        if verdict in _VERDICTS:
            used = seconds
    finally:
        _give_back(limit, used)
    if verdict == GIVEN_UP and limit < time_limit:
        raise TimeoutError
    return _VERDICTS.get(verdict)


def stop_all() -> None:
    """Stop the checkers that have no question, and their starter. The next questions start new ones."""
    stopped = 0
    while not _places.empty():
        if channel := _places.get():
            channel.close()
        stopped += 1
    for _ in range(stopped):
        _places.put(None)
    with _lock:
        _stop_starter()


def _reserve(time_limit: float, batch_limit: float) -> float:
    """Return the limit of the next comparison, and count it as spent."""
    global _spent, _counted_at
    with _lock:
        now = time.monotonic()
        _spent = max(0.0, _spent - batch_limit * (now - _counted_at) / WINDOW)
        _counted_at = now
        limit = min(time_limit, max(EASY, (batch_limit - _spent) / 2))
        _spent += max(0.0, limit - EASY)
    return limit


def _give_back(limit: float, used: float) -> None:
    """Count what a comparison has used, instead of its limit."""
    global _spent
    with _lock:
        _spent = max(0.0, _spent + max(0.0, used - EASY) - max(0.0, limit - EASY))


def _put(question: bytes) -> tuple[str, float]:
    """Wait for a free checker and ask it. Return its verdict and the seconds used; "" if it ended without a reply."""
    channel, reply = _places.get(), b""
    try:
        if channel is None or _is_closed(channel):
            channel = _start()
        reply = _exchange(channel, question)
    finally:  # An exception from a signal handler comes here too. The checker stops when its channel closes.
        if channel and not reply:
            channel.close()
        _places.put(channel if reply else None)
    if not reply:
        _check_starter()
        return "", 0.0
    verdict, used = reply.decode().split()
    return verdict, float(used)


def _exchange(channel: socket.socket, question: bytes) -> bytes:
    """Return the line that a checker replies, or nothing if it ends before."""
    reply = b""
    try:
        channel.sendall(question)
        while not reply.endswith(b"\n"):
            if not (part := channel.recv(64)):
                return b""
            reply += part
    except ConnectionError:
        return b""
    return reply


def _is_closed(channel: socket.socket) -> bool:
    """Return whether the checker of a channel has ended. A checker without a question sends nothing."""
    try:
        channel.recv(1, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except ConnectionError:
        pass
    return True


def _start() -> socket.socket:
    """Start a checker and return the channel to it. The channel takes a question at once."""
    ours, theirs = socket.socketpair()
    with theirs, _lock:
        if _starter is None or _starter.poll() is not None:
            _start_starter()
        try:
            socket.send_fds(_channels, [b"c"], [theirs.fileno()])
        except ConnectionError:  # the starter has just ended: `_put` finds the channel closed, and asks again
            pass
    return ours


def _start_starter() -> None:
    """Start the process that forks the checkers. It takes about a second to be ready."""
    global _starter, _channels
    _stop_starter()
    _channels, theirs = socket.socketpair()
    path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
    # The path is ours, without the folder that python -m puts before it. Sets have one order in every run.
    environment = {"PYTHONPATH": path, "PYTHONSAFEPATH": "1", "PYTHONHASHSEED": "0"}
    with theirs:
        _starter = subprocess.Popen(
            [sys.executable, "-m", "asymgrpo_verl.rewards.checker_process"],
            stdin=theirs,
            env={**os.environ, **environment},
            start_new_session=True,  # A Ctrl-C goes to this process only, which then stops its checkers.
        )


def _stop_starter() -> None:
    global _starter
    if _starter:
        _channels.close()
        _starter.kill()
        _starter.wait()
    _starter = None


def _check_starter() -> None:
    """Raise if a checker ended because the starter could not start.

    Raises:
        RuntimeError: the starter has ended with an error.
    """
    with _lock:
        if _starter is None:
            return
        try:
            code = _starter.wait(timeout=0.2)  # its channels close a moment before it has ended
        except subprocess.TimeoutExpired:
            return
    if code > 0:
        raise RuntimeError(
            f"asymgrpo_verl.rewards.checker_process: got exit code {code} at its start; expected a running process. "
            "Its own error is printed above."
        )


def _forget() -> None:
    """Begin without checkers, also in a forked process, because two processes must not share a channel."""
    global _places, _starter, _channels, _lock, _spent, _counted_at
    _places = queue.LifoQueue()
    for _ in range(CHECKERS):
        _places.put(None)
    _starter, _channels, _lock = None, None, threading.Lock()
    _spent, _counted_at = 0.0, time.monotonic()


_forget()
os.register_at_fork(after_in_child=_forget)
atexit.register(stop_all)
