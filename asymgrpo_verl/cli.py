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
import json
import os
import sys
from pathlib import Path

import asymgrpo_verl
from asymgrpo_verl import extras, paper
from asymgrpo_verl.arguments import group_size, json_object, positive, rate, seed_range, share, temperature

THINKING_OFF = {"enable_thinking": False}  # Qwen3's non-thinking mode, which the paper uses
# The arguments of `evaluate` that --responses excludes.
GENERATION = ("model", "data", "n", "temperature", "top_p", "max_response_length", "seed", "chat_template_kwargs")
GENERATION += ("tensor_parallel_size",)


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
        checkpoint, messages = best_checkpoint(args.run_dir, metrics, args.data_source)
    except (OSError, ValueError) as error:
        sys.exit(f"asymgrpo select: {in_a_line(error)}")
    print(*messages, sep="\n", file=sys.stderr)
    print(checkpoint)


def _table(args: argparse.Namespace) -> None:
    from asymgrpo_verl.evaluation import table
    from asymgrpo_verl.files import in_a_line

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
        messages = page.write(list(dict.fromkeys(args.runs)), args.out)
    except (OSError, ValueError) as error:
        sys.exit(f"asymgrpo figures: {in_a_line(error)}")
    for message in messages:
        print(message, file=sys.stderr)
    print(args.out / "index.html")


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


def _betas(text: str) -> tuple:
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


def _add_evaluate(commands) -> None:
    parser = commands.add_parser(
        "evaluate",
        help="compute Avg@n, pass@k and maj@k of a model or of given responses",
        description="Compute Avg@n, pass@k and maj@k with standard errors, of a model or of given responses. The "
        "defaults are the paper's protocol. If the command is killed, run it again to resume.",
    )
    parser.add_argument("model", nargs="?", help="model directory, verl checkpoint (global_step_N), or name on the hub")
    parser.add_argument("--data", type=Path, nargs="+", metavar="FILE", help="prompts: parquet files in verl's schema")
    parser.add_argument("--responses", type=Path, nargs="+", metavar="FILE", help="responses to score; needs no MODEL")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory to write the results to")
    parser.add_argument("--label", help="row of `asymgrpo table`: a row of the paper's Table 1, or a new one")
    sampling = parser.add_argument_group("generation")
    defaults = ", ".join(f"{benchmark.name} {benchmark.samples}" for benchmark in paper.BENCHMARKS.values())
    defaults = f"{defaults}, other data sources {paper.SAMPLES}; 1 at temperature 0"
    sampling.add_argument("--n", type=positive, metavar="N", help=f"responses per prompt (default: {defaults})")
    sampling.add_argument(
        "--temperature", type=temperature, default=paper.TEMPERATURE, metavar="T", help="default: %(default)s"
    )
    sampling.add_argument("--top-p", type=share, default=paper.TOP_P, metavar="P", help="default: %(default)s")
    sampling.add_argument(
        "--max-response-length",
        type=positive,
        default=paper.MAX_RESPONSE_LENGTH,
        metavar="N",
        help="in tokens (default: %(default)s)",
    )
    sampling.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    sampling.add_argument(
        "--chat-template-kwargs",
        type=json_object,
        default=THINKING_OFF,
        metavar="JSON",
        help=f"verl's data.apply_chat_template_kwargs (default: {json.dumps(THINKING_OFF)})",
    )
    sampling.add_argument(
        "--tensor-parallel-size", type=positive, default=1, metavar="N", help="number of GPUs (default: %(default)s)"
    )

    def run(args: argparse.Namespace) -> None:
        given = [name for name in GENERATION if getattr(args, name) != parser.get_default(name)]
        if args.responses and given:
            parser.error(
                f"got --responses with {', '.join(given)}; expected only --responses, which are scored as they are"
            )
        if not args.responses and not (args.model and args.data):
            parser.error("expected MODEL and --data, or --responses")
        _evaluate(args)

    parser.set_defaults(run=run)


def _add_select(commands) -> None:
    parser = commands.add_parser(
        "select",
        help="print the checkpoint of a run with the best validation accuracy",
        description="Print the path of the checkpoint with the best validation accuracy; if several have it, the "
        'earliest. Only the path goes to stdout: asymgrpo evaluate "$(asymgrpo select RUN_DIR)" ...',
    )
    parser.add_argument("run_dir", type=Path, help="directory that contains global_step_N or checkpoints/global_step_N")
    parser.add_argument(
        "--data-source",
        default=paper.SELECTION_BENCHMARK,
        metavar="NAME",
        help="data source of the accuracy (default: %(default)s)",
    )
    parser.add_argument("--metrics", type=Path, metavar="FILE", help="verl's file log (default: RUN_DIR/metrics.jsonl)")
    parser.set_defaults(run=_select)


def _add_table(commands) -> None:
    parser = commands.add_parser(
        "table",
        help="print the paper's Table 1 with your numbers beside the paper's",
        description="Print the paper's Table 1 with your numbers beside the paper's. In each column the best number is "
        "bold and the second is underlined.",
    )
    parser.add_argument(
        "results",
        nargs="*",
        metavar="RESULT",
        help="results.json of `asymgrpo evaluate`, or its directory; LABEL=RESULT chooses the row. If a row has "
        "several results, their mean is printed.",
    )
    parser.add_argument(
        "--format", choices=("markdown", "latex", "csv"), default="markdown", help="default: %(default)s"
    )
    parser.set_defaults(run=_table)


def _add_verdict(commands) -> None:
    parser = commands.add_parser(
        "verdict",
        help="say whether the reward takes an answer as correct, and why",
        description="Say whether the reward takes ANSWER as correct for the gold answer GOLD, which rule or engine "
        "decided, and what both were read as. Write -- before answers that begin with a minus sign: "
        "asymgrpo verdict -- -1 -x. With --responses, list the responses on which the reward disagrees with the "
        "verdicts of their file.",
    )
    parser.add_argument("gold", nargs="?", metavar="GOLD", help="the gold answer, LaTeX without its box")
    parser.add_argument(
        "answer", nargs="?", metavar="ANSWER", help="what stands in the box, or a response with \\boxed"
    )
    parser.add_argument(
        "--responses",
        type=Path,
        nargs="+",
        metavar="FILE",
        help=".parquet, .jsonl or .json with responses, gold answers and verdicts: verl's dumps, the files of "
        "`asymgrpo evaluate`, or columns such as response, answer and correct",
    )

    def run(args: argparse.Namespace) -> None:
        if (args.answer is None) == (args.responses is None) or (args.responses and args.gold is not None):
            parser.error("expected GOLD and ANSWER, or --responses")
        _verdict(args)

    parser.set_defaults(run=run)


def _add_curves(commands) -> None:
    parser = commands.add_parser(
        "curves",
        help="print and draw the advantages that a pair of betas gives",
        description="Print and draw A+(p) and A-(p), the advantages of a correct and of an incorrect rollout by the "
        "accuracy p of their group, and their sums over the group.",
    )
    parser.add_argument(
        "betas",
        nargs="*",
        type=_betas,
        default=[(0.9, 0.4), (0.5, 0.5)],
        metavar="BETA_POS,BETA_NEG[,FLIP]",
        help="betas to compare; FLIP, positive or negative, reflects that curve (default: 0.9,0.4 0.5,0.5)",
    )
    parser.add_argument("--n", type=positive, default=8, metavar="N", help="rollouts per group (default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, default=Path("curves.png"), metavar="FILE", help="the figure (default: %(default)s)"
    )
    parser.set_defaults(run=_curves)


def _add_figures(commands) -> None:
    parser = commands.add_parser(
        "figures",
        help="draw the paper's figures from the logs of runs",
        description="Draw the paper's Figures 1 to 5 from the logs of runs, and the entropy of both channels, as PNG "
        "and PDF. DIR/index.html has all figures, and the settings and last numbers of the runs. A panel without data "
        "is skipped, and stderr names the missing metric.",
    )
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="run directory with metrics.jsonl or TensorBoard's event files, or a .jsonl of verl's logger `file`; "
        "LABEL=RUN names its method. Runs with one label may differ only in their seeds: their mean is drawn, with a "
        "band from the lowest to the highest.",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory to write the figures to")
    parser.set_defaults(run=_figures)


def _add_lab(commands) -> None:
    parser = commands.add_parser(
        "lab",
        help="compare methods on small tasks with many seeds, in minutes",
        description="Train small policies with each METHOD and each seed, and print the means with 95% intervals and "
        "the differences to the first METHOD, seed by seed. The runs of a directory are not trained again. If the "
        "command is killed, run it again to resume. docs/lab.md says what the tasks are.",
    )
    parser.add_argument(
        "methods",
        nargs="+",
        metavar="METHOD",
        help="a method of configs/asymgrpo, or an estimator, also of your own plugin; METHOD:KEY=VALUE,... changes its "
        "settings, as in asymgrpo:beta_pos=0.8",
    )
    parser.add_argument(
        "--task", required=True, choices=("facts", "rules", "chain", "ways", "slips"), help="what the policies learn"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory of the runs and of table.md")
    parser.add_argument(
        "--seeds", type=seed_range, default="16", metavar="N", help="1 to N; or FIRST-LAST (default: %(default)s)"
    )
    parser.add_argument("--steps", type=positive, default=400, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--instance", type=int, default=1, metavar="N", help="seed of the task and of its base policy (default: 1)"
    )
    parser.add_argument("--prompts", type=positive, default=32, metavar="N", help="per step (default: %(default)s)")
    parser.add_argument(
        "--n", type=group_size, default=8, metavar="N", help="rollouts per prompt (default: %(default)s)"
    )
    parser.add_argument(
        "--learning-rate", type=rate, default=5e-4, metavar="X", help="of AdamW, constant (default: %(default)s)"
    )
    parser.add_argument(
        "--reach", type=share, default=0.5, metavar="X", help="accuracy to count the steps to (default: %(default)s)"
    )
    parser.set_defaults(run=_lab)


def main() -> None:
    parser = argparse.ArgumentParser(prog="asymgrpo", description="AsymGRPO for verl")
    parser.add_argument("--version", action="version", version=f"asymgrpo_verl {asymgrpo_verl.__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    text = "check that this environment can train the method, here and in a Ray worker"
    parser_of_check = commands.add_parser("check", help=text, description=text)
    parser_of_check.add_argument(
        "--train",
        action="store_true",
        help="then compute estimators and loss on the GPU and on the CPU, and train a tiny model for two steps on one "
        "GPU: a few minutes. With DEVICE=cpu in the environment, the same without a GPU",
    )
    parser_of_check.set_defaults(run=_run_check)
    for add in (_add_evaluate, _add_verdict, _add_select, _add_table, _add_figures, _add_curves, _add_lab):
        add(commands)
    try:
        args = parser.parse_args()  # an argument's type may need a package too
        args.run(args)
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
