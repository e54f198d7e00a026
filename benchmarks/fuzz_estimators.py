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
"""Random batches through the estimators, and random curves: what must hold for every one of them.

A batch is drawn answer first (which rows are alive and correct, what is wrong with it), then hidden in tensors, so that
the checks do not repeat the code.
"""

import collections
import math
import random
import uuid
from collections.abc import Callable
from dataclasses import Field, fields
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import torch

from asymgrpo_verl.core.estimators import ESTIMATORS, advantages_by_count
from asymgrpo_verl.core.shaping import add_entropy
from asymgrpo_verl.integration.adapters import outcome_advantage

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
MASK_DTYPES = (torch.bool, torch.uint8, torch.int32, torch.int64, *DTYPES)
EXPONENTS = (0, 0.0, 1e-300, 1e-8, 1e-4, 0.4, 0.5, 0.9, 1, 2, 5.5, 10, 50, 1e3, 1e6, 1e300, 2**100)
# Up to this exponent no weight of a group of 17 leaves the range of float64, nor sinks to 0 in it.
MODERATE = 50
# threshold: outcomes that exceed it, outcomes that do not
OUTCOMES = {
    0.5: ((1.0, 0.75, 2.0), (0.0, 0.5, -1.0, 0.25)),
    0.0: ((1.0, 2.0**-14), (0.0, -1.0, -(2.0**-14))),
    -1: ((0.0, 1.0), (-1.0, -2.0)),
    0.9: ((1.0,), (0.9, 0.5, 0.0)),
    3e4: ((4e4, 6e4), (3e4, 1.0, -6e4)),
    -1e300: ((0.0, -1.0), ()),
    1e300: ((), (1.0, 0.0)),
}
NO_NUMBER = (math.nan, math.inf, -math.inf)
FAULTS = ("no number", "wrong dtype", "wrong length")


class Batch(NamedTuple):
    """One call of an estimator, and the answers that were drawn before it.

    Attributes:
        estimator, settings: whose, and what is under `algorithm.<estimator>`.
        rewards: (bs, len) float64; `dtype` is what the estimator is given.
        mask, index: as the estimator is given them.
        dtype: of the rewards.
        group: (bs,) int, alive: (bs,) bool, correct: (bs,) bool, True on alive rows only.
        fault: None or one of FAULTS: an outcome is NaN or infinite, rewards that are no floats, an index too short.
    """

    estimator: str
    settings: dict
    rewards: torch.Tensor
    mask: torch.Tensor
    index: list | np.ndarray
    dtype: torch.dtype
    group: list[int]
    alive: list[bool]
    correct: list[bool]
    fault: str | None


def draw_value(rng: random.Random, key: Field) -> Any:
    """A value that a setting allows: the ranges are those that the estimator declares."""
    allowed = key.metadata
    if "options" in allowed:
        return rng.choice((key.default, *allowed["options"]))
    if isinstance(key.default, int):
        pool = (1, 2, 3, 5, 8, 17, 40)
    else:
        pool = EXPONENTS if rng.random() < 0.5 else [rng.uniform(0, 3) for _ in range(9)]
    low, above = allowed.get("at_least", -math.inf), allowed.get("above", -math.inf)
    high, below = allowed.get("at_most", math.inf), allowed.get("below", math.inf)
    fitting = [value for value in pool if low <= value <= high and above < value < below]
    return rng.choice([key.default, *fitting])


def draw_settings(rng: random.Random, estimator: str) -> dict:
    keys = [key for key in fields(ESTIMATORS[estimator].settings) if key.name != "reward_threshold"]
    threshold = rng.choice((0.5, 0.5, 0.5, *OUTCOMES))
    return {key.name: draw_value(rng, key) for key in keys} | {"reward_threshold": threshold}


def draw_uids(rng: random.Random, groups: int, rows: list[int]) -> list | np.ndarray:
    """A uid for each row's group number: of one kind or mixed, as a list or as an array of one of numpy's types."""
    kind = rng.randrange(7)
    if kind == 0:
        return np.array(rows, dtype=np.int64) * 7 - 3
    if kind == 1:
        return np.array([f"prompt {g}" for g in rows], dtype=str)
    names = {
        2: [f"{g}" for g in range(groups)],
        3: [uuid.UUID(int=rng.getrandbits(128)) for _ in range(groups)],
        4: [("math", g) for g in range(groups)],
        5: list(range(-1, groups - 1)),
        6: [None, "None", 0, "0", ("a", None), (), b"0", 1.5, "", frozenset({1}), 2**100, "\u0000", -1][:groups],
    }[kind]
    uids = [names[g] for g in rows]
    if rng.random() < 0.3:
        return uids
    index = np.empty(len(uids), dtype=object)
    index[:] = uids
    return index


def draw_batch(rng: random.Random) -> Batch:
    estimator = rng.choice((*ESTIMATORS, "asymgrpo", "asymgrpo"))
    settings = draw_settings(rng, estimator)
    above, below = OUTCOMES[settings["reward_threshold"]]
    length = rng.choice((0, 1, 2, 3, 5, 8))
    dead_share = rng.choice((0.0, 0.0, 0.1, 0.5, 1.0)) if length else 1.0
    groups, rows = rng.choice((0, 1, 2, 3, 6, 13)), []
    for g in range(groups):
        share = rng.choice((0.0, 1.0, rng.random(), rng.random()))
        for _ in range(rng.choice((1, 2, 3, 8, rng.randint(1, 17)))):
            is_correct = bool(above) and (not below or rng.random() < share)
            rows.append((g, rng.random() >= dead_share, is_correct))
    rng.shuffle(rows)
    group, alive = [g for g, _, _ in rows], [a for _, a, _ in rows]
    correct = [a and c for _, a, c in rows]

    mask, rewards = np.zeros((len(rows), length), dtype=np.int8), np.zeros((len(rows), length))
    holes = rng.random() < 0.3
    for i, (_, is_alive, is_correct) in enumerate(rows):
        if is_alive:
            mask[i, : rng.randint(1, length)] = 1
            if holes:
                mask[i] = [rng.randrange(2) for _ in range(length)]
                mask[i, rng.randrange(length)] = 1
        if length and not is_alive:  # nobody may read what is here
            rewards[i, rng.randrange(length)] = rng.choice((0.0, 1.0, *NO_NUMBER))
        elif length:
            outcome, places = rng.choice(above if is_correct else below), rng.sample(range(length), min(2, length))
            if rng.random() < 0.3 and len(places) == 2:
                rewards[i, places] = outcome / 2
            else:
                rewards[i, places[0]] = outcome

    dtype = rng.choice(DTYPES)
    index = draw_uids(rng, groups, group)
    fault = rng.choice(FAULTS) if rng.random() < 0.1 else None
    if fault == "no number":
        broken = rng.sample([i for i in range(len(rows)) if alive[i]], min(sum(alive), rng.randint(1, 3)))
        fault = fault if broken else None
        for i in broken:
            rewards[i, rng.randrange(length)] = rng.choice(NO_NUMBER)
            if length > 1 and rng.random() < 0.3:  # each a number, but not their sum
                rewards[i] = torch.finfo(dtype).max
    elif fault == "wrong dtype":
        dtype = rng.choice((torch.int64, torch.int32, torch.bool, torch.uint8))
    elif fault == "wrong length":
        index = index[1:] if len(index) else [0]
    # Through the drawn dtype, so that float64 holds what the estimator is given.
    given = torch.from_numpy(rewards)
    given = given.to(dtype).double() if dtype.is_floating_point else given.nan_to_num(0.0, 1.0, 0.0).round().clamp(0, 1)
    mask_dtype = rng.choice(MASK_DTYPES)
    return Batch(
        estimator, settings, given, torch.from_numpy(mask).to(mask_dtype), index, dtype, group, alive, correct, fault
    )


def advantages_of(batch: Batch, rewards: torch.Tensor, order: list[int] | None = None) -> torch.Tensor:
    """What verl gets from the estimator, of the rows in another order if one is given."""
    mask, index = batch.mask, batch.index
    if order is not None:
        rewards, mask = rewards[order], mask[order]
        index = index[order] if isinstance(index, np.ndarray) else [index[i] for i in order]
    config = {batch.estimator: batch.settings}
    return outcome_advantage(rewards, mask, index, config=config, estimator=batch.estimator)[0]


def error_of(call: Callable[[], torch.Tensor]) -> tuple[torch.Tensor | None, Exception | None]:
    """Return the result, or the documented kind of error; raise any other exception."""
    try:
        return call(), None
    except (ValueError, TypeError) as error:
        return None, error


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Value for value and in dtype, NaN being itself."""
    return a.dtype == b.dtype and a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all())


def check_batch(rng: random.Random) -> tuple[str, ...]:
    """One batch through one estimator. Returns what it was, for the tally."""
    batch = draw_batch(rng)
    rewards = batch.rewards.to(batch.dtype)
    before = rewards.clone(), batch.mask.clone(), list(batch.index)
    result, error = error_of(lambda: advantages_of(batch, rewards))
    assert same(rewards, before[0]) and same(batch.mask, before[1]) and list(batch.index) == before[2], "input modified"
    kind = f"{batch.estimator}, {str(batch.dtype)[6:]}"
    if batch.fault:
        check_fault(batch, error)
        return kind, f"refused: {batch.fault}"

    # The weights are computed in float64 whatever the dtype of the rewards, so the dtype only rounds.
    exact, error_in_double = result, error
    if batch.dtype != torch.float64:
        exact, error_in_double = error_of(lambda: advantages_of(batch, batch.rewards))
    numbers = [v for k, v in batch.settings.items() if k != "reward_threshold" and not isinstance(v, str)]
    biggest = max(numbers, default=0)
    if error_in_double is None:
        rounded = exact.to(batch.dtype)
        fits = bool(torch.isfinite(rounded).all())
    else:
        assert biggest > MODERATE, f"an error at moderate settings: {error_in_double}"
        assert "got an advantage of" in str(error_in_double), error_in_double
        assert "because the rewards are torch.float64" in str(error_in_double), error_in_double
        fits = False
    if not fits:
        assert isinstance(error, ValueError), "an infinite or NaN advantage without an error"
        assert str(error).startswith(f"algorithm.{batch.estimator}: got an advantage of"), error
        assert f"because the rewards are {batch.dtype}" in str(error), error
        return kind, f"refused: out of the range of {str(batch.dtype)[6:]}"
    assert error is None, f"an error where all advantages fit: {error}"
    assert same(result, rounded), "not the advantage in float64, rounded to the dtype of the rewards"

    rows = check_rows(batch, exact)
    check_signs(batch, rows, moderate=biggest <= MODERATE)
    check_monotone(batch, rows)
    order = rng.sample(range(len(rows)), len(rows))
    permuted = advantages_of(batch, batch.rewards, order)
    # a_grae's mean over groups is summed in another order
    assert torch.allclose(permuted, exact[order], rtol=1e-12, atol=0), "the order of the rows matters"
    check_entropy_advantage(rng, result, batch.mask)
    return kind, "advantages"


def check_fault(batch: Batch, error: Exception | None) -> None:
    if batch.fault == "wrong dtype":
        assert isinstance(error, TypeError) and f"token_level_rewards: got {batch.dtype}" in str(error), error
    elif batch.fault == "wrong length":
        wrong = f"index: got {len(batch.index)} uids for {len(batch.rewards)} rows"
        assert isinstance(error, ValueError) and wrong in str(error), error
    else:
        outcome = batch.rewards.to(batch.dtype).sum(dim=1)
        broken = [i for i, alive in enumerate(batch.alive) if alive and not math.isfinite(outcome[i])]
        row = f"token_level_rewards, row {broken[0]} (uid {batch.index[broken[0]]!r}): got a summed reward of"
        assert isinstance(error, ValueError) and str(error).startswith(row), error
        assert f"as in {len(broken)} of {len(outcome)} rows" in str(error), error


def check_rows(batch: Batch, advantages: torch.Tensor) -> list[float]:
    """The one value each row holds on its response tokens; exactly 0 elsewhere."""
    masked = batch.mask == 0
    assert not advantages[masked].any(), "an advantage outside the mask"
    if not advantages.shape[1]:
        return [0.0] * len(advantages)
    highest, lowest = (
        advantages.masked_fill(masked, -math.inf).amax(1),
        advantages.masked_fill(masked, math.inf).amin(1),
    )
    alive = torch.tensor(batch.alive, dtype=torch.bool)
    assert torch.equal(highest[alive], lowest[alive]), "tokens of a row differ"
    return torch.where(alive, highest, 0.0).tolist()


def counts(batch: Batch) -> dict[int, tuple[int, int]]:
    """Group -> correct rows, rows, of those alive."""
    alive = collections.Counter(g for g, a in zip(batch.group, batch.alive, strict=True) if a)
    correct = collections.Counter(g for g, c in zip(batch.group, batch.correct, strict=True) if c)
    return {g: (correct[g], size) for g, size in alive.items()}


def may_be_zero(batch: Batch, correct: bool, solved: int, size: int) -> bool | None:
    """Whether the docstring of the estimator says that a row's advantage is 0; None for one that is not known here."""
    settings, whole, incorrect = batch.settings, solved in (0, size), size - solved
    if batch.estimator == "asymgrpo":
        beta = settings["beta_pos" if correct else "beta_neg"]
        reflected = settings["flip"] == ("positive" if correct else "negative")
        return beta > 0 and whole and (size == 1 or not reflected)
    if batch.estimator == "dgae" and 0 < settings.get("temperature", 0) < 1e-2:
        return whole or None  # the weight of an easy group sinks to 0
    if batch.estimator == "qae":
        return whole or qae_baseline(incorrect, size, settings) == correct
    return {
        "reinforce_pm1": False,
        "psr": not correct,
        "nsr": correct,
        "w_reinforce": correct and settings.get("lam") == 0,
        "maxrl": whole,
        "passk_training": whole or incorrect < settings.get("k", 0),
        "f_grpo": whole,
        "a_grae": whole,
        "dgae": whole,
    }.get(batch.estimator)


def qae_baseline(incorrect: int, size: int, settings: dict) -> Fraction:
    """The quantile of the sorted rewards, in fractions; the setting is the decimal that was written."""
    quantile = Fraction(str(settings.get("quantile", 0.4)))
    if settings.get("rule") == "interpolated":
        return min(max(quantile * (size - 1) - incorrect + 1, Fraction(0)), Fraction(1))
    return Fraction(incorrect < quantile * size)


def check_signs(batch: Batch, rows: list[float], moderate: bool) -> None:
    """For estimators that `may_be_zero` knows: no advantage has the wrong sign, and it is 0 if the docstring says so.

    It may also be 0 if an immoderate setting underflows.
    """
    groups = counts(batch)
    for value, g, alive, correct in zip(rows, batch.group, batch.alive, batch.correct, strict=True):
        zero = may_be_zero(batch, correct, *groups[g]) if alive else None
        if zero is None:
            continue
        assert value >= 0 if correct else value <= 0, f"{value} on a {correct=} row"
        assert value == 0 if zero else value != 0 or not moderate, f"{value} on a {correct=} row of {groups[g]}"


def check_monotone(batch: Batch, rows: list[float]) -> None:
    """A+ never rises with p and |A-| never falls; a reflected curve the other way round, within one group size."""
    settings, groups = batch.settings, counts(batch)
    curves = {
        (groups[g][1], groups[g][0], correct): abs(value)
        for value, g, alive, correct in zip(rows, batch.group, batch.alive, batch.correct, strict=True)
        if alive
    }
    # Of Pass@k the negative curve is not monotone, of F-GRPO neither for gamma > 1/2, of A-GRAE both are not. DGAE's
    # negative curve, exp(-p/T)/(1-p), falls where T < 1-p. QAE's 1/std has its minimum at p = 1/2.
    both = (True, False)
    channels = {
        **dict.fromkeys(("asymgrpo", "reinforce_pm1", "psr", "nsr", "w_reinforce", "maxrl"), both),
        "passk_training": (True,),
        "f_grpo": both if settings.get("gamma", 0) <= 0.5 else (True,),
        "dgae": (True,) if 0 < settings.get("temperature", 0) < 1 else both,
    }.get(batch.estimator, ())
    for channel in channels:
        reflected = settings.get("flip", "none") == ("positive" if channel else "negative")
        points = [(n, k / n, weight) for (n, k, correct), weight in curves.items() if correct is channel]
        if reflected or batch.estimator == "passk_training":  # these know the group size besides p
            series = [[(p, w) for size, p, w in points if size == n] for n in {size for size, _, _ in points}]
        else:
            series = [[(p, w) for _, p, w in points]]
        rises = reflected == channel
        for curve in series:
            weights = [weight for _, weight in sorted(curve, reverse=not rises)]
            for low, high in zip(weights, weights[1:], strict=False):
                assert low <= high * (1 + 1e-12), f"not monotone in p, {channel=}: {sorted(curve)}"


def check_entropy_advantage(rng: random.Random, advantages: torch.Tensor, mask: torch.Tensor) -> None:
    """The entropy bonus on whatever came out: never less, never another sign, nothing where the advantage is 0."""
    entropy = torch.rand(advantages.shape) * rng.choice((0.0, 1e-3, 12.0))
    entropy = entropy.to(advantages.dtype)
    alpha, kappa = rng.choice((1e-8, 0.4, 10, 1e6)), rng.choice((1.001, 2, 1e6))
    if advantages.numel() and advantages.abs().max() > torch.finfo(advantages.dtype).max / 2.1:
        return  # the bonus is at most as large as the advantage, and their sum may leave the dtype
    raised = add_entropy(advantages, entropy, alpha, kappa)
    assert raised.dtype == advantages.dtype and torch.isfinite(raised).all(), "an entropy advantage that is no number"
    assert (raised >= advantages).all() and not raised[advantages == 0].any(), "an entropy bonus < 0, or on nothing"
    assert (raised * advantages.sign() >= 0).all(), "an entropy bonus changed a sign"


def check_curve(rng: random.Random) -> tuple[str, ...]:
    """One curve over all shares of a group: no NaN, never negative, monotone, reflected by the flip, 0^0 = 1."""
    size = rng.randint(1, 4096 if rng.random() < 0.1 else 17)
    beta = float(rng.choice(EXPONENTS)) if rng.random() < 0.5 else rng.uniform(0, 3)
    plain, reflected = (
        advantages_by_count("asymgrpo", size, ESTIMATORS["asymgrpo"].settings(beta_pos=beta, flip=flip))[0]
        for flip in ("none", "positive")
    )
    plain = plain[1:]
    assert not plain.isnan().any() and not reflected.isnan().any(), f"NaN, {size=} {beta=}"
    assert (plain >= 0).all() and (reflected >= 0).all(), f"a negative weight, {size=} {beta=}"
    assert (plain[1:] <= plain[:-1] * (1 + 1e-12)).all(), f"rises, {size=} {beta=}"
    assert (reflected[:-1] <= reflected[1:] * (1 + 1e-12)).all(), f"the reflected curve falls, {size=} {beta=}"
    assert plain[-1] == (beta == 0), f"{plain[-1]} for the whole group, {size=} {beta=}"
    assert torch.allclose(plain[:-1], reflected[1:-1].flip(0), rtol=1e-12, atol=0), f"no reflection, {size=} {beta=}"
    outcome = "finite" if plain.isfinite().all() and reflected.isfinite().all() else "infinite"
    return "beta = 0" if beta == 0 else "beta > 50" if beta > MODERATE else "beta", outcome
