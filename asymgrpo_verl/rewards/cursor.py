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
"""A place in the tokens of a group: what every reader needs, and where a unit or a word begins instead of a factor."""

from contextlib import contextmanager

from asymgrpo_verl.rewards.tokens import MAX_DEPTH, RELATIONS, Token, Unreadable, is_token, latex
from asymgrpo_verl.rewards.units import MAGNITUDES, PERCENT, UNITS, unit_of
from asymgrpo_verl.rewards.values import FUNCTIONS

SEPARATORS = {",", ";", "and", "or"}
CLOSERS = {")", "]", r"\}", r"\rfloor", r"\rceil", "&", r"\\"}
BOUNDARIES = SEPARATORS | CLOSERS | RELATIONS | {r"\cup", r"\cap", r"\setminus", r"\mid", ":"}
# Words that are mathematics.
NAMES = {*FUNCTIONS, "log", "lg", "sqrt", "sgn", "max", "gcd", "lcm", "arg", "det", "lim", "mod", "asin", "acos"}
NAMES |= {"atan", "pi", "infinity", "inf", "abs", "cosec", "tg", "ctg", "arctg"}


def is_word(item) -> bool:
    """Return whether a token is a word of text and neither a letter, nor a function, nor a product of letters."""
    if not isinstance(item, Token) or item.text in NAMES:
        return False
    return (item.kind == "text" and len(item.text) > 1) or (item.kind == "letters" and len(item.text) > 3)


def text_of(item) -> str:
    return item.text if isinstance(item, Token) else f"{{{latex(item)}}}"


def plain(group: list) -> str:
    """Return the text of a group without commands for fonts, as in a subscript."""
    return "".join(plain(item) if isinstance(item, list) else item.text for item in group)


class Cursor:
    """A place in a group. `angle`: the group is the argument of a trigonometric function."""

    def __init__(self, items: list, depth: int, angle: bool):
        if depth > MAX_DEPTH:
            raise Unreadable("brackets are nested too deep")
        self.items, self.place, self.depth, self.angle = list(items), 0, depth, angle
        self.end = len(items)
        self.bars = 0  # open |
        self.circ = False  # the last thing read was a degree sign

    def here(self, ahead: int = 0):
        place = self.place + ahead
        return self.items[place] if place < self.end else None

    def is_at(self, *texts: str) -> bool:
        if self.place >= self.end:
            return False
        item = self.items[self.place]
        return item.__class__ is Token and item.text in texts

    def take(self, *texts: str) -> str | None:
        if self.place >= self.end:
            return None
        item = self.items[self.place]
        if item.__class__ is not Token or item.text not in texts:
            return None
        self.place += 1
        return item.text

    def group(self) -> list:
        item = self.here()
        if not isinstance(item, list):
            raise Unreadable("an argument is missing")
        self.place += 1
        return item

    def listing(self) -> tuple:
        """Read everything up to the end of the group or of the bracket. `reading` says how."""
        raise NotImplementedError

    def whole(self) -> tuple:
        tree = self.listing()
        if self.here() is not None:
            raise Unreadable(f"{text_of(self.here())} was not expected")
        return tree

    def inner(self, items: list, angle: bool = False) -> tuple:
        return type(self)(items, self.depth + 1, angle).whole()

    def argument(self) -> tuple:
        return self.inner(self.group(), self.angle)

    @contextmanager
    def deeper(self, angle: bool):
        """Read inside brackets, or an argument without brackets."""
        before = self.depth, self.angle, self.bars
        self.depth, self.angle, self.bars = self.depth + 1, angle, 0
        if self.depth > MAX_DEPTH:
            raise Unreadable("brackets are nested too deep")
        yield
        self.depth, self.angle, self.bars = before

    def at_boundary(self, ahead: int = 0) -> bool:
        item = self.here(ahead)
        if item is None:
            return True
        return isinstance(item, Token) and (item.text in BOUNDARIES or (item.text == "|" and self.bars > 0))

    def holds_relation(self) -> bool:
        depth = 0
        for item in self.items[self.place :]:
            depth += is_token(item, "(") - is_token(item, ")")
            if depth == 0:
                return False
            if isinstance(item, Token) and item.text in RELATIONS:
                return True
        return False

    def unit_words(self) -> list[str]:
        item = self.here()
        self.place += 1
        if isinstance(item, list):
            return type(self)(item, self.depth + 1, False).all_unit_words()
        if item.text == "^":
            return [f"^{plain(self.group())}"]
        if item.text == r"\frac":
            above, below = (type(self)(self.group(), self.depth + 1, False).all_unit_words() for _ in range(2))
            return [*above, "/", *below]
        if item.kind in ("text", "letters") or item.text in "/.*-":
            return [item.text]
        raise Unreadable(f"{item.text} is no unit")

    def all_unit_words(self) -> list[str]:
        words = []
        while self.here() is not None:
            words += self.unit_words()
        return words

    def starts_unit(self) -> bool:
        """Return whether what comes is a unit or a word, not a factor."""
        item = self.here()
        if is_token(item, r"\frac"):
            group = self.here(1)
            return bool(group) and isinstance(group[0], Token) and group[0].kind == "text" and group[0].text in UNITS
        if not isinstance(item, Token) or item.text in NAMES:
            return False
        if item.kind == "text":
            return len(item.text) > 1 or item.text in UNITS
        if item.kind != "letters" or len(item.text) < 2:
            return False
        if item.text.lower() in MAGNITUDES or item.text.lower() in PERCENT:
            return True
        reader = type(self)(self.items[self.place :], self.depth, False)
        words = []
        try:
            while not reader.at_boundary() and not reader.is_at("("):
                words += reader.unit_words()
        except Unreadable:
            return False
        unit = unit_of(words)
        # 9 cats, but not 9cats, and not 9 abcs
        return unit is not None and (unit != () or (item.spaced and bool({*item.text[1:].lower()} & {*"aeiou"})))
