"""The console in a real browser, on the real command: one running `rollcall up` and one chromium per file of tests.

A test takes `console` to put data in and `page` to look at it; `page` is signed in, begins empty in each test, and
fails it at the end for anything that `watching.Watched` notes. Statuses of 400 and above are announced beforehand with
`watched.expect(422)`. Where there is no chromium, the tests are left out and the run says so in its last lines.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.chromium import LEFT_OUT, browser_of, chromium
from tests.browser.console import Console
from tests.browser.watching import Watched

PATIENCE = 20_000  # milliseconds; only what fails waits as long
expect.set_options(timeout=PATIENCE)


# Per file, not per run: while Playwright is open, nothing else in its process can start an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip(LEFT_OUT)
    with browser_of(program) as running:
        yield running


@pytest.fixture(scope="module")
def console(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """The running command, with its owner signed in."""
    made = Console(tmp_path_factory.mktemp("console") / "home")
    try:
        made.declare()
        made.sign_in(browser)
        yield made
    finally:
        made.close()


@pytest.fixture
def context(browser: Browser, console: Console) -> Iterator[BrowserContext]:
    made = signed_in(browser, console)
    yield made
    made.close()


@pytest.fixture
def watched(context: BrowserContext, console: Console) -> Watched:
    return Watched(context, console.url)


@pytest.fixture
def page(context: BrowserContext, watched: Watched) -> Iterator[Page]:
    made = context.new_page()
    yield made
    if not made.is_closed():
        made.evaluate("0")  # whatever the browser had to say until now has arrived afterwards
    assert watched.complaints() == []


@pytest.fixture
def stranger(browser: Browser, console: Console) -> Iterator[Page]:
    """A page of somebody who is not signed in."""
    context = browser.new_context(base_url=console.url)
    watched = Watched(context, console.url)
    made = context.new_page()
    made.set_default_timeout(PATIENCE)
    yield made
    made.evaluate("0")
    context.close()
    assert watched.complaints() == []


def signed_in(browser: Browser, console: Console) -> BrowserContext:
    """A browser of the console's owner, with a clipboard and without animations."""
    context = browser.new_context(
        base_url=console.url, storage_state=console.session, reduced_motion="reduce", color_scheme="light",
        permissions=["clipboard-read", "clipboard-write"], viewport={"width": 1280, "height": 900},
    )  # fmt: skip
    context.set_default_timeout(PATIENCE)
    return context
