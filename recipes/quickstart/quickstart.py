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
"""Train AsymGRPO on one machine without a GPU and draw the result; quickstart.sh makes the environment and calls this.

This builds the base policy, writes the task's parquet files, trains with run_tiny_cpu.sh, and prints numbers before and
after. verl's output goes to a log file. Settings are environment variables, see quickstart.sh.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from report import draw, summarise
from task import write_task
from tqdm import tqdm

from asymgrpo_verl.row_files import check_verl_parquet
from asymgrpo_verl.runs.logs import read_metrics

HERE = Path(__file__).resolve().parent
# (text, stage): the stage of the start-up that begins when this text is in the log.
STAGES = (
    ("Started a local Ray instance", "starting the trainer"),
    ("create worker group", "starting FSDP2"),
    ("actor and ref model engine initialized", "starting vLLM"),
    ("ready to fit", "validating the base policy"),
)


def end(processes: set[psutil.Process]) -> None:
    """Terminate the processes that still run; after 5 seconds kill the rest."""
    for stop in (psutil.Process.terminate, psutil.Process.kill):
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                stop(process)
        _, processes = psutil.wait_procs(processes, timeout=5)


def train(steps: int, out: Path, env: dict[str, str]) -> float:
    """Run run_tiny_cpu.sh, log its output to out/train.log, show the progress, and return the peak memory in GiB.

    Raises:
        SystemExit: the training failed; the message has the end of the log.
    """
    log_path, metrics_path = out / "train.log", out / "metrics.jsonl"
    print(f"verl's own output is in {log_path}", flush=True)
    env = {**env, "STEPS": str(steps), "OUT_DIR": str(out), "PYTHONUNBUFFERED": "1"}
    used_before = used = psutil.virtual_memory().used
    # disable=None: no bar if stderr is not a terminal; show_progress then prints a line per step
    bar = tqdm(total=steps, desc="starting Ray", unit="step", dynamic_ncols=True, disable=None)
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            ["bash", str(HERE / "run_tiny_cpu.sh"), f"trainer.save_freq={steps}", *sys.argv[1:]],
            stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env, start_new_session=True,
        )  # fmt: skip
        root = psutil.Process(process.pid)
        family = {root}  # every process so far, because Ray's processes outlive their parents if one dies
        printed = 0
        try:
            while process.poll() is None:
                time.sleep(1)
                family |= set(root.children(recursive=True))
                used = max(used, psutil.virtual_memory().used)
                printed = show_progress(bar, log_path, metrics_path, printed)
            show_progress(bar, log_path, metrics_path, printed)
        finally:
            bar.close()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not stop the clean-up
            if root.is_running():
                family |= set(root.children(recursive=True))
            end(family)
    if process.returncode != 0:
        tail = log_path.read_text(errors="replace").splitlines()[-25:]
        sys.exit("\n".join([*tail, f"quickstart: training failed; its whole output is in {log_path}"]))
    return (used - used_before) / 2**30


def show_progress(bar: tqdm, log_path: Path, metrics_path: Path, printed: int) -> int:
    """Move the bar; without a terminal, print a line for each step after the first `printed`. Return the last step."""
    rows = read_metrics(metrics_path, skip=lambda message: None)  # the report at the end names a damaged line
    if not rows:
        log = log_path.read_text(errors="replace")
        bar.set_description(next((stage for sign, stage in reversed(STAGES) if sign in log), "starting Ray"))
        return printed
    shown = {"accuracy": "critic/score/mean", "entropy": "actor/entropy"}
    if bar.disable:
        for row in rows:
            if row["step"] > printed:
                values = [f"{name} {row[key]:.2f}" for name, key in shown.items() if row.get(key) is not None]
                print(f"step {row['step']} of {bar.total}: {', '.join(values)}", flush=True)
        return max(printed, rows[-1]["step"])
    if bar.n == 0 and len(rows) == 1:
        bar.reset()  # the time estimate must not include the start-up
    last = rows[-1]
    bar.set_description("training")
    bar.update(last["step"] - bar.n)
    bar.set_postfix({name: f"{last[key]:.2f}" for name, key in shown.items() if last.get(key) is not None})
    return last["step"]


def prepare(out: Path, env: dict[str, str]) -> int:
    """Make the data and the base policy, put their paths into `env`, and return the number of training steps."""
    if env.get("DATA"):
        env["TRAIN_FILE"], env["VAL_FILE"] = env["DATA"], env.get("VAL_DATA", env["DATA"])
        # The tokenizer has one token per byte, so real prompts have many tokens.
        for name, value in {"MAX_PROMPT_LENGTH": 512, "MAX_RESPONSE_LENGTH": 128, "TRAIN_BATCH_SIZE": 8}.items():
            env.setdefault(name, str(value))
        prompts = {name: check_verl_parquet(Path(env[name])) for name in ("TRAIN_FILE", "VAL_FILE")}
        for name, rows in prompts.items():
            print(f"{env[name]}: {rows} prompts")
        if prompts["TRAIN_FILE"] < int(env["TRAIN_BATCH_SIZE"]):
            raise ValueError(f"{env['TRAIN_FILE']}: fewer prompts than TRAIN_BATCH_SIZE={env['TRAIN_BATCH_SIZE']}.")
        out.mkdir(parents=True)
        sys.argv[1:1] = ["data.val_max_samples=32"]
    else:
        env["TRAIN_FILE"], env["VAL_FILE"] = str(out / "train.parquet"), str(out / "val.parquet")
        out.mkdir(parents=True)
        write_task(out, train_rows=2048, val_rows=128)
    model = out.parent / "base_policy"
    if not (model / "config.json").is_file():
        subprocess.run([sys.executable, str(HERE / "base_policy.py"), str(model)], check=True, env=env)
    else:
        print(f"base policy: as built before, in {model}")
    env["MODEL_PATH"] = str(model)
    return int(env.get("STEPS", 2 if env.get("DATA") else 15))


def evaluate_command(out: Path, env: dict[str, str]) -> str | None:
    """Return the command that evaluates the last checkpoint on the validation prompts; None if nothing was saved."""
    latest = out / "checkpoints" / "latest_checkpointed_iteration.txt"
    if not latest.exists():  # the user has set trainer.save_freq
        return None
    step = latest.read_text()
    arguments = [f"VERL_PLATFORM=cpu {shlex.quote(sys.executable)} -m asymgrpo_verl.cli evaluate"]
    checkpoint, evaluation = (
        shlex.quote(str(out / name)) for name in (f"checkpoints/global_step_{step}", "evaluation")
    )
    arguments += [checkpoint, "--data", shlex.quote(env["VAL_FILE"]), "--out", evaluation]
    return " ".join([*arguments, "--max-response-length", env.get("MAX_RESPONSE_LENGTH") or "32"])


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):  # after a kill or a closed terminal, clean up as after Ctrl-C
        signal.signal(number, lambda *_: sys.exit(1))
    started = float(os.environ.get("QUICKSTART_STARTED", time.time()))
    seed = f"-seed{os.environ['SEED']}" if os.environ.get("SEED") else ""
    name = time.strftime(f"run-%Y%m%d-%H%M%S{seed}")
    out = Path(os.environ.get("OUT_ROOT") or "outputs/quickstart").resolve() / name
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "DEVICE": "cpu"}
    try:
        steps = prepare(out, env)
        peak = train(steps, out, env)
    except (OSError, ValueError) as error:
        sys.exit(f"quickstart: {error}")
    except KeyboardInterrupt:
        sys.exit("quickstart: interrupted, every process of the run has ended")
    rows = read_metrics(out / "metrics.jsonl")
    print(summarise(rows))
    draw(rows, out / "quickstart.png")
    print(f"figure: {out / 'quickstart.png'}\nmetrics: {out / 'metrics.jsonl'}")
    if (command := evaluate_command(out, env)) is not None:
        print(f"to evaluate it: {command}")
    print(f"{(time.time() - started) / 60:.1f} minutes in all, at most {peak:.1f} GiB of memory for the training")


if __name__ == "__main__":
    main()
