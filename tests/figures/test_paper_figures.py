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
"""`asymgrpo figures`: the paper's figures from the logs of runs."""

import contextlib
import io
import math
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from unittest import mock

import pytest
from run_logs import all_metrics, asymgrpo, write_log, write_run

from asymgrpo_verl import cli
from asymgrpo_verl.figures.page import accuracy_table, dynamics_table, settings_table
from asymgrpo_verl.figures.panels import STYLES, draw_panels, styles
from asymgrpo_verl.figures.paper_figures import FIGURES, _betas, _of, _of_accuracy, draw_all
from asymgrpo_verl.paper import TABLE_1
from asymgrpo_verl.runs.comparison import by_method, read_run

NAN = math.nan
FILES = {f"{name}.{kind}" for name in FIGURES for kind in ("png", "pdf")} | {"index.html"}


def figures(*arguments) -> subprocess.CompletedProcess:
    """The command in this process, which has torch and matplotlib already."""
    command = ["asymgrpo", "figures", *map(str, arguments)]
    out, said = io.StringIO(), io.StringIO()
    status = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said), mock.patch.object(sys, "argv", command):
        try:
            cli.main()
        except SystemExit as error:  # a text is what Python would print
            status = 1
            print(error.code, file=said)
    return subprocess.CompletedProcess(command, status, out.getvalue(), said.getvalue())


# Pictures


def test_a_method_has_one_style_whatever_is_drawn_with_it():
    trained = {row.name for row in TABLE_1} - {"Qwen3-4B"}
    assert STYLES.keys() == trained and len({style[:2] for style in STYLES.values()}) == len(trained)
    assert styles(["mine"])["mine"] == styles(["GRPO", "MaxRL", "mine"])["mine"]
    names = [*trained, *(f"beta_neg = 0.{i}" for i in range(15))]
    assert len({style[:2] for style in styles(names).values()}) == len(names)
    assert len(styles([f"run {i}" for i in range(50)])) == 50


def test_lines_break_at_gaps_and_lone_points_are_marked(tmp_path):
    values = [1.0, 2.0, None, 4.0, None, 6.0, 7.0]
    log = write_log(tmp_path / "a.jsonl", [(i, {"a": value}) for i, value in enumerate(values, 1)])
    methods, _ = by_method([read_run(str(log))])
    figure, said = draw_panels([_of("a", "a", "unit")], methods)
    drawn, alone = figure.axes[0].lines
    assert said == [] and list(drawn.get_xdata()) == [1, 2, 3, 4, 5, 6, 7]
    assert [x for x, y in zip(*drawn.get_data(), strict=True) if math.isnan(y)] == [3, 5]
    assert (list(alone.get_xdata()), list(alone.get_ydata())) == ([4], [4.0])


def test_the_faint_line_is_what_was_logged_and_the_other_its_average(tmp_path):
    key = "val-core/aime24/acc/mean@1"
    log = write_log(tmp_path / "GRPO.jsonl", [(0, {key: 0.5}), (10, {key: 0.7}), (20, {key: 0.3})])
    pictures, remarks = draw_all(by_method([read_run(str(log))])[0])
    assert [picture.name for picture in pictures] == ["figure2", "figure4", "figure5"]
    assert "figure3 skipped: it compares the flips with GRPO, and there is no EntIncrease or EntDecrease" in remarks
    assert "s_t = 0.7 s_(t-1) + 0.3 v_t" in pictures[0].caption and "average validation accuracy" in pictures[0].caption
    figure, _ = draw_panels([_of_accuracy(["aime24"], "AIME24")], by_method([read_run(str(log))])[0])
    raw, average, _ = figure.axes[0].lines
    assert list(raw.get_ydata()) == pytest.approx([50, 70, 30])
    assert list(average.get_ydata()) == pytest.approx([50, 56, 48.2]) and raw.get_alpha() < 1


def test_the_band_is_from_the_lowest_to_the_highest_seed(tmp_path):
    logs = [write_log(tmp_path / f"{i}.jsonl", [(1, {"a": i}), (2, {"a": 3 * i})]) for i in (0, 1, 5)]
    methods, _ = by_method([read_run(f"GRPO={log}") for log in logs])
    figure, _ = draw_panels([_of("a", "a", "")], methods)
    assert list(figure.axes[0].lines[0].get_ydata()) == [2, 6]
    corners = figure.axes[0].collections[0].get_paths()[0].vertices
    assert {tuple(corner) for corner in corners.tolist()} == {(1, 0), (1, 5), (2, 0), (2, 15)}


def test_what_the_logs_lack_is_named(tmp_path):
    one = write_log(tmp_path / "one.jsonl", [(1, {"actor/entropy": 1.0, "rollouts/correct/entropy": 1.0})])
    two = write_log(tmp_path / "two.jsonl", [(1, {"actor/entropy": 1.0})])
    done = figures(one, two, "--out", tmp_path / "out")
    assert done.returncode == 0 and done.stdout == f"{tmp_path / 'out' / 'index.html'}\n"
    lines = done.stderr.splitlines()
    assert any(line.startswith("figure1 skipped: ") and "covariance/at/k_of_n" in line for line in lines)
    assert any(line.startswith("figure2 lacks panels: no run has ") and "epoch/all_solved" in line for line in lines)
    assert "figure5 skipped: no run has val-core/*/acc/mean@1" in lines
    assert "channels is in part without two: not in its log: rollouts/correct/entropy" in lines
    assert {path.stem for path in (tmp_path / "out").glob("*.png")} == {"figure2", "figure4", "channels"}


def test_the_average_is_over_the_data_sources_that_all_runs_have(tmp_path):
    a, b = "val-core/a/acc/mean@1", "val-core/b/acc/mean@1"
    runs = [read_run(str(write_log(tmp_path / "x.jsonl", [(0, {a: 0.5, b: 0.1})])))]
    runs += [read_run(str(write_log(tmp_path / "y.jsonl", [(0, {a: 0.25})])))]
    methods, _ = by_method(runs)
    assert accuracy_table(methods)[1][:2] == ["x", "50.0"] and accuracy_table(methods)[2][:2] == ["y", "25.0"]
    assert any("only some have b" in remark for remark in draw_all(methods)[1])


def test_betas_are_drawn_where_a_run_changes_them(tmp_path):
    def panels(betas):
        rows = [(i, {"asymgrpo/beta_pos": b, "asymgrpo/beta_neg": 0.4}) for i, b in enumerate(betas, 1)]
        return _betas(by_method([read_run(str(write_log(tmp_path / "a.jsonl", rows)))])[0])

    assert panels([0.9, 0.9]) == []
    assert [panel.needs for panel in panels([0.9, 0.5])] == ["asymgrpo/beta_pos", "asymgrpo/beta_neg"]


# The page


class Page(HTMLParser):
    """Tags that are closed in their order, and where the page's images come from."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.sources, self.headings = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.sources += [value for name, value in attributes if name == "src"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, str]:
    root = tmp_path_factory.mktemp("made")
    runs = [write_run(root / f"grpo{seed}", "grpo", seed=seed) for seed in range(3)]
    runs += [write_run(root / "up", "ent_increase", asymgrpo(0.5, 0.5, "negative"))]
    runs += [write_run(root / "down", "ent_decrease", asymgrpo(0.5, 0.5, "positive"))]
    odd = write_run(root / "odd", None, asymgrpo(0.9, 0.4))
    done = figures(*runs, f'_<b>$x & "y"={odd}', "--out", root / "new" / "out")
    assert done.returncode == 0, done.stderr
    return root / "new" / "out", done.stderr


def test_all_figures_are_made_of_a_log_that_has_all_keys(made):
    out, said = made
    assert {path.name for path in out.iterdir()} == FILES and said == ""
    for path in out.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")


def test_fonts_are_embedded_as_truetype(made):
    for path in made[0].glob("*.pdf"):
        content = path.read_bytes()
        assert content.startswith(b"%PDF") and b"/CIDFontType2" in content and b"/Type3" not in content


def test_the_page_needs_nothing_beside_it(made):
    text = (made[0] / "index.html").read_text()
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>") and page.open == []
    assert len(page.sources) == 6 and all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert not re.search(r"https?://|@import|<script|<link", text)
    assert "_&lt;b&gt;$x &amp; &#34;y&#34;" in text and "<b>" not in text


def test_the_same_logs_give_the_same_files(made, tmp_path):
    root = made[0].parents[1]
    runs = [root / name for name in ("grpo0", "grpo1")]
    contents = []
    for name in ("a", "b"):
        assert figures(*runs, "--out", tmp_path / name).returncode == 0
        contents.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert contents[0] == contents[1]


def test_figures_of_an_earlier_call_are_named(made, tmp_path):
    log = write_log(tmp_path / "a.jsonl", [(1, {"actor/entropy": 1.0})])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "figure5.png").write_bytes(b"old")
    done = figures(log, "--out", tmp_path / "out")
    assert f"of an earlier call, not of these runs: {tmp_path / 'out' / 'figure5.png'}\n" in done.stderr
    assert (tmp_path / "out" / "figure5.png").read_bytes() == b"old"


def test_the_tables_have_the_last_and_the_best_numbers(tmp_path):
    key, entropy = "val-core/aime24/acc/mean@1", "actor/entropy"
    logs = [
        write_log(tmp_path / f"{i}.jsonl", [(0, {key: best}), (1, {entropy: 5.0}), (2, {entropy: last, key: last})])
        for i, (best, last) in enumerate([(0.8, 0.4), (0.6, 0.2)])
    ]
    methods, _ = by_method([read_run(f"GRPO={log}") for log in logs])
    assert accuracy_table(methods)[0][:3] == ["validation accuracy (%)", "average, last", "average, best"]
    assert accuracy_table(methods)[1] == ["GRPO", *["30.0 ± 10.0", "70.0 ± 10.0"] * 2]
    at_the_end = dict(zip(*dynamics_table(methods), strict=True))
    assert at_the_end["entropy"] == "0.300 ± 0.100" and at_the_end["seeds"] == "2" and at_the_end["step"] == "2"
    assert at_the_end["entropy, correct"] == "–"


def test_the_settings_that_differ_have_a_column(tmp_path):
    write_log(tmp_path / "bare.jsonl", all_metrics(3))
    runs = [read_run(str(write_run(tmp_path / "a", "grpo", steps=2))), read_run(str(tmp_path / "bare.jsonl"))]
    runs += [read_run(str(write_run(tmp_path / "b", "asymgrpo", asymgrpo(0.9, 0.4) | {"gamma": 1.0}, steps=2)))]
    rows, shared = settings_table(by_method(runs)[0])
    table = {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}
    assert table["AsymGRPO"]["estimator"] == "asymgrpo" and table["AsymGRPO"]["run"] == str(tmp_path / "b")
    assert table["AsymGRPO"]["beta_neg"] == "0.4" and table["GRPO"]["beta_neg"] == "0.5"
    assert table["AsymGRPO"]["algorithm.gamma"] == "1" and table["GRPO"]["algorithm.gamma"] == "–"
    assert table["bare"]["estimator"] == "unknown" and table["bare"]["steps"] == "3"


# Errors


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "run: no such file or directory."),
        ({}, "run: holds neither metrics.jsonl nor TensorBoard's event files"),
        ({"metrics.jsonl": "{}\n"}, "metrics.jsonl, line 1: not a line of verl's file log"),
        ({"metrics.jsonl": ""}, "run: holds neither"),
        (
            {"metrics.jsonl": '{"step": 1, "data": {}}\n', ".hydra/config.yaml": "a: [", ".hydra/overrides.yaml": ""},
            "YAML",
        ),
    ],
)
def test_what_is_no_run_is_named_in_a_line(tmp_path, content, message):
    for name, text in (content or {}).items():
        path = tmp_path / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if content == {}:
        (tmp_path / "run").mkdir()
    done = figures(tmp_path / "run", "--out", tmp_path / "out")
    assert done.returncode == 1 and done.stdout == "" and message in done.stderr
    assert done.stderr.startswith("asymgrpo figures: ") and done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_arguments_that_cannot_be_are_named(tmp_path):
    log = write_log(tmp_path / "a.jsonl", all_metrics(1))
    for arguments, message in {
        (f"={log}",): "expected LABEL=RUN",
        ("GRPO=",): "GRPO=: expected LABEL=RUN",
        (__file__,): "expected a run directory or a .jsonl file",
    }.items():
        done = figures(*arguments, "--out", tmp_path / "out")
        assert done.returncode == 1 and message in done.stderr and done.stderr.count("\n") == 1
    done = figures(log, "--out", log)
    assert (
        done.returncode == 1 and str(log) in done.stderr and done.stderr.splitlines()[-1].startswith("asymgrpo figures")
    )


def test_runs_of_one_label_with_other_settings_are_refused(tmp_path):
    runs = [write_run(tmp_path / f"b{beta}", "asymgrpo", asymgrpo(beta, 0.4), steps=1) for beta in (0.9, 0.8)]
    done = figures(*runs, "--out", tmp_path / "out")
    assert (
        done.returncode == 1 and "algorithm.asymgrpo.beta_pos: 0.9, 0.8" in done.stderr and "LABEL=RUN" in done.stderr
    )
    assert done.stderr.count("\n") == 1 and not (tmp_path / "out").exists()
    named = [read_run(str(runs[0])), read_run(f"beta 0.8={runs[1]}")]
    assert [method.name for method in by_method(named)[0]] == ["AsymGRPO", "beta 0.8"]


def test_the_same_run_named_twice_is_one_seed(tmp_path):
    run = write_run(tmp_path / "run", "grpo", steps=12)
    assert figures(run, f"{run}/", "--out", tmp_path / "out").returncode == 0
    assert "± " not in (tmp_path / "out" / "index.html").read_text().split("<h2>Figure", 1)[0].split("<p", 1)[0]


def test_without_tensorboard_the_error_names_it(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "events.out.tfevents.1").touch()
    (tmp_path / "tensorboard.py").write_text("raise ImportError('no tensorboard for you')")
    command = [
        sys.executable,
        "-m",
        "asymgrpo_verl.cli",
        "figures",
        str(tmp_path / "run"),
        "--out",
        str(tmp_path / "out"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"{tmp_path / 'run'}: event files are read with the package tensorboard" in done.stderr
