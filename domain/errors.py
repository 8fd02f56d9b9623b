"""Every error that Rollcall reports, by what the caller can do about it.

Raised by `domain` and `projections`; `api.http.problems` turns them into RFC 9457 answers and
`consumers.ingest` into dead letters. Any other exception is a bug in Rollcall.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from domain.texts.language import said


class FieldError(NamedTuple):
    """One mistake in a request: where (a JSON pointer), which kind, and how to fix it."""

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
    """The request can be read, but contains something that Rollcall cannot store."""

    @classmethod
    def of(cls, mistakes: Sequence[FieldError]) -> Invalid:
        """Some mistakes, of which the first is named."""
        pointer, code, detail = mistakes[0]
        return cls(code, said("%(pointer)s: %(detail)s", pointer=pointer, detail=detail), mistakes)

    @classmethod
    def at(cls, pointer: str, code: str, detail: str) -> Invalid:
        """One mistake at one place."""
        return cls(code, detail, [FieldError(pointer, code, detail)])


class NotFound(Rejected):
    """The caller's account has no such segment, customer, campaign, key or person."""


class Refused(Rejected):
    """A rule forbids it in the present state (members are computed, still in use)."""


class StaleVersion(Rejected):
    """The optimistic lock failed: another writer was first. Read again, then decide."""

    def __init__(self, detail: str, current: int | None = None) -> None:
        super().__init__("stale_version", detail)
        self.current = current


class SourceMoved(Rejected):
    """Another process moved the position of a Kafka partition: nothing was stored; read on from where it is now."""

    def __init__(self, source: str) -> None:
        super().__init__("stale_tracking", f"{source} was moved by another process")
        self.source = source


class Unavailable(RollcallError):
    """The database or the broker is unavailable: try again later, nothing was stored."""


class Lagging(RollcallError):
    """The read model did not reach the wanted position in time: ask again."""


class Corrupt(RollcallError):
    """An invariant is broken, which is a bug. The process stops rather than serve a wrong answer."""
