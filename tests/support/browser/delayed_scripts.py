"""A page whose scripts have not arrived yet, as on a slow connection: what a person does meanwhile must count."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, Route

HTMX = "**/vendor/htmx.min.js*"


@contextmanager
def scripts_delayed(page: Page, address: str) -> Iterator[None]:
    """Open the page and hold its scripts back until the end of the block."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(HTMX, hold)
    with page.expect_request(HTMX):
        page.goto(address, wait_until="commit")
    yield
    held[0].continue_()
    page.unroute(HTMX)
