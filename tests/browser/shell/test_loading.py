"""A dialog shows itself before its content is there, and is left while it loads like any other."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser.scenery import NEWSLETTER, PEOPLE
from tests.support.browser.sights import menu_of
from tests.support.browser.watching import Watched


class Held:
    """Requests of an address that wait until they are let go."""

    def __init__(self, page: Page, address: str) -> None:
        self._page, self._address = page, address
        self._routes: list[Route] = []
        page.route(address, self._hold)

    def _hold(self, route: Route) -> None:
        self._routes.append(route)

    def let_go(self) -> None:
        while not self._routes:
            self._page.wait_for_timeout(20)
        for route in self._routes:
            route.continue_()
        self._page.unroute(self._address)


@pytest.fixture
def listed(page: Page, ids: dict[str, str]) -> Page:
    page.goto("/console/segments")
    page.get_by_role("button", name=menu_of(NEWSLETTER), exact=True).click()
    return page


def test_it_is_there_at_once_says_what_is_coming_and_fills(listed: Page) -> None:
    held = Held(listed, "**/customers")
    listed.get_by_role("link", name="View Customers").click()
    dialog = listed.get_by_role("dialog", name="View Customers")
    expect(dialog).to_have_attribute("aria-busy", "true")
    expect(dialog.get_by_role("heading")).to_be_focused()
    assert "/customers" not in listed.url

    held.let_go()
    expect(dialog).to_contain_text(PEOPLE[0])
    expect(dialog).not_to_have_attribute("aria-busy", "true")
    expect(dialog.get_by_role("heading")).to_be_focused()
    assert listed.url.endswith("/customers")


@pytest.mark.parametrize("way", ["Escape", "Close"])
def test_left_while_it_loads_it_stays_away_and_the_focus_returns(listed: Page, way: str) -> None:
    held = Held(listed, "**/customers")
    listed.get_by_role("link", name="View Customers").click()
    dialog = listed.get_by_role("dialog")
    expect(dialog).to_be_visible()
    if way == "Escape":
        listed.keyboard.press("Escape")
    else:
        dialog.get_by_role("button", name="Close").click()

    expect(dialog).to_be_hidden()
    expect(listed.get_by_role("button", name=menu_of(NEWSLETTER), exact=True)).to_be_focused()
    held.let_go()
    listed.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(dialog).to_be_hidden()


def test_an_answer_that_arrives_although_it_was_stopped_is_not_shown(listed: Page) -> None:
    listed.evaluate(
        "() => { const ask = window.fetch; window.fetch = (to, how) => ask(to, { ...how, signal: null }); }"
    )
    held = Held(listed, "**/customers")
    listed.get_by_role("link", name="View Customers").click()
    dialog = listed.get_by_role("dialog")
    expect(dialog).to_be_visible()
    listed.keyboard.press("Escape")
    with listed.expect_event("requestfinished"):
        held.let_go()
    listed.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(dialog).to_be_hidden()
    assert "/customers" not in listed.url


def test_content_and_the_step_back_from_it_are_there_at_the_same_time(listed: Page) -> None:
    listed.get_by_role("link", name="View Customers").click()
    dialog = listed.get_by_role("dialog")
    expect(dialog).to_contain_text(PEOPLE[0])
    # What a key does right after the content is there: the next task of the browser.
    listed.evaluate("""() => {
        const next = new MessageChannel();
        next.port1.onmessage = () => { document.body.dataset.depth ??= history.state.dialog; };
        new MutationObserver(() => next.port2.postMessage(""))
            .observe(document.getElementById("dialog"), { childList: true });
    }""")
    dialog.get_by_role("link", name=f"Edit {PEOPLE[0]}").click()
    expect(dialog.get_by_role("heading", level=2)).to_have_text("Edit Customer")
    expect(listed.locator("body")).to_have_attribute("data-depth", "2")


def test_escape_closes_a_dialog_that_loads_again_on_the_way_forward(listed: Page) -> None:
    address = listed.url
    listed.get_by_role("link", name="View Customers").click()
    dialog = listed.get_by_role("dialog")
    expect(dialog).to_contain_text(PEOPLE[0])
    listed.go_back()
    expect(dialog).to_be_hidden()
    held = Held(listed, "**/customers")
    listed.evaluate("history.forward()")
    expect(dialog).to_have_attribute("aria-busy", "true")
    listed.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert listed.url == address
    held.let_go()


def test_escape_while_the_next_dialog_loads_stays_in_the_one_that_is_open(listed: Page) -> None:
    listed.get_by_role("link", name="View Customers").click()
    dialog = listed.get_by_role("dialog")
    expect(dialog).to_contain_text(PEOPLE[0])
    held = Held(listed, "**/edit?**")
    dialog.get_by_role("link", name=f"Edit {PEOPLE[0]}").click()
    expect(dialog).to_have_attribute("aria-busy", "true")

    listed.keyboard.press("Escape")

    held.let_go()
    expect(dialog).not_to_have_attribute("aria-busy", "true")
    expect(dialog.get_by_role("heading", level=2)).to_have_text("View Customers")
    dialog.get_by_role("link", name=f"Edit {PEOPLE[0]}").click()
    expect(dialog.get_by_role("heading", level=2)).to_have_text("Edit Customer")


def test_without_an_answer_it_closes_and_says_so(listed: Page, watched: Watched) -> None:
    watched.expect_no_answer()
    listed.route("**/customers", lambda route: route.abort())
    listed.get_by_role("link", name="View Customers").click()

    expect(listed.get_by_text("This could not be loaded.")).to_be_visible()
    expect(listed.get_by_role("dialog")).to_be_hidden()
