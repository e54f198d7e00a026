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
"""Compare our reward with verl's: verdicts, throughput, and what hostile answers do.

python benchmarks/rewards.py pairs
python benchmarks/rewards.py golds PARQUET...         files made by data_prep
python benchmarks/rewards.py responses CHECKOUTS      real responses: see real_responses.py
python benchmarks/rewards.py batch                    1,024 answers, of which 300 are hostile
python benchmarks/rewards.py memory --answers 100000
python benchmarks/rewards.py fuzz --answers 100000
"""

import argparse
import csv
import os
import random
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pyarrow.parquet as pq
from hostile_answers import fuzz_answer, hostile_answer
from real_responses import Response, read_responses
from tqdm import tqdm

from asymgrpo_verl.rewards import answers, checkers, equality, maths
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
    """Print the verdicts of all rewards on each file of labelled pairs, and by kind if the file names kinds."""
    for path in PAIRS:
        rows = labelled_pairs(path)
        print(f"\n{path.name}: {len(rows)} pairs\n\n| reward | right | accepted wrongly | refused wrongly |")
        print("|---|---|---|---|")
        wrong = {}
        for name, verdict in verl_rewards().items():
            wrong[name] = [row for row in rows if verdict(boxed(row["answer"]), row["gold"]) != (row["same"] == "1")]
            accepted = sum(row["same"] == "0" for row in wrong[name])
            print(f"| {name} | {1 - len(wrong[name]) / len(rows):.1%} | {accepted} | {len(wrong[name]) - accepted} |")
        if "kind" in rows[0]:
            print(f"\n| kind | pairs | {' | '.join(wrong)} |\n|---|---|{'---|' * len(wrong)}")
            for kind in dict.fromkeys(row["kind"] for row in rows):
                count = sum(row["kind"] == kind for row in rows)
                right = [count - sum(row["kind"] == kind for row in found) for found in wrong.values()]
                print(f"| {kind} | {count} | {' | '.join(map(str, right))} |")


def boxed(answer: str) -> str:
    """Return the response of a labelled pair: its answer in a box, or the answer itself if it is a whole response."""
    return answer if "\\boxed" in answer else rf"\boxed{{{answer}}}"


def labelled_pairs(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def responses(checkouts: Path, repeats: int, show: bool) -> None:
    """Compare verdicts and throughput with math-verify's on real responses: in one thread, and in THREADS threads."""
    every = read_responses(checkouts)
    pairs = {(last_boxed(response.text), response.gold): response for response in every}
    contenders = {name: verl_rewards()[name] for name in ("ours", "math_verify")}
    for title, chosen in (("all responses", every), ("one response for each pair of answers", list(pairs.values()))):
        print(f"\n{title}: {len(chosen)}, mean length {statistics.mean(len(row.text) for row in chosen):.0f}")
        for threads in (1, THREADS):
            spent = {name: [] for name in contenders}
            verdicts = {}
            for _ in range(repeats):
                for name, verdict in random.sample(list(contenders.items()), len(contenders)):
                    seconds, verdicts[name] = score_all(verdict, chosen, threads)
                    spent[name].append(seconds)
            ratios = [theirs / ours for ours, theirs in zip(*spent.values(), strict=True)]
            rates = {name: f"{len(chosen) / statistics.median(seconds):.0f}" for name, seconds in spent.items()}
            print(f"threads {threads}: answers a second {rates}; ratio {statistics.median(ratios):.1f}, each {ratios}")
        for name, found in verdicts.items():
            wrong = [row.correct for row, same in zip(chosen, found, strict=True) if same != row.correct]
            print(
                f"{name}: differs from the source's verdict: accepts {wrong.count(False)}, refuses {wrong.count(True)}"
            )
    for row, a, b in zip(chosen, verdicts["ours"], verdicts["math_verify"], strict=True):
        if show and not a == b == row.correct:
            print(
                f"ours {a:d}, math_verify {b:d}, {row.source} {row.correct:d}: {row.gold!r}, {last_boxed(row.text)!r}"
            )


def score_all(verdict: Callable, rows: list[Response], threads: int) -> tuple[float, list[bool]]:
    """Return the seconds that a reward needs for all rows, and its verdicts. It starts with empty caches."""
    checkers.stop_all()  # because they cache what they parsed
    with ThreadPoolExecutor(THREADS) as pool:  # starts the processes of both rewards
        list(pool.map(lambda n: verdict(rf"\boxed{{x+{n}}}", f"{n}+x"), range(4 * THREADS)))
        list(pool.map(lambda n: checkers.ask("x", str(n), 1.0, maths.BATCH_LIMIT), range(THREADS)))
    for module in (answers, equality, maths):
        for function in vars(module).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()
    start = time.perf_counter()
    if threads == 1:
        verdicts = [verdict(row.text, row.gold) for row in rows]
    else:
        with ThreadPoolExecutor(threads) as pool:
            verdicts = list(pool.map(lambda row: verdict(row.text, row.gold), rows))
    return time.perf_counter() - start, [bool(same) for same in verdicts]


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


def processor_seconds() -> float:
    """Return what this process and its checkers have used, those that have ended included."""
    spent = time.process_time()
    for child in psutil.Process().children(recursive=True):
        times = child.cpu_times()
        spent += times.user + times.system + times.children_user + times.children_system
    return spent


def batch(count: int, hostile: int, seed: int) -> None:
    """Score a batch as a reward worker of verl does: in the threads of an executor of default size."""
    draw = random.Random(seed)
    labelled = [row for path in PAIRS for row in labelled_pairs(path) if row["answer"] and row["gold"]]
    golds = [
        "42",
        "x+7",
        r"\frac{1}{2}",
        r"2\sqrt{3}+1",
        r"(-\infty,3)\cup(5,\infty)",
        r"\{1,2\}",
        "x^2+y^2=4",
        "(3,4)",
    ]
    todo = [(hostile_answer(draw), draw.choice(golds)) for _ in range(hostile)]
    ordinary = [draw.choice(labelled) for _ in range(count - hostile)]
    todo += [(row["answer"], row["gold"]) for row in ordinary]
    rows = list(range(count))
    draw.shuffle(rows)

    def score(row: int) -> dict:
        answer, gold = todo[row]
        return maths.compute_score("batch", rf"So the answer is $\boxed{{{answer}}}$.", gold)

    start, before = time.perf_counter(), processor_seconds()
    with ThreadPoolExecutor(min(32, os.cpu_count() + 4)) as threads:  # what asyncio's run_in_executor uses
        results = dict(zip(rows, threads.map(score, rows), strict=True))
    seconds, used = time.perf_counter() - start, processor_seconds() - before
    given_up = [row for row in rows if results[row]["timed_out"]]
    accepted = [todo[row] for row in range(hostile) if results[row]["score"]]
    print(
        f"{count} answers, {hostile} hostile: {seconds:.1f} s, {used:.1f} s of processor time; "
        f"given up: {sum(row < hostile for row in given_up)} hostile, "
        f"{sum(row >= hostile for row in given_up)} ordinary; hostile and accepted: "
        f"{[ascii(answer[:30]) for answer, _ in accepted]}"
    )


def memory(count: int) -> None:
    """Print the memory of this process and of its checkers while it compares new answers, one in 20 by a checker."""
    process = psutil.Process()

    def score(number: int) -> None:
        gold, answer = rf"\sqrt{{{number}}}+{number}", rf"{number}+\sqrt{{{number + number % 2}}}"
        if number % 20 == 0:
            gold, answer = str(number), rf"\gcd({7 * number},{6 * number})"
        maths.compute_score("memory", rf"\boxed{{{answer}}}", gold)

    with ThreadPoolExecutor(checkers.CHECKERS) as threads:
        for part in range(10):
            list(threads.map(score, range(part * count // 10, (part + 1) * count // 10)))
            checking = sum(child.memory_full_info().pss for child in process.children(recursive=True))
            print(
                f"{(part + 1) * count // 10} answers: {process.memory_info().rss >> 20} MiB here, "
                f"{checking >> 20} MiB in the checkers",
                flush=True,
            )


def fuzz(count: int, seed: int, time_limit: float) -> None:
    draw = random.Random(seed)
    seeds = [row["answer"] for path in PAIRS for row in labelled_pairs(path)]
    todo = [(fuzz_answer(draw, seeds), draw.choice(seeds) or "5") for _ in range(count)]

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
    command = commands.add_parser("responses")
    command.add_argument("checkouts", type=Path)
    command.add_argument("--repeats", type=int, default=5)
    command.add_argument(
        "--show", action="store_true", help="print the pairs on which ours, math-verify or the source differ"
    )
    command = commands.add_parser("batch")
    command.add_argument("--answers", dest="count", type=int, default=1024)
    command.add_argument("--hostile", type=int, default=300)
    command.add_argument("--seed", type=int, default=0)
    commands.add_parser("memory").add_argument("--answers", dest="count", type=int, default=100_000)
    command = commands.add_parser("fuzz")
    command.add_argument("--answers", dest="count", type=int, default=100_000)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--time-limit", type=float, default=maths.TIME_LIMIT)
    arguments = vars(parser.parse_args())
    run = {
        "pairs": pairs,
        "golds": golds,
        "responses": responses,
        "batch": batch,
        "memory": memory,
        "fuzz": fuzz,
    }
    run[arguments.pop("command")](**arguments)
