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
"""Repair texts, clean gold answers, and compare questions: one rule per known defect of maths datasets."""

import re

# (a control character and what may follow it, the LaTeX that it replaced): LaTeX that JSON or Python unescaped once too
# often. A tab, a carriage return or a newline may also be plain white space, so after them we repair only what does not
# begin an English word.
_UNESCAPED = [
    (re.compile(pattern), command)
    for pattern, command in (
        ("\x07(?=[a-z])", r"\a"),  # \alpha, \angle
        ("\x08(?=[a-z])", r"\b"),  # \boxed, \binom, \beta
        ("\x0b(?=[a-z])", r"\v"),  # \vec, \vdots
        ("\x0c(?=[a-z])", r"\f"),  # \frac, \forall
        ("\t(?=imes(?![a-z])|ext(?:bf|it|rm)?\\s*\\{|frac|heta(?![a-z])|riangle)", r"\t"),
        ("\r(?=ight(?![a-z]))", r"\r"),
        ("\n(?=abla(?![a-z]))", r"\n"),
    )
]
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")  # UTF-8 cannot write half of a surrogate pair
_PLAIN_BYTES = bytes(b for b in range(256) if b >= 0x20 and b != 0x7F or chr(b) == "\n")


def may_need_repair(text: str) -> bool:
    """Return False for nearly every text that `repair` would not change. This is much faster than `repair`."""
    return not text.isascii() or bool(text.encode().translate(None, _PLAIN_BYTES)) or "\nabla" in text


def repair(text: str) -> tuple[str, list[str]]:
    r"""Restore LaTeX commands that lost their backslash. Return the text and the names of the repairs.

    For example, a form feed before "rac" becomes \frac. Every other control character becomes a space, and so does half
    of a surrogate pair, because no file can contain it. Tabs and line breaks stay.
    """
    done = []
    repaired = text
    for pattern, command in _UNESCAPED:
        repaired = pattern.sub(lambda _, command=command: command, repaired)
    if repaired != text:
        done.append("unescaped LaTeX restored")
    if _CONTROL.search(repaired):
        repaired = _CONTROL.sub(" ", repaired)
        done.append("control characters replaced")
    return repaired, done


# A number or a list of numbers in LaTeX. Only such answers lose their unit.
_NUMERIC = re.compile(r"(?=.*\d)(?:\\[dt]?frac|\\sqrt|\\pi|\\cdot|\\[!,;: ]|[-\d.,+*/^(){}\[\]\s])+", re.DOTALL)
_DEGREES = re.compile(r"\s*(?:\^\s*(?:\\circ(?![a-z])|\{\s*\\circ\s*\}|°)|°|\\degree(?![a-z]))")
_UNIT = re.compile(
    r"(?:\\[,;! ]|[~\s])*\\(?:text|mbox|textnormal|textrm|mathrm)\s*\{(?P<name>[^{}\d]*)\}(?:\s*\^\s*\{?\s*\d\s*\}?)?$"
)
_NO_UNIT = re.compile(r"\b(?:hundred|thousand|.?illion|dozen|percent|and|or|if|mod|[ap]\.?m)\b", re.IGNORECASE)
_DOLLARS = re.compile(r"^\\\$\s*")
_THOUSANDS = re.compile(r"(?<=\d)(?:,\\!\s*|\{,\})(?=\d{3})")
_PLAIN_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_STRAY = re.compile(r"^(?:\\q?quad(?![a-z])|\\[,;:! ]|[~\s])+|(?:\\q?quad|(?<!\\)\\[,;:! ]|(?<!\\)[\s.,;:])+$")
_STRAY_VARIABLE = re.compile(r"^[a-z](?=\([^()\[\]]*\]$|\[[^()\[\]]*\)$)")  # t(0,4] is an interval, not a value of t
_PIECES = re.compile(r"\\?.", re.DOTALL)
# What a step of `clean_gold` may change. An answer without it is returned at once.
_UNCLEAN = re.compile(r"[$,°]|\\(?:[,;:! ]|text|mbox|mathrm|q?quad|circ|degree)|^[~\s]|[\s.;:]$|^[a-z][(\[]")
_CONJUNCTION = re.compile(r"\s*,?\s*\\(?:text|mbox)\s*\{\s*,?\s*(?:and|or)\s*\}\s*")


def _is_numeric(answer: str) -> bool:
    return _NUMERIC.fullmatch(answer) is not None and not ("," in answer and "(" in answer)  # (1,2) is a tuple


def clean_gold(answer: str, is_list: bool = False) -> tuple[str, list[str]]:
    r"""Remove what does not belong to a gold answer. Return the answer and the names of the steps that changed it.

    The steps, in this order:
    - remove $ around LaTeX;
    - remove punctuation and space at both ends;
    - remove a variable before a half-open interval;
    - replace a conjunction by a comma (2 \text{ and } 3 becomes 2, 3);
    - remove thousands separators; if `is_list`, 1,234 is two answers;
    - remove degree signs, a dollar sign and a unit in words, if only numbers remain.

    Percent signs, \text{ thousand} and \text{ a.m.} stay, because they change the value.
    """
    if answer.isdigit() or not _UNCLEAN.search(answer):
        return answer, []
    done = []

    def step(name: str, changed: str) -> str:
        if changed != answer:
            done.append(name)
        return changed

    answer = step("$ removed", re.sub(r"(?<!\\)\$", "", answer))
    answer = step("stray punctuation removed", _STRAY.sub("", answer))
    answer = step("stray variable removed", _STRAY_VARIABLE.sub("", answer))
    answer = step("conjunction made a comma", _CONJUNCTION.sub(", ", answer))
    plain = not is_list and _PLAIN_THOUSANDS.fullmatch(_DOLLARS.sub("", answer))
    answer = step("thousands separators removed", answer.replace(",", "") if plain else _THOUSANDS.sub("", answer))
    bare = _DOLLARS.sub("", _DEGREES.sub("", answer))
    unit = _UNIT.search(bare)
    if unit and not _NO_UNIT.search(unit["name"]):
        bare = _STRAY.sub("", bare[: unit.start()])
    if bare != answer and _is_numeric(bare):
        answer = step("unit removed", bare)
    if len(parts := answers_of(answer)) > 1:
        answer = ", ".join(parts)  # with a space, because 1,234 would be read as a number
    return answer, done


def answers_of(gold: str) -> list[str]:
    """Return the members of a comma-separated list. A tuple, a set or any other answer is its only member."""
    if "," not in gold:
        return [gold]
    parts, start, depth = [], 0, 0
    for piece in _PIECES.finditer(gold):
        depth += (gold[piece.end() - 1] in "([{") - (gold[piece.end() - 1] in ")]}")
        if piece.group() == "," and depth <= 0:
            parts.append(gold[start : piece.start()])
            start = piece.end()
    return [_STRAY.sub("", part) for part in (*parts, gold[start:])]


# The question mentions a figure ...
_FIGURE = re.compile(
    r"\bas (?:shown|pictured|depicted|illustrated)\b"
    r"|\b(?:shown|pictured|depicted|illustrated) (?:in \w+ )?(?:below|above|here|at right|to the (?:right|left))\b"
    r"|\b(?:in|of|from) the (?:figure|diagram)\b"
    r"|\b(?:figure|diagram|picture) (?:below|above|shown|to the (?:right|left))\b"
    r"|<img|!\["
)
# ... and contains it: as code, as a table, or as lines of text after "shown below."
_DRAWN = re.compile(r"\\begin\s*\{(?:tabular|array|tikzpicture)|\|\s*:?-|\b(?:below|shown)[.:]\s*\n")
_FIGURE_WORDS = ("shown", "pictured", "depicted", "illustrated", "figure", "diagram", "picture ", "<img", "![")


def misses_figure(question: str) -> bool:
    """Return whether the question mentions a figure that its text does not contain."""
    text = question.casefold()
    if "[asy]" in text or not any(map(text.__contains__, _FIGURE_WORDS)):  # nearly all questions; the patterns are slow
        return False
    return _FIGURE.search(text) is not None and _DRAWN.search(text) is None


# Each pattern begins with a literal, which makes it ten times as fast as one that begins with alternatives.
_LATEX_LOOKS = re.compile(
    r"\\(?:[,;:! \[\]()]|(?:q?quad|left|right|displaystyle|textstyle|limits|text(?:bf)?|math(?:bf|rm)|mbox)(?![a-z]))"
)
_DECIMAL_POINT = re.compile(rb"\.(?<=\d\.)(?=\d)")
_COMMA_IN_NUMBERS = re.compile(rb",(?<=\d,)(?=\d)")


def normal(question: str) -> bytes:
    r"""Return a question without white space, case, punctuation, braces and LaTeX spacing, for comparison.

    Points and commas between digits become the bytes 0 and 1. Questions with equal normal forms are the same question.
    """
    text = _LATEX_LOOKS.sub("", question.casefold())
    text = text.replace("dfrac", "frac").replace("tfrac", "frac").replace("cdots", "dots").replace("ldots", "dots")
    plain = text.encode().translate(None, b" \t\n\r\f\v{}$;:?'\"`~")
    return _COMMA_IN_NUMBERS.sub(b"\1", _DECIMAL_POINT.sub(b"\0", plain)).translate(None, b".,")
