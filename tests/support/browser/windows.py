"""Browser windows that stay open from one test to the next: opening one takes longer than most tests.

What a test leaves behind goes with its end: its cookies, routes, further pages, what it stored and where it was.
What was fetched once stays fetched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, Page, StorageState, ViewportSize

WIDE: ViewportSize = {"width": 1280, "height": 900}
PATIENCE = 20_000  # milliseconds; only what fails waits as long
NOWHERE = "/livez"  # an address of the same origin without scripts: the browser keeps the process that it has
BESIDE = (-1, -1)  # where the mouse is over nothing
FORGET = "() => { try { localStorage.clear(); sessionStorage.clear(); } catch { /* it was nowhere yet */ } }"


class Window:
    """A window with a clipboard and without animations, and the page that is always open in it."""

    def __init__(self, browser: Browser, url: str, *, scripts: bool = True) -> None:
        self.context: BrowserContext = browser.new_context(
            base_url=url, reduced_motion="reduce", color_scheme="light", java_script_enabled=scripts,
            permissions=["clipboard-read", "clipboard-write"], viewport=WIDE,
        )  # fmt: skip
        self.context.set_default_timeout(PATIENCE)
        self._page = self.context.new_page()

    @contextmanager
    def page_for(self, session: StorageState | None) -> Iterator[Page]:
        """Provides its page, signed in with the session if there is one, and clears it afterwards."""
        self.context.clear_cookies()
        if session is not None:
            self.context.add_cookies(session["cookies"])  # type: ignore[arg-type]
        page = self._page
        page.set_viewport_size(WIDE)
        page.emulate_media(color_scheme="light", forced_colors="none", reduced_motion="reduce")
        page.mouse.move(*BESIDE)
        page.bring_to_front()
        try:
            yield page
        finally:
            self._leave()

    def _leave(self) -> None:
        """Leave what the test looked at; whatever the browser had to say about it has arrived after this."""
        for page in self.context.pages:
            if page is not self._page:
                page.evaluate("0")
                page.close()
        self._page.unroute_all(behavior="ignoreErrors")
        self._page.evaluate(FORGET)
        self._page.goto(NOWHERE)

    def close(self) -> None:
        self.context.close()
