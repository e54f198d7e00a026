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
"""Read numerals: decimals that repeat, and digits with their base."""

import re
from fractions import Fraction

from asymgrpo_verl.rewards.cursor import Cursor, plain
from asymgrpo_verl.rewards.tokens import Unreadable, is_token
from asymgrpo_verl.rewards.units import NUMBERS


class Numerals(Cursor):
    """A reader of numerals."""

    def _digits(self, start: int = 0) -> int:
        """Return the place behind the tokens of a numeral such as A5, counted from here."""
        while re.fullmatch("[0-9A-Z]+", getattr(self.here(start), "text", "")):
            start += 1
        return start

    def long_numeral(self) -> tuple | None:
        """Read A5_{11}; return None if no numeral of several tokens with its base is next, and nothing else."""
        end = self._digits()
        return self._numeral(0, end, end + 1) if end > 1 and self.at_boundary(end + 2) else None

    def bracketed_numeral(self) -> tuple | None:
        """Read (1011)_2; return None if something else is next."""
        end = self._digits(1)
        return self._numeral(1, end, end + 2) if end > 1 and is_token(self.here(end), ")") else None

    def _numeral(self, start: int, end: int, base: int) -> tuple | None:
        if not is_token(self.here(base - 1), "_"):
            return None
        digits = "".join(self.here(place).text for place in range(start, end))
        self.place += base
        return "base", digits.lstrip("0") or "0", self.base()

    def base(self) -> str:
        base = plain(self.group()).lower()
        base = str(NUMBERS.index(base)) if base in NUMBERS else base
        if not base.isdecimal():
            raise Unreadable(f"{base} is no base")
        return base

    def number(self, text: str) -> tuple:
        digits = re.fullmatch(r"\d+", text) and text
        if self.is_at("_") and digits:
            self.place += 1
            return "base", text.lstrip("0") or "0", self.base()
        place = self.place + (self.is_at(".") and is_token(self.here(1), r"\overline"))
        for command in (r"\overline", r"\dot"):
            if place + 1 < len(self.items) and is_token(self.items[place], command):
                repeated = plain(self.items[place + 1])
                if repeated.isdecimal() and ("." in text or place > self.place):
                    self.place = place + 2
                    return "number", _repeating(text, repeated), False
        if "." in text and self.is_at(r"\dots") and (repeated := _repeated_end(text)):
            self.place += 1
            return "number", _repeating(text.removesuffix(repeated), repeated), False
        if re.search(r"[eE][-+]?0*\d{4}", text):
            raise Unreadable("an exponent is too large")
        return "number", Fraction(int(text)) if digits else Fraction(text), "." in text


def _repeated_end(text: str) -> str:
    """Return the digits that 0.333... or 0.1666... repeats: those that stand at its end three times, or twice if
    they are several; "" if none do."""
    found = re.search(r"\.\d*?(?:(\d+?)\1\1+|(\d\d+?)\2)$", text)
    return found.group(1) or found.group(2) if found else ""


def _repeating(text: str, repeated: str) -> Fraction:
    whole, _, fixed = text.partition(".")
    numerator = int(whole + fixed + repeated) - int(whole + fixed or "0")
    return Fraction(numerator, int("9" * len(repeated) + "0" * len(fixed)))
