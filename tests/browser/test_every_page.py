"""Every page and dialog of the console works for everyone; and every page is really among them.

Each is opened once: read by axe's rules in both colour schemes, gone through by the Tab key, narrowed to the smallest
screen, and, if it is a dialog, left by Escape.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html import unescape

import pytest
from fastapi.routing import APIRoute
from httpx import Client
from playwright.sync_api import Page, expect
from starlette.routing import Match

from api.console.app import ROUTERS
from api.console.paths import CONSOLE_PATH
from tests.support.browser.console import Console
from tests.support.browser.keyboard import focus_is_in_dialog, tab_through
from tests.support.browser.looking import dark_findings, findings, labels_sticking_out, wider_than_the_screen
from tests.support.browser.sights import MENUS, NOT_PAGES, SIGHTS, Sight, name_of, target
from tests.support.browser.watching import Watched
from tests.support.browser.windows import WIDE, Window
from tests.support.full_size import FULL_SIZE

OF_EACH_KIND = 12 if FULL_SIZE else 5
# Where a person who is not signed in, or who has just filled in a form, is led without a link.
LED_TO = {
    "/sign-in", "/sign-in/{token}", "/jobs/{job_id}", "/take-back", "/customers/count", "/customers/filter",
}  # fmt: skip
ROUTES = [
    route
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and "GET" in (route.methods or set())
]


@pytest.fixture(scope="module")
def pages(window: Window, window_beside: Window, console: Console) -> Iterator[dict[bool, Page]]:
    """One page that is signed in and one that is not."""
    with window.page_for(console.session) as signed_in, window_beside.page_for(None) as stranger:
        yield {True: signed_in, False: stranger}


@pytest.fixture
def eyes(pages: dict[bool, Page], watched: Watched, sight: Sight) -> Iterator[Page]:
    """A page of a person who may see the sight."""
    if sight.status >= 400:
        watched.expect(sight.status)
    page = pages[sight.signed_in]
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    with watched.over(page.context):
        yield page
        page.evaluate("0")


def route_of(path: str) -> str:
    """The route of the application that answers an address."""
    scope = {"type": "http", "method": "GET", "path": path.partition("?")[0], "root_path": "", "headers": []}
    return next((route.path for route in ROUTES if route.matches(scope)[0] == Match.FULL), "")


def test_every_page_of_the_application_is_looked_at(ids: dict[str, str]) -> None:
    """A new page without a sight fails here: give it one in `sights.py`."""
    seen = {route_of(sight.address(ids).removeprefix(CONSOLE_PATH)) for sight in SIGHTS} - {""}
    assert {route.path for route in ROUTES} - set(NOT_PAGES) == seen


def test_every_page_is_reached_by_links_from_the_segments_page(console: Console, ids: dict[str, str]) -> None:
    """Without typing an address; several pages of each kind are looked at, because they link to different things."""
    assert console.session is not None
    cookies = {cookie["name"]: cookie["value"] for cookie in console.session["cookies"]}
    waiting, seen = [f"{CONSOLE_PATH}/segments"], Counter[str]()
    with Client(base_url=console.url, cookies=cookies) as client:
        while waiting:
            address = waiting.pop()
            route = route_of(address.removeprefix(CONSOLE_PATH))
            if not route or route in NOT_PAGES or seen[route] >= OF_EACH_KIND:
                continue
            seen[route] += 1
            waiting += map(unescape, re.findall(r'href="(/console/[^"#]+)"', client.get(address).text))
    assert {route.path for route in ROUTES} - set(NOT_PAGES) - set(seen) == LED_TO


@pytest.mark.parametrize("sight", SIGHTS, ids=name_of)
def test_a_page_works_by_axes_rules_by_keyboard_and_on_the_narrowest_screen(
    eyes: Page, ids: dict[str, str], sight: Sight
) -> None:
    problems: list[str] = []
    sight.open(eyes, ids, press=lambda place: place.press("Enter"))
    if sight.opens_dialog and not focus_is_in_dialog(eyes):
        problems.append("the dialog opens without the focus")
    problems += findings(eyes) + dark_findings(eyes)
    journey = tab_through(eyes)
    problems += [f"never reached by Tab: {place}" for place in journey.unreached]
    problems += [f"focused and not visible: {place}" for place in journey.unseen]
    eyes.set_viewport_size({"width": 320, "height": 700})
    problems += [f"wider than the screen: {found}" for found in wider_than_the_screen(eyes)[:12]]
    problems += [f"a label lies over another: {found}" for found in labels_sticking_out(eyes)]
    assert not problems, f"{eyes.url}\n" + "\n".join(problems)
    if sight.opens_dialog:
        eyes.set_viewport_size(WIDE)
        leave_by_escape(eyes, ids, sight)


def leave_by_escape(page: Page, ids: dict[str, str], sight: Sight) -> None:
    """Close the dialogs one at a time; each gives the focus back to what opened it."""
    within = [step for step in sight.steps if not step.startswith(MENUS)]
    for step in reversed(within[1:]):
        page.keyboard.press("Escape")
        expect(target(page, step.format(**ids))).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(target(page, sight.steps[0].format(**ids))).to_be_focused()
