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
"""The page of `asymgrpo figures` as a reader uses it, in a headless Chromium."""

import re

import pytest
from browser import DRAWN, chromium, opened
from run_logs import asymgrpo, write_run

from asymgrpo_verl.figures.page import read_methods, render

pytestmark = [pytest.mark.process, pytest.mark.seconds]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
# The names, the x and the y of the lines that a panel draws in front, with the factor of their opacity.
LINES = """slug => document.getElementById(slug).querySelector(".plot").data
    .filter(line => line.name).map(line => ({name: line.name, x: [...line.x], y: [...line.y]}))"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    root = tmp_path_factory.mktemp("page")
    runs = [str(write_run(root / f"grpo{seed}", "grpo", seed=seed, steps=60 - 20 * seed)) for seed in range(2)]
    runs += [str(write_run(root / "asymgrpo", "asymgrpo", asymgrpo(0.9, 0.4)))]
    runs += [f'_<b>$x & "y"={write_run(root / "odd", None, asymgrpo(0.8, 0.2))}']
    methods, messages = read_methods(runs)
    (root / "index.html").write_text(render(methods, [], messages))
    (root / "live.html").write_text(render(methods, [], messages, refresh=1))
    return root / "index.html"


@pytest.fixture(scope="module")
def scripts(browser, page_file):
    """Return a page of which a test only calls functions."""
    return opened(browser, page_file)


@pytest.fixture
def page(browser, page_file):
    opened_page = opened(browser, page_file)
    yield opened_page
    assert opened_page.errors == []
    opened_page.context.close()


def settle(page) -> None:
    page.wait_for_timeout(50)
    page.wait_for_selector(DRAWN)


def see(page, slug: str) -> None:
    page.locator(f"#{slug}").scroll_into_view_if_needed()
    settle(page)


@pytest.mark.parametrize("context", [{}, {"color_scheme": "dark"}, PHONE], ids=["light", "dark", "phone"])
def test_every_panel_is_drawn_nothing_is_cut_and_no_request_leaves_the_page(browser, page_file, context):
    page = opened(browser, page_file, **context)
    slugs = page.eval_on_selector_all(".panel", "panels => panels.map(panel => panel.id)")
    assert len(slugs) >= 20
    for slug in slugs:
        see(page, slug)
    outside = page.evaluate("""() => [...document.querySelectorAll(".plot")].flatMap(plot => {
        const box = plot.getBoundingClientRect();
        return [...plot.querySelectorAll(".main-svg text")].filter(text => {
            const [at, shown] = [text.getBoundingClientRect(), text.textContent];
            return shown && (at.left < box.left - 1 || at.right > box.right + 1 || at.top < box.top - 1
                || at.bottom > box.bottom + 1);
        }).map(text => plot.parentNode.id + ": " + text.textContent);
    })""")
    assert outside == []
    titles = page.eval_on_selector_all(".panel .ytitle, .panel .xtitle", "all => all.map(text => text.textContent)")
    assert len(titles) == 2 * len(slugs) and all(titles), "each axis has its unit"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page needs no scrolling sideways"
    assert page.requests == [page_file.as_uri()] and page.errors == []
    page.context.close()


def test_the_legend_hides_runs_in_all_panels_and_a_double_click_shows_only_one(page):
    def names():
        settle(page)
        return {slug: {line["name"] for line in page.evaluate(LINES, slug)} for slug in ("val-average", "val-aime24")}

    odd = '_<b>$x & "y"'
    everyone = {"GRPO, mean of 2 seeds", "GRPO, seed 0", "AsymGRPO", odd}
    assert names() == {"val-average": everyone, "val-aime24": everyone}
    page.locator(".chip.method", has_text=re.compile("^AsymGRPO$")).click()
    assert names()["val-aime24"] == everyone - {"AsymGRPO"}
    page.locator(".chip.seed").first.click()
    assert names()["val-average"] == {"GRPO, seed 1", odd}
    page.locator(".chip.method").nth(1).dblclick()
    assert names() == {"val-average": {"AsymGRPO"}, "val-aime24": {"AsymGRPO"}}
    page.locator("#all").click()
    assert names()["val-average"] == everyone


def test_a_mean_over_seeds_ends_where_the_first_seed_ends_and_the_others_go_on_as_lines(page):
    see(page, "critic-score-mean")
    lines = {line["name"]: line for line in page.evaluate(LINES, "critic-score-mean")}
    assert lines["GRPO, mean of 2 seeds"]["x"][-1] == 40
    assert (lines["GRPO, seed 0"]["x"][0], lines["GRPO, seed 0"]["x"][-1]) == (40, 60)
    page.locator("#seeds").select_option("lines")
    settle(page)
    lines = {line["name"]: line for line in page.evaluate(LINES, "critic-score-mean")}
    assert [lines[f"GRPO, seed {seed}"]["x"][-1] for seed in (0, 1)] == [60, 40]


def test_the_slider_smooths_and_the_values_stay_behind(page):
    see(page, "critic-score-mean")
    count = (
        "slug => document.getElementById(slug).querySelector('.plot').data.filter(line => line.opacity === 0.3).length"
    )
    page.locator("#smoothing").fill("0")
    settle(page)
    logged = page.evaluate(LINES, "critic-score-mean")[-1]
    assert page.evaluate(count, "critic-score-mean") == 0 and page.locator("#window").inner_text() == "off"
    page.locator("#smoothing").fill("3")
    settle(page)
    smooth = page.evaluate(LINES, "critic-score-mean")[-1]
    assert page.locator("#window").inner_text() == "mean of up to 7 values"
    assert smooth["y"][10] == pytest.approx(sum(logged["y"][7:14]) / 7) and smooth["y"][0] == logged["y"][0]
    assert page.evaluate(count, "critic-score-mean") == 3, "one faint line a method"


@pytest.mark.parametrize(
    "y, half, expected",
    [
        ([1, 2, 3, 4, 5] * 3, 0, [1, 2, 3, 4, 5] * 3),
        (list(range(14)), 5, list(range(14))),
        ([0, 3, 0] * 5, 1, [0, *[1] * 13, 0]),
        ([0, 3, None, 0] * 5, 1, [0, 1, None, 1, *[1, 1, None, 1] * 3, 1, 1, None, 0]),
        ([0, 0, 9] * 4, 9, [0, 0, 9] * 4),
    ],
)
def test_smoothing_is_a_centred_mean_of_at_most_a_fifth_of_the_values(scripts, y, half, expected):
    """A straight line stays as it is, and so does a line of 12 values, whose window would be below 3."""
    assert scripts.evaluate("([y, half]) => smoothed({x: y, y}, half).y", [y, half]) == expected


def test_a_mean_over_lines_is_at_the_x_that_all_have(scripts):
    one, two = {"x": [1, 2, 3, 5], "y": [1, 2, None, 4]}, {"x": [2, 3, 4, 5], "y": [4, 5, 6, 0]}
    assert scripts.evaluate("lines => over(lines)", [one, two]) == {
        "x": [2, 3, 5],
        "y": [3, None, 2],
        "low": [2, None, 0],
        "high": [4, None, 4],
    }


def test_a_zoom_in_one_panel_is_the_zoom_of_all_panels_by_step(page):
    def ranges():
        settle(page)
        text = "all => all.map(panel => panel.layout.xaxis.range.map(Math.round))"
        return page.eval_on_selector_all("#critic-score-mean .plot, #policy-entropy .plot", text)

    see(page, "policy-entropy")
    see(page, "critic-score-mean")
    box = page.locator("#critic-score-mean .nsewdrag").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.25 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], y, steps=4)
    page.mouse.up()
    first, last = int(page.locator("#from").input_value()), int(page.locator("#to").input_value())
    assert 12 <= first <= 17 and 43 <= last <= 48 and ranges() == [[first, last]] * 2
    page.locator("#from").fill("20")
    page.locator("#to").fill("30")
    page.locator("#to").blur()
    assert ranges() == [[20, 30]] * 2
    page.mouse.dblclick(box["x"] + 0.5 * box["width"], y)
    assert ranges()[0][1] > 59 and page.locator("#from").input_value() == ""


def test_hover_shows_run_step_and_value_with_its_unit(page):
    see(page, "policy-entropy")
    page.locator("#smoothing").fill("0")
    page.locator(".chip.method").nth(1).dblclick()
    settle(page)
    box = page.locator("#policy-entropy .nsewdrag").bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.7 * box["height"], steps=5)
    page.wait_for_selector(".hovertext")
    text = page.locator(".hovertext").text_content()
    assert re.search(r"AsymGRPOstep \d+0\.\d+ nats per token", text)


def test_a_table_sorts_by_its_column_and_settings_are_compared(page):
    def column(number: int) -> list[str]:
        rows = "(rows, i) => rows.map(row => row.cells[i].textContent)"
        return page.eval_on_selector_all("table.sortable >> nth=0 >> tbody tr", rows, number)

    head = page.locator("table.sortable").first.locator("th")
    at = head.all_inner_texts().index("average, last")
    numbers = column(at)
    head.nth(at).locator("button").click()
    assert column(at) == sorted(numbers, key=lambda text: -float(text.split()[0]))
    assert head.nth(at).get_attribute("aria-sort") == "descending"
    head.nth(0).locator("button").click()
    assert column(0) == sorted(column(0), key=str.casefold)
    visible = page.locator(".settings tbody tr:visible td:first-child")
    assert "algorithm.asymgrpo.beta_pos" in visible.all_inner_texts()
    assert "data.train_batch_size" not in visible.all_inner_texts()
    page.locator("#same").check()
    assert "data.train_batch_size" in visible.all_inner_texts()
    page.locator("#right").select_option("2")
    assert page.locator(".settings thead th:visible").all_inner_texts() == ["setting", "GRPO", "AsymGRPO"]


def test_the_theme_changes_the_page_and_its_panels(page):
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("#theme").click()
    settle(page)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    grid = "document.querySelector('.plot').layout.xaxis.gridcolor"
    assert page.evaluate(grid) == page.evaluate("color('grid')") == "#2c3138"


def test_the_filter_leaves_the_panels_with_all_words(page):
    page.locator("#filter").fill("incorrect entropy")
    settle(page)
    shown = page.eval_on_selector_all(".panel:not([hidden])", "all => all.map(panel => panel.id)")
    assert shown == ["rollouts-incorrect-entropy", "rollouts-incorrect-entropy-mixed"]


def test_a_page_of_a_run_that_trains_loads_itself_again_and_keeps_what_the_reader_chose(browser, page_file):
    page = opened(browser, page_file.with_name("live.html"))
    page.locator(".chip.method").nth(1).click()
    page.locator("#smoothing").fill("7")
    page.wait_for_event("load", timeout=5000)
    page.wait_for_selector(DRAWN)
    assert page.locator(".chip.method").nth(1).get_attribute("aria-pressed") == "false"
    assert page.locator("#smoothing").input_value() == "7" and page.errors == []
    page.context.close()


def test_in_print_every_panel_is_drawn_on_white(browser, page_file, tmp_path):
    page = opened(browser, page_file, color_scheme="dark")
    page.evaluate("""addEventListener("beforeprint", () => {
        const panels = [...document.querySelectorAll(".panel")];
        const drawn = panels.filter(panel => panel.querySelector(".main-svg"));
        window.printed = [panels.length, drawn.length, color("page")];
    })""")
    page.pdf(path=tmp_path / "page.pdf", format="A4")
    panels, drawn, background = page.evaluate("printed")
    assert drawn == panels and background == "#ffffff"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark", "and afterwards as before"
    page.context.close()
