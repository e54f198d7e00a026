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
"""`asymgrpo table --format html`: what the page of evaluations has, and its use in a browser."""

import json
import re

import pytest
from browser import DRAWN, chromium, opened
from console import asymgrpo
from pages import Page, unpacked

from asymgrpo_verl.evaluation import page

pytestmark = [pytest.mark.checker, pytest.mark.process]


def evaluated(path, label: str, correct: list[int], **columns):
    """Evaluate 4 responses to each of as many prompts as `correct` says how many are correct; return the directory."""
    rows = []
    for index, count in enumerate(correct):
        for sample in range(4):
            answer = "12" if sample < count else "13"
            about = {"data_source": "aime24", "index": index, "ground_truth": "12", "level": f"{index % 2}"}
            about |= {"prompt": f"Question {index} <b>?", "length": 100, "truncated": sample == 3 and index == 0}
            rows.append(about | {"response": f"Thus <i>x</i> is \\boxed{{{answer}}}."} | columns)
    path.mkdir()
    (path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = asymgrpo("evaluate", "--responses", path / "in.jsonl", "--out", path / "out", "--label", label)
    assert done.status == 0, done.stderr
    return path / "out"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("results")
    grpo = evaluated(root / "a", "grpo", [4, 2, 0])
    return [grpo, evaluated(root / "b", "_<b>mine", [4, 4, 1], data_source="my/own")], root


@pytest.fixture(scope="module")
def page_file(results):
    paths, root = results
    done = asymgrpo("table", "--format", "html", *paths)
    assert done.status == 0 and done.stderr == "reading verdicts: 24 of 24 responses\n"
    (root / "page.html").write_text(done.stdout)
    return root / "page.html"


def test_the_page_is_one_file_with_curves_groups_and_responses(page_file):
    text = page_file.read_text()
    parsed = Page(text)
    assert text.startswith("<!DOCTYPE html>") and parsed.open == [] and parsed.loaded == ["data:,"]
    assert not re.search(r"https?://|@import|url\(", text) and "_&lt;b&gt;mine" in text
    data = json.loads(unpacked(text, "data"))
    assert data["names"] == ["GRPO", "_<b>mine"]
    panels = {panel["slug"]: panel["lines"] for panel in data["panels"]}
    assert panels["aime24-pass-k"][0]["x"] == [1, 2, 3, 4] and panels["aime24-pass-k"][1] is None
    # with 4, 2 and 0 of 4 correct: pass@1 is their mean, pass@2 is (1 + 5/6 + 0)/3
    assert panels["aime24-pass-k"][0]["y"] == [50.0, 61.11, 66.67, 66.67]
    assert panels["aime24-accuracy-by-level"][0] == {"x": ["0", "1"], "y": [50.0, 50.0], "error": [50.0, None]}
    (prompt,) = [prompt for prompt in data["prompts"] if (prompt["source"], prompt["index"]) == ("AIME24", "1")]
    assert prompt["question"] == "Question 1 <b>?" and prompt["gold"] == "12" and prompt["answers"][1] == []
    assert [answer["acc"] for answer in prompt["answers"][0]] == [1, 1, 0, 0]
    assert prompt["answers"][0][2]["pred"] == "13" and prompt["answers"][0][2]["why"]


def test_a_verdict_of_the_file_that_this_version_does_not_share_is_said():
    row = {"response": "\\boxed{13}", "ground_truth": "12", "acc": 1}
    assert page._why(row).startswith("the reward of this version decides otherwise: ")
    assert not page._why(row | {"acc": 0}).startswith("the reward")
    assert "tolerance" in page._why(row | {"error": "2"})


def test_of_many_responses_the_page_has_prompts_evenly_spread(results, monkeypatch):
    paths, _ = results
    monkeypatch.setattr(page, "RESPONSES", 16)
    text = page.render([str(path) for path in paths])
    prompts = json.loads(unpacked(text, "data"))["prompts"]
    assert [(prompt["source"], prompt["index"]) for prompt in prompts] == [
        ("AIME24", "0"), ("AIME24", "1"), ("my/own", "0"), ("my/own", "1")
    ]  # fmt: skip
    assert "4 of 6 prompts, evenly spread" in " ".join(text.split())


def test_without_responses_the_page_has_the_numbers_and_says_so(results, tmp_path):
    (tmp_path / "results.json").write_text((results[0][0] / "results.json").read_text())
    done = asymgrpo("table", "--format", "html", tmp_path)
    assert done.status == 0 and f"{tmp_path / 'responses.parquet'}: no such file" in done.stdout


def test_bad_input_is_one_line_on_stderr(tmp_path):
    for arguments, message in {
        (): "asymgrpo table: RESULT: got none; expected at least one results.json",
        (tmp_path / "nowhere",): "nowhere: no such file.",
    }.items():
        done = asymgrpo("table", "--format", "html", *arguments)
        assert done.status == 1 and done.stdout == "" and message in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.seconds
@pytest.mark.parametrize("context", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 844}}])
def test_a_reader_finds_responses_and_hides_an_evaluation(page_file, context):
    with chromium() as browser:
        opened_page = opened(browser, page_file, **context)
        cards = opened_page.locator(".prompt h3")
        assert cards.count() == 6
        opened_page.locator("#verdict").select_option("some")
        assert cards.all_inner_texts() == ["AIME24, prompt 1, level 1", "my/own, prompt 2, level 0"]
        opened_page.locator("#source").select_option("AIME24")
        opened_page.locator("details").nth(2).click()
        text = opened_page.locator("details").nth(2).inner_text()
        assert "answer 13" in text and "Thus <i>x</i> is \\boxed{13}." in text, "HTML of a response is shown as text"
        opened_page.locator("#verdict").select_option("")
        opened_page.locator("#search").fill("question 2")
        assert cards.all_inner_texts() == ["AIME24, prompt 2, level 0"]
        shown = "document.querySelector('#aime24-pass-k .plot').data.length"
        assert opened_page.evaluate(shown) == 2
        opened_page.locator(".chip").first.click()
        assert opened_page.evaluate(shown) == 0 and opened_page.locator("details").count() == 0
        opened_page.wait_for_selector(DRAWN)
        assert opened_page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert opened_page.requests == [page_file.as_uri()] and opened_page.errors == []
