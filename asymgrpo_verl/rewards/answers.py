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
"""Find the answer in a response, write it in one spelling, and compare it with the gold answer as text.

If text cannot decide, `checkers` asks math-verify. Every function here needs at most linear time.
"""

import re
from fractions import Fraction
from functools import lru_cache

NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()

_BOX = re.compile(r"\\boxed\s*")
_FLAT_BOX = re.compile(r"\\boxed\s*\{([^{}\\]*)\}")
_BARE_BOX = re.compile(r"[^\s$]+")
_DEPTH = {"{": 1, "}": -1}
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)  # \{ is a character of the answer and opens no group
_CHARACTERS = str.maketrans(
    {chr(c + 0xFEE0): chr(c) for c in range(0x21, 0x7F)}  # full-width forms
    | {c: "-" for c in "\u2010\u2011\u2012\u2013\u2014\u2212"}
    | {c: " " for c in "\u00a0\u2002\u2003\u2009\u202f\u3000\t\r\n\f\v"}
    | {"×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "÷": r"\div ", "°": r"^\circ", "π": r"\pi ", "∞": r"\infty "}
    | {"≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "∪": r"\cup ", "∩": r"\cap ", "∅": r"\emptyset ", "²": "^2", "³": "^3"}
    | {"½": r"\frac{1}{2}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}"}
    | {c: "" for c in "¢€£\u200b\ufeff"}
)
_TEXT = r"\\(?:text|textrm|textbf|textit|textnormal|mathrm|mathbf|mathit|mathsf|mbox|rm|operatorname)"
_UNIT_TEXT = r"\\(?:text|textrm|textnormal|mathrm|mbox|rm)"  # \mathbf{j} is a vector
_POWERS = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9}
_MAGNITUDE = rf"({'|'.join(_POWERS)}|dozen)"
_WORD = (
    rf"(?:(?!(?:sqrt|and|sin|cos|tan|log|mod|{_MAGNITUDE})\b)[A-Za-z]{{3,}}|cm|mm|km|kg|mg|mL|ml|ft|in|yd|mi|lb|oz|hr|sq)"
    r"(?:\^\{?[23]\}?)?"
)


def _as_power(match: re.Match) -> str:
    magnitude, rest = match.group(1) or match.group(3), match.group(2) or ""
    factor = "12" if magnitude == "dozen" else f"10^{{{_POWERS[magnitude]}}}"
    return rf"\cdot {factor}\text{{{rest}}}" if rest.strip() else rf"\cdot {factor}"


# (pattern, replacement), applied in this order to the whole answer.
_RULES = [
    (re.compile(pattern, re.ASCII), replacement)
    for pattern, replacement in (
        (r"\\lbrace(?![a-zA-Z])", r"\\{"),
        (r"\\rbrace(?![a-zA-Z])", r"\\}"),
        (r"√\s*(\([^()]*\)|\w+)", r"\\sqrt{\1}"),
        (r"\\text\{\s*\\?\$\s*\}|\\?\$", ""),
        (r"\\\\\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm)\s*\]", r"\\\\"),  # the [2pt] of a line break \\[2pt]
        (r"(?<!\\)\\[()\[\]]", ""),
        (r"\\(?:underline|textcolor\s*\{\w+\}|color\s*\{\w+\})(?![a-zA-Z])", ""),
        (r"\\(?:lor|vee)(?![a-zA-Z])", ","),
        (rf"(?<=\d)\s*(?:{_TEXT}\{{\s*{_MAGNITUDE}\b([^{{}}]*)\}}|{_MAGNITUDE}\b)", _as_power),
        (r"\\bigcup(?![a-zA-Z])", r"\\cup "),
        (r"\\colon(?![a-zA-Z])|(?<![a-z])\{:\}", ":"),
        (rf"^\s*(?:{_TEXT}\{{\s*all real numbers\s*\}}|\\mathbb\s*\{{?R\}}?)\s*$", r"(-\\infty,\\infty)"),
        (r"\\(?:left|right|[bB]igg?[lr]?)(?![a-zA-Z])\.?", ""),
        (r"\\[dtc]frac(?![a-zA-Z])", r"\\frac"),
        (r"(?<=\d)(?:\{,\}|,?\\[,!;:]|,\\!|\\!,|~|\\ )(?=\d{3}(?!\d))", ""),  # thousands, if it cannot be a list
        (r"\\(?:displaystyle|textstyle|quad|qquad|limits|nolimits)(?![a-zA-Z])", " "),
        (r"(?<!\\)\\[,;: ]|~", " "),
        (r"(?<!\\)\\!", ""),
        (r"\s*\^\s*(?:\{\s*\\(?:circ|degree)\s*\}|\\(?:circ|degree)(?![a-zA-Z]))", r"\\degree "),
        (r"(\\(?:sin|cos|tan|cot|sec|csc)[ ({]*)([\d.]+)\s*\\degree(?![a-zA-Z])", r"\1\\frac{\2\\pi}{180}"),
        (r"\\degree(?![a-zA-Z])", " "),
        (r"\\(?:varnothing|O)(?![a-zA-Z])|\\\{\s*\\\}", r"\\emptyset"),
        (rf",?\s*{_TEXT}\{{\s*,?\s*for (?:all|any|every|each)\b.*$", ""),
        (r"^\s*\\\{\s*([a-zA-Z])\s*(?::|\||\\mid(?![a-zA-Z]))\s*(\1.*)\\\}\s*$", r"\2"),  # {x | x > 2} is x > 2
        (r"\\[pb]?mod\s*(?:\{(\w+)\}|(\w+))", r"\\pmod{\1\2}"),
        (rf"{_TEXT}\{{\s*[,(]?\s*(?:and|or)\b([^{{}}]*)\}}", r", \1"),
        (r",?\s+\b(?:and|or)\b\s+", ","),
        (rf"{_TEXT}\{{([:,]|[A-Z](?:\s*,\s*[A-Z])+)\}}", r"\1"),
        (rf"(?<=\d:\d\d)\s*(?:{_TEXT}\{{)?\s*[aApP]\.?\s?[mM]\b\.?\s*\}}?$", ""),  # see _HALF_OF_DAY
        (r",\s*,", ","),
        (r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}"),
        (r"\\sqrt\s*(\d)", r"\\sqrt{\1}"),
        (r"(?<![\d.}])(\d+)\s+(\d+)/(\d+)(?!\d)", r"\1\\frac{\2}{\3}"),  # 2 3/4
        (rf"{_TEXT}\{{i\}}|\\imath(?![a-zA-Z])|(?<![A-Za-z\\_])i(?![A-Za-z_])", "I"),  # math-verify's imaginary unit
    )
]
_EDGES = re.compile(r"^(?:[\s=:]|\\approx(?![a-zA-Z]))+|(?:[\s,;:.]|(?<!\\)\\)+$")
# A unit at the end, which is not compared. It follows a digit, a brace, i or ), because otherwise it is a text answer.
_UNIT = re.compile(
    rf"(?<=[\d}}i)])\s*(?:{_UNIT_TEXT}\s*\{{(?!\s*(?:{_MAGNITUDE})\b)[^{{}}\d]*\}}(?:\s*\^\s*\{{?\d\}}?)?"
    rf"|\\frac\s*\{{{_UNIT_TEXT}\{{[^{{}}]*\}}\}}\{{{_UNIT_TEXT}\{{[^{{}}]*\}}\}})[.\s]*$"
)
_WORD_UNIT = re.compile(rf"([-+]?[\d.,]*\d)\s*{_WORD}(?:\s*/\s*(?:{_WORD}|[hs])|[\s.]+{_WORD})*[\s.]*", re.ASCII)
_HALF_OF_DAY = re.compile(r":.*([ap])\.?\s?m\b", re.IGNORECASE)
_COLONS = re.compile(r"[\d.]+(?::[\d.]+)+", re.ASCII)
_PERCENT = re.compile(r"\\?%\s*$|\s*\b(?:percent|pct)\s*$")
_BRACKET = re.compile(r"[(\[]|\\\{")
_THOUSANDS = re.compile(r"(?<![\d,.}] )(?<![\d,.])\d{1,3}(?:(?:,\d{3})+|(?: \d{3})+)(?![\d,]|\s*,)", re.ASCII)
_NUMBER = re.compile(r"([-+]?)(?:(\d+\.?\d*|\.\d+)|(\d*)\\frac\{([-+]?\d+)\}\{([-+]?\d+)\}|(\d+)/(\d+))", re.ASCII)
_ASSIGNMENT = re.compile(r"[A-Za-z]=", re.ASCII)
_ASSIGNMENTS = re.compile(r"[A-Za-z]=[^=,(\[]+(?:,[A-Za-z]=[^=,(\[]+)+", re.ASCII)
_LONG_DECIMAL = re.compile(r"\.\d{6}", re.ASCII)
_REPEATING = re.compile(r"(-?)(\d*)\.(\d*)\\(?:overline|bar|dot)\s*(?:\{(\d+)\}|(\d))", re.ASCII)
_BASE = re.compile(r"(-?[0-9A-Fa-f]+)_\{?(\d+)\}?", re.ASCII)
_TEXT_WRAP = re.compile(rf"{_TEXT}\s*\{{([^{{}}]*)\}}")
_CHOICE = re.compile(r"\(?([A-Z])\)?")
_CHOICE_AND_MORE = re.compile(r"\(([A-Z])\)(?!\s*[-+*/^=,(])(?!.*\([A-Z]\)).*", re.DOTALL)


def last_boxed(text: str) -> str | None:
    r"""Return the content of the last \boxed{...}, \boxed {...} or \boxed x of a text.

    It is None if the text has no \boxed, or if the braces of the last one do not close.
    """
    start = text.rfind("\\boxed")
    if start < 0:
        return None
    if flat := _FLAT_BOX.match(text, start):
        return flat.group(1).strip()
    content = _BOX.match(text, start).end()
    if not text.startswith("{", content):
        bare = _BARE_BOX.match(text, content)
        return bare.group() if bare else None
    depth = 0
    for brace in _BRACES.finditer(text, content):
        depth += _DEPTH.get(brace.group(), 0)
        if depth == 0:
            return text[content + 1 : brace.start()].strip()
    return None


@lru_cache(maxsize=1 << 14)
def normalize(answer: str, thousands: bool = True) -> tuple[str, bool]:
    r"""Return an answer in one spelling and without its unit, and whether it was a percentage.

    Fractions become \frac, `and` and `or` become commas, a comma is followed by a space, the imaginary unit is I, and
    x=1, y=2 becomes (1, 2). Spacing, \left, \right, $, degree signs and units at the end are removed. The meaning
    stays, except for units: 5 cm and 5 km both become 5. If `thousands`, 1,234 is a number, else it is a list.
    """
    answer = answer.translate(_CHARACTERS)
    for pattern, replacement in _RULES:
        answer = pattern.sub(replacement, answer)
    answer = _EDGES.sub("", answer)
    bare = _UNIT.sub("", answer)
    percent = bool(re.search(r"percent", answer[len(bare) :]))
    answer = _EDGES.sub("", _unwrap_braces(bare))
    if _PERCENT.search(answer):
        answer, percent = _PERCENT.sub("", answer).strip(), True
    if not percent and (match := _WORD_UNIT.fullmatch(answer)):
        percent = "percent" in answer
        answer = match.group(1)
    if thousands and not _BRACKET.search(answer):
        answer = _THOUSANDS.sub(lambda match: re.sub("[, ]", "", match.group()), answer)
    answer = _REPEATING.sub(_as_fraction, answer)
    answer = re.sub(r"\s*([^\w\s])\s*", r"\1", re.sub(r"\s+", " ", answer))
    if _ASSIGNMENTS.fullmatch(answer) and len({part[0] for part in answer.split(",")}) == answer.count(",") + 1:
        answer = f"({','.join(part[2:] for part in sorted(answer.split(',')))})"
    return answer.replace(",", ", "), percent


def _unwrap_braces(answer: str) -> str:
    while is_wrapped(answer, "{", "}"):
        answer = answer[1:-1].strip()
    return answer


def _as_fraction(match: re.Match) -> str:
    sign, whole, fixed, *repeated = match.groups()
    repeated = repeated[0] or repeated[1]
    numerator = int(whole + fixed + repeated) - int(whole + fixed or "0")
    return rf"{sign}\frac{{{numerator}}}{{{'9' * len(repeated) + '0' * len(fixed)}}}"


def is_wrapped(answer: str, opening: str, closing: str) -> bool:
    """Return whether the bracket that opens at the start of the answer closes at its end."""
    if not (answer.startswith(opening) and answer.endswith(closing)):
        return False
    depth, place = 0, 0
    while place < len(answer):
        if answer.startswith(opening, place):
            depth, place = depth + 1, place + len(opening)
        elif answer.startswith(closing, place):
            depth, place = depth - 1, place + len(closing)
            if depth == 0:
                return place == len(answer)
        else:
            place += 2 if answer[place] == "\\" else 1
    return False


def plain_text(answer: str) -> str:
    r"""Return an answer in words as it is compared: lower case, without \text, spaces, articles and punctuation.

    A number word from zero to twelve becomes digits.
    """
    answer = _TEXT_WRAP.sub(r"\1", answer).casefold().strip()
    answer = re.sub(r"\b(?:an?|the)\s+|[\s,;!\\(){}$]|\.(?!\d)", "", answer)
    return str(NUMBER_WORDS.index(answer)) if answer in NUMBER_WORDS else answer


def as_number(answer: str) -> Fraction | None:
    r"""Return the number that a normalised answer writes in digits, as a \frac, or as a mixed number; else None."""
    match = _NUMBER.fullmatch(answer)
    if match is None:
        return None
    sign, decimal, whole, above, below, left, right = match.groups()
    if int(below or right or 1) == 0:
        return None
    number = Fraction(decimal) if decimal else int(whole or 0) + Fraction(int(above or left), int(below or right))
    return -number if sign == "-" else number


def as_numbers(answer: str) -> tuple[str, list[Fraction | str]] | None:
    r"""Return the brackets ("", "()", "[)", "{}", ...) and the members of a normalised answer.

    It is None if a member is neither a number nor an infinity.
    """
    answer = answer.replace(r"\{", "{").replace(r"\}", "}")
    brackets = answer[:1] + answer[-1:]
    if brackets in ("()", "[]", "(]", "[)", "{}"):
        answer = answer[1:-1]
    else:
        brackets = ""
    parts = [part if part in (r"\infty", r"-\infty") else as_number(part) for part in answer.split(", ")]
    if None in parts or (len(parts) == 1 and brackets != "{}" and brackets):
        return None
    return brackets, parts


def _same_numbers(gold: tuple[str, list], answer: tuple[str, list]) -> bool | None:
    (a_brackets, a), (b_brackets, b) = gold, answer
    if "" in (a_brackets, b_brackets) and {a_brackets, b_brackets} - {"", "{}"} and len(a) == len(b):
        return None  # undecided: perhaps a pair without its parentheses
    if {a_brackets, b_brackets} <= {"", "{}"}:
        a, b = sorted(a, key=str), sorted(b, key=str)
    elif a_brackets != b_brackets:
        return False
    return a == b


def same_by_text(gold: str, answer: str) -> bool | None:
    """Return whether two answers are equal, or None if text alone cannot decide.

    Text decides equal spellings; numbers in digits; lists, tuples and intervals of numbers; choices such as (A); words;
    numbers with a base, such as 12_8; times and ratios; and a set against a tuple, which are never equal.
    """
    a, a_percent = normalize(gold)
    b, b_percent = normalize(answer, thousands=", " not in a)
    if not a or not b:
        return False
    x, y = _HALF_OF_DAY.search(gold), _HALF_OF_DAY.search(answer)
    if x and y and x.group(1).lower() != y.group(1).lower():
        return False
    if a == b:
        return True
    x, y = as_number(a), as_number(b)
    if x is not None and y is not None and ((a_percent and x / 100 == y) or (b_percent and x == y / 100)):
        return True
    if (_ASSIGNMENT.match(a) is None) != (_ASSIGNMENT.match(b) is None):
        a, b = _ASSIGNMENT.sub("", a), _ASSIGNMENT.sub("", b)
    numbers = as_numbers(a), as_numbers(b)
    if all(numbers) and not _LONG_DECIMAL.search(f"{a} {b}"):  # undecided: math-verify takes 0.333333 as 1/3
        return _same_numbers(*numbers)
    if y := _BASE.fullmatch(b):
        x = _BASE.fullmatch(a)
        if x or as_number(a) is not None:  # 12_8 is not 12
            return x is not None and x.groups() == y.groups()
    if _COLONS.fullmatch(a) and _COLONS.fullmatch(b):
        return False
    words = plain_text(gold)
    if words == plain_text(answer) and (len(words) > 1 or words.isdigit()) and _is_text(gold):
        return True
    choice, other = (_CHOICE.fullmatch(_TEXT_WRAP.sub(r"\1", x)) for x in (a, b))
    other = other or _CHOICE_AND_MORE.fullmatch(_TEXT_WRAP.sub(r"\1", b))
    if choice and other:
        return choice.group(1) == other.group(1)
    if len(a) == len(b) == 1 and a.isalpha() and b.isalpha():
        return False
    kinds = {"set" if is_wrapped(x, r"\{", r"\}") else "tuple" if is_wrapped(x, "(", ")") else "" for x in (a, b)}
    return False if kinds == {"set", "tuple"} else None


def _is_text(gold: str) -> bool:
    return gold.strip().isalpha() or _TEXT_WRAP.fullmatch(gold.strip()) is not None
