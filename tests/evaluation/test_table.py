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
"""`asymgrpo table`: the paper's Table 1 with our numbers beside the paper's."""

import csv
import io
import json
import math
from pathlib import Path

import pytest
from console import Done, asymgrpo

from asymgrpo_verl.evaluation.table import COLUMNS, build, markdown, read_result
from asymgrpo_verl.paper import BENCHMARKS, SELECTION_BENCHMARK, TABLE_1
from data_prep import DATA_SOURCES

PROTOCOL = {"temperature": 0.4, "top_p": 1.0, "max_response_length": 4096}


def result(*scores: float | None, label=None, se=0.01, samples=None, prompts=None, **settings) -> dict:
    """Return results as `asymgrpo evaluate` writes them: an accuracy on each benchmark, None if it was not run."""
    benchmarks = {}
    for (source, benchmark), score in zip(BENCHMARKS.items(), scores, strict=True):
        if score is not None:
            n = samples or benchmark.samples
            metrics = {f"avg@{n}": {"mean": score, "se": se}}
            benchmarks[source] = {"samples": n, "prompts": prompts or benchmark.prompts, "metrics": metrics}
    return {"label": label, "settings": PROTOCOL | settings, "benchmarks": benchmarks}


def write(path: Path, *args, **kwargs) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result(*args, **kwargs)))
    return path


def table(*arguments) -> Done:
    return asymgrpo("table", *arguments)


def cells(text: str) -> dict[str, dict[str, str]]:
    """Return row -> column -> cell of a Markdown table."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return {row[0]: dict(zip(rows[0][1:], row[1:], strict=True)) for row in rows[2:]}


FIVE = (0.9, 0.4, 0.3, 0.8, 0.6)


def test_the_papers_averages_are_the_means_of_its_columns():
    for row in TABLE_1:
        assert sum(row.scores) / 5 == pytest.approx(row.average, abs=0.0061), row.name
    assert len({row.name.casefold() for row in TABLE_1}) == len(TABLE_1) == 15


def test_data_prep_makes_every_benchmark():
    assert BENCHMARKS.keys() <= set(DATA_SOURCES.values())
    assert SELECTION_BENCHMARK in BENCHMARKS


def test_without_results_the_table_is_the_papers():
    found = cells(table().stdout)
    assert list(found) == [row.name for row in TABLE_1]
    for row in TABLE_1:
        values = [found[row.name][f"{name} paper"].strip("*").removeprefix("<ins>") for name in COLUMNS]
        assert [float(value.removesuffix("</ins>")) for value in values] == [*row.scores, row.average]
        assert {found[row.name][f"{name} ours"] for name in COLUMNS} == {"not run"}
    assert found["AsymGRPO + Clip-higher"]["Avg paper"] == "**60.32**"
    assert found["AsymGRPO"]["Avg paper"] == "<ins>59.36</ins>"


def test_our_numbers_are_in_percent_with_their_standard_error(tmp_path):
    done = table(f"AsymGRPO={write(tmp_path / 'a.json', *FIVE)}")
    row = cells(done.stdout)["AsymGRPO"]
    assert row["MATH-500 ours"] == "90.0 ± 1.0" and row["AIME24 ours"] == "40.0 ± 1.0"
    assert row["Avg ours"] == f"60.0 ± {math.sqrt(5) / 5:.1f}"
    assert done.stderr == ""


def test_best_and_second_are_marked_among_the_papers_numbers_and_among_ours():
    named = [("GRPO", result(0.80, None, None, None, None)), ("AsymGRPO", result(0.90, 0.5, None, None, None))]
    named += [("Dr.GRPO", result(0.9004, 0.4, None, None, None)), ("REINFORCE", result(0.7, 0.3, None, None, None))]
    found = cells(markdown(build(named), []))
    marked = {name: row["MATH-500 ours"] for name, row in found.items() if row["MATH-500 ours"] != "not run"}
    assert marked == {
        "REINFORCE": "70.0 ± 1.0",
        "GRPO": "<ins>80.0 ± 1.0</ins>",
        "Dr.GRPO": "**90.0 ± 1.0**",
        "AsymGRPO": "**90.0 ± 1.0**",
    }, "numbers that are equal as printed are marked alike"
    assert found["Dr.GRPO"]["AIME24 ours"] == "<ins>40.0 ± 1.0</ins>"
    assert found["GRPO + Clip-higher"]["MATH-500 paper"] == "**90.07**"


def test_a_number_alone_in_its_column_is_not_marked():
    assert cells(markdown(build([("GRPO", result(*FIVE))]), []))["GRPO"]["AMC23 ours"] == "80.0 ± 1.0"


def test_the_average_needs_all_five_benchmarks():
    found = cells(markdown(build([("GRPO", result(0.9, 0.4, 0.3, 0.8, None))]), []))["GRPO"]
    assert found["Olympiad ours"] == found["Avg ours"] == "not run"


def test_results_on_single_benchmarks_make_one_row():
    apart = [("GRPO", result(*[score if i == j else None for j, score in enumerate(FIVE)])) for i in range(5)]
    assert build(apart) == build([("GRPO", result(*FIVE))])


def test_several_results_of_a_row_are_averaged_with_the_error_over_results():
    seeds = [("GRPO", result(0.8, 0.4, 0.4, 0.8, 0.6)), ("GRPO", result(0.9, 0.5, 0.4, 0.8, 0.6))]
    row = cells(markdown(build(seeds), []))["GRPO"]
    assert row["MATH-500 ours"] == "85.0 ± 5.0" and row["AIME25 ours"] == "40.0 ± 0.0"
    assert row["Avg ours"] == "62.0 ± 2.0", "over the averages of the results"


def test_the_row_is_the_given_label_or_the_label_of_the_results_or_the_directorys_name(tmp_path):
    labelled = write(tmp_path / "run7" / "results.json", *FIVE, label="asymgrpo")
    bare = write(tmp_path / "run=8" / "results.json", *FIVE)
    assert read_result(str(labelled))[0] == "AsymGRPO", "in any case"
    assert read_result(f"GRPO={labelled}")[0] == "GRPO"
    assert read_result(str(bare.parent))[0] == "run=8", "an existing path with = is a path"
    done = table(bare.parent)
    assert list(cells(done.stdout))[-1] == "run=8"
    assert cells(done.stdout)["run=8"]["MATH-500 paper"] == "—"
    assert "run=8: not a row of Table 1" in done.stderr


def test_departures_from_the_papers_protocol_are_messages_below_the_table(tmp_path):
    path = write(tmp_path / "a.json", *FIVE, samples=4, prompts=30, temperature=1.0)
    messages = table(f"GRPO={path}").stdout.split("\n\n")[1]
    assert "GRPO: not the paper's protocol: temperature 1.0 (paper: 0.4), Avg@4 on MATH-500 (paper: Avg@5)" in messages
    assert "30 of the 674 prompts of Olympiad" in messages and "prompts of AIME24" not in messages
    assert "protocol" not in table(f"GRPO={write(tmp_path / 'b.json', *FIVE)}").stdout


def test_settings_that_differ_between_results_are_named(tmp_path):
    thinking = {"chat_template_kwargs": {"enable_thinking": True}}
    first = write(tmp_path / "a.json", *FIVE, model="x", chat_template_kwargs={})
    second = write(tmp_path / "b.json", *FIVE, model="y", samples=4, prompts=30, temperature=1.0, top_p=0.9, **thinking)
    messages = table(f"GRPO={first}", f"AsymGRPO={second}").stdout.split("\n\n")[1]
    for line in (
        'not comparable, because thinking mode differs: GRPO "the model\'s default", AsymGRPO true.',
        "not comparable, because temperature differs: GRPO 0.4, AsymGRPO 1.0.",
        "not comparable, because top_p differs: GRPO 1.0, AsymGRPO 0.9.",
        "not comparable, because samples on MATH-500 differs: GRPO 5, AsymGRPO 4.",
        "not comparable, because prompts on MATH-500 differs: GRPO 500, AsymGRPO 30.",
    ):
        assert line in messages
    assert "prompts on AIME24" not in messages.replace("of the 30 prompts of AIME24", "")
    assert "max_response_length differs" not in messages and "several models" not in messages
    longer = write(tmp_path / "c.json", *FIVE, model="x", max_response_length=8192)
    messages = table(f"GRPO={first}", f"GRPO={longer}", f"GRPO={second}").stdout
    assert "because max_response_length differs: GRPO 4096, GRPO 8192" in messages
    assert "GRPO: results of several models: x, y." in messages
    assert "comparable" not in table(f"GRPO={first}", f"AsymGRPO={first}").stdout


def test_runs_that_started_from_different_models_are_not_comparable(tmp_path):
    paths = []
    for name, base, model in (("a", "Qwen3-4B", "x"), ("b", "Qwen3-8B", "y"), ("c", "Qwen3-4B", "z")):
        path = write(tmp_path / f"{name}.json", *FIVE, model=model)
        path.write_text(json.dumps(json.loads(path.read_text()) | {"base_model": base}))
        paths.append(path)
    messages = table(f"GRPO={paths[0]}", f"AsymGRPO={paths[1]}").stdout
    assert 'not comparable, because the base model differs: GRPO "Qwen3-4B", AsymGRPO "Qwen3-8B".' in messages
    assert "model" not in table(f"GRPO={paths[0]}", f"GRPO={paths[2]}").stdout, "two seeds of one row"


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_an_accuracy_that_is_not_a_number_is_left_out_and_named(tmp_path, value):
    wrong = result(*FIVE)
    wrong["benchmarks"]["aime24"]["metrics"]["avg@10"] = {"mean": value, "se": value}
    (tmp_path / "a.json").write_text(json.dumps(wrong))
    done = table(f"GRPO={tmp_path / 'a.json'}")
    row = cells(done.stdout)["GRPO"]
    assert row["AIME24 ours"] == row["Avg ours"] == "not run" and row["AMC23 ours"] == "80.0 ± 1.0"
    assert "GRPO: the accuracy on AIME24 is not a number, so it is left out." in done.stdout


@pytest.mark.parametrize(
    "entry",
    [
        None,
        5,
        {},
        {"samples": 10, "prompts": 30, "metrics": {}},
        {"samples": True, "prompts": 30, "metrics": {"avg@True": {"mean": 0.5, "se": None}}},
        {"samples": 10, "prompts": "30", "metrics": {"avg@10": {"mean": 0.5, "se": None}}},
        {"samples": 10, "prompts": 30, "metrics": {"avg@10": {"mean": "0.5", "se": None}}},
        {"samples": 10, "prompts": 30, "metrics": {"avg@10": {"mean": 50, "se": None}}},
        {"samples": 10, "prompts": 30, "metrics": {"avg@10": {"mean": 10**400, "se": None}}},
        {"samples": 10, "prompts": 30, "metrics": {"avg@10": [0.5, 0.1]}},
    ],
)
def test_an_entry_that_evaluate_does_not_write_is_an_error_that_names_it(tmp_path, entry):
    (tmp_path / "a.json").write_text(json.dumps(result(*FIVE) | {"benchmarks": {"aime24": entry}}))
    done = table(f"GRPO={tmp_path / 'a.json'}")
    assert done.status == 1 and done.stdout == "" and len(done.stderr.splitlines()) == 1
    assert f"{tmp_path / 'a.json'}: benchmarks.aime24: " in done.stderr


def test_the_latex_table_has_a_line_per_row_and_escaped_names(tmp_path):
    done = table(f"50% & more={write(tmp_path / 'a.json', *FIVE)}", "--format", "latex")
    lines = done.stdout.splitlines()
    assert [line for line in lines if "toprule" in line or "bottomrule" in line] == ["\\toprule", "\\bottomrule"]
    rows = [line for line in lines if line.endswith(" \\\\")]
    assert len(rows) == 2 + len(TABLE_1) + 1 and {row.count(" & ") for row in rows[1:]} == {12}
    assert rows[-1].startswith("50\\% \\& more & --- & 90.0 $\\pm$ 1.0 & ---")
    assert "\\textbf{60.32}" in done.stdout and "\\underline{59.36}" in done.stdout


def test_the_csv_table_has_only_numbers(tmp_path):
    done = table(f"AsymGRPO={write(tmp_path / 'a.json', *FIVE)}", "--format", "csv")
    rows = {row["method"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    assert [rows["AsymGRPO, symmetric"][f"Avg {what}"] for what in ("paper", "ours", "ours se")] == [
        "57.14",
        "NA",
        "NA",
    ]
    assert [rows["AsymGRPO"][f"AIME24 {what}"] for what in ("paper", "ours", "ours se")] == ["39.33", "40.00", "1.00"]


def test_results_of_an_earlier_version_are_read(tmp_path):
    """Written by hand, in the format that is on users' disks. It must not change."""
    (tmp_path / "results.json").write_text(
        """{
  "label": "clip_higher",
  "settings": {"model": "m", "weights": "0", "data": ["aime24.parquet 0"], "n": {"aime24": 10}, "temperature": 0.4,
    "top_p": 1.0, "max_response_length": 4096, "seed": 0, "chat_template_kwargs": {}, "vllm": "vllm 0.28.0"},
  "average": {"mean": 0.345, "se": 0.0625},
  "benchmarks": {
    "aime24": {
      "prompts": 30,
      "metrics": {"avg@10": {"mean": 0.345, "se": 0.0625}, "pass@1": {"mean": 0.345, "se": 0.0625},
        "maj@1": {"mean": 0.345, "se": 0.0625}, "length": {"mean": null, "se": null}},
      "samples": 10,
      "level": {"1": {"prompts": 1, "metrics": {"avg@10": {"mean": 0.5, "se": null}}}},
      "subject": {}
    }
  }
}"""
    )
    done = table(tmp_path)
    assert cells(done.stdout)["GRPO + Clip-higher"]["AIME24 ours"] == "34.5 ± 6.2"
    assert done.status == 0 and "protocol" not in done.stdout


def test_a_file_that_is_not_a_result_is_an_error_that_names_it(tmp_path):
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "odd.json").write_text('{"label": null, "settings": {}, "benchmarks": []}')
    none = write(tmp_path / "none.json", *[None] * 5)
    for argument, message in {
        f"GRPO={tmp_path / 'nowhere.json'}": "nowhere.json: no such file",
        str(tmp_path / "broken.json"): "broken.json: got a file that is not JSON",
        str(tmp_path / "other.json"): "other.json: got a JSON file with other keys; expected a results.json",
        str(tmp_path / "odd.json"): "odd.json: got a JSON file with other keys; expected a results.json",
        str(none): "none.json: got results on no data source; expected at least one benchmark of Table 1",
        f"={none}": "got an empty label; expected LABEL=PATH",
    }.items():
        done = table(argument)
        assert done.status == 1 and done.stdout == "" and message in done.stderr
