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
import unicodedata
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

_RECORD = "\x1e"  # between texts; a control character, which `repair` removes from texts

# Commands of LaTeX by the control character that replaced their backslash and first letter, because JSON or Python
# unescaped the text once too often. A tab, a carriage return or a newline may also be plain white space, so after them
# we restore only what does not begin an English word.
_COMMANDS = {
    "\x07": "alpha aleph amalg angle approx approxeq arccos arcsin arctan arg ast asymp",
    "\x08": "backslash bar because begin beta beth between bf bigcap bigcirc bigcup bigoplus bigotimes bigg?[lrm]? "
    "binom bmod bold boldsymbol bot bowtie boxed breve bullet",
    "\x0b": "varDelta varGamma varTheta varepsilon varkappa varnothing varphi varpi varrho vartheta vdash vdots vec "
    r"vee verb(?=\W) vert vspace(?=\s*\{)",
    "\x0c": r"fbox(?=\s*\{) flat footnotesize forall frac frown",
    "\t": r"times text(?:bf|it|rm)?(?=\s*\{) tfrac theta triangle(?:left|right|q)?",
    "\r": "right",
    "\n": "nabla",
}
_UNESCAPED = [
    (re.compile(f"{character}(?=(?:{'|'.join(name[1:] for name in names.split())})(?![A-Za-z]))"), "\\" + names[0])
    for character, names in _COMMANDS.items()
]
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")  # UTF-8 cannot write half of a surrogate pair


# What `repair` may change, for RE2.
SUSPECT = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\t(?:imes|ext|frac|heta|riangle)|\right|\nabla"


def rows_matching(pattern: str, texts: list[str]) -> set[int]:
    """Return which texts match a pattern of RE2, and all texts if one of them has half of a surrogate pair.

    RE2 looks for several words at once, which is several times as fast as Python's search for one after the other.
    """
    try:
        array = pa.array(texts, pa.string())
    except UnicodeEncodeError:
        return set(range(len(texts)))
    matched = pc.match_substring_regex(array, pattern)
    return set(pc.indices_nonzero(matched).to_pylist())


def need_repair(texts: list[str]) -> set[int]:
    """Return which texts `repair` may change. It leaves out nearly every other text."""
    return rows_matching(SUSPECT, texts)


def repair(text: str) -> tuple[str, list[str]]:
    r"""Restore LaTeX commands that lost their backslash. Return the text and the names of the repairs.

    For example, a form feed before "rac" becomes \frac; a form feed before a word that makes no command of LaTeX is a
    page break. Every other control character becomes a space, and so does half of a surrogate pair, because no file can
    contain it. Tabs and line breaks stay.
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
# A comma with a negative space, {,} or a negative space alone separates thousands. A comma alone may separate answers.
_THOUSANDS = re.compile(
    r"(?<=\d)\s*(?:(?:\\!\s*)+(?:(?:,|\{,\})\s*(?:\\!\s*)*)?|(?:,\s*\\!|\{,\})\s*(?:\\!\s*)*)(?=\d{3}(?!\d))"
)
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
_FIGURE_WORDS = r"(?i:shown|picture[d ]|depicted|illustrated|figure|diagram|<img|!\[)"  # for RE2


def misses_figure(question: str) -> bool:
    """Return whether the question mentions a figure that its text does not contain."""
    return bool(miss_figures([question]))


def miss_figures(questions: list[str]) -> set[int]:
    """Return which questions mention a figure that their text does not contain."""
    found = rows_matching(_FIGURE_WORDS, questions)
    return {row for row in found if _mentions_missing(questions[row].casefold())}


def _mentions_missing(text: str) -> bool:
    return "[asy]" not in text and _FIGURE.search(text) is not None and _DRAWN.search(text) is None


def _joined(texts: list[str]) -> str:
    joined = _RECORD.join(texts)
    if joined.count(_RECORD) == len(texts) - 1:
        return joined
    return _RECORD.join(text.replace(_RECORD, " ") for text in texts)


# Each pattern begins with a literal, which makes it ten times as fast as one that begins with alternatives.
_LATEX_LOOKS = re.compile(
    r"\\(?:[,;:! \[\]()]|(?:q?quad|left|right|displaystyle|textstyle|limits|text(?:bf)?|math(?:bf|rm)|mbox)(?![a-z]))"
)
_SAME_COMMANDS = re.compile(r"\\(?:[dt](?=frac)|[cl](?=dots))")
_DECIMAL_POINT = re.compile(rb"\.(?<=\d\.)(?=\d)")
_COMMA_IN_NUMBERS = re.compile(rb",(?<=\d,)(?=\d)")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_KEPT = ("<super>", "<sub>", "<fraction>", "<circle>")  # kinds of compatibility characters that change a value


def normal(question: str) -> bytes:
    r"""Return a question without white space, case, punctuation, braces and LaTeX spacing, for comparison.

    Points and commas between digits become the bytes 0 and 1. Questions with equal normal forms are the same question.
    Characters are those of Unicode's form NFKC, so that composed and decomposed accents, full-width forms, ligatures
    and non-breaking spaces do not matter. Superscripts, subscripts and fractions stay as they are, because NFKC would
    make 10² the number 102. Quotation marks and dashes become ASCII's.
    """
    return normals([question])[0]


def normals(questions: list[str]) -> list[bytes]:
    """Return the normal form of each question. Many questions in one call take a third of the time."""
    text = _joined(questions).casefold()
    if not text.isascii():
        text = _NOT_ASCII.sub(lambda match: _plain(match.group()), unicodedata.normalize("NFC", text)).casefold()
    text = _LATEX_LOOKS.sub("", text)
    text = _SAME_COMMANDS.sub(r"\\", text)
    plain = text.encode(errors="replace").translate(None, b" \t\n\r\f\v{}$;:?'\"`~")
    plain = _COMMA_IN_NUMBERS.sub(b"\1", _DECIMAL_POINT.sub(b"\0", plain)).translate(None, b".,")
    return plain.split(_RECORD.encode())


@lru_cache(maxsize=1 << 12)
def _plain(character: str) -> str:
    """Return a character that is not ASCII as questions are compared: see `normal`."""
    if character in "‘’“”„‟«»\u00ad\u200b\u200c\u200d\u2060\ufeff":
        return ""
    if character in "‐‑‒–—−":
        return "-"
    kept = unicodedata.decomposition(character).startswith(_KEPT)
    return character if kept else unicodedata.normalize("NFKC", character)
