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
"""Split an answer into tokens: numbers, letters, words of \\text, commands and symbols. A group {...} is a list.

After this module every command has its arguments in groups: \\frac12, {1\\over2} and \\dfrac{1}{2} are the same tokens.
Every function needs at most linear time, times the depth of the groups.
"""

import re
from typing import NamedTuple

MAX_DEPTH = 40  # of groups and brackets; the deepest gold answer of the paper's datasets has 7


class Unreadable(ValueError):
    """The answer has a form that these modules do not read."""


class Token(NamedTuple):
    r"""A token of an answer.

    Attributes:
        kind: "number", "letters" (in maths), "text" (a word in \text or \mathrm), "command" or "symbol".
        text: as in one spelling; a number has no thousands separators.
        spaced: white space stands before it.
    """

    kind: str
    text: str
    spaced: bool


_GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma".split()
_CHARACTERS = str.maketrans(
    {chr(c + 0xFEE0): chr(c) for c in range(0x21, 0x7F)}  # full-width forms
    | {c: "-" for c in "\u2010\u2011\u2012\u2013\u2014\u2212"}
    | {c: " " for c in "\u00a0\u2002\u2003\u2009\u202f\u3000\t\r\n\f\v"}
    | {c: "" for c in "¢€£\u200b\ufeff"}
    | {chr(0x3B1 + n): rf"\{name} " for n, name in enumerate(_GREEK)}
    | {"τ": r"\tau ", "φ": r"\phi ", "ω": r"\omega ", "Δ": r"\Delta ", "…": "...", "′": "'", "’": "'", "″": "''"}
    | {"×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "÷": r"\div ", "°": r"^\circ ", "∞": r"\infty "}
    | {"≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "∪": r"\cup ", "∩": r"\cap ", "∅": r"\emptyset ", "±": r"\pm "}
    | {"²": "^2", "³": "^3", "∈": r"\in ", "≈": r"\approx ", "√": r"\surd ", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}"}
    | {"º": r"^\circ ", "˚": r"^\circ "}
    | {"½": r"\frac12", "¼": r"\frac14", "¾": r"\frac34", "⅓": r"\frac13", "⅔": r"\frac23"}
)
ALIASES = {
    alias: command
    for command, aliases in {
        r"\frac": r"\dfrac \tfrac \cfrac",
        r"\binom": r"\dbinom \tbinom",
        r"\le": r"\leq \leqslant \leqq",
        r"\ge": r"\geq \geqslant \geqq",
        r"\ne": r"\neq",
        r"\approx": r"\thickapprox \simeq",
        r"\cup": r"\bigcup",
        r"\cap": r"\bigcap",
        r"\setminus": r"\backslash \smallsetminus",
        r"\emptyset": r"\varnothing \O",
        r"\dots": r"\ldots \cdots \dotsc \dotsb \dotsm \dotsi \hdots",
        r"\circ": r"\degree \deg",
        r"\tan": r"\tg",
        r"\cot": r"\ctg \cotg",
        r"\csc": r"\cosec",
        r"\arctan": r"\arctg \atan",
        r"\arcsin": r"\asin",
        r"\arccos": r"\acos",
        r"\implies": r"\Rightarrow \Longrightarrow",
        r"\overline": r"\bar",
        r"\vec": r"\mathbf \boldsymbol \bm \overrightarrow \hat",
        r"\mod": r"\pmod \bmod \pod",
        r"\epsilon": r"\varepsilon",
        r"\phi": r"\varphi",
        r"\theta": r"\vartheta",
    }.items()
    for alias in aliases.split()
}
_SYMBOLS = {
    command: symbol
    for symbol, commands in {
        "*": r"\cdot \times \ast \cdotp",
        "/": r"\div",
        "and": r"\land \wedge \And",
        "or": r"\lor \vee",
        "<": r"\lt",
        ">": r"\gt",
        "%": r"\%",
        ":": r"\colon",
        r"\{": r"\lbrace",
        r"\}": r"\rbrace",
        "|": r"\vert \lvert \rvert",
        "(": r"\langle",
        ")": r"\rangle",
        "[": r"\lbrack",
        "]": r"\rbrack",
        "'": r"\prime",
    }.items()
    for command in commands.split()
}
_TEXT = r"text(?:rm|bf|it|sf|tt|normal|up)?|math(?:rm|it|sf|tt|up|normal)|mbox|hbox|rm|operatorname\*?"
_SCAN = re.compile(
    rf"""
    (?P<space>\s+ | ~ | \\[,;:!>\ ] | \\(?:left|right|middle)\b\s*\.? | \\[bB]igg?[lrm]?(?![a-zA-Z])
      | \\(?:displaystyle|textstyle|scriptstyle|quad|qquad|enspace|thinspace|limits|nolimits|underline|fbox|boxed
          |Large|large|small|bf|it)(?![a-zA-Z])
      | \\(?:textcolor|color|hspace|vspace|phantom)\s*\{{[^{{}}]*\}} | \\phantom\s*[^{{\s])
  | (?P<nothing>\\?\$ | \\[()\[\]] | \\(?=[0-9]))
  | (?P<break>\\\\(?:\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm)\s*\])?)
  | (?P<text>\\(?:{_TEXT})(?![a-zA-Z]))
  | (?P<environment>\\(?:begin|end)\s*\{{[a-zA-Z*]+\}}(?:\s*\{{[lcr|\s]*\}})?)
  | (?P<command>\\[a-zA-Z]+)
  | (?P<escaped>\\[{{}}%|\#&_])
  | (?P<dots>\.\.\.+)
  | (?P<grouped>(?<![\d.])\d{{1,3}}(?:(?:\{{,\}}|,?\s*\\!\s*,?\s*|\\[,;:\ ]|~)\d{{3}})+(?!\d)(?:\.\d+)?)
  | (?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+(?![\d.a-zA-Z]))?)
  | (?P<letters>[A-Za-z]+)
  | (?P<foreign>(?u:[^\W\d_]+))
  | (?P<symbol><=|\+/-|>=|\*\*|\{{[,:.]\}}|.)
    """,
    re.VERBOSE | re.ASCII | re.DOTALL,
)
_PLAIN_THOUSANDS = re.compile(
    r"(?<![\d.,])(?<![\d.,] )[1-9]\d{0,2}(?:(?:,\d{3})+|(?<!\} \d)(?<!\} \d\d)(?<!\} \d{3})(?: \d{3})+)(?![\d,]|\s*,)",
    re.ASCII,
)
_TIGHT_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+")
_LIST_OF_THOUSANDS = re.compile(r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})*(?:, (?=.)|$)){2,}")
_LETTER_TIMES = re.compile(r"(?<=[0-9])\s*[xX]\s*(?=10\s*\^)")  # 3 x 10^8
_SIGNED_POWER = re.compile(r"(?<![0-9.])([0-9]+)e([-+])(?=[0-9])")
_BRACKET = re.compile(r"[(\[]|\\\{|\\lbrace|\\langle")
_PLAIN = {"+/-": r"\pm", "<=": r"\le", ">=": r"\ge", "**": "^", "{,}": ",", "{:}": ":", "{.}": "."}

_WORDS = {"number", "letters", "text"}

ARGUMENTS = {r"\frac": 2, r"\binom": 2, r"\sqrt": 1, "^": 1, "_": 1, r"\overline": 1, r"\vec": 1, r"\mathbb": 1}
ARGUMENTS |= {r"\surd": 1, r"\mod": 1, r"\widehat": 1, r"\tilde": 1, r"\dot": 1, r"\mathcal": 1, r"\boxed": 1}
INFIX = {r"\over": r"\frac", r"\choose": r"\binom"}
RELATIONS = {"=", "<", ">", r"\le", r"\ge", r"\ne", r"\approx", r"\in", r"\equiv", r"\notin"}


def tokenize(answer: str, thousands: bool = True, scientific: bool = True) -> list:
    r"""Return the tokens of an answer; a group is a list of tokens. Spacing, dollar signs and sizes are left out.

    Args:
        thousands: whether 1,234 and 1 234 outside brackets are numbers; if not, 1,234 is a list. 1{,}234 and 1\,234
            are always numbers.
        scientific: whether 2e+3 is 2000; if not, it is 2e + 3. 2e3 and 2.0e+3 are always numbers.

    Raises:
        Unreadable: braces do not match, groups are too deep, or a command has no argument.
    """
    answer = answer.translate(_CHARACTERS)
    if thousands and ("," in answer or " " in answer) and not _BRACKET.search(answer):
        pattern = _TIGHT_THOUSANDS if _LIST_OF_THOUSANDS.fullmatch(answer) else _PLAIN_THOUSANDS
        answer = pattern.sub(lambda match: re.sub("[, ]", "", match.group()), answer)
    if "10" in answer:
        answer = _LETTER_TIMES.sub("*", answer)
    if not scientific:
        answer = _SIGNED_POWER.sub(r"\1e \2", answer)
    return _with_arguments(_groups(_marked(answer)))


def _marked(answer: str) -> list[Token]:
    """Return the flat tokens. The words of a text command have the kind "text"; its braces are left out."""
    tokens, modes, spaced, text_next = [], [("letters", True)], False, False
    for match in _SCAN.finditer(answer):
        group, found = match.lastgroup, match.group()
        kind, braces = modes[-1]
        if group == "space":
            spaced = True
            continue
        if group == "nothing":
            continue
        if group == "text":
            text_next = True
            continue
        if found == "{":
            modes.append(("text" if text_next else kind, not text_next))
            if text_next:
                text_next, spaced = False, True
                continue
        elif found == "}":
            if len(modes) == 1:
                raise Unreadable("a brace closes that was not opened")
            modes.pop()
            if not braces:
                spaced = True
                continue
        tokens.append(_token(group, found, "text" if text_next else kind, spaced))
        spaced = text_next = False
    if len(modes) > 1:
        raise Unreadable("a brace is not closed")
    return tokens


def _token(group: str, found: str, kind: str, spaced: bool) -> Token:
    if group == "grouped":
        return Token("number", re.sub(r"[^\d.]", "", found), spaced)
    if group == "number":
        return Token("number", found, spaced)
    if group in ("letters", "foreign"):
        return Token("symbol" if found in ("and", "or") else kind if group == "letters" else "text", found, spaced)
    if group == "command":
        found = ALIASES.get(found, found)
        return Token("symbol", _SYMBOLS[found], spaced) if found in _SYMBOLS else Token("command", found, spaced)
    if group == "dots":
        return Token("command", r"\dots", spaced)
    if group == "environment":
        return Token("command", re.sub(r"\s|(?<=\})\{.*", "", found, flags=re.DOTALL), spaced)
    if group == "break":
        return Token("symbol", r"\\", spaced)
    found = _PLAIN.get(found, _SYMBOLS.get(found, found))
    return Token("command" if found.startswith("\\") and found[1:].isalpha() else "symbol", found, spaced)


def _groups(tokens: list[Token]) -> list:
    stack = [[]]
    for token in tokens:
        if token.text == "{":
            stack.append([])
            if len(stack) > MAX_DEPTH:
                raise Unreadable("groups are nested too deep")
        elif token.text == "}" and len(stack) > 1:
            group = stack.pop()
            stack[-1].append(group)
        else:
            stack[-1].append(token)
    return stack[0]


def is_token(item, text: str) -> bool:
    return isinstance(item, Token) and item.text == text


def _with_arguments(group: list) -> list:
    r"""Return a group with every argument as a group of its own, and with \frac in place of \over."""
    waiting, result = group[::-1], []
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            result.append(_with_arguments(item))
        elif item.text in INFIX:
            start = _start_of_numerator(result)
            below = _with_arguments(waiting[::-1])
            return [*result[:start], Token("command", INFIX[item.text], item.spaced), result[start:], below]
        else:
            result.append(item._replace(text=r"\sqrt") if item.text == r"\surd" else item)
            if item.text == "_" and len(result) > 1 and is_token(result[-2], r"\log"):
                _split_number(waiting)  # \log_28 is \log_2 8
            result.extend(_arguments(item, waiting, 0))
    return result


def _split_number(waiting: list) -> None:
    item = waiting[-1] if waiting else None
    if isinstance(item, Token) and item.text.isdecimal() and len(item.text) > 1:
        waiting[-1:] = [item._replace(text=item.text[1:], spaced=False), item._replace(text=item.text[0])]


def _start_of_numerator(items: list) -> int:
    stops = (
        place + 1 for place, item in enumerate(items) if isinstance(item, Token) and item.text in {*RELATIONS, ","}
    )
    return max(stops, default=0)


def _arguments(command: Token, waiting: list, depth: int) -> list:
    """Take the arguments of a command from the reversed list `waiting`; return them as groups."""
    taken = []
    if depth > MAX_DEPTH:
        raise Unreadable("arguments are nested too deep")
    if command.text == r"\sqrt" and waiting and is_token(waiting[-1], "["):
        taken += _until_bracket(waiting, "[", "]")
    for _ in range(ARGUMENTS.get(command.text, 0)):
        if not waiting:
            raise Unreadable(f"{command.text} has no argument")
        item = waiting.pop()
        if isinstance(item, list):
            taken.append(_with_arguments(item))
            continue
        if item.text == "(" and command.text in ("^", r"\sqrt", r"\surd"):
            waiting.append(item)
            taken.append(_with_arguments(_until_bracket(waiting, "(", ")")[1:-1]))
            continue
        argument = [item]
        if item.text in "+-" and command.text == "^" and waiting and isinstance(waiting[-1], Token):
            argument.append(waiting.pop())
        last = argument[-1]
        whole = last.kind == "text" or (last.kind == "number" and command.text in ("^", "_", r"\surd"))
        whole = whole or (last.kind == "number" and not last.text.isdecimal())  # 0.5, 5e9
        if last.kind in ("number", "letters", "text") and len(last.text) > 1 and not whole:
            argument[-1] = last._replace(text=last.text[0])
            waiting.append(last._replace(text=last.text[1:], spaced=False))
        argument.extend(_arguments(last, waiting, depth + 1))
        taken.append(argument)
    return taken


def _until_bracket(waiting: list, opening: str, closing: str) -> list:
    """Take the items from the bracket that is next in the reversed list to the one that closes it."""
    taken, depth = [], 0
    while waiting:
        item = waiting.pop()
        taken.append(item)
        depth += is_token(item, opening) - is_token(item, closing)
        if depth == 0:
            return taken
    raise Unreadable(f"{opening} is not closed")


def latex(tokens: list) -> str:
    """Return tokens as LaTeX, in one spelling: every argument in braces, spaces only between words or numbers."""
    parts, before = [], None
    for item in tokens:
        spaced = getattr(item, "spaced", False) and {item.kind, getattr(before, "kind", "")} <= _WORDS
        before = item
        if isinstance(item, list):
            parts.append(f"{{{latex(item)}}}")
        elif item.kind == "text":
            parts.append(rf"\text{{{item.text}}}")
        elif item.kind == "command":
            parts.append(item.text if item.text.endswith("}") else f"{item.text} ")
        else:
            parts.append(f" {item.text}" if spaced else item.text)
    return "".join(parts).strip()
