"""What can go wrong: one class for each thing that a program may want to do about it.

The server's errors are RFC 9457 problems; each becomes the class of its status, with everything that it said.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class RollcallError(Exception):
    """Any error of this package."""


class Unreachable(RollcallError):
    """There was no answer: no connection, or it was lost. What a write said may have been stored."""


class StreamCutOff(RollcallError):
    """A stream ended before its last line: what was read is not all of it. Read it again."""


class Mistake(NamedTuple):
    """One thing that is wrong with a request: a JSON pointer to it, its kind, and how to put it right."""

    pointer: str
    code: str
    detail: str


class Problem(RollcallError):
    """The server refused. `code` is for programs, `detail` for people, `mistakes` name the places."""

    def __init__(self, status: int, body: dict[str, Any], request_id: str | None = None) -> None:
        self.status = status
        self.code: str = body.get("code", "unknown")
        self.detail: str = body.get("detail", "")
        self.mistakes = [Mistake(each["pointer"], each["code"], each["detail"]) for each in body.get("errors", [])]
        self.body = body
        self.request_id = request_id
        places = "".join(f"\n  {each.pointer}: {each.detail}" for each in self.mistakes)
        super().__init__(f"{status} {self.code}: {self.detail}{places}")


class Invalid(Problem):
    """400, 406, 413, 415, 422: the request says something that cannot be read or stored; nothing was."""


class Unauthorized(Problem):
    """401: the key is missing, wrong or revoked."""


class Forbidden(Problem):
    """403: the key is of a kind that may not do this."""


class NotFound(Problem):
    """404: the account has nothing with this id."""


class Conflict(Problem):
    """409: a rule forbids it in the current state."""


class Gone(Problem):
    """410: what was requested is no longer kept. `next_after` is from where changes can be followed again."""

    @property
    def next_after(self) -> int | None:
        """The cursor that the server names, if it does."""
        given = self.body.get("next_after")
        return given if isinstance(given, int) else None


class StaleVersion(Problem):
    """412: it was changed since the version that was given. `current_version` is the one there is now."""

    @property
    def current_version(self) -> int | None:
        """The version there is now, if the server says it."""
        given = self.body.get("current_version")
        return given if isinstance(given, int) else None


class TryLater(Problem):
    """408, 429, 503, 504: not now, also after repeats. Nothing was stored, unless `detail` says so."""


class ServerFault(Problem):
    """500: a fault of the server. Report `request_id`."""


_OF_STATUS: dict[int, type[Problem]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    412: StaleVersion,
    **dict.fromkeys((400, 405, 406, 413, 415, 422), Invalid),
    **dict.fromkeys((408, 429, 502, 503, 504), TryLater),
}


def problem_of(status: int, body: object, request_id: str | None = None) -> Problem:
    """Returns the error for an answer; one that is no problem, as of a proxy, has the code `unknown`."""
    said = body if isinstance(body, dict) else {}
    return _OF_STATUS.get(status, ServerFault if status >= 500 else Invalid)(status, said, request_id)
