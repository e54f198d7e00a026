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
"""Are two answers the same mathematics? A process that asks math-verify: python -m asymgrpo_verl.rewards.judge

An answer is text from a policy: it may be anything, and sympy may then take any time and any memory over it. So a judge
is a process of its own, that `maths` starts, asks line by line, and replaces when it dies. The kernel
ends it when a pair takes longer than its limit, whatever it is doing, and whether or not its parent is still there.
It reads one JSON array a line, [gold, answer, limit in seconds], and writes 1 or 0. It exits by itself only if it
cannot start.
"""

import json
import logging
import os
import re
import resource
import signal
import sys
from dataclasses import replace
from functools import lru_cache

from math_verify import parse, verify
from math_verify.grader import is_assignment_relation, is_equation
from math_verify.parser import LatexExtractionConfig
from sympy import Eq, Expr, FiniteSet, Float, Set, Symbol, Tuple, UnevaluatedExpr, Union
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.parsing import sympy_parser

from asymgrpo_verl.rewards.answers import as_number, normalize

MEMORY = 2 << 30  # bytes of address space
RELATIVE = 1e-5  # of two numbers of which one is a decimal
FORBIDDEN = ("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.remove", "os.rename", "subprocess.", "socket.")


_WITH_UNITS = LatexExtractionConfig()
_WITHOUT_UNITS = LatexExtractionConfig(normalization_config=replace(_WITH_UNITS.normalization_config, units=False))


@lru_cache(maxsize=4096)
def _expressions(answer: str, units: bool = False) -> list:
    """math-verify's reading of a normalised answer; with units, it takes 5m for 5, and 2s for 2."""
    config = _WITH_UNITS if units else _WITHOUT_UNITS
    return parse(rf"\boxed{{{answer}}}", [config], parsing_timeout=None)


def same_by_math(gold: str, answer: str) -> bool:
    """Are two answers the same by math-verify (its `verify`)? A percentage is its number or a hundredth of it."""
    a, a_percent = normalize(gold)
    b, b_percent = normalize(answer, thousands=", " not in a)
    pairs = [(a, b)]
    if a_percent != b_percent:
        pairs.append((rf"\frac{{{a}}}{{100}}", b) if a_percent else (a, rf"\frac{{{b}}}{{100}}"))
    units = as_number(a) is not None
    return any(_same(_expressions(x), _expressions(y, units)) for x, y in pairs)


def _same(gold: list, answer: list) -> bool:
    if not gold or not answer:
        return False
    if _differ(gold[0], answer[0]) or _is_other_kind(gold[0], answer[0]):
        return False
    gold, answer = (_as_regions(x, y) for x, y in ((gold, answer), (answer, gold)))
    if not verify(gold, answer, allow_set_relation_comp=True, timeout_seconds=None):
        return False
    x, y = gold[0], answer[0]
    if isinstance(x, Float) or isinstance(y, Float):  # verify rounds to 6 decimals, which makes small numbers equal
        return bool(abs(x - y) <= RELATIVE * abs(y)) if getattr(x, "is_number", False) and y.is_number else True
    return True


def _differ(x, y) -> bool:
    """Are two constants different in value, without doubt? verify would take 2^-98 for 3^-98, and long over others."""
    if not all(isinstance(z, Expr) and z.is_number and not z.has(Float, UnevaluatedExpr) for z in (x, y)):
        return False
    difference = (x - y).evalf(20, maxn=40)
    return bool(difference.is_comparable and abs(difference) > 1e-9 * abs(y.evalf(20)))


def _is_other_kind(gold, answer) -> bool:
    """Is one an equation that gives the other no value? verify would take its right side."""
    if isinstance(gold, Eq) and not is_equation(answer):  # x+y=0 is not 0; y=2x is 2x, and f(x)=2x, and (x,y)=(1,2)
        return not isinstance(gold.lhs, Symbol | AppliedUndef | Tuple | Set)
    if isinstance(answer, Eq) and not is_equation(gold):
        if gold == 0:  # where all equations end
            return not is_assignment_relation(answer) and not answer.has(AppliedUndef)
        return _differ(answer.lhs, answer.rhs)  # 4=5
    return False


def _as_regions(expressions: list, others: list) -> list:
    """x<1, x>2 as a union of intervals where the other answer is one."""
    first, other = expressions[0], others[0]
    if isinstance(first, FiniteSet) and isinstance(other, Set) and not isinstance(other, FiniteSet):
        if first.args and all(isinstance(relation, Relational) for relation in first.args):
            return [Union(*(relation.as_set() for relation in first.args))]
    return expressions


def _confine() -> None:
    """No endless memory, no files written, no processes, no connections, no text evaluated but numbers and names."""

    def refuse(event: str, arguments: tuple) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writes or event.startswith(FORBIDDEN):
            raise PermissionError(event)

    parse_expr = sympy_parser.parse_expr

    def parse_atom(text: str, *arguments, **settings):
        if not re.fullmatch(r"[0-9.]+(?:[eE][-+]?[0-9]+)?|[A-Za-z]+", text):
            raise PermissionError("sympy was about to evaluate text")
        return parse_expr(text, *arguments, **settings)

    same_by_math("x^2-1", "(x-1)(x+1)")  # imports what is imported late
    sympy_parser.parse_expr = parse_atom  # sympy's sympify, called everywhere, hands text to it, and it to eval
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.addaudithook(refuse)


def main() -> None:
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no reply
    nowhere = os.open(os.devnull, os.O_WRONLY)
    logging.disable(logging.WARNING)  # that it has no time limit: it has one
    _confine()
    if not same_by_math(r"\frac{1}{2}", r"\frac{2}{4}") or same_by_math("x", "y"):
        sys.exit("asymgrpo_verl.rewards.judge: math-verify does not tell equal answers from different ones.")
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)  # antlr reports every syntax error
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # whatever the parent had: it ends the process
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    for line in sys.stdin:
        gold, answer, limit = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, limit)
        try:
            same = same_by_math(gold, answer)
        except MemoryError:
            os.abort()  # a fresh process is safer
        except Exception:  # what math-verify cannot take is not an answer
            same = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(int(same), file=replies, flush=True)


if __name__ == "__main__":
    main()
