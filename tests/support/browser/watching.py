"""What no page of the console may do: `Watched` notes it, and the fixtures fail the test with it at the end.

An error or warning in the browser's console (a breach of the content security policy is one), an uncaught exception,
a request to another origin, a request that failed, an answer of 400 and above that the test did not announce.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError

# The browser ends these itself: a page that is left, a search that a newer one replaces, an answer that is a file.
GIVEN_UP = "net::ERR_ABORTED"
SAYS_STATUS = "Failed to load resource: the server responded with a status of "


class Watched:
    """The complaints about every page of some browser contexts at one origin."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._expected: set[int] = set()
        self._complaints: list[str] = []
        self._statuses: list[tuple[int, str]] = []
        self._away = False

    @contextmanager
    def over(self, context: BrowserContext) -> Iterator[None]:
        """Watch every page of a context, those that it will open too, until the end of the block."""
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", self._request)
        context.on("requestfailed", self._failed)
        context.on("response", self._response)
        yield
        context.remove_listener("console", self._console)
        context.remove_listener("weberror", self._error)
        context.remove_listener("request", self._request)
        context.remove_listener("requestfailed", self._failed)
        context.remove_listener("response", self._response)

    def expect(self, *statuses: int) -> None:
        """Announce answers of 400 and above that belong to this test."""
        self._expected |= set(statuses)

    def expect_no_answer(self) -> None:
        """Announce that the server will be away for a while."""
        self._away = True

    def complaints(self) -> list[str]:
        """What happened so far that should not have."""
        unexpected = [f"{status}: {what}" for status, what in self._statuses if status not in self._expected]
        missing = self._expected - {status for status, _ in self._statuses}
        return [*self._complaints, *unexpected, *(f"{status} was announced and never came" for status in missing)]

    def _console(self, message: ConsoleMessage) -> None:
        # The statuses themselves are looked at in `_response`.
        no_answer = self._away and ("net::ERR_" in message.text or "Failed to fetch" in message.text)
        if (
            message.type in {"error", "warning", "assert"}
            and not message.text.startswith(SAYS_STATUS)
            and not no_answer
        ):
            self._complaints.append(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def _error(self, error: WebError) -> None:
        self._complaints.append(f"uncaught: {error.error.message}\n{error.error.stack}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self._origin}/", "data:", "blob:")):
            self._complaints.append(f"leaves the origin: {request.method} {request.url}")

    def _failed(self, request: Request) -> None:
        if request.failure != GIVEN_UP and not self._away:
            self._complaints.append(f"failed: {request.method} {request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self._statuses.append((response.status, f"{response.request.method} {response.url}"))
