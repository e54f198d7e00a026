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
"""The types of the arguments of the command `asymgrpo`: read a text, or say what is expected instead."""

import argparse
import json
from collections.abc import Callable


def kind(convert: Callable, allowed: Callable, expected: str) -> Callable:
    """Return the type of an argument: `convert`, with an error that names what is expected."""

    def parse(text: str):
        try:
            value = convert(text)
        except ValueError:
            value = None
        if value is None or not allowed(value):
            raise argparse.ArgumentTypeError(f"got {text!r}; expected {expected}")
        return value

    return parse


def _seeds(text: str) -> list[int]:
    """Parse N, which is 1-N, or FIRST-LAST."""
    first, dash, last = text.rpartition("-")
    return list(range(int(first) if dash else 1, int(last) + 1))


seed_range = kind(_seeds, lambda value: value and value[0] >= 0, "a number of seeds >= 1, or FIRST-LAST")
positive = kind(int, lambda value: value >= 1, "an integer >= 1")
temperature = kind(float, lambda value: 0 <= value < float("inf"), "a number >= 0")
group_size = kind(int, lambda value: value >= 2, "an integer >= 2")
rate = kind(float, lambda value: 0 < value < float("inf"), "a number > 0")
share = kind(float, lambda value: 0 < value <= 1, "a number in (0, 1]")
json_object = kind(json.loads, lambda value: isinstance(value, dict), "a JSON object")


def betas(text: str) -> tuple:
    """Parse BETA_POS,BETA_NEG[,FLIP] and check them as algorithm.asymgrpo is checked at startup."""
    from asymgrpo_verl.integration.settings import settings_from

    expected = (
        f"got {text!r}; expected BETA_POS,BETA_NEG or BETA_POS,BETA_NEG,FLIP, with betas >= 0 and FLIP positive or "
        "negative"
    )
    beta_pos, *others = text.split(",", 2)
    if not others:
        raise argparse.ArgumentTypeError(expected)
    beta_neg, *flip = others
    try:
        betas = {"beta_pos": float(beta_pos), "beta_neg": float(beta_neg)}
        settings = settings_from({"asymgrpo": betas | ({"flip": flip[0]} if flip else {})})
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{expected} ({error})") from error
    return settings.beta_pos, settings.beta_neg, settings.flip
