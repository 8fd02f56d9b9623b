"""The filters that a segment has had: who set which when, and how many members it had then. And who somebody is.

Used by `api.v1.segment_list.versions` and the console. Sizes come from the counts of days, so that they take no longer
where many customers joined and left.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain import json_text
from projections.postgres.database import beside

SQL = beside(__file__)
# The newest ones: only a program edits a filter more often than that.
MOST = 200


class FilterVersion(NamedTuple):
    """A filter as somebody set it; its sizes at first and at last (or now) are `None` if it was never served."""

    version_no: int
    filter: Any
    at: datetime
    by: str | None
    size_at_first: int | None
    size_at_last: int | None


class Actor(NamedTuple):
    """Who did something: a person or an API key; `name` is `None` where it was removed."""

    kind: Literal["person", "key"]
    id: str
    name: str | None


def page(connection: Connection[TupleRow], account_id: UUID, segment_no: int, members: int) -> list[FilterVersion]:
    """Returns the newest versions of a segment that has so many members now, the newest version first."""
    rows = connection.execute(SQL.versions, {"account_id": account_id, "segment_no": segment_no}).fetchall()
    found: list[FilterVersion] = []
    size_at_last = members
    # From the newest on: an older one ends where the next newer one that was served begins.
    for version_no, asked, at, by, served, net, edited in rows:
        begins_at = size_at_last - net
        if asked is not None:
            found.append(
                FilterVersion(
                    version_no,
                    json_text.loads(asked),
                    at,
                    by,
                    begins_at + edited if served else None,
                    size_at_last if served else None,
                )
            )
        if served:
            size_at_last = begins_at
    return found[:MOST]


def filter_of(connection: Connection[TupleRow], account_id: UUID, segment_no: int, version_no: int) -> Any:
    """Returns the filter of a version of a segment; `None` where there is no such version."""
    asked = {"account_id": account_id, "segment_no": segment_no, "version_no": version_no}
    row = connection.execute(SQL.filter_of, asked).fetchone()
    return None if row is None else json_text.loads(row[0])


def actors(connection: Connection[TupleRow], account_id: UUID, bys: Iterable[str | None]) -> dict[str, Actor]:
    """Returns who did something, by what the events keep of them."""
    parts = {by: by.partition(":") for by in bys if by is not None}
    people = [text for kind, _, text in parts.values() if kind == "person"]
    keys = [text for kind, _, text in parts.values() if kind == "key"]
    asked = {"account_id": account_id, "people": people, "keys": keys}
    names = {(kind, text): name for kind, text, name in connection.execute(SQL.names_of_actors, asked)}
    return {
        by: Actor("person" if kind == "person" else "key", text, names.get((kind, text)))
        for by, (kind, _, text) in parts.items()
    }
