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
"""`asymgrpo figures`: the files, the page, its tables, and the errors."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from console import Done
from console import asymgrpo as run_asymgrpo
from run_logs import all_metrics, asymgrpo, write_log, write_run

from asymgrpo_verl.figures.page import accuracy_table, dynamics_table, settings_table
from asymgrpo_verl.figures.paper_figures import FIGURES
from asymgrpo_verl.runs.methods import by_method
from asymgrpo_verl.runs.run import read_run

FILES = {f"{name}.{kind}" for name in FIGURES for kind in ("png", "pdf")} | {"index.html"}


def figures(*arguments) -> Done:
    return run_asymgrpo("figures", *arguments)


class Page(HTMLParser):
    """A parser that checks that tags are closed in their order, and collects the sources of the page's images."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.sources = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.sources += [value for name, value in attributes if name == "src"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    """Draw all figures of six runs, once for the tests that only look at the files; return their directory."""
    root = tmp_path_factory.mktemp("drawn")
    runs = [write_run(root / f"grpo{seed}", "grpo", seed=seed) for seed in range(3)]
    runs += [write_run(root / "up", "ent_increase", asymgrpo(0.5, 0.5, "negative"))]
    runs += [write_run(root / "down", "ent_decrease", asymgrpo(0.5, 0.5, "positive"))]
    odd = write_run(root / "odd", None, asymgrpo(0.9, 0.4))
    out = root / "new" / "out"
    done = figures(*runs, f'_<b>$x & "y"={odd}', "--out", out)
    assert done.status == 0 and done.stderr == "" and done.stdout == f"{out / 'index.html'}\n"
    return out


@pytest.mark.seconds
def test_a_log_with_all_keys_gives_all_figures(drawn):
    assert {path.name for path in drawn.iterdir()} == FILES
    for path in drawn.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.seconds
def test_the_same_logs_give_the_same_files_even_if_a_run_is_named_twice(tmp_path):
    """Figure 1 is drawn by itself, the others alike: figures 2 and 4 stand for them, with a panel each."""
    rows = [(i, {"actor/entropy": 1 / i, "covariance/at/1_of_2": 0.1 * i, "groups/solved/1_of_2": 1}) for i in (1, 2)]
    log = write_log(tmp_path / "a.jsonl", rows)
    contents = []
    for runs in ([log], [log, f"{tmp_path}/./a.jsonl"]):
        out = tmp_path / str(len(runs))
        assert figures(*runs, "--out", out).status == 0
        contents.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert contents[0] == contents[1]
    names = [f"figure{i}.{kind}" for i in (1, 2, 4) for kind in ("pdf", "png")]
    assert sorted(contents[0]) == [*names, "index.html"]


@pytest.mark.seconds
def test_fonts_are_embedded_as_truetype(drawn):
    for path in drawn.glob("*.pdf"):
        content = path.read_bytes()
        assert content.startswith(b"%PDF") and b"/CIDFontType2" in content and b"/Type3" not in content


@pytest.mark.seconds
def test_the_page_needs_no_other_file(drawn):
    text = (drawn / "index.html").read_text()
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>") and page.open == []
    assert len(page.sources) == len(FIGURES) and all(
        source.startswith("data:image/png;base64,") for source in page.sources
    )
    assert not re.search(r"https?://|@import|<script|<link", text)
    assert "_&lt;b&gt;$x &amp; &#34;y&#34;" in text and "<b>" not in text


@pytest.mark.seconds
def test_the_page_says_what_the_logged_metrics_mean(drawn):
    page = (drawn / "index.html").read_text()
    assert "rollouts/{correct,incorrect}/entropy_mixed" in page and "both channels answer the same prompts" in page
    assert "gradient/positive/share" not in page, "which these logs have not"


@pytest.mark.seconds
def test_messages_name_what_is_missing_and_which_files_are_from_an_earlier_call(tmp_path):
    one = write_log(tmp_path / "one.jsonl", [(1, {"actor/entropy": 1.0, "rollouts/correct/entropy": 1.0})])
    two = write_log(tmp_path / "two.jsonl", [(1, {"actor/entropy": 1.0})])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "figure5.png").write_bytes(b"old")
    done = figures(one, two, "--out", tmp_path / "out")
    assert done.status == 0 and done.stdout == f"{tmp_path / 'out' / 'index.html'}\n"
    lines = done.stderr.splitlines()
    assert any(line.startswith("figure1 skipped: ") and "covariance/at/k_of_n" in line for line in lines)
    assert any(line.startswith("figure2 lacks panels: no run has ") and "epoch/all_solved" in line for line in lines)
    assert "figure5 skipped: no run has val-core/*/acc/mean@1" in lines
    assert "channels lacks two in some panels: its log does not have rollouts/correct/entropy" in lines
    assert f"not replaced, from an earlier call with other runs: {tmp_path / 'out' / 'figure5.png'}" in lines
    assert (tmp_path / "out" / "figure5.png").read_bytes() == b"old"
    names = {path.stem for path in (tmp_path / "out").glob("*.pdf")}
    assert names == {"figure2", "figure4", "channels"}


def test_the_average_is_over_the_data_sources_that_all_runs_have(tmp_path):
    a, b = "val-core/a/acc/mean@1", "val-core/b/acc/mean@1"
    runs = [read_run(str(write_log(tmp_path / "x.jsonl", [(0, {a: 0.5, b: 0.1})])))]
    runs += [read_run(str(write_log(tmp_path / "y.jsonl", [(0, {a: 0.25})])))]
    methods, _ = by_method(runs)
    assert accuracy_table(methods)[1][:2] == ["x", "50.0"] and accuracy_table(methods)[2][:2] == ["y", "25.0"]


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
    assert at_the_end["entropy"] == "0.300 ± 0.100" and at_the_end["runs"] == "2" and at_the_end["step"] == "2"
    assert at_the_end["entropy, correct"] == "–"


def test_a_setting_that_differs_between_runs_has_a_column(tmp_path):
    write_log(tmp_path / "bare.jsonl", all_metrics(3))
    runs = [read_run(str(write_run(tmp_path / "a", "grpo", steps=2))), read_run(str(tmp_path / "bare.jsonl"))]
    runs += [read_run(str(write_run(tmp_path / "b", "asymgrpo", asymgrpo(0.9, 0.4) | {"gamma": 1.0}, steps=2)))]
    rows, shared = settings_table(by_method(runs)[0])
    table = {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}
    assert table["AsymGRPO"]["estimator"] == "asymgrpo" and table["AsymGRPO"]["run"] == str(tmp_path / "b")
    assert table["AsymGRPO"]["beta_neg"] == "0.4" and table["GRPO"]["beta_neg"] == "0.5"
    assert table["AsymGRPO"]["algorithm.gamma"] == "1" and table["GRPO"]["algorithm.gamma"] == "–"
    assert table["bare"]["estimator"] == "unknown" and table["bare"]["steps"] == "3"


def test_an_error_is_one_line_and_nothing_is_written(tmp_path):
    log = write_log(tmp_path / "a.jsonl", all_metrics(1))
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{}\n")
    runs = [write_run(tmp_path / f"b{beta}", "asymgrpo", asymgrpo(beta, 0.4), steps=1) for beta in (0.9, 0.8)]
    for arguments, message in {
        (tmp_path / "nowhere",): "nowhere: no such file or directory.",
        (bad,): "bad.jsonl, line 1: got {}; expected a line of verl's file log",
        (f"={log}",): "got an empty label; expected LABEL=PATH.",
        tuple(f"AsymGRPO={run}" for run in runs): "algorithm.asymgrpo.beta_pos: 0.9, 0.8",
    }.items():
        done = figures(*arguments, "--out", tmp_path / "out")
        assert done.status == 1 and done.stdout == "" and message in done.stderr
        assert done.stderr.startswith("asymgrpo figures: ") and done.stderr.count("\n") == 1
        assert not (tmp_path / "out").exists()
    done = figures(log, "--out", log)
    assert done.status == 1 and done.stderr.startswith("asymgrpo figures: ") and str(log) in done.stderr
