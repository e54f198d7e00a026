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
r"""Accept a number that is within the tolerance of a gold answer, as OlympiadBench's rows have one.

OlympiadBench's judge accepts a number if its absolute difference from the gold number is at most `error`. An answer of
several numbers has one tolerance, or one for each number.
"""

from collections.abc import Sequence
from fractions import Fraction

from asymgrpo_verl.rewards.answers import as_numbers


def tolerances(error) -> list[Fraction]:
    """Return the tolerances that a field `error` says: none for None and "", else numbers > 0, separated by commas.

    Raises:
        ValueError: it is neither a number > 0 nor a list of them.
    """
    if error is None or error == "" or error != error:  # NaN is a missing number
        return []
    try:
        numbers = [Fraction(part.strip()) for part in str(error).split(",")]
    except (ValueError, ZeroDivisionError):
        numbers = [Fraction(0)]
    if isinstance(error, bool) or min(numbers) <= 0:
        raise ValueError(
            f"error: got {error!r:.80}; expected a number > 0, several with commas, or nothing, because it is the "
            "tolerance of the gold answer."
        )
    return numbers


def within(gold: str, answer: str, allowed: Sequence[Fraction]) -> bool | None:
    """Return whether the numbers of an answer are within the tolerances of the gold answer.

    It is None if one of the two is not a rational number or a list of such: the tolerance then says nothing. The
    numbers of a list may come in any order; a tuple's may not.

    Args:
        allowed: one tolerance for all numbers, or one for each.
    """
    a, b = as_numbers(gold), as_numbers(answer)
    if not a or not b:
        return None
    (brackets, golds), (its_brackets, numbers) = a, b
    if brackets != its_brackets or len(golds) != len(numbers) or len(allowed) not in (1, len(golds)):
        return False
    pairs = zip(golds, [*allowed] * len(golds) if len(allowed) == 1 else allowed, strict=True)
    if brackets in ("", "{}"):
        pairs, numbers = sorted(pairs), sorted(numbers)
    return all(abs(number - gold) <= most for (gold, most), number in zip(pairs, numbers, strict=True))
