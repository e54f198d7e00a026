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
"""What may follow a number without changing it: a unit from a list, or a noun that is counted (12 apples).

Words that change a number (9 tenths, 5 dozen, 8 or more, 6 factorial) are none of these.
"""

import re
from fractions import Fraction

NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
MAGNITUDES = {word: Fraction(10) ** power for word, power in [("hundred", 2), ("thousand", 3), ("million", 6)]}
MAGNITUDES |= {"billion": Fraction(10**9), "trillion": Fraction(10**12), "dozen": Fraction(12)}
MAGNITUDES |= {
    "half": Fraction(1, 2),
    "halves": Fraction(1, 2),
    "quarters": Fraction(1, 4),
    "hundredths": Fraction(1, 100),
}
MAGNITUDES |= {
    f"{word}s": Fraction(1, size)
    for size, word in enumerate("third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(), 3)
}
MAGNITUDES |= {"thousandths": Fraction(1, 1000)}
PERCENT = {"percent", "percents", "pct"}

# canonical name: its spellings. Two answers with different canonical units are different.
_SPELLINGS = {
    "mm": "mm millimeter millimeters millimetre millimetres",
    "cm": "cm centimeter centimeters centimetre centimetres cms",
    "m": "m meter meters metre metres",
    "km": "km kilometer kilometers kilometre kilometres kms",
    "in": "in inch inches",
    "ft": "ft foot feet",
    "yd": "yd yds yard yards",
    "mi": "mi mile miles",
    "mg": "mg milligram milligrams",
    "g": "g gram grams gm gms",
    "kg": "kg kilogram kilograms kilo kilos kgs",
    "oz": "oz ounce ounces",
    "lb": "lb lbs pound pounds",
    "ton": "ton tons tonne tonnes",
    "mL": "mL ml milliliter milliliters millilitre millilitres cc",
    "L": "L liter liters litre litres",
    "gal": "gal gallon gallons",
    "s": "s sec secs second seconds",
    "min": "min mins minute minutes",
    "h": "h hr hrs hour hours",
    "day": "day days",
    "week": "week weeks wk wks",
    "month": "month months",
    "year": "year years yr yrs",
    "degree": "degree degrees deg",
    "radian": "radian radians rad rads",
    "dollar": "dollar dollars USD usd buck bucks",
    "cent": "cent cents",
    "Hz": "Hz hertz",
    "N": "N newton newtons",
    "J": "J joule joules",
    "W": "W watt watts",
    "V": "V volt volts",
    "K": "K kelvin kelvins",
    "mol": "mol mole moles",
    "acre": "acre acres",
    "unit": "unit units un",
    "mph": "mph",
    "km/h": "kmh kph kmph",
}
UNITS = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_COMPOUND = {"mph": [("mi", 1), ("h", -1)], "km/h": [("km", 1), ("h", -1)]}
_POWERS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3}
# One letter alone may be a unit only after a number, and only if the gold answer has no such letter.
LETTER_UNITS = frozenset("msghLNJWVK")

_JOINS = {"of", "per", "in", "for", "on", "each", "from", "at", "with", "every"}  # what follows describes the noun
_BEHIND = {"old", "long", "tall", "wide", "high", "deep", "away", "each", "total", "left", "altogether", "remaining"}
_NOUNS = set("people children men women teeth mice geese fish sheep deer dice oxen fahrenheit celsius".split())
# Words that end like a plural or an adjective, and change the number or its meaning.
_CHANGERS = set(
    "or more less fewer greater plus minus times over under below above choose mod modulo remainder base point root "
    "power squared cubed square cube double triple twice half quarter inverse reciprocal negative factorial factorials "
    "prime least most about approximately not except if when unless versus to is as yes no this thus tens hundreds "
    "thousands millions billions dozens ones score th st nd rd percent".split()
)
_CHANGERS |= {word.removesuffix("s") for word in MAGNITUDES} | MAGNITUDES.keys() | {*NUMBERS} - {"one"}


def unit_of(words: list[str], singular: bool = False) -> tuple | None:
    """Return the unit that words name, as sorted (unit, power) pairs; () if they name things that are counted.

    None means that they are neither. A word may be a name, "^2", "/" or "per".

    Args:
        singular: whether one thing may be counted: 1 cup.

    >>> unit_of(["square", "feet"]), unit_of(["m", "/", "s", "^2"]), unit_of(["red", "marbles"]), unit_of(["tenths"])
    ((('ft', 2),), (('m', 1), ('s', -2)), (), None)
    """
    while words and words[-1].lower() in _BEHIND:  # 10 cm long
        words = words[:-1]
        if not words:
            return ()
    return _named(words) or (() if _is_counted(words, singular) else None)


def _named(words: list[str]) -> tuple | None:
    powers: dict[str, int] = {}
    sign, waiting, last = 1, 1, None
    for word in words:
        if word in ("/", "per"):
            if sign < 0 or last is None:
                return None
            sign = -1
        elif word in ("*", "."):
            continue
        elif re.fullmatch(r"\^-?[1-9]", word):
            if last is None:
                return None
            powers[last] += sign * (int(word[1:]) - 1)
        elif word in _POWERS and word not in ("squared", "cubed"):
            waiting = _POWERS[word]
        elif word in ("squared", "cubed"):
            if last is None:
                return None
            powers[last] += sign * (_POWERS[word] - 1)
        elif last == "degree" and word in ("C", "F", "celsius", "fahrenheit", "Celsius", "Fahrenheit"):
            powers = {f"degree {word[0].upper()}": 1}
        elif (unit := UNITS.get(word) or UNITS.get(word.lower() if len(word) > 2 else word)) is not None:
            for last, power in _COMPOUND.get(unit, [(unit, 1)]):
                powers[last] = powers.get(last, 0) + sign * power * waiting
            waiting = 1
        else:
            return None
    if waiting != 1 or not powers:
        return None
    return tuple(sorted(powers.items()))


def _is_counted(words: list[str], singular: bool) -> bool:
    """Return whether words are adjectives and a noun in the plural, perhaps with "of ..." or "per ..." behind it."""
    words = [word.lower() for word in words if word not in (".", "-")]
    if words == ["times"]:
        return True
    head = next((place for place, word in enumerate(words) if word in _JOINS and place), len(words))
    if not words or not all(re.fullmatch(r"[a-z]+", word) for word in words) or _CHANGERS & {*words}:
        return False
    noun = words[head - 1]
    if singular or noun in _NOUNS or noun in UNITS:
        return True
    return len(noun) > 3 and noun[-1] == "s" and bool({*noun} & {*"aeiou"})
