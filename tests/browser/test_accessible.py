"""Every page and dialog of the console by axe's rules, in light and in dark; and every page is really among them."""

from __future__ import annotations

import re
from collections import Counter
from html import unescape

import pytest
from fastapi.routing import APIRoute
from httpx import Client
from playwright.sync_api import Page
from starlette.routing import Match

from api.console.app import ROUTERS
from api.console.web.rendering import CONSOLE_PATH
from tests.support.browser.console import Console
from tests.support.browser.looking import accessible, both_schemes
from tests.support.browser.sights import NOT_PAGES, SIGHTS, Sight, name_of

OF_EACH_KIND = 12
# Where a person who is not signed in, or who has just uploaded a file, is led without a link.
LED_TO = {"/sign-in", "/sign-in/{token}", "/segments/{segment_id}/imports/{import_id}"}
ROUTES = [
    route
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and "GET" in (route.methods or set())
]


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
def test_axe_finds_nothing_in_light_and_in_dark(eyes: Page, ids: dict[str, str], sight: Sight) -> None:
    sight.open(eyes, ids)
    both_schemes(eyes, accessible)
