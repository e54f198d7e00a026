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
"""The problems of the lab: prompts of a few tokens, a verifier, and a base policy that answers some of them correctly.

A task draws everything about itself from the seed of its instance. The first ten tokens are the digits; a prompt is
padded on the left and a response on the right.
"""

from typing import NamedTuple, Protocol

import numpy as np


class Prompts(NamedTuple):
    """A batch of prompts.

    Attributes:
        tokens: (prompts, prompt_length), padded on the left.
        solution: (prompts, response_length), a correct response, padded on the right.
        parts: (prompts, ...), what the task drew, from which `teach` makes responses.
    """

    tokens: np.ndarray
    solution: np.ndarray
    parts: np.ndarray


class Task(Protocol):
    """A kind of problem.

    Attributes:
        name: of TASKS.
        vocab, prompt_length, response_length: numbers of tokens.
        end, pad: tokens.
    """

    name: str
    vocab: int
    prompt_length: int
    response_length: int
    end: int
    pad: int

    def draw(self, rng: np.random.Generator, count: int, held_out: bool = False) -> Prompts:
        """Draw prompts; with `held_out`, those of a kind that training does not have, if the task has such."""

    def teach(self, prompts: Prompts, rng: np.random.Generator) -> np.ndarray:
        """Draw the response to each prompt that the base policy learns to give: (prompts, response_length)."""

    def correct(self, solution: np.ndarray, responses: np.ndarray) -> np.ndarray:
        """Return whether each response is correct, (...) bool; both (..., response_length)."""


def _ends_as(solution: np.ndarray, responses: np.ndarray, end: int, tokens: int) -> np.ndarray:
    """Return whether each response has the solution's length and its last `tokens` tokens before the end."""
    place = (solution == end).argmax(-1)[..., None] - np.arange(tokens + 1)
    return (np.take_along_axis(responses, place, -1) == np.take_along_axis(solution, place, -1)).all(-1)


class Facts:
    """Chains of one to four facts, such as `3 a 7 b 2 =`. The response is the result after each operator.

    An operator is a random table over the digits. The base policy knows each of the 200 entries with a probability of
    its own, log-uniform from 0.01 to 1, and believes one of two wrong digits otherwise, the first in 80% of the cases.
    So the chance of a prompt is spread over [0, 1], and rare knowledge has to be found and kept. The last digit counts.
    """

    name = "facts"

    def __init__(self, seed: int, operators: int = 2, steps: int = 4, lowest: float = 0.01):
        rng = np.random.default_rng(seed)
        size = operators, 10, 10
        self.operators, self.steps = operators, steps
        self.table = rng.integers(0, 10, size)
        self.known = np.exp(rng.uniform(np.log(lowest), 0, size))
        self.beliefs = (self.table + rng.integers(1, 10, (2, *size))) % 10
        self.equals, self.end, self.pad = range(10 + operators, 13 + operators)
        self.vocab, self.prompt_length, self.response_length = 13 + operators, 2 * steps + 2, steps + 1

    def draw(self, rng, count, held_out=False):
        length = rng.integers(1, self.steps + 1, count)
        digits, operators = (
            rng.integers(0, 10, (count, self.steps + 1)),
            rng.integers(0, self.operators, (count, self.steps)),
        )
        tokens = np.full((count, self.prompt_length), self.pad)
        tokens[:, -1] = self.equals
        for steps in range(1, self.steps + 1):
            rows = length == steps
            tokens[rows, -2 * steps - 2 : -1 : 2] = digits[rows, : steps + 1]
            tokens[rows, -2 * steps - 1 : -1 : 2] = 10 + operators[rows, :steps]
        parts = np.concatenate([length[:, None], digits, operators], axis=1)
        return Prompts(
            tokens, self._work(parts, lambda operator, left, right: self.table[operator, left, right]), parts
        )

    def teach(self, prompts, rng):
        def believe(operator, left, right):
            at, chance = (operator, left, right), rng.random(len(left))
            known = self.known[at]
            return np.where(chance < known, self.table[at], self._wrong(rng, at, (chance - known) / (1 - known)))

        return self._work(prompts.parts, believe)

    def _wrong(self, rng, at, chance):
        """Return the wrong digits of facts; `chance` is uniform on [0, 1]."""
        return np.where(chance < 0.8, self.beliefs[0][at], self.beliefs[1][at])

    def _work(self, parts, result_of):
        length, digits, operators = parts[:, 0], parts[:, 1 : self.steps + 2], parts[:, self.steps + 2 :]
        responses, result = np.full((len(parts), self.response_length), self.pad), digits[:, 0]
        for step in range(self.steps):
            result = result_of(operators[:, step], result, digits[:, step + 1])
            responses[length > step, step] = result[length > step]
        responses[np.arange(len(parts)), length] = self.end
        return responses

    def correct(self, solution, responses):
        return _ends_as(solution, responses, self.end, 1)


class Slips(Facts):
    """Chains of one to four facts as in `facts`, each known with a probability from 0.3 to 1 (log-uniform).

    A digit that is wrong is any of the nine others: the wrong tokens share much probability, and none of them is a
    belief. So there is little to explore, and the entropy of the base policy is noise.
    """

    name = "slips"

    def __init__(self, seed: int):
        super().__init__(seed, lowest=0.3)

    def _wrong(self, rng, at, chance):
        return (self.table[at] + rng.integers(1, 10, len(chance))) % 10


class Rules:
    """One of 64 symbols and two digits, `s 3 7 =`. A symbol stands for one of 16 hidden rules.

    The response names the rule, works in two digits, and answers. The base policy names the right rule of a symbol with
    a probability of its own, log-uniform from 0.0005 to 0.8 over the symbols; it prefers some of the wrong rules, and
    slips in 5% of the digits. The last two digits count, so a wrong rule is right in 1% of the cases.
    """

    name = "rules"

    def __init__(self, seed: int, symbols: int = 64, rules: int = 16, lowest: float = 5e-4, highest: float = 0.8):
        rng = np.random.default_rng(seed)
        self.symbols, self.rules, self.slip = symbols, rules, 0.05
        self.right = rng.integers(0, rules, symbols)
        self.chances = _spread_over_others(rng, self.right, _log_spaced(lowest, highest, symbols), rules, 2.0)
        self.factors = rng.integers(1, 10, (rules, 2))
        self.equals, self.end, self.pad = range(10 + symbols + rules, 13 + symbols + rules)
        self.vocab, self.prompt_length, self.response_length = 13 + symbols + rules, 4, 5

    def draw(self, rng, count, held_out=False):
        symbol, digits = rng.integers(0, self.symbols, count), rng.integers(0, 10, (2, count))
        tokens = np.stack([10 + symbol, *digits, np.full(count, self.equals)], axis=1)
        parts = np.stack([symbol, *digits], axis=1)
        return Prompts(tokens, self._work(parts, self.right[symbol], np.zeros((3, count), dtype=int)), parts)

    def teach(self, prompts, rng):
        rule = _draw_each(rng, self.chances[prompts.parts[:, 0]])
        size = 3, len(rule)
        return self._work(prompts.parts, rule, (rng.random(size) < self.slip) * rng.integers(1, 10, size))

    def _work(self, parts, rule, slips):
        (first, second), (_, left, right) = self.factors[rule].T, parts.T
        one = (left + first + slips[0]) % 10
        two = (one + right + slips[1]) % 10
        three = (3 * two + second + slips[2]) % 10
        return np.stack([10 + self.symbols + rule, one, two, three, np.full(len(rule), self.end)], axis=1)

    def correct(self, solution, responses):
        return _ends_as(solution, responses, self.end, 2)


class Chain:
    """A digit and one to three of 64 symbols, `3 s t =`. A symbol stands for one of 12 hidden permutations of digits.

    The response names the permutation of each symbol and the digit after it. The base policy names the right one with a
    probability of the symbol's own, log-uniform from 0.01 to 0.9, and slips in 4% of the digits. The last digit counts,
    so a chain of three is right when all three are, or by luck.
    """

    name = "chain"

    def __init__(self, seed: int, symbols: int = 64, rules: int = 12, steps: int = 3, lowest: float = 0.01):
        rng = np.random.default_rng(seed)
        self.symbols, self.rules, self.steps, self.slip = symbols, rules, steps, 0.04
        self.right = rng.integers(0, rules, symbols)
        chances = rng.permutation(_log_spaced(lowest, 0.9, symbols))
        self.chances = _spread_over_others(rng, self.right, chances, rules, 1.5)
        self.permutations = np.stack([rng.permutation(10) for _ in range(rules)])
        self.equals, self.end, self.pad = range(10 + symbols + rules, 13 + symbols + rules)
        self.vocab, self.prompt_length, self.response_length = 13 + symbols + rules, steps + 2, 2 * steps + 1

    def draw(self, rng, count, held_out=False):
        length = rng.integers(1, self.steps + 1, count)
        digit, symbols = rng.integers(0, 10, count), rng.integers(0, self.symbols, (count, self.steps))
        tokens, parts = _chains(self, length, digit, symbols)
        return Prompts(tokens, self._work(parts, self.right[symbols], np.zeros((count, self.steps), dtype=int)), parts)

    def teach(self, prompts, rng):
        symbols = prompts.parts[:, 2:]
        rules = np.stack([_draw_each(rng, self.chances[column]) for column in symbols.T], axis=1)
        return self._work(
            prompts.parts, rules, (rng.random(rules.shape) < self.slip) * rng.integers(1, 10, rules.shape)
        )

    def _work(self, parts, rules, slips):
        length, digit = parts[:, 0], parts[:, 1]
        responses = np.full((len(parts), self.response_length), self.pad)
        for step in range(self.steps):
            digit = (self.permutations[rules[:, step], digit] + slips[:, step]) % 10
            rows = length > step
            responses[rows, 2 * step] = 10 + self.symbols + rules[rows, step]
            responses[rows, 2 * step + 1] = digit[rows]
        responses[np.arange(len(parts)), 2 * length] = self.end
        return responses

    def correct(self, solution, responses):
        return _ends_as(solution, responses, self.end, 1)


class Ways:
    """A digit and one to three of 40 symbols, `3 s t =`. A symbol stands for a permutation of the digits.

    The response names one of three ways for each symbol, and the digit after it. Every way is right, but the base
    policy knows a symbol by each way with a probability of its own, log-uniform from 0.05 to 1, and otherwise gives a
    wrong digit that belongs to symbol, way and digit. It prefers the first way everywhere, in 70% of the cases. So it
    pays to keep all ways until each symbol has its own. The last digit counts. A fifth of the pairs of neighbouring
    symbols are held out: training never has them, and each validation prompt has at least one.
    """

    name = "ways"

    def __init__(self, seed: int, symbols: int = 40, steps: int = 3, lowest: float = 0.05):
        rng = np.random.default_rng(seed)
        self.symbols, self.steps, self.preference = symbols, steps, np.array([[0.7, 0.2, 0.1]])
        ways = self.preference.shape[1]
        self.permutations = np.stack([rng.permutation(10) for _ in range(symbols)])
        self.known = np.exp(rng.uniform(np.log(lowest), 0, (symbols, ways)))
        self.beliefs = (self.permutations[:, None] + rng.integers(1, 10, (symbols, ways, 10))) % 10
        self.is_held_out = rng.random((symbols, symbols)) < 0.2
        self.equals, self.end, self.pad = range(10 + symbols + ways, 13 + symbols + ways)
        self.vocab, self.prompt_length, self.response_length = 13 + symbols + ways, steps + 2, 2 * steps + 1

    def draw(self, rng, count, held_out=False):
        length = rng.integers(1 + held_out, self.steps + 1, count)
        digit, symbols = rng.integers(0, 10, count), rng.integers(0, self.symbols, (count, self.steps))
        while (again := self._has_held_out(length, symbols) != held_out).any():
            symbols[again] = rng.integers(0, self.symbols, (int(again.sum()), self.steps))
        tokens, parts = _chains(self, length, digit, symbols)
        return Prompts(tokens, self._work(parts, None), parts)

    def _has_held_out(self, length, symbols):
        pairs = self.is_held_out[symbols[:, :-1], symbols[:, 1:]]
        return (pairs & (np.arange(1, self.steps) < length[:, None])).any(1)

    def teach(self, prompts, rng):
        return self._work(prompts.parts, rng)

    def _work(self, parts, rng):
        """Return responses by the base policy's ways and knowledge; without `rng`, correct ones by the first way."""
        length, digit = parts[:, 0], parts[:, 1]
        responses = np.full((len(parts), self.response_length), self.pad)
        for step in range(self.steps):
            symbol, way = parts[:, 2 + step], np.zeros(len(parts), dtype=int)
            result = self.permutations[symbol, digit]
            if rng is not None:
                way = _draw_each(rng, self.preference.repeat(len(parts), 0))
                known = rng.random(len(parts)) < self.known[symbol, way]
                result = np.where(known, result, self.beliefs[symbol, way, digit])
            digit, rows = result, length > step
            responses[rows, 2 * step] = 10 + self.symbols + way[rows]
            responses[rows, 2 * step + 1] = digit[rows]
        responses[np.arange(len(parts)), 2 * length] = self.end
        return responses

    def correct(self, solution, responses):
        return _ends_as(solution, responses, self.end, 1)


def _chains(task: Task, length: np.ndarray, digit: np.ndarray, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return tokens and parts of prompts: a digit, the first `length` of its symbols, and the equals sign.

    Args:
        task: with the tokens `equals` and `pad`.
        length, digit: (count,).
        symbols: (count, most steps).
    """
    count, most = symbols.shape
    tokens = np.full((count, task.prompt_length), task.pad)
    tokens[:, -1] = task.equals
    for steps in range(1, most + 1):
        rows = length == steps
        tokens[rows, -steps - 2] = digit[rows]
        tokens[rows, -steps - 1 : -1] = 10 + symbols[rows, :steps]
    return tokens, np.concatenate([length[:, None], digit[:, None], symbols], axis=1)


def _log_spaced(lowest: float, highest: float, count: int) -> np.ndarray:
    return np.exp(np.linspace(np.log(lowest), np.log(highest), count))


def _spread_over_others(
    rng: np.random.Generator, right: np.ndarray, chances: np.ndarray, choices: int, peak: float
) -> np.ndarray:
    """Return (rows, choices): each row's chance at its right choice, the rest spread unevenly over the others."""
    weights = np.exp(peak * rng.standard_normal((len(right), choices)))
    rows = np.arange(len(right))
    weights[rows, right] = 0
    weights *= ((1 - chances) / weights.sum(1))[:, None]
    weights[rows, right] = chances
    return weights


def _draw_each(rng: np.random.Generator, chances: np.ndarray) -> np.ndarray:
    """Draw one choice from each row of (rows, choices)."""
    return (chances.cumsum(1) < rng.random((len(chances), 1))).sum(1).clip(max=chances.shape[1] - 1)


TASKS: dict[str, type[Task]] = {task.name: task for task in (Facts, Rules, Chain, Ways, Slips)}
