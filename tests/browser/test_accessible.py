"""Every page and dialog of the console is for everybody: by axe's rules, at 320 px, by keyboard, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Browser, Page, expect
from starlette.routing import Match

from api.console.app import ROUTERS
from api.console.rendering import PLACE
from tests.browser.conftest import window
from tests.browser.console import Console
from tests.browser.keyboard import Journey, tab_through
from tests.browser.looking import accessible, both_schemes, wider_than_the_screen
from tests.browser.scenery import furnish
from tests.browser.sights import NOT_PAGES, SIGHTS, Sight, target
from tests.browser.watching import Watched

ROUTES = [
    route
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and "GET" in (route.methods or set())
]
DIALOGS = [sight for sight in SIGHTS if sight.opens_dialog]


def name_of(sight: Sight) -> str:
    return sight.name


@pytest.fixture(scope="module")
def ids(console: Console) -> dict[str, str]:
    return furnish(console)


@pytest.fixture
def eyes(browser: Browser, console: Console, watched: Watched, sight: Sight) -> Iterator[Page]:
    """A page of the person who may see the sight."""
    if sight.status >= 400:
        watched.expect(sight.status)
    with window(browser, console, watched, session=console.session if sight.signed_in else None) as context:
        yield context.new_page()


def route_of(path: str) -> str:
    """The route of the application that answers an address."""
    scope = {"type": "http", "method": "GET", "path": path.partition("?")[0], "root_path": "", "headers": []}
    return next((route.path for route in ROUTES if route.matches(scope)[0] == Match.FULL), "")


def test_every_page_of_the_application_is_looked_at(ids: dict[str, str]) -> None:
    """A new page without a sight fails here: give it one in `sights.py`."""
    seen = {route_of(sight.address(ids).removeprefix(PLACE)) for sight in SIGHTS} - {""}
    assert {route.path for route in ROUTES} - set(NOT_PAGES) == seen


@pytest.mark.parametrize("sight", SIGHTS, ids=name_of)
def test_axe_finds_nothing_in_light_and_in_dark(eyes: Page, ids: dict[str, str], sight: Sight) -> None:
    sight.open(eyes, ids)
    both_schemes(eyes, accessible)


@pytest.mark.parametrize("sight", SIGHTS, ids=name_of)
def test_nothing_scrolls_sideways_at_320_pixels(eyes: Page, ids: dict[str, str], sight: Sight) -> None:
    eyes.set_viewport_size({"width": 320, "height": 700})
    sight.open(eyes, ids)
    assert wider_than_the_screen(eyes) == []


@pytest.mark.parametrize("sight", SIGHTS, ids=name_of)
def test_everything_is_reached_by_tab_and_one_sees_where_one_is(eyes: Page, ids: dict[str, str], sight: Sight) -> None:
    sight.open(eyes, ids)
    assert tab_through(eyes) == Journey(unseen=[], unreached=[])


@pytest.mark.parametrize("sight", DIALOGS, ids=name_of)
def test_a_dialog_opens_by_enter_closes_by_escape_and_gives_the_focus_back(
    eyes: Page, ids: dict[str, str], sight: Sight
) -> None:
    sight.open(eyes, ids, press=lambda place: place.press("Enter"))
    dialog = eyes.get_by_role("dialog")
    assert dialog.evaluate("dialog => dialog.contains(document.activeElement)")
    eyes.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(target(eyes, sight.steps[0])).to_be_focused()
    both_schemes(eyes, accessible)
