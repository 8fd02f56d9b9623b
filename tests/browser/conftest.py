"""The console in a real browser, on the real command: one `rollcall up` and one chromium per test process.

Each file of tests has an account of its own. A test takes `console` to put data in and `page` to look at it; `page` is
signed in, begins empty in each test, and fails it at the end for anything that `watching.Watched` notes. Statuses of
400 and above are announced beforehand with `watched.expect(422)`. Where there is no chromium, the tests are left out
and the run says so in its last lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, ViewportSize, expect

from tests.support.browser.chromium import LEFT_OUT, browser_of, chromium
from tests.support.browser.console import Console, new_account, without_kafka
from tests.support.browser.scenery import furnish
from tests.support.browser.sights import Sight
from tests.support.browser.watching import Watched
from tests.support.running_product import RunningProduct

WIDE: ViewportSize = {"width": 1280, "height": 900}
PATIENCE = 20_000  # milliseconds; only what fails waits as long
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip(LEFT_OUT)
    with browser_of(program) as running:
        yield running


@pytest.fixture(scope="session")
def product(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProduct]:
    """The running command; without a browser it is not even started."""
    with without_kafka(tmp_path_factory.mktemp("console") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def console(browser: Browser, product: RunningProduct, request: pytest.FixtureRequest) -> Iterator[Console]:
    """An account of this file's own, with its owner signed in."""
    name = request.path.relative_to(request.config.rootpath / "tests/browser").with_suffix("").as_posix()
    with new_account(product, name.replace("/", "-")) as made:
        made.declare()
        made.sign_in(browser)
        yield made


@pytest.fixture
def watched(console: Console) -> Iterator[Watched]:
    """The watch over the pages of this test."""
    made = Watched(console.url)
    yield made
    assert made.complaints() == []


@pytest.fixture
def context(browser: Browser, console: Console, watched: Watched) -> Iterator[BrowserContext]:
    """A browser window of the console's owner."""
    with window(browser, console, watched, session=console.session) as made:
        yield made


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A page of a person who is signed in."""
    return context.new_page()


@pytest.fixture
def stranger(browser: Browser, console: Console, watched: Watched) -> Iterator[Page]:
    """A page of a person who is not signed in."""
    with window(browser, console, watched, session=None) as made:
        yield made.new_page()


@pytest.fixture(scope="module")
def ids(console: Console) -> dict[str, str]:
    """What `sights` shows, by id."""
    return furnish(console)


@pytest.fixture(scope="module")
def windows(browser: Browser, console: Console) -> Iterator[dict[bool, Page]]:
    """One page that is signed in and one that is not, for tests that only look: what was fetched once stays fetched."""
    contexts = {
        signed_in: new_context(browser, console, console.session if signed_in else None) for signed_in in (True, False)
    }
    yield {signed_in: context.new_page() for signed_in, context in contexts.items()}
    for context in contexts.values():
        context.close()


@pytest.fixture
def eyes(windows: dict[bool, Page], watched: Watched, sight: Sight) -> Iterator[Page]:
    """A page of a person who may see the sight."""
    if sight.status >= 400:
        watched.expect(sight.status)
    page = windows[sight.signed_in]
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    with watched.over(page.context):
        yield page
        page.evaluate("0")


@contextmanager
def window(
    browser: Browser, console: Console, watched: Watched, session: StorageState | None
) -> Iterator[BrowserContext]:
    """A browser window of its own."""
    context = new_context(browser, console, session)
    try:
        with watched.over(context):
            yield context
            for page in context.pages:
                page.evaluate("0")  # whatever the browser had to say until now has arrived after this
    finally:
        context.close()


def new_context(browser: Browser, console: Console, session: StorageState | None) -> BrowserContext:
    """A new window with a clipboard and without animations."""
    context = browser.new_context(
        base_url=console.url, storage_state=session, reduced_motion="reduce", color_scheme="light",
        permissions=["clipboard-read", "clipboard-write"], viewport=WIDE,
    )  # fmt: skip
    context.set_default_timeout(PATIENCE)
    return context
