"""Segments: their rows, and how a new filter version is filled beside the one that readers see.

Used by the worker. An edit starts a build; chunks of customers are filled between event batches, each
as of the edit; `SegmentRecomputed` in the log switches. Whatever way chunks and batches interleave,
the result is the same: a chunk takes only customers whose last event precedes the edit, and a customer
touched earlier was settled by `settle_before`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import Connection, sql

from domain import json_text
from domain.errors import Invalid
from domain.stored_events import (
    Event,
    SegmentCreated,
    SegmentDeleted,
    SegmentDetailsChanged,
    SegmentFilterChanged,
    SegmentRecomputed,
    SegmentRefreshed,
)
from domain.values import fold
from projections.model.account_state import AccountState, Build, SegmentState
from projections.model.customers import CustomerRow
from projections.model.filter_sql import predicate
from projections.model.membership import MembershipBatch, Settlement
from projections.postgres.database import beside

SQL = beside(__file__)
EVERYONE = 2**62


def apply(connection: Connection[Any], account: AccountState, event: Event, position: int, at: int) -> None:
    """Bring a segment event into the rows and the account's state."""
    match event:
        case SegmentCreated():
            _create(connection, account, event, position, at)
        case SegmentDetailsChanged():
            segment = account.segments[event.originator_id]
            segment.name = event.name
            connection.execute(
                SQL.change_details,
                {
                    "segment_id": segment.segment_id, "version": event.originator_version, "at": at,
                    "name": event.name, "folded_name": fold(event.name), "description": event.description,
                },
            )  # fmt: skip
        case SegmentFilterChanged():
            segment = account.segments[event.originator_id]
            raw = json_text.dumps(event.filter).decode()
            fields = {"segment_id": segment.segment_id, "version": event.originator_version, "at": at, "filter": raw}
            connection.execute(SQL.change_filter, fields)
            _begin(connection, account, segment, event.filter, position, at)
        case SegmentRefreshed():
            refreshed = account.segments.get(event.segment_id)
            if refreshed is not None:
                _begin(connection, account, refreshed, refreshed.filter, position, at)
        case SegmentRecomputed():
            _switch(connection, account, event)
        case SegmentDeleted():
            _delete(connection, account, event, position)


def _create(connection: Connection[Any], account: AccountState, event: SegmentCreated, position: int, at: int) -> None:
    segment = SegmentState(
        account.account_id, position, event.originator_id, event.name, event.type, event.filter, latest=position
    )
    account.segments[segment.segment_id] = segment
    raw = None if event.filter is None else json_text.dumps(event.filter).decode()
    static = event.type == "static"
    connection.execute(
        SQL.create,
        {
            "account_id": account.account_id, "segment_no": position, "segment_id": segment.segment_id,
            "name": event.name, "folded_name": fold(event.name), "description": event.description,
            "type": event.type, "filter": raw, "version": event.originator_version, "at": at,
            "serving": position if static else None,
        },
    )  # fmt: skip
    if static:
        segment.serving = position
        connection.execute(SQL.create_version, _version_fields(account, segment, position, None, at, "serving"))
    else:
        _begin(connection, account, segment, event.filter, position, at)


def _begin(
    connection: Connection[Any], account: AccountState, segment: SegmentState, raw: Any, position: int, at: int
) -> None:
    """Start to build the version set at `position`; an unfinished older one is cancelled."""
    _cancel(connection, account, segment)
    segment.filter, segment.latest, account.filters_changed = raw, position, True
    try:
        effective = account.written_out(raw, segment.segment_id)
        node = account.parse(effective)
    except Invalid as unreadable:
        connection.execute(SQL.create_version, _version_fields(account, segment, position, raw, at, "cancelled"))
        fail(connection, account, segment, str(unreadable))
        return
    connection.execute(SQL.create_version, _version_fields(account, segment, position, effective, at, "building"))
    segment.build = account.builds[position] = Build(position, segment.serving, at, node)
    account.watch(position, node)
    connection.execute(SQL.start_build, {"segment_no": segment.segment_no, "version_no": position})


def _cancel(connection: Connection[Any], account: AccountState, segment: SegmentState) -> None:
    if segment.build is not None:
        connection.execute(SQL.cancel_build, {"version_no": segment.build.version_no})
        account.unwatch(segment.build.version_no)
        del account.builds[segment.build.version_no]
        segment.build = None


def fail(connection: Connection[Any], account: AccountState, segment: SegmentState, reason: str) -> None:
    """Mark a segment that cannot be evaluated; it keeps its last good members, the others go on."""
    _cancel(connection, account, segment)
    account.unwatch(segment.serving)
    connection.execute(SQL.fail, {"segment_no": segment.segment_no, "failure": reason[:1_000]})


def _switch(connection: Connection[Any], account: AccountState, event: SegmentRecomputed) -> None:
    """Serve a complete version. One that a newer edit cancelled, or that is served already, is let be."""
    segment = account.segments.get(event.segment_id)
    if segment is None or segment.build is None or segment.build.version_no != event.version_no:
        return
    build = segment.build
    while not build.complete:
        fill(connection, account, build, EVERYONE)
    connection.execute(
        SQL.switch,
        {"segment_no": segment.segment_no, "version_no": build.version_no, "previous": build.previous},
    )
    account.unwatch(build.previous)
    del account.builds[build.version_no]
    segment.serving, segment.build = build.version_no, None


def _delete(connection: Connection[Any], account: AccountState, event: SegmentDeleted, position: int) -> None:
    segment = account.segments.pop(event.originator_id)
    _cancel(connection, account, segment)
    account.unwatch(segment.serving)
    connection.execute(SQL.delete, {"segment_no": segment.segment_no, "position": position})


def _version_fields(
    account: AccountState, segment: SegmentState, version_no: int, raw: Any, at: int, state: str
) -> dict[str, Any]:
    return {
        "account_id": account.account_id, "version_no": version_no, "segment_no": segment.segment_no, "at": at,
        "filter": None if raw is None else json_text.dumps(raw).decode(), "state": state,
        "previous": segment.serving if segment.serving != version_no else None,
    }  # fmt: skip


def settle_before(account: AccountState, row: CustomerRow, batch: MembershipBatch) -> None:
    """Evaluate a customer whom an event is about to touch, as of every edit that has not reached her yet.

    Audiences that are being frozen and have not reached her take note of her.
    """
    if not row.fresh:
        for freezing in account.freezing.values():
            freezing.note(row.customer_no, row.position)
    for build in account.builds.values():
        if row.fresh or row.customer_no <= build.built_to or row.position > build.version_no:
            continue
        moment = account.days.moment(build.began_at)
        previous = account.nodes.get(build.previous) if build.previous is not None else None
        was_member = previous is not None and previous.holds(row.matchable, moment)
        member = build.node.holds(row.matchable, moment)
        if member or was_member:
            batch.settle(
                Settlement(
                    account.account_id, build.version_no, build.previous, row.customer_no, member, was_member,
                    build.began_at,
                )
            )  # fmt: skip


def fill(connection: Connection[Any], account: AccountState, build: Build, size: int) -> None:
    """Fill the next chunk of at most `size` customers; `build.complete` after the last one."""
    bounds = {"account_id": account.account_id, "after": build.built_to, "before": build.version_no, "size": size}
    row = connection.execute(SQL.chunk_end, bounds).fetchone()
    assert row is not None
    last, count = row
    build.complete = count < size
    if count == 0:
        return
    literals = {
        "account": sql.Literal(account.account_id), "version": sql.Literal(build.version_no),
        "after": sql.Literal(build.built_to), "last": sql.Literal(last), "previous": sql.Literal(build.previous or 0),
        "began": sql.Literal(build.began_at), "predicate": predicate(build.node, account.days.moment(build.began_at)),
    }  # fmt: skip
    statement = SQL.fill_chunk if build.previous is not None else SQL.fill_first_chunk
    connection.execute(SQL.plan_for, {"whole_tables": "on"})
    filled = connection.execute(sql.SQL(statement).format(**literals)).fetchone()
    connection.execute(SQL.plan_for, {"whole_tables": "off"})
    assert filled is not None
    connection.execute(SQL.advance_build, {"version_no": build.version_no, "built_to": last, "members": filled[0]})
    build.built_to = last


def fill_or_fail(connection: Connection[Any], account: AccountState, segment: SegmentState, size: int) -> None:
    """`fill`, where a filter that the database cannot evaluate fails its own segment only."""
    assert segment.build is not None
    try:
        with connection.transaction():
            fill(connection, account, segment.build, size)
    except (psycopg.DataError, psycopg.ProgrammingError) as broken:
        fail(connection, account, segment, f"{type(broken).__name__}: {broken}")


def purge(connection: Connection[Any], size: int) -> bool:
    """Remove up to `size` members of versions out of use; whether there were any."""
    row = connection.execute(SQL.next_purge).fetchone()
    if row is None:
        return False
    cursor = connection.execute(SQL.purge_chunk, {"version_no": row[0], "size": size})
    if cursor.rowcount < size:
        connection.execute(SQL.purged, {"version_no": row[0]})
    return True


def unfinished(accounts: Iterable[AccountState]) -> list[tuple[AccountState, SegmentState]]:
    """The segments that have a build, oldest edit first."""
    found = [(account, each) for account in accounts if account.builds for each in account.segments.values()]
    building = [(account, segment) for account, segment in found if segment.build is not None]
    return sorted(building, key=lambda pair: pair[1].build.version_no if pair[1].build else 0)
