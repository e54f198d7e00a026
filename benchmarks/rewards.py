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
"""Compare our reward with verl's: verdicts on labelled pairs and on real gold answers, throughput, and a fuzz run.

python benchmarks/rewards.py pairs
python benchmarks/rewards.py golds PARQUET...         files made by data_prep
python benchmarks/rewards.py speed MATH_PARQUET       the raw train file: its solutions become the responses
python benchmarks/rewards.py fuzz --answers 100000
"""

import argparse
import csv
import random
import re
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
from tqdm import tqdm

from asymgrpo_verl.rewards import checkers, maths
from asymgrpo_verl.rewards.answers import last_boxed

PAIRS = sorted((Path(__file__).parents[1] / "tests" / "data").glob("answer_pairs*.tsv"))
THREADS = 8  # a verl reward worker scores in threads


def verl_rewards() -> dict[str, Callable[[str, str], bool]]:
    """Return the rewards by name: functions of a response and a gold answer that return a verdict."""
    from verl.utils.reward_score import math_dapo, math_reward, math_verify

    return {
        "ours": lambda response, gold: maths.compute_score("", response, gold)["score"] == 1,
        "math_verify": lambda response, gold: math_verify.compute_score(response, gold) == 1,
        "math_reward": lambda response, gold: math_reward.compute_score(response, gold) == 1,
        # math_dapo reads "Answer: x" instead of a box.
        "math_dapo": lambda response, gold: math_dapo.compute_score(f"Answer: {last_boxed(response)}", gold)["acc"],
    }


def pairs() -> None:
    for path in PAIRS:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        print(f"\n{path.name}: {len(rows)} pairs\n\n| reward | right | accepted wrongly | refused wrongly |")
        print("|---|---|---|---|")
        for name, verdict in verl_rewards().items():
            wrong = [
                row["same"]
                for row in rows
                if verdict(rf"\boxed{{{row['answer']}}}", row["gold"]) != (row["same"] == "1")
            ]
            accepted = wrong.count("0")
            print(f"| {name} | {1 - len(wrong) / len(rows):.1%} | {accepted} | {len(wrong) - accepted} |")


def golds(files: list[Path]) -> None:
    """Compare every gold answer with itself and with ten others of its file."""
    for file in files:
        answers = [
            row["ground_truth"] for row in pq.read_table(file, columns=["reward_model"])["reward_model"].to_pylist()
        ]
        refused = [answer for answer in answers if not maths.equivalent(answer, answer)]
        draw = random.Random(0)
        others = [(a, b) for a in answers for b in draw.sample(answers, min(10, len(answers))) if a != b]
        with ThreadPoolExecutor(THREADS) as threads:
            verdicts = list(threads.map(lambda pair: maths.same_answer(*pair), others))
        accepted = sorted({pair for pair, verdict in zip(others, verdicts, strict=True) if verdict})
        print(
            f"{file}: {len(answers)} gold answers, {len(refused)} not themselves {refused}; {len(others)} other pairs, "
            f"{verdicts.count(None)} timed out, accepted: {accepted}",
            flush=True,
        )


def responses(file: Path, count: int, group: int = 8) -> list[tuple[str, str, bool]]:
    """Return (response, gold answer, correct) of rollouts on MATH problems, as a policy of accuracy 0.6 writes them."""
    draw = random.Random(0)
    truths = [row["ground_truth"] for row in pq.read_table(file, columns=["reward_model"])["reward_model"].to_pylist()]
    texts = [(truth["solution"], gold) for truth in truths if (gold := last_boxed(truth["solution"]))]
    made = []
    for solution, gold in draw.sample(texts, count // group):
        body = solution[: solution.rindex("\\boxed")]
        wrong = draw.choice([other for _, other in draw.sample(texts, 9) if other != gold])  # a group shares a mistake
        for _ in range(group):
            right = draw.random() < 0.6
            answer = respell(gold, draw) if right else draw.choice([wrong, perturb(gold, draw)])
            made.append((rf"{body}\boxed{{{answer}}}$.", gold, right))
    draw.shuffle(made)
    return made


def respell(answer: str, draw: random.Random) -> str:
    """Return the same answer, often in another spelling."""
    return draw.choice(
        [
            answer,
            answer,
            answer.replace("\\frac", "\\dfrac"),
            answer.replace(" ", ""),
            re.sub(r"(?<!\d)\\frac\{(\d+)\}\{(\d+)\}", r"\1/\2", answer),
            f"x = {answer}" if re.fullmatch(r"-?\d+", answer) else answer,
            f"{answer}.",
        ]
    )


def perturb(answer: str, draw: random.Random) -> str:
    """Return another answer: with a number changed, or with something added."""
    digits = list(re.finditer(r"\d+", answer))
    if not digits:
        return f"{answer} + 1"
    place = draw.choice(digits)
    return f"{answer[: place.start()]}{int(place.group()) + draw.randint(1, 3)}{answer[place.end() :]}"


def speed(file: Path, count: int, repeats: int) -> None:
    made = responses(file, count)
    print(f"{count} responses, mean length {statistics.mean(len(response) for response, _, _ in made):.0f} characters")
    contenders = {name: verl_rewards()[name] for name in ("ours", "math_verify")}
    spent = {name: [] for name in contenders}
    for repeat in range(repeats):
        for name, verdict in random.sample(list(contenders.items()), len(contenders)):
            maths.decide.cache_clear()
            checkers.stop_all()  # because they cache what they parsed
            verdict(r"\boxed{x+1}", "1+x")  # starts a checker
            start = time.perf_counter()
            with ThreadPoolExecutor(THREADS) as threads:
                verdicts = list(threads.map(lambda row, verdict=verdict: verdict(row[0], row[1]), made))
            spent[name].append(time.perf_counter() - start)
            right = sum(bool(found) == correct for found, (_, _, correct) in zip(verdicts, made, strict=True))
            rate = count / spent[name][-1]
            print(f"{name} {repeat}: {spent[name][-1]:.1f} s, {rate:.0f} a second, {right / count:.2%} right")
    print(f"ratio of medians: {statistics.median(spent['math_verify']) / statistics.median(spent['ours']):.1f}")


def hostile(draw: random.Random, seeds: list[str]) -> str:
    """Return an answer that tries to hang, crash, fill the memory or run code, or an ordinary answer that is broken."""
    kind = draw.random()
    if kind < 0.002:
        tower = "9"
        for _ in range(draw.randint(2, 6)):
            tower = f"{draw.randint(2, 99)}^{{{tower}}}"
        return draw.choice(
            [tower, f"({tower})!", rf"\binom{{{tower}}}{{7}}", rf"\sum_{{n=1}}^{{{tower}}} n^n", rf"\sqrt{{{tower}}}"]
        )
    if kind < 0.05:
        opening, closing = draw.choice(
            [("{", "}"), ("(", ")"), (r"\frac{1}{", "}"), (r"\sqrt{", "}"), (r"\left[", r"\right]")]
        )
        depth = draw.choice([3, 10, 30, 100, 300])
        return opening * depth + draw.choice(seeds) + closing * draw.choice([depth, depth - 1, 0])
    if kind < 0.06:
        return draw.choice("0123456789.,-") * draw.choice([50, 500, 5000, 10**6])
    if kind < 0.1:
        code = draw.choice(
            ["__import__('os').abort()", "exec('1')", "open('/etc/passwd').read()", "lambda:0", "exit()"]
        )
        return draw.choice([code, rf"\text{{{code}}}", f"{draw.choice(seeds)}+{code}", rf"\operatorname{{{code}}}"])
    if kind < 0.2:
        return "".join(
            chr(draw.choice([*range(32), *range(127, 0x600), 0x4E00, 0xD800, 0x1F600]))
            for _ in range(draw.randint(1, 40))
        )
    if kind < 0.4:
        alphabet = r"0123456789+-*/^_.,:;=<>()[]{}\|!%$& abcdefxyzin"
        return "".join(draw.choice(alphabet) for _ in range(draw.randint(1, 30)))
    answer = list(draw.choice(seeds))
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(answer) + 1)
        answer[place : place + draw.randint(0, 2)] = draw.choice(
            ["", "{", "}", "\\", "^", "(", "9", "x", "\\frac", ",", "\x00"]
        )
    return "".join(answer)


def fuzz(count: int, seed: int, time_limit: float) -> None:
    draw = random.Random(seed)
    seeds = []
    for path in PAIRS:
        with path.open(newline="") as file:
            seeds += [row["answer"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    todo = [(hostile(draw, seeds), draw.choice(seeds) or "5") for _ in range(count)]

    def score(pair: tuple[str, str]) -> tuple[float, dict]:
        start = time.perf_counter()
        result = maths.compute_score("fuzz", rf"\boxed{{{pair[0]}}}", pair[1], time_limit=time_limit)
        return time.perf_counter() - start, result

    start = time.perf_counter()
    with ThreadPoolExecutor(checkers.CHECKERS) as threads:  # a checker for each thread, so that no call waits for one
        done = list(tqdm(threads.map(score, todo), total=count, mininterval=10))
    times = sorted(spent for spent, _ in done)
    given_up, accepted = (sum(result[key] for _, result in done) for key in ("timed_out", "score"))
    print(
        f"{count} answers in {time.perf_counter() - start:.0f} s, no exception; given up {given_up:.0f}, accepted "
        f"{accepted:.0f}; "
        f"time of a call: median {1e3 * times[count // 2]:.2f} ms, 99% {1e3 * times[int(0.99 * count)]:.0f} ms, "
        f"longest {times[-1]:.2f} s, with a limit of {time_limit} s"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("pairs")
    commands.add_parser("golds").add_argument("files", nargs="+", type=Path)
    command = commands.add_parser("speed")
    command.add_argument("file", type=Path)
    command.add_argument("--count", type=int, default=10_000)
    command.add_argument("--repeats", type=int, default=3)
    command = commands.add_parser("fuzz")
    command.add_argument("--answers", dest="count", type=int, default=100_000)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--time-limit", type=float, default=maths.TIME_LIMIT)
    arguments = vars(parser.parse_args())
    {"pairs": pairs, "golds": golds, "speed": speed, "fuzz": fuzz}[arguments.pop("command")](**arguments)
