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

import json
import re
from pathlib import Path

import pytest
from console import Done
from console import asymgrpo as run_asymgrpo
from markupsafe import escape
from pages import Page, unpacked
from run_logs import all_metrics, asymgrpo, write_log, write_run

from asymgrpo_verl.core.metrics import METRICS, logged_metrics, names
from asymgrpo_verl.figures import page
from asymgrpo_verl.figures.page_panels import SECTIONS
from asymgrpo_verl.figures.paper_figures import FIGURES
from asymgrpo_verl.figures.tables import accuracy_table, dynamics_table, settings_table
from asymgrpo_verl.runs.methods import by_method
from asymgrpo_verl.runs.run import read_run

FILES = {f"{name}.{kind}" for name in FIGURES for kind in ("png", "pdf")} | {"index.html"}


def figures(*arguments) -> Done:
    return run_asymgrpo("figures", *arguments)


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
def test_the_page_is_one_file_without_an_address_outside_it(drawn):
    text = (drawn / "index.html").read_text()
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>") and page.open == []
    assert page.loaded == ["data:,"], "the icon, which is empty"
    assert {name for name in page.links if name.endswith(("pdf", "png"))} == FILES - {"index.html"}
    anchors = [name for name in page.links if not name.endswith(("pdf", "png"))]
    assert all(name.startswith("#") and name[1:] in page.ids for name in anchors)
    assert len(page.ids) == len({*page.ids}) and not re.search(r"https?://|@import|url\(", text)
    assert unpacked(text, "plotly").startswith("/**\n* plotly.js v")
    assert "_&lt;b&gt;$x &amp; &#34;y&#34;" in text and "<b>$x" not in text


@pytest.mark.seconds
def test_the_page_has_a_panel_with_a_link_and_the_sentence_of_the_glossary_for_each_logged_metric(drawn):
    page = (drawn / "index.html").read_text()
    for metric in logged_metrics(key for _, data in all_metrics(10) for key in data):
        for key in names(metric.key):
            if not key.endswith("k_of_n") and key in {key for _, data in all_metrics(10) for key in data}:
                slug = key.replace("/", "-").replace("_", "-")
                assert f'<figure class="panel" id="{slug}">' in page and f'href="#{slug}"' in page
                assert str(escape(metric.meaning)) in page
    assert "gradient/positive/share" not in page, "which these logs have not"


@pytest.mark.seconds
def test_the_page_has_every_number_of_the_logs_as_logged(drawn):
    data = json.loads(unpacked((drawn / "index.html").read_text(), "data"))
    (panel,) = [panel for panel in data["panels"] if panel["slug"] == "critic-score-mean"]
    assert panel["unit"] == "reward per rollout" and panel["x"] == "step" and data["refresh"] is None
    (method,) = [method for method in data["methods"] if method["name"] == "GRPO"]
    assert [run["name"] for run in method["runs"]] == ["seed 0", "seed 1", "seed 2"]
    for seed, run in enumerate(method["runs"]):
        x, values = panel["lines"][run["number"]]
        logged = {step: row["critic/score/mean"] for step, row in all_metrics(60, seed) if step}
        assert dict(zip(data["xs"][x], values, strict=True)) == pytest.approx(logged, rel=1e-4)


def test_while_runs_train_the_page_follows_them_and_ctrl_c_draws_the_figures(tmp_path, monkeypatch, capsys):
    """The log is missing at first, then it grows; each sleep is one refresh, and the fourth ends in Ctrl-C."""
    log, out = tmp_path / "log.jsonl", tmp_path / "out"
    pages = []

    def sleep(seconds):
        assert seconds == 7
        page = (out / "index.html").read_text() if (out / "index.html").exists() else None
        pages.append(page and json.loads(unpacked(page, "data")))
        if len(pages) == 4:
            raise KeyboardInterrupt
        if len(pages) != 2:
            write_log(log, [(step, {"actor/entropy": 1.0}) for step in range(1, 1 + len(pages))])

    monkeypatch.setattr(page.time, "sleep", sleep)
    messages = page.watch([str(log)], out, 7)
    assert pages[0] is None and [found["refresh"] for found in pages[1:]] == [7, 7, 7]
    assert [found["xs"] for found in pages[1:]] == [[[1]], [[1]], [[1, 2, 3]]]
    assert capsys.readouterr().err == f"asymgrpo figures: waiting: {log}: no such file or directory.\n"
    assert json.loads(unpacked((out / "index.html").read_text(), "data"))["refresh"] is None
    assert (out / "figure4.pdf").exists() and any("figure5 skipped" in message for message in messages)


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
    assert [row[:3] for row in accuracy_table(methods)[1:]] == [["x", "0", "50.0"], ["y", "0", "25.0"]]


def test_runs_that_end_at_different_steps_are_also_compared_at_the_last_common_one(tmp_path):
    key = "val-core/aime24/acc/mean@1"
    long = write_log(tmp_path / "long.jsonl", [(step, {key: step / 100}) for step in (0, 10, 20, 40)])
    short = write_log(tmp_path / "short.jsonl", [(step, {key: step / 50}) for step in (0, 20)])
    head, *rows = accuracy_table(by_method([read_run(str(long)), read_run(str(short))])[0])
    assert head[1:5] == ["step", "average, at step 20", "average, last", "average, best"]
    assert [row[:4] for row in rows] == [["long", "40", "20.0", "40.0"], ["short", "20", "40.0", "40.0"]]


def test_without_a_validation_there_is_no_table_of_accuracies(tmp_path):
    log = write_log(tmp_path / "a.jsonl", [(1, {"actor/entropy": 1.0})])
    assert accuracy_table(by_method([read_run(str(log))])[0]) == []


def test_the_tables_have_the_last_and_the_best_numbers(tmp_path):
    key, entropy = "val-core/aime24/acc/mean@1", "actor/entropy"
    logs = [
        write_log(tmp_path / f"{i}.jsonl", [(0, {key: best}), (1, {entropy: 5.0}), (2, {entropy: last, key: last})])
        for i, (best, last) in enumerate([(0.8, 0.4), (0.6, 0.2)])
    ]
    methods, _ = by_method([read_run(f"GRPO={log}") for log in logs])
    assert accuracy_table(methods)[0][:4] == ["validation accuracy (%)", "step", "average, last", "average, best"]
    assert accuracy_table(methods)[1] == ["GRPO", "2", *["30.0 ± 10.0", "70.0 ± 10.0"] * 2]
    at_the_end = dict(zip(*dynamics_table(methods), strict=True))
    assert at_the_end["entropy"] == "0.300 ± 0.100" and at_the_end["runs"] == "2" and at_the_end["step"] == "2"
    assert at_the_end["entropy, correct"] == "–"


def test_the_settings_are_a_diff_between_methods(tmp_path):
    write_log(tmp_path / "bare.jsonl", all_metrics(3))
    runs = [read_run(str(write_run(tmp_path / f"a{seed}", "grpo", steps=2, seed=seed))) for seed in (1, 2)]
    runs += [read_run(str(write_run(tmp_path / "b", "asymgrpo", asymgrpo(0.9, 0.4) | {"gamma": 1.0}, steps=2)))]
    runs += [read_run(str(tmp_path / "bare.jsonl"))]
    methods, _ = by_method(runs)
    assert [method.name for method in methods] == ["GRPO", "AsymGRPO", "bare"]
    rows = {setting.key: (*setting.values, setting.differs) for setting in settings_table(methods)}
    assert rows["run"] == (f"{tmp_path}/a1, {tmp_path}/a2", f"{tmp_path}/b", f"{tmp_path}/bare.jsonl", True)
    assert rows["last step"] == ("2", "2", "3", True)
    assert rows["beta_neg at the start"] == ("0.5", "0.4", "unknown", True)
    assert rows["algorithm.adv_estimator"] == ("grpo", "asymgrpo", "unknown", True)
    assert rows["algorithm.gamma"] == ("–", "1", "unknown", True)
    assert rows["data.seed"] == ("1, 2", "0", "unknown", True)
    assert rows["data.train_batch_size"] == ("128", "128", "unknown", False)
    assert "trainer.experiment_name" not in rows
    differ = [differs for *_, differs in rows.values()]
    assert differ == sorted(differ, reverse=True), "what differs comes first"


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


def test_every_metric_of_ours_has_a_section():
    starts = tuple(start for starts in SECTIONS.values() for start in starts)
    assert [name for metric in METRICS for name in names(metric.key) if not name.startswith(starts)] == []
