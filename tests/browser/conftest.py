"""The console in a real browser, on the real command: one `rollcall up` and one chromium per test process.

Each file of tests has an account of its own. A test takes `console` to put data in and `page` to look at it; `page` is
signed in, stays open from test to test (see `windows`), and fails each at its end for anything that `watching.Watched`
notes. Statuses of 400 and above are announced beforehand with `watched.expect(422)`. Where there is no chromium, the
tests are left out and the run says so in its last lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser.chromium import LEFT_OUT, browser_of, chromium
from tests.support.browser.console import Console, new_account, without_kafka
from tests.support.browser.scenery import furnish
from tests.support.browser.watching import Watched
from tests.support.browser.windows import PATIENCE, Window
from tests.support.running_product import RunningProduct

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


@pytest.fixture(scope="session")
def window(browser: Browser, product: RunningProduct) -> Iterator[Window]:
    with closing(Window(browser, product.url)) as made:
        yield made


@pytest.fixture(scope="session")
def window_beside(browser: Browser, product: RunningProduct) -> Iterator[Window]:
    with closing(Window(browser, product.url)) as made:
        yield made


@pytest.fixture(scope="session")
def window_without_scripts(browser: Browser, product: RunningProduct) -> Iterator[Window]:
    with closing(Window(browser, product.url, scripts=False)) as made:
        yield made


@pytest.fixture
def page(window: Window, console: Console, watched: Watched) -> Iterator[Page]:
    """A page of the console's owner, who is signed in."""
    with watched.over(window.context), window.page_for(console.session) as made:
        yield made


@pytest.fixture
def stranger(window_beside: Window, watched: Watched) -> Iterator[Page]:
    """A page of a person who is not signed in."""
    with watched.over(window_beside.context), window_beside.page_for(None) as made:
        yield made


@pytest.fixture
def elsewhere(window_beside: Window, console: Console, watched: Watched) -> Iterator[Page]:
    """The owner's page in a window of its own: of two pages in one window, the hidden one works once a second."""
    with watched.over(window_beside.context), window_beside.page_for(console.session) as made:
        yield made


@pytest.fixture
def plain(window_without_scripts: Window, console: Console, watched: Watched) -> Iterator[Page]:
    """A page of the owner in a browser that runs no scripts."""
    with watched.over(window_without_scripts.context), window_without_scripts.page_for(console.session) as made:
        yield made


@pytest.fixture(scope="module")
def ids(console: Console) -> dict[str, str]:
    """What `sights` shows, by id."""
    return furnish(console)
