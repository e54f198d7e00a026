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
"""The arguments of the console command `asymgrpo`. Every help fits a screen of 40 lines and ends with an example."""

import argparse
import json
import textwrap
from pathlib import Path

import asymgrpo_verl
from asymgrpo_verl import paper
from asymgrpo_verl.argument_types import (
    betas,
    group_size,
    json_object,
    kind,
    positive,
    rate,
    seed_range,
    share,
    temperature,
)
from asymgrpo_verl.method_files import method_names

THINKING_OFF = {"enable_thinking": False}  # Qwen3's non-thinking mode, which the paper uses
# The arguments of `evaluate` that --responses excludes.
GENERATION = ("model", "data", "n", "temperature", "top_p", "max_response_length", "seed", "chat_template_kwargs")
GENERATION += ("tensor_parallel_size",)


def build() -> argparse.ArgumentParser:
    """Return the parser.

    What it parses has `command`, the name of the subcommand, and `problem`: a function of it that exits if arguments
    contradict each other, or None.
    """
    parser = argparse.ArgumentParser(
        prog="asymgrpo",
        description="AsymGRPO for verl: asymmetric advantages for correct and incorrect rollouts.",
        epilog="example: asymgrpo curves 0.9,0.4 0.5,0.5 --n 8; asymgrpo COMMAND --help has more",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"asymgrpo_verl {asymgrpo_verl.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    parser.set_defaults(problem=None)
    for add in (_check, _methods, _curves, _watch, _figures, _select, _evaluate, _table, _verdict, _lab, _completion):
        add(commands)
    return parser


def _add(commands, name: str, text: str, description: str, example: str, **more) -> argparse.ArgumentParser:
    """Add a subcommand. `text` stands in the list of commands; `example` is what follows `asymgrpo name`."""
    return commands.add_parser(
        name,
        help=text,
        description=textwrap.fill(description, 78),
        epilog=f"example: asymgrpo {name} {example}".rstrip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **more,
    )


def _check(commands) -> None:
    parser = _add(
        commands,
        "check",
        "check that this environment can train the method",
        "Check that this environment can train the method, here and in a Ray worker.",
        "--train",
    )
    parser.add_argument(
        "--train",
        action="store_true",
        help="then compute estimators and loss on the GPU and on the CPU, and train a tiny model for two steps on one "
        "GPU: a few minutes. With DEVICE=cpu in the environment, the same without a GPU",
    )


def _methods(commands) -> None:
    parser = _add(
        commands,
        "methods",
        "list what METHOD may be: formula, source and settings",
        "List what METHOD may be, for the launchers and for verl's +asymgrpo=METHOD: name and source, formula, and the "
        "settings that the method changes.",
        "asymgrpo f_grpo",
    )
    parser.add_argument(
        "names", nargs="*", type=_method, metavar="METHOD", help="only these methods (default: all of them)"
    )


_method = kind(str, lambda name: name in method_names(), "a METHOD; asymgrpo methods lists them")


def _curves(commands) -> None:
    parser = _add(
        commands,
        "curves",
        "print and draw the advantages that a pair of betas gives",
        "Print and draw A+(p) and A-(p), the advantages of a correct and of an incorrect rollout by the accuracy p of "
        "their group, and their sums over the group.",
        "0.9,0.4 0.5,0.5,negative --n 16 --out curves.pdf",
    )
    parser.add_argument(
        "betas",
        nargs="*",
        type=betas,
        default=[(0.9, 0.4), (0.5, 0.5)],
        metavar="BETA_POS,BETA_NEG[,FLIP]",
        help="betas to compare; FLIP, positive or negative, reflects that curve (default: 0.9,0.4 0.5,0.5)",
    )
    parser.add_argument("--n", type=positive, default=8, metavar="N", help="rollouts per group (default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, default=Path("curves.png"), metavar="FILE", help="the figure (default: %(default)s)"
    )


def _watch(commands) -> None:
    parser = _add(
        commands,
        "watch",
        "show the key numbers of a run while it trains",
        "Show step, time left and key numbers of a run while it trains, until the run or Ctrl-C ends it. In a terminal "
        "the numbers stay in place; elsewhere each new step is a line.",
        "outputs/qwen3_4b/asymgrpo",
    )
    parser.add_argument("run", metavar="RUN", help="run directory, or a .jsonl of verl's logger `file`")
    parser.add_argument(
        "--every", type=positive, default=10, metavar="SECONDS", help="read the log so often (default: %(default)s)"
    )
    parser.add_argument("--once", action="store_true", help="show the numbers of the last step and end")


def _figures(commands) -> None:
    parser = _add(
        commands,
        "figures",
        "draw the paper's figures, and a page to explore the runs",
        "Draw the paper's Figures 1 to 5 from the logs of runs, and the entropy of both channels, as PNG and PDF. "
        "DIR/index.html, one file, has every metric of the runs to explore, their last numbers and their settings. A "
        "panel without data is skipped, and stderr names the missing metric.",
        "outputs/qwen3_4b/* --out figures",
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
    parser.add_argument(
        "--watch",
        type=positive,
        nargs="?",
        const=30,
        metavar="SECONDS",
        help="while runs train, write the page again every SECONDS (default: 30), and the figures after Ctrl-C",
    )


def _select(commands) -> None:
    parser = _add(
        commands,
        "select",
        "print a run's checkpoint of the best validation accuracy",
        "Print the path of the checkpoint with the best validation accuracy; if several have it, the earliest. Only "
        "the path goes to stdout.",
        "outputs/qwen3_4b/asymgrpo",
    )
    parser.add_argument("run_dir", type=Path, help="directory that contains global_step_N or checkpoints/global_step_N")
    parser.add_argument(
        "--data-source",
        default=paper.SELECTION_BENCHMARK,
        metavar="NAME",
        help="data source of the accuracy (default: %(default)s)",
    )
    parser.add_argument(
        "--by",
        metavar="METRIC",
        help="another metric of the validation, such as pass@8 or best@8 (default: the accuracy, mean@n)",
    )
    parser.add_argument("--metrics", type=Path, metavar="FILE", help="verl's file log (default: RUN_DIR/metrics.jsonl)")


def _evaluate(commands) -> None:
    parser = _add(
        commands,
        "evaluate",
        "compute Avg@n, pass@k and maj@k of a model or of responses",
        "Compute Avg@n, pass@k and maj@k with standard errors, of a model or of given responses. The defaults are the "
        "paper's protocol. If the command is killed, run it again to resume.",
        "outputs/grpo/checkpoints/global_step_100 \\\n           --data data/aime24.parquet --out results",
        usage="asymgrpo evaluate MODEL --data FILE ... --out DIR [options]\n"
        "       asymgrpo evaluate --responses FILE ... --out DIR [--label LABEL]",
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

    def refuse(args: argparse.Namespace) -> None:
        given = [name for name in GENERATION if getattr(args, name) != parser.get_default(name)]
        if args.responses and given:
            parser.error(
                f"got --responses with {', '.join(given)}; expected only --responses, which are scored as they are"
            )
        if not args.responses and not (args.model and args.data):
            parser.error("expected MODEL and --data, or --responses")

    parser.set_defaults(problem=refuse)


def _table(commands) -> None:
    parser = _add(
        commands,
        "table",
        "print the paper's Table 1 with your numbers beside it",
        "Print the paper's Table 1 with your numbers beside the paper's. In each column the best number is bold and "
        "the second is underlined. With --format html, print a page instead, one file: pass@k and maj@k curves, "
        "accuracy by level and subject, and responses to read, with verdicts and why; also for other data sources.",
        "results/* --format html > evaluation.html",
    )
    parser.add_argument(
        "results",
        nargs="*",
        metavar="RESULT",
        help="results.json of `asymgrpo evaluate`, or its directory; LABEL=RESULT chooses the row. If a row has "
        "several results, their mean is printed.",
    )
    parser.add_argument(
        "--format", choices=("markdown", "latex", "csv", "html"), default="markdown", help="default: %(default)s"
    )


def _verdict(commands) -> None:
    parser = _add(
        commands,
        "verdict",
        "say whether the reward takes an answer as correct, and why",
        "Say whether the reward takes ANSWER as correct for the gold answer GOLD, which rule or engine decided, and "
        "what both were read as. Write -- before answers that begin with a minus sign: asymgrpo verdict -- -1 -x. With "
        "--responses, list the responses on which the reward disagrees with the verdicts of their file.",
        "'\\frac{1}{2}' 0.5",
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

    def refuse(args: argparse.Namespace) -> None:
        if (args.answer is None) == (args.responses is None) or (args.responses and args.gold is not None):
            parser.error("expected GOLD and ANSWER, or --responses")

    parser.set_defaults(problem=refuse)


def _lab(commands) -> None:
    parser = _add(
        commands,
        "lab",
        "compare methods on small tasks with many seeds, in minutes",
        "Train small policies with each METHOD and each seed, and print the means with 95% intervals and the "
        "differences to the first METHOD, seed by seed. The runs of a directory are not trained again. If the command "
        "is killed, run it again to resume. docs/lab.md says what the tasks are.",
        "grpo asymgrpo --task facts --out lab",
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


def _completion(commands) -> None:
    parser = _add(
        commands,
        "completion",
        "print a script that completes this command in bash or zsh",
        "Print a script that completes this command in a shell. Write it where the shell looks, and start a new one: "
        "for bash ~/.local/share/bash-completion/completions/asymgrpo, for zsh a file _asymgrpo in a directory of "
        "$fpath.",
        "zsh > ~/.zfunc/_asymgrpo",
    )
    parser.add_argument("shell", choices=("bash", "zsh"))


def completion(shell: str) -> str:
    """Return the script that completes the command in a shell. Arguments that are paths complete files."""
    import shtab

    parser = build()
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    for name in commands._choices_actions:
        command = commands.choices[name.dest]
        command.description = name.help  # shtab shows the first line of the description, which is half a sentence
        for action in command._actions:
            if action.type is Path or action.metavar in ("RUN", "RESULT") or action.dest == "model":
                action.complete = shtab.FILE
            if action.metavar == "METHOD":
                action.choices = method_names()
    return shtab.complete(parser, shell)
