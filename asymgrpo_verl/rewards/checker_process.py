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
"""The processes that run math-verify. `checkers` starts `python -m asymgrpo_verl.rewards.checker_process`.

A policy may write any text as its answer, and sympy may need unlimited time or memory for it. So the kernel ends the
process that compares when it reaches a limit, whatever code it runs. A new process needs a second to import sympy, and
a forked process needs milliseconds. So there are three kinds of processes:

- The starter imports everything once. Its standard input, a Unix socket, brings channels, and it forks a checker for
  each.
- A checker forks a worker, and a new one when its worker ends. It stops when the other end of its channel closes.
- A worker is confined, and compares. It ends after QUESTIONS questions, so that what sympy caches cannot pile up.

A question on a channel is a line with the JSON array [gold answer, answer, limit in seconds of processor time]. The
reply is a line with a verdict and the seconds used. The verdict is EQUAL, DIFFERENT, UNDECIDED if math-verify cannot
read or compare them, GIVEN_UP if a limit ended the worker, or KILLED if another process ended it.
"""

import gc
import json
import logging
import os
import re
import resource
import select
import signal
import socket
import sys
import time

from sympy.parsing import sympy_parser

from asymgrpo_verl.rewards.checker import same_by_math
from asymgrpo_verl.rewards.verdicts import DIFFERENT, EQUAL, GIVEN_UP, KILLED, UNDECIDED

MEMORY = 2 << 30  # bytes of address space
QUESTIONS = 2000
FORBIDDEN = ("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.remove", "os.rename", "subprocess.", "socket.")

# The starter makes these comparisons, because the libraries import modules and build tables of the parser when they
# first need them. Every worker then has them.
REHEARSAL = (
    ("x^2-1", "(x-1)(x+1)"),
    (r"\frac{1}{2}+\sqrt{3}", r"\frac{1+2\sqrt{3}}{2}"),
    (r"(3,\frac{\pi}{2})", r"(3,\pi/2)"),
    (r"(-\infty,2)\cup [3,5)", r"[3,5)\cup (-\infty,2)"),
    (r"\int_{0}^{1} x^{2} dx+5!", r"\frac{361}{3}"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1\\3\end{pmatrix}"),
    (r"e^{i\pi/3}", r"\frac{1}{2}+\frac{\sqrt{3}}{2}i"),
    (r"\sin 2x+\log_2 3", r"2\sin x\cos x+\frac{\ln 3}{\ln 2}"),
    (r"y=-\frac{1}{2}x+3", "x+2y=6"),
    (r"\{1,\sqrt{2}\}", r"\{\sqrt{2},1\}"),
    (r"\binom{7}{3}", "35"),
)


def forbid_evaluation() -> None:
    """Let sympy evaluate no text except numbers and names, for good."""
    parse_expr = sympy_parser.parse_expr

    def parse_atom(text: str, *arguments, **settings):
        if not re.fullmatch(r"[0-9.]+(?:[eE][-+]?[0-9]+)?|[A-Za-z]+", text):
            raise PermissionError("sympy was about to evaluate text")
        return parse_expr(text, *arguments, **settings)

    # sympy calls sympify everywhere, sympify calls parse_expr on a text, and parse_expr calls eval.
    sympy_parser.parse_expr = parse_atom


def confine() -> None:
    """Forbid this process, for good, what no comparison needs.

    It has MEMORY bytes of memory; it cannot write files, start processes or open connections.
    """

    def refuse(event: str, arguments: tuple) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writes or event.startswith(FORBIDDEN):
            raise PermissionError(event)

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.addaudithook(refuse)


def start() -> None:
    """Fork a checker for each channel that standard input brings, until it ends."""
    channels = socket.socket(fileno=os.dup(0))
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(2, 1)  # so that what a library prints is seen while the process starts
    logging.disable(logging.WARNING)  # because math-verify warns that it has no time limit, but a worker has one
    for gold, answer in REHEARSAL:
        same_by_math(gold, answer)
    if not same_by_math(r"\frac{1}{2}", r"\frac{2}{4}") or same_by_math("x", "y"):
        sys.exit(
            "asymgrpo_verl.rewards.checker_process: got a wrong verdict from math-verify on 1/2 = 2/4 or x = y; "
            "expected True and False. Install the version of math-verify that asymgrpo_verl requires."
        )
    forbid_evaluation()
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)  # because antlr prints every syntax error of an answer
    gc.collect()
    gc.freeze()  # so that a collection in a worker does not copy the pages that all workers share
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nothing waits for a checker that has ended
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # end a worker, also if the parent ignored or blocked the signal
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})
    while True:
        message, descriptors, _, _ = socket.recv_fds(channels, 1, 1)
        if not message:
            return
        if os.fork() == 0:
            channels.close()
            supervise(socket.socket(fileno=descriptors[0]))
            return
        os.close(descriptors[0])


def supervise(channel: socket.socket) -> None:
    """Keep one worker on a channel until its other end closes, and reply for a worker that was ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    while True:
        ended, held = os.pipe()  # the worker holds the only writing end
        worker = os.fork()
        if worker == 0:
            os.close(ended)
            compare(channel)
            return
        os.close(held)
        poll = select.poll()
        poll.register(ended, select.POLLHUP)
        poll.register(channel, select.POLLRDHUP)
        closed = any(descriptor == channel.fileno() for descriptor, _ in poll.poll())
        if closed:
            os.kill(worker, signal.SIGKILL)
        _, status = os.waitpid(worker, 0)
        os.close(ended)
        if closed:
            return
        if os.WIFSIGNALED(status):
            verdict = KILLED if os.WTERMSIG(status) == signal.SIGKILL else GIVEN_UP  # no limit sends SIGKILL
            channel.sendall(f"{verdict} 0\n".encode())


def compare(channel: socket.socket) -> None:
    """Answer the questions of a channel; return after QUESTIONS of them, or at the end of the channel."""
    confine()
    with channel.makefile("rb") as questions:
        for _ in range(QUESTIONS):
            if not (line := questions.readline()):
                return
            gold, answer, limit = json.loads(line)
            start = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, limit)
            try:
                verdict = EQUAL if same_by_math(gold, answer) else DIFFERENT
            except MemoryError:
                os.abort()  # because a library may be in any state now, so a new worker takes over
            except Exception:  # math-verify may raise anything if it cannot read an answer
                verdict = UNDECIDED
            signal.setitimer(signal.ITIMER_PROF, 0)
            used = time.process_time() - start
            channel.sendall(f"{verdict} {used:.4f}\n".encode())


if __name__ == "__main__":
    start()
