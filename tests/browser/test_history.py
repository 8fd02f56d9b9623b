"""The history of a segment in the browser: a chart, the same as a table, and joins and leaves as they happen."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.support.browser.console import Console

GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]
# The colours painted, once there are several and none of `before`; looking at a copy keeps the canvas as it is.
PAINTED = """before => {
  const canvas = document.querySelector(".chart canvas");
  if (!canvas?.width) return null;
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", {willReadFrequently: true});
  copy.drawImage(canvas, 0, 0);
  const {data} = copy.getImageData(0, 0, canvas.width, canvas.height);
  const seen = new Set();
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) seen.add(data.slice(i, i + 3).join());
  return seen.size > 1 && !before.some(each => seen.has(each)) && [...seen].sort();
}"""


def lines(page: Page) -> Locator:
    return page.get_by_role("region", name="Joins and leaves").get_by_role("row")


def test_joins_and_leaves_are_listed_as_they_happen(page: Page, console: Console) -> None:
    segment = console.segment("Gold history", GOLD)
    ana = console.customer("Wanda Walks", attributes={"plan": "free"})
    page.goto(f"/console/segments/{segment}/history")
    expect(page.get_by_text("No customer has joined yet")).to_be_visible()
    console.change(ana, attributes={"plan": "gold"})
    expect(lines(page).nth(1)).to_contain_text("Joined")
    expect(lines(page).nth(1)).to_contain_text("Plan changed to gold")
    console.change(ana, attributes={"plan": "free"})
    expect(lines(page).nth(1)).to_contain_text("Left")
    page.get_by_role("link", name="Why? Wanda Walks").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("Wanda Walks is not in Gold history")


def test_the_size_is_drawn_in_the_colours_of_the_scheme_and_listed_in_a_table(page: Page, console: Console) -> None:
    segment = console.segment("Gold chart", GOLD)
    console.customer("Xenia Xavier", attributes={"plan": "gold"})
    console.wait_until_visible()
    page.goto(f"/console/segments/{segment}/history?range=all")
    light = page.wait_for_function(PAINTED, arg=[]).json_value()
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(PAINTED, arg=light)
    page.get_by_text("Show as a table").first.click()
    expect(page.get_by_role("cell", name="1", exact=True).first).to_be_visible()
    page.get_by_role("link", name="Week").click()
    expect(page.get_by_role("link", name="Week")).to_have_attribute("aria-current", "true")


def test_the_chart_takes_the_room_that_there_is(page: Page, console: Console) -> None:
    segment = console.segment("Gold room", GOLD)
    page.goto(f"/console/segments/{segment}/history")
    canvas = page.locator("#sizes .chart canvas")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        room = page.locator("#sizes .chart").evaluate("chart => chart.clientWidth")
        expect(canvas).to_have_css("width", f"{room}px")


def test_joins_and_leaves_of_each_day_are_drawn_and_listed_and_an_edit_is_marked(page: Page, console: Console) -> None:
    segment = console.segment("Gold days", GOLD)
    yara = console.customer("Yara Yilmaz", attributes={"plan": "gold"})
    console.change(yara, attributes={"plan": "silver"})
    silver = [{"attribute": "plan", "operator": "equals", "value": "silver"}]
    console.ok("PATCH", f"/v1/segments/{segment}", json={"filter": silver})
    console.wait_until_visible()
    page.goto(f"/console/segments/{segment}/history")
    days = page.get_by_role("region", name="Joined and left by day")
    expect(days.get_by_role("img")).to_contain_text(re.compile(r": \d joined, \d left"))
    expect(days).to_contain_text("Filter edited (dashed lines):")
    days.get_by_text("Show as a table").click()
    expect(days.get_by_role("row").nth(1).get_by_role("cell").last).to_have_text("1")
    only_joined = console.segment("Silver days", silver)
    page.goto(f"/console/segments/{only_joined}/history")
    expect(days.get_by_role("img")).to_contain_text(": 1 joined, 0 left")
