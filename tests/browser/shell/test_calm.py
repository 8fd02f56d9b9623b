"""Nothing moves, hides or is sent without need: not while a page loads, not while it stays open, not on paper."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.console import Console
from tests.support.browser.looking import within_the_screen

SHIFT = """() => new Promise(done => {
  let sum = 0;
  const watch = new PerformanceObserver(list => { for (const each of list.getEntries()) sum += each.value; });
  watch.observe({type: "layout-shift", buffered: true});
  setTimeout(() => done(sum), 300);
})"""
# Elements, and what stands before and after them, that move or change for longer than a moment.
MOVING = """() => [...document.querySelectorAll("*")].flatMap(each => ["", "::before", "::after", "::backdrop"]
  .filter(part => {
    const style = getComputedStyle(each, part || null);
    const lasts = style.animationName !== "none" ? style.animationDuration : "0s";
    const times = [lasts, style.transitionDuration, style.transitionDelay].join(",").split(",").map(parseFloat);
    return Math.max(...times) > 0.05 || style.scrollBehavior === "smooth";
  }).map(part => each.localName + part))"""
STILL = ("/segments", "/segments/new", "/segments/{static}/manage", "/customers/{customer}/edit", "/campaigns/new",
         "/segments/{static}/history", "/attributes", "/health")  # fmt: skip


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_on_a_page_moves_while_it_loads(page: Page, ids: dict[str, str], width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    moved = {}
    for path in STILL:
        page.goto("/console" + path.format(**ids))
        moved[path] = round(page.evaluate(SHIFT), 4)

    assert {path: shift for path, shift in moved.items() if shift > 0.02} == {}


def test_an_open_list_that_stays_the_same_gets_empty_answers_while_the_log_moves_on(
    page: Page, console: Console, ids: dict[str, str]
) -> None:
    page.goto(f"/console/segments/{ids['empty']}/manage")
    statuses = []
    for number in range(3):
        with page.expect_response(lambda answer: "rollcall-shown" in answer.headers) as moved_on:
            console.customer(f"Elsewhere {number}")
        statuses.append(moved_on.value.status)

    assert statuses == [200, 204, 204], "the first one says by what name the list is known from then on"


def test_on_paper_there_is_the_list_and_nothing_to_press(page: Page, ids: dict[str, str]) -> None:
    page.goto("/console/segments")
    page.emulate_media(media="print")

    for name in ("header.top", ".page-head .actions", "aside.panel", ".row-actions", ".pages nav"):
        expect(page.locator(name).first).to_be_hidden()
    expect(page.get_by_role("columnheader", name="Members")).to_be_visible()
    written = page.locator("time.relative").first.evaluate("time => getComputedStyle(time, '::after').content")
    assert "title" in written or "UTC" in written
    page.emulate_media(media="screen")


@pytest.mark.parametrize(("width", "height"), [(320, 640), (720, 450), (3840, 2160)])
def test_pages_fit_the_smallest_phone_a_zoomed_screen_and_the_largest(
    page: Page, ids: dict[str, str], width: int, height: int
) -> None:
    """A screen of 1,440 pixels at 200 % zoom has 720 of the page's."""
    page.set_viewport_size({"width": width, "height": height})
    for path in STILL:
        page.goto("/console" + path.format(**ids))
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        within_the_screen(page)


def test_a_message_covers_no_row_that_cannot_be_scrolled_free(page: Page, ids: dict[str, str]) -> None:
    page.set_viewport_size({"width": 390, "height": 600})
    page.goto("/console/you")
    page.get_by_role("button", name="Save").last.click()
    notice = page.locator(".notice")
    expect(notice).to_be_visible()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")

    end = page.locator("main").evaluate("main => main.getBoundingClientRect().bottom - 16")
    over = notice.bounding_box()
    assert over is not None
    assert end <= over["y"]


def test_who_wants_little_motion_sees_none(page: Page, ids: dict[str, str]) -> None:
    moving: dict[str, list[str]] = {}
    for path in ("/segments/new", "/segments/{static}/import", "/campaigns/new"):
        page.goto("/console" + path.format(**ids))
        # What is there for a moment only is there too: a dialog that loads, and what says that it counts.
        page.evaluate("""() => {
          const dialog = document.getElementById("dialog");
          dialog.append(document.getElementById("dialog-loading").content.cloneNode(true));
          dialog.setAttribute("aria-busy", "true");
          dialog.showModal();
          document.querySelectorAll("#matches, #reach").forEach(each => each.classList.add("htmx-request"));
        }""")
        assert page.evaluate(MOVING) == [], path
        page.emulate_media(reduced_motion="no-preference")
        moving[path] = page.evaluate(MOVING)
        page.emulate_media(reduced_motion="reduce")
    assert all("dialog::before" in each for each in moving.values()), "without the wish it moves: the look finds it"
