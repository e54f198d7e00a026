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
"""Write what an answer was read as, in plain text for people."""

import re

_INFIX = {"union": " union ", "intersection": " intersected with ", "difference": " without ", "ratio": " : "}


def show(tree: tuple) -> str:
    r"""Return a tree of `reading.read` as text.

    >>> show(("quotient", ("number", Fraction(1), False), ("sum", ("symbol", "x"), ("constant", "pi"))))
    '1/(x + pi)'
    """
    match tree:
        case ("number", number, decimal):
            return str(float(number)) if decimal else str(number)
        case ("symbol" | "constant", name):
            return name.removeprefix("\\")
        case ("sum", *terms):
            return re.sub(r"\+ ([-±∓])", r"\1 ", " + ".join(map(show, terms)))
        case ("minus", inner):
            return f"-{_atom(inner)}"
        case ("either", sign, inner):
            return f"{'±' if sign > 0 else '∓'}{_atom(inner)}"
        case ("product", *factors):
            return " * ".join(map(_atom, factors))
        case ("quotient", above, below):
            return f"{_atom(above)}/{_atom(below)}"
        case ("power", base, exponent):
            return f"{_atom(base)}^{_atom(exponent)}"
        case ("root", inner, ("number", degree, _)):
            return f"sqrt({show(inner)})" if degree == 2 else f"root({show(inner)}, {degree})"
        case ("log", None, inner):
            return f"log({show(inner)})"
        case ("log", base, inner):
            return f"log base {_atom(base)} ({show(inner)})"
        case ("call" | "apply", name, *arguments):
            return f"{name}({', '.join(map(show, arguments))})"
        case ("quantity", inner, unit):
            return f"{show(inner)} [{_unit(unit)}]"
        case ("percent", inner):
            return f"{_atom(inner)} percent"
        case ("infinity",):
            return "infinity"
        case ("dots",):
            return "..."
        case ("list", connector, *members):
            word = {",": "list", "and": "all of", "or": "any of"}[connector]
            return f"{word}: {'; '.join(map(show, members))}"
        case ("chain", relations, first, *sides):
            pairs = zip(relations, sides, strict=True)
            return show(first) + "".join(f" {relation.removeprefix(chr(92))} {show(side)}" for relation, side in pairs)
        case ("bracket", kind, *members):
            return f"{kind[0]}{', '.join(map(show, members))}{kind[1]}"
        case ("set", *members):
            return f"{{{', '.join(map(show, members))}}}"
        case ("builder", letter, domain, condition):
            return f"{{{letter}{f' in {domain}' if domain else ''} where {show(condition)}}}"
        case ("domain", letter):
            return {"R": "the real numbers", "Z": "the integers"}.get(letter, f"the set {letter}")
        case ("base", digits, base):
            return f"{digits} in base {base}"
        case ("time", ratio, half):
            return f"{show(ratio)} {half}.m."
        case ("modulo", inner, modulus):
            return f"{show(inner)} modulo {show(modulus)}"
        case ("matrix", *rows):
            return f"matrix [{'; '.join(', '.join(map(show, row)) for row in rows)}]"
        case ("words", *words):
            return f'the text "{" ".join(words)}"'
    if tree[0] in _INFIX:
        return _INFIX[tree[0]].join(map(show, tree[1:]))
    return f"{tree[0]}({', '.join(map(show, tree[1:]))})"


def _atom(tree: tuple) -> str:
    text = show(tree)
    simple = tree[0] in ("symbol", "constant", "root", "call", "apply", "bracket", "absolute") or text.isalnum()
    return text if simple or (tree[0] == "number" and tree[2]) else f"({text})"


def _unit(unit: tuple) -> str:
    return " ".join(name if power == 1 else f"{name}^{power}" for name, power in unit) or "things"
