"""The parts of the log, each of ten million positions: which there are, and how an old one is set aside and taken back.

Called by `rollcall log`, as the database's owner. A part that is set aside is a table of its own, to be dumped, moved
and dropped; in its place stays a small one with all but the changes of known customers, so that segments, campaigns,
members and the ids of customers are found as before. Customers that are erased meanwhile are noted, and their values
removed from a part before it is taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection, sql
from psycopg.errors import LockNotAvailable

from domain.errors import NotFound, Refused, Unavailable
from projections.postgres.database import beside, operator_errors

SQL = beside(__file__)
# As in `checkpoint`: no rebuild reads the log meanwhile.
_COPY_LOCK = 7305469
# How long a part waits for those that read the log, and new readers for it.
READERS_WAIT = "2s"


class LogPart(NamedTuple):
    """Positions from `first` to `last`. `name` is the table that is read, `set_aside` the whole one if that is not."""

    first: int
    last: int
    name: str
    set_aside: str | None
    size: int


def log_parts(owner_url: str) -> list[LogPart]:
    """Every part, the oldest first, with the bytes that its table takes, indexes included."""
    with operator_errors(), psycopg.connect(owner_url, autocommit=True) as owner:
        return [LogPart(*row) for row in owner.execute(SQL.parts)]


def set_aside(owner_url: str, first: int, checkpoint: int | None) -> str:
    """Replace the part that begins at a position by what is always needed of it. Returns the table with the whole part.

    `checkpoint` is how far a rebuild needs no event. Raises `NotFound`, `Refused` while a worker or a rebuild needs the
    part, `Unavailable` while it is being read.
    """
    with _locked(owner_url) as owner:
        part = _part(owner, first)
        if part.set_aside is not None:
            raise Refused("set_aside", "this part is set aside already")
        row = owner.execute(SQL.projected).fetchone()
        assert row is not None
        if part.last > row[0]:
            raise Refused("still_needed", f"the read model is at position {row[0]} and needs this part")
        if checkpoint is None or part.last > checkpoint:
            raise Refused("still_needed", "no checkpoint is past this part: run `rollcall checkpoint` first")
        kept = f"stored_events_{first}_kept"
        owner.execute(sql.SQL(SQL.make_kept).format(kept=sql.Identifier(kept), part=sql.Identifier(part.name)))
        _exchange(owner, part, kept)
        owner.execute(SQL.move_part, {"first": first, "name": kept, "set_aside": part.name})
        return part.name


def take_back(owner_url: str, first: int) -> int:
    """Put a whole part in its place again. Returns how many of its events were emptied, of customers erased meanwhile.

    Raises `NotFound`, `Refused` where its table is not there or is not that part, `Unavailable` while it is being read.
    """
    with _locked(owner_url) as owner:
        part = _part(owner, first)
        if part.set_aside is None:
            raise Refused("not_set_aside", "this part is in its place")
        if owner.execute("SELECT to_regclass(%s)", [f'rollcall."{part.set_aside}"']).fetchone() == (None,):
            raise Refused("part_missing", f"restore the table rollcall.{part.set_aside} first, from where it was put")
        names = {"kept": sql.Identifier(part.name), "part": sql.Identifier(part.set_aside)}
        if owner.execute(sql.SQL(SQL.missing).format(**names)).fetchone() is not None:
            raise Refused("other_part", f"the table rollcall.{part.set_aside} lacks events of this part")
        emptied = owner.execute(sql.SQL(SQL.erase).format(**names)).rowcount
        _exchange(owner, part, part.set_aside)
        owner.execute(sql.SQL("DROP TABLE {kept}").format(**names))
        owner.execute(SQL.move_part, {"first": first, "name": part.set_aside, "set_aside": None})
        owner.execute(SQL.forget_erasures)
        return emptied


@contextmanager
def _locked(owner_url: str) -> Iterator[Connection[Any]]:
    """A transaction of the owner, during which no event is appended and no rebuild reads the log."""
    with operator_errors(), psycopg.connect(owner_url, options="-c search_path=rollcall") as owner:
        owner.execute("SELECT pg_advisory_xact_lock(%s)", [_COPY_LOCK])
        owner.execute(SQL.lock_log)
        yield owner


def _part(owner: Connection[Any], first: int) -> LogPart:
    for row in owner.execute(SQL.parts):
        if row[0] == first:
            return LogPart(*row)
    raise NotFound("part_not_found", f"no part of the log begins at position {first}; `rollcall log parts` shows them")


def _exchange(owner: Connection[Any], part: LogPart, other: str) -> None:
    """Read another table in place of the one that a part has now."""
    terms = {
        "present": sql.Identifier(part.name),
        "other": sql.Identifier(other),
        "first": sql.SQL("MINVALUE") if part.first == 1 else sql.Literal(part.first),
        "end": sql.Literal(part.last + 1),
    }
    try:
        owner.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(READERS_WAIT))
        owner.execute(sql.SQL(SQL.exchange).format(**terms))
    except LockNotAvailable:
        raise Unavailable("log_in_use", "the log is being read, by a long stream for one; try again") from None
