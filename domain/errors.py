"""Every way in which Rollcall says no, by what the caller can do about it.

Raised by `domain` and `projections`; `api.http.problems` turns them into RFC 9457 answers and
`consumers.ingest` into dead letters. An exception that is not one of these is our own bug.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class FieldError(NamedTuple):
    """One mistake in a request: where (a JSON pointer), which kind, and how to mend it."""

    pointer: str
    code: str
    detail: str


class RollcallError(Exception):
    """The root of the family: a stable `code` for programs and a `detail` for people."""

    def __init__(self, code: str, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)


class Rejected(RollcallError):
    """The caller's mistake: repeating the same request can never succeed."""


class Invalid(Rejected):
    """The request is readable but says something that Rollcall cannot store."""

    @classmethod
    def at(cls, pointer: str, code: str, detail: str) -> Invalid:
        """One mistake at one place."""
        return cls(code, detail, [FieldError(pointer, code, detail)])


class NotFound(Rejected):
    """No such thing in the caller's account."""


class Refused(Rejected):
    """A rule of the product forbids it in the present state (members are computed, still in use)."""


class StaleVersion(Rejected):
    """Somebody else was first: read again, then decide."""

    def __init__(self, detail: str, current: int | None = None) -> None:
        super().__init__("stale_version", detail)
        self.current = current


class SourceMoved(Rejected):
    """Another process moved the position of a Kafka partition: nothing was stored; read on from where it is now."""

    def __init__(self, source: str) -> None:
        super().__init__("stale_tracking", f"{source} was moved by another process")


class Unavailable(RollcallError):
    """The database or the broker is away: try again later, nothing was stored."""


class Lagging(RollcallError):
    """The read models did not reach the wanted position in time: ask again."""


class Corrupt(RollcallError):
    """An invariant is broken: our own bug. The process stops rather than serve a wrong answer."""
