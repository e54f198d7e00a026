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
"""The console command `asymgrpo`. A subcommand imports what it needs when it runs, so that --help is fast."""

import argparse
import os
import sys

from asymgrpo_verl import arguments, extras, paper


def _run_check(args: argparse.Namespace) -> None:
    from asymgrpo_verl.integration.check import check

    status = check()
    if args.train and not status:
        from asymgrpo_verl.smoke.command import check_train

        status = check_train()
    sys.exit(status)


def _evaluate(args: argparse.Namespace) -> None:
    from asymgrpo_verl.evaluation.command import evaluate

    evaluate(args)


def _select(args: argparse.Namespace) -> None:
    from asymgrpo_verl.files import in_a_line
    from asymgrpo_verl.runs.weights import best_checkpoint

    metrics = args.metrics or args.run_dir / "metrics.jsonl"
    try:
        checkpoint, messages = best_checkpoint(args.run_dir, metrics, args.data_source, args.by)
    except (OSError, ValueError) as error:
        sys.exit(f"asymgrpo select: {in_a_line(error)}")
    print(*messages, sep="\n", file=sys.stderr)
    print(checkpoint)


def _table(args: argparse.Namespace) -> None:
    from asymgrpo_verl.evaluation import table
    from asymgrpo_verl.files import in_a_line

    if args.format == "html":
        _evaluation_page(list(dict.fromkeys(args.results)))
        return
    try:
        results = [table.read_result(argument) for argument in dict.fromkeys(args.results)]
    except (OSError, ValueError) as error:
        sys.exit(f"asymgrpo table: {in_a_line(error)}")
    known = [row.name for row in paper.TABLE_1]
    for name in dict.fromkeys(name for name, _ in results if name not in known):
        print(f"{name}: not a row of Table 1, so it gets a new row. Table 1 has: {'; '.join(known)}.", file=sys.stderr)
    messages = table.messages_about(results)
    print(table.FORMATS[args.format](table.build(results), messages))
    if args.format == "csv":
        print(*messages, sep="\n", file=sys.stderr)


def _evaluation_page(results: list[str]) -> None:
    from asymgrpo_verl.evaluation import page
    from asymgrpo_verl.files import in_a_line

    try:
        print(page.render(results))
    except (OSError, ValueError) as error:
        sys.exit(f"asymgrpo table: {in_a_line(error)}")


def _verdict(args: argparse.Namespace) -> None:
    from asymgrpo_verl.evaluation import verdict
    from asymgrpo_verl.files import in_a_line

    try:
        for paragraph in (
            verdict.report(args.responses) if args.responses else [verdict.describe(args.gold, args.answer)]
        ):
            print(paragraph)
    except (OSError, ValueError) as error:
        sys.exit(f"asymgrpo verdict: {in_a_line(error)}")


def _curves(args: argparse.Namespace) -> None:
    from asymgrpo_verl.figures import weight_curves
    from asymgrpo_verl.files import in_a_line

    pairs = [weight_curves.Betas(*betas) for betas in args.betas]
    print(weight_curves.curves_table(pairs, args.n))
    try:
        weight_curves.draw_curves(pairs, args.n, args.out)
    except (OSError, ValueError) as error:
        sys.exit(f"asymgrpo curves: {in_a_line(error)}")
    print(args.out)


def _figures(args: argparse.Namespace) -> None:
    from asymgrpo_verl.figures import page
    from asymgrpo_verl.files import in_a_line

    try:
        if args.watch:
            print(f"{args.out / 'index.html'}: written every {args.watch} seconds until Ctrl-C", file=sys.stderr)
        runs = list(dict.fromkeys(args.runs))
        messages = page.watch(runs, args.out, args.watch) if args.watch else page.write(runs, args.out)
    except (OSError, ValueError) as error:
        sys.exit(f"asymgrpo figures: {in_a_line(error)}")
    for message in messages:
        print(message, file=sys.stderr)
    print(args.out / "index.html")


def _methods(args: argparse.Namespace) -> None:
    from asymgrpo_verl.method_files import listing

    print(listing(args.names))


def _watch(args: argparse.Namespace) -> None:
    from asymgrpo_verl.figures import terminal
    from asymgrpo_verl.files import in_a_line

    try:
        terminal.watch(args.run, args.every, args.once)
    except (OSError, ValueError) as error:
        sys.exit(f"asymgrpo watch: {in_a_line(error)}")


def _lab(args: argparse.Namespace) -> None:
    from concurrent.futures.process import BrokenProcessPool

    from asymgrpo_verl.files import in_a_line
    from asymgrpo_verl.lab.asked import Comparison
    from asymgrpo_verl.lab.command import check, compare
    from asymgrpo_verl.lab.state import Budget

    budget = Budget(args.steps, args.prompts, args.n, learning_rate=args.learning_rate)
    asked = Comparison(args.methods, args.seeds, args.task, args.instance, budget, args.reach, args.out)
    try:
        blocks = check(asked)
    except (OSError, ValueError, TypeError, ImportError) as error:
        sys.exit(f"asymgrpo lab: {in_a_line(error)}")
    try:
        print(compare(asked, blocks))
    except OSError as error:
        sys.exit(f"asymgrpo lab: {in_a_line(error)}")
    except BrokenProcessPool:
        sys.exit("asymgrpo lab: a process was killed, perhaps for memory. Run the same command again to resume.")


def _completion(args: argparse.Namespace) -> None:
    print(arguments.completion(args.shell))


COMMANDS = {
    "check": _run_check,
    "methods": _methods,
    "curves": _curves,
    "watch": _watch,
    "figures": _figures,
    "select": _select,
    "evaluate": _evaluate,
    "table": _table,
    "verdict": _verdict,
    "lab": _lab,
    "completion": _completion,
}


def main() -> None:
    try:
        args = arguments.build().parse_args()  # an argument's type may need a package too
        if args.problem:
            args.problem(args)
        COMMANDS[args.command](args)
    except ModuleNotFoundError as error:
        if error.name not in extras.EXTRAS:
            raise
        sys.exit(f"asymgrpo {sys.argv[1]}: {extras.missing(error.name)}")
    except KeyboardInterrupt:
        sys.exit(f"asymgrpo {args.command}: interrupted. Run the same command again to resume.")
    except BrokenPipeError:  # the reader of our output, such as head, closed it; there is nothing to report
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
