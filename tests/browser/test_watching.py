"""The checks of every page find what they look for: each fault is planted here once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser.keyboard import tab_through
from tests.support.browser.looking import findings, labels_sticking_out, wider_than_the_screen
from tests.support.browser.watching import Watched

GOOD = "<!doctype html><html lang=en><title>A page</title><main><h1>A page</h1></main>"
ICON = "<link rel=icon href='data:,'>"
PAGES = {
    "/good": ICON,
    "/error": f"{ICON}<script src=/error.js></script>",
    "/warning": f"{ICON}<script src=/warning.js></script>",
    "/uncaught": f"{ICON}<script src=/uncaught.js></script>",
    "/inline": f"{ICON}<p style='color: red'>red</p>",
    "/elsewhere": f"{ICON}<img alt='' src='http://elsewhere.invalid/picture.png'>",
    "/missing": f"{ICON}<img alt='' src='/picture.png'>",
    "/wide": f"{ICON}<div style='width: 400px'>wide</div>",
    "/bursting": f"{ICON}<table><td data-label=Label style='display: block; height: 9px'>one<br>two</table>",
    "/unseen": f"{ICON}<a href=/good>seen</a><a href=/error style='outline: none'>unseen</a>",
    "/trap": f"{ICON}<a href=/good>one</a><a href=/good>two</a><a href=/good>three</a><script src=/trap.js></script>",
    "/nameless": f"{ICON}<main><img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='></main>",
}
SCRIPTS = {
    "/error.js": "console.error('something went wrong')",
    "/warning.js": "console.warn('something looks wrong')",
    "/uncaught.js": "undefined.nothing()",
    "/trap.js": """onkeydown = event => {
        if (document.activeElement !== document.links[1]) return;
        document.links[0].focus();
        event.preventDefault();
    }""",
}


class Site(BaseHTTPRequestHandler):
    """Pages that do what none may do."""

    def do_GET(self) -> None:
        known = self.path in PAGES or self.path in SCRIPTS
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "text/javascript" if self.path in SCRIPTS else "text/html")
        if self.path == "/inline":
            self.send_header("Content-Security-Policy", "default-src 'self'; img-src data:")
        self.end_headers()
        self.wfile.write((SCRIPTS.get(self.path) or GOOD + PAGES.get(self.path, "")).encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    made = browser.new_page(viewport={"width": 320, "height": 700})
    yield made
    made.close()


def complaints_at(page: Page, site: str, path: str, *expected: int) -> list[str]:
    watched = Watched(site)
    watched.expect(*expected)
    with watched.over(page.context):
        page.goto(site + path, wait_until="load")
        page.evaluate("0")
    return watched.complaints()


def test_a_page_that_does_nothing_wrong_passes(page: Page, site: str) -> None:
    assert complaints_at(page, site, "/good") == []


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("/error", "console error: something went wrong"),
        ("/warning", "console warning: something looks wrong"),
        ("/uncaught", "uncaught: Cannot read properties of undefined"),
        ("/inline", "Content Security Policy"),
        ("/elsewhere", "leaves the origin: GET http://elsewhere.invalid/picture.png"),
        ("/missing", "404: GET "),
    ],
)
def test_each_thing_that_no_page_may_do_is_noticed(page: Page, site: str, path: str, complaint: str) -> None:
    assert any(complaint in found for found in complaints_at(page, site, path))


def test_a_status_that_the_test_announced_is_no_complaint(page: Page, site: str) -> None:
    assert complaints_at(page, site, "/missing", 404) == []


def test_a_status_that_was_announced_must_come(page: Page, site: str) -> None:
    assert complaints_at(page, site, "/good", 404) == ["404 was announced and never came"]


def test_axe_finds_a_picture_without_a_text(page: Page, site: str) -> None:
    page.goto(site + "/nameless")
    assert any(found.startswith("image-alt") for found in findings(page))


def test_what_is_wider_than_the_screen_is_found(page: Page, site: str) -> None:
    page.goto(site + "/good")
    assert wider_than_the_screen(page) == []
    page.goto(site + "/wide")
    assert "<div" in wider_than_the_screen(page)[1]


def test_a_label_that_lies_over_another_is_found(page: Page, site: str) -> None:
    page.goto(site + "/bursting")
    assert [found.split(":")[0] for found in labels_sticking_out(page)] == ["Label"]


def test_losing_sight_of_the_focus_is_found(page: Page, site: str) -> None:
    page.goto(site + "/unseen")
    journey = tab_through(page)
    assert (len(journey.unseen), journey.unreached) == (1, [])
    assert ">unseen<" in journey.unseen[0]


def test_a_trap_for_the_focus_is_found(page: Page, site: str) -> None:
    page.goto(site + "/trap")
    journey = tab_through(page)
    assert journey.unseen == []
    assert [">three<" in place for place in journey.unreached] == [True]
