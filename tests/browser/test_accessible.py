"""Every page and dialog of the console by axe's rules, in light and in dark; and every page is really among them."""

from __future__ import annotations

import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Page
from starlette.routing import Match

from api.console.app import ROUTERS
from api.console.rendering import PLACE
from tests.browser.looking import accessible, both_schemes
from tests.browser.sights import NOT_PAGES, SIGHTS, Sight, name_of

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
    seen = {route_of(sight.address(ids).removeprefix(PLACE)) for sight in SIGHTS} - {""}
    assert {route.path for route in ROUTES} - set(NOT_PAGES) == seen


@pytest.mark.parametrize("sight", SIGHTS, ids=name_of)
def test_axe_finds_nothing_in_light_and_in_dark(eyes: Page, ids: dict[str, str], sight: Sight) -> None:
    sight.open(eyes, ids)
    both_schemes(eyes, accessible)
