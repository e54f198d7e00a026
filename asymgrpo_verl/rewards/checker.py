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
"""The answer checker: a process that asks math-verify. Run as `python -m asymgrpo_verl.rewards.checker`.

A policy may write any text as its answer, and sympy may need unlimited time or memory for it. So a checker is a process
of its own: `checkers` starts it, sends it one question per line, and replaces it when it dies. A question is the JSON
array [gold answer, answer, time limit in seconds]; the reply is a line with 1, 0, or ? if math-verify cannot read or
compare the two.

If a comparison exceeds its limit, the kernel ends the process (SIGALRM), whatever code it runs and even if its parent
is gone. The checker exits by itself only at the end of its input, or with an error if math-verify does not work.
"""

import json
import logging
import os
import re
import resource
import signal
import sys
from functools import lru_cache

from latex2sympy2_extended.latex2sympy2 import ConversionConfig, latex2sympy
from math_verify import verify
from math_verify.grader import is_assignment_relation, is_equation
from sympy import Eq, Expr, FiniteSet, Float, Set, Symbol, Tuple, UnevaluatedExpr, Union
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.parsing import sympy_parser

MEMORY = 2 << 30  # bytes of address space
RELATIVE = 1e-5  # largest relative difference of two equal numbers, if at least one is a decimal
FORBIDDEN = ("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.remove", "os.rename", "subprocess.", "socket.")

_CONVERSION = ConversionConfig(lowercase_symbols=False)
_IMAGINARY = re.compile(r"(?<![A-Za-z\\_])i(?![A-Za-z_])")


@lru_cache(maxsize=4096)
def _expression(answer: str):
    """Return how math-verify's parser reads LaTeX. Its imaginary unit is I.

    Raises:
        Exception: of any kind, if the parser cannot read it.
    """
    text = _IMAGINARY.sub("I", answer)
    return latex2sympy(
        text, is_real=text == answer, convert_degrees=False, normalization_config=None, conversion_config=_CONVERSION
    )


def same_by_math(gold: str, answer: str) -> bool:
    """Return whether math-verify's `verify` takes two answers, in LaTeX, as equal.

    Raises:
        Exception: of any kind, if it cannot read one of them or cannot compare them.
    """
    x, y = _expression(gold), _expression(answer)
    if _differ(x, y) or _is_other_kind(x, y):
        return False
    x, y = _as_region(x, y), _as_region(y, x)
    if not verify(x, y, allow_set_relation_comp=True, timeout_seconds=None, raise_on_error=True):
        return False
    if isinstance(x, Float) or isinstance(y, Float):  # because verify rounds to 6 decimals, so all small numbers agree
        return bool(abs(x - y) <= RELATIVE * abs(y)) if getattr(x, "is_number", False) and y.is_number else True
    return True


def _differ(x, y) -> bool:
    """Return whether two constants certainly differ in value.

    verify takes 2^-98 and 3^-98 as equal, and needs long for other constants.
    """
    if not all(isinstance(z, Expr) and z.is_number and not z.has(Float, UnevaluatedExpr) for z in (x, y)):
        return False
    difference = (x - y).evalf(20, maxn=40)
    return bool(difference.is_comparable and abs(difference) > 1e-9 * abs(y.evalf(20)))


def _is_other_kind(gold, answer) -> bool:
    """Return whether exactly one is an equation, and it does not say what the other equals.

    verify would compare only the right side of the equation.
    """
    if isinstance(gold, Eq) and not is_equation(answer):  # y=2x, f(x)=2x and (x,y)=(1,2) give a value; x+y=0 does not
        return not isinstance(gold.lhs, Symbol | AppliedUndef | Tuple | Set)
    if isinstance(answer, Eq) and not is_equation(gold):
        if gold == 0:  # otherwise every equation that ends in =0 would equal the gold answer 0
            return not is_assignment_relation(answer) and not answer.has(AppliedUndef)
        return _differ(answer.lhs, answer.rhs)  # 4=5
    return False


def _as_region(expression, other):
    """Return inequalities like x<1, x>2 as a union of intervals, if the other answer is a set of intervals."""
    if isinstance(expression, FiniteSet) and isinstance(other, Set) and not isinstance(other, FiniteSet):
        if expression.args and all(isinstance(relation, Relational) for relation in expression.args):
            return Union(*(relation.as_set() for relation in expression.args))
    return expression


def confine() -> None:
    """Forbid this process, for good, what no comparison needs.

    It has MEMORY bytes of memory; it cannot write files, start processes or open connections; sympy evaluates no text
    except numbers and names.
    """

    def refuse(event: str, arguments: tuple) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writes or event.startswith(FORBIDDEN):
            raise PermissionError(event)

    parse_expr = sympy_parser.parse_expr

    def parse_atom(text: str, *arguments, **settings):
        if not re.fullmatch(r"[0-9.]+(?:[eE][-+]?[0-9]+)?|[A-Za-z]+", text):
            raise PermissionError("sympy was about to evaluate text")
        return parse_expr(text, *arguments, **settings)

    same_by_math("x^2-1", "(x-1)(x+1)")  # because sympy and math-verify import some modules only when they compare
    # sympy calls sympify everywhere, sympify calls parse_expr on a text, and parse_expr calls eval.
    sympy_parser.parse_expr = parse_atom
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.addaudithook(refuse)


def main() -> None:
    """Answer the questions of standard input, one per line, until it ends."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # so that what a library prints is not taken for a reply
    nowhere = os.open(os.devnull, os.O_WRONLY)
    logging.disable(logging.WARNING)  # because math-verify warns that it has no time limit, but this process has one
    confine()
    if not same_by_math(r"\frac{1}{2}", r"\frac{2}{4}") or same_by_math("x", "y"):
        sys.exit(
            "asymgrpo_verl.rewards.checker: got a wrong verdict from math-verify on 1/2 = 2/4 or x = y; expected "
            "True and False. Install the version of math-verify that asymgrpo_verl requires."
        )
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)  # because antlr prints every syntax error of an answer
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # end the process, also if the parent ignored or blocked it
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    for line in sys.stdin:
        gold, answer, limit = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, limit)
        try:
            reply = "01"[same_by_math(gold, answer)]
        except MemoryError:
            os.abort()  # because a library may be in any state now, so a new process takes over
        except Exception:  # math-verify may raise anything if it cannot read an answer
            reply = "?"
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(reply, file=replies, flush=True)


if __name__ == "__main__":
    main()
