"""Segments: their rows, and how a new filter version is filled beside the one that readers see.

Used by the worker within its transaction. An edit starts a build; chunks of customers are filled between event
batches, each as of the edit; `SegmentRecomputed` in the log switches. However chunks and batches interleave, the
result is the same: a chunk takes only customers whose last event precedes the edit, and a customer touched by an
event before their chunk is first evaluated as of the edit (`evaluate_before_change`).
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection, sql

from domain import json_text
from domain.errors import Invalid
from domain.filters.conditions import measures_of
from domain.filters.nesting import segments_named
from domain.stored_events import (
    SegmentCreated,
    SegmentDeleted,
    SegmentDetailsChanged,
    SegmentFilterChanged,
    SegmentRecomputed,
    SegmentRefreshed,
)
from domain.values import fold
from projections.model.account_state import AccountState, Build, SegmentState
from projections.model.behaviour import measures
from projections.model.customers import ProjectedCustomer
from projections.model.filter_sql import predicate_of_chunk
from projections.model.membership import MembershipAtEdit, MembershipBatch
from projections.model.read_model import ReadModel
from projections.model.segment_list import sizes
from projections.postgres.database import beside

SQL = beside(__file__)
ALL_CUSTOMERS = 2**62


class Author(NamedTuple):
    """The filter that was asked for, and who asked."""

    asked: Any
    by: str | None


def create(model: ReadModel, event: SegmentCreated, position: int, at: int) -> None:
    """Insert a segment. A static one is served at once, without members; a dynamic one starts its first build."""
    account = model.account_of(event)
    segment = SegmentState(
        account.account_id, position, event.originator_id, event.name, event.type, event.filter, latest=position
    )
    account.segments[segment.segment_id] = segment
    is_static = event.type == "static"
    fields = {
        "account_id": account.account_id,
        "segment_no": position,
        "segment_id": segment.segment_id,
        "name": event.name,
        "folded_name": fold(event.name),
        "description": event.description,
        "type": event.type,
        "filter": None if event.filter is None else json_text.dumps(event.filter).decode(),
        "version": event.originator_version,
        "at": at,
        "serving": position if is_static else None,
    }
    model.connection.execute(SQL.create, fields)
    _store_uses(model.connection, segment, event.filter)
    if is_static:
        segment.serving = position
        _create_version(model.connection, segment, position, None, at, "serving")
    else:
        _begin_build(model.connection, account, segment, event.filter, position, at, Author(event.filter, event.by))


def change_details(model: ReadModel, event: SegmentDetailsChanged, _position: int, at: int) -> None:
    """Change a segment's name and description."""
    segment = model.account_of(event).segments[event.originator_id]
    segment.name = event.name
    fields = {
        "segment_id": segment.segment_id,
        "version": event.originator_version,
        "at": at,
        "name": event.name,
        "folded_name": fold(event.name),
        "description": event.description,
    }
    model.connection.execute(SQL.change_details, fields)


def change_filter(model: ReadModel, event: SegmentFilterChanged, position: int, at: int) -> None:
    """Store a segment's new filter and start to build its version."""
    account = model.account_of(event)
    segment = account.segments[event.originator_id]
    raw = json_text.dumps(event.filter).decode()
    fields = {"segment_id": segment.segment_id, "version": event.originator_version, "at": at, "filter": raw}
    model.connection.execute(SQL.change_filter, fields)
    _store_uses(model.connection, segment, event.filter)
    _begin_build(model.connection, account, segment, event.filter, position, at, Author(event.filter, event.by))


def refresh(model: ReadModel, event: SegmentRefreshed, position: int, at: int) -> None:
    """Start to build a segment again: those it names have newer filters, or what it waited for is known."""
    account = model.account_of(event)
    segment = account.segments.get(event.segment_id)
    if segment is not None:
        author = _take_over(model.connection, segment) if segment.waits_for else None
        _begin_build(model.connection, account, segment, segment.filter, position, at, author)


def switch(model: ReadModel, event: SegmentRecomputed, _position: int, _at: int) -> None:
    """Serve a complete version; one that a newer edit cancelled, or that is served already, changes nothing."""
    account = model.account_of(event)
    segment = account.segments.get(event.segment_id)
    if segment is None or segment.build is None or segment.build.version_no != event.version_no:
        return
    build = segment.build
    while not build.complete:
        fill(model.connection, account, build, ALL_CUSTOMERS)
    fields = {"segment_no": segment.segment_no, "version_no": build.version_no, "previous": build.previous}
    model.connection.execute(SQL.switch, fields)
    account.stop_evaluating(build.previous)
    del account.builds[build.version_no]
    segment.serving, segment.build = build.version_no, None
    measures.forget_unused(model.connection, account)


def delete(model: ReadModel, event: SegmentDeleted, position: int, _at: int) -> None:
    """Delete a segment and cancel its build."""
    account = model.account_of(event)
    segment = account.segments.pop(event.originator_id)
    _cancel_build(model.connection, account, segment)
    account.stop_evaluating(segment.serving)
    measures.forget_unused(model.connection, account)
    model.connection.execute(SQL.delete, {"segment_no": segment.segment_no, "position": position})


def fail(connection: Connection[Any], account: AccountState, segment: SegmentState, reason: str) -> None:
    """Mark a segment that cannot be evaluated; it keeps its last good members, the others go on."""
    _cancel_build(connection, account, segment)
    account.stop_evaluating(segment.serving)
    measures.forget_unused(connection, account)
    connection.execute(SQL.fail, {"segment_no": segment.segment_no, "failure": reason[:1_000]})


def _store_uses(connection: Connection[Any], segment: SegmentState, raw: Any) -> None:
    fields = {"account_id": segment.account_id, "segment_no": segment.segment_no, "named": list(segments_named(raw))}
    connection.execute(SQL.store_uses, fields)


def _begin_build(
    connection: Connection[Any],
    account: AccountState,
    segment: SegmentState,
    raw: Any,
    position: int,
    at: int,
    author: Author | None = None,
) -> None:
    """Start to build the version set at `position`; an unfinished older one is cancelled.

    One that asks of behaviour what is not known yet waits until it is: `SegmentRefreshed` starts it again.
    """
    _cancel_build(connection, account, segment)
    segment.filter, segment.latest, account.filters_changed = raw, position, True
    try:
        effective = account.written_out(raw, segment.segment_id)
        node = account.parse(effective)
    except Invalid as unreadable:
        _create_version(connection, segment, position, raw, at, "cancelled", author)
        fail(connection, account, segment, str(unreadable))
        return
    _create_version(connection, segment, position, effective, at, "building", author)
    unknown = measures.ask(connection, account, measures_of(node), position)
    segment.waits_for = frozenset(measures_of(node)) if unknown else frozenset()
    if not unknown:
        segment.build = account.builds[position] = Build(position, segment.serving, at, node)
        account.start_evaluating(position, node)
    measures.forget_unused(connection, account)
    fields = {"segment_no": segment.segment_no, "version_no": position, "waiting": bool(segment.waits_for)}
    connection.execute(SQL.start_build, fields)


def _take_over(connection: Connection[Any], segment: SegmentState) -> Author | None:
    """Remove the version that waits, whose place another one takes. Returns who asked for it, if it was an edit."""
    segment.waits_for = frozenset()
    row = connection.execute(SQL.take_over, {"version_no": segment.latest}).fetchone()
    assert row is not None
    connection.execute(SQL.move_days, {"segment_no": segment.segment_no, "version_no": segment.latest})
    return None if row[0] is None else Author(*row)


def _cancel_build(connection: Connection[Any], account: AccountState, segment: SegmentState) -> None:
    if segment.waits_for:
        segment.waits_for = frozenset()
        connection.execute(SQL.cancel_build, {"version_no": segment.latest})
    if segment.build is not None:
        connection.execute(SQL.cancel_build, {"version_no": segment.build.version_no})
        account.stop_evaluating(segment.build.version_no)
        del account.builds[segment.build.version_no]
        segment.build = None


def _create_version(
    connection: Connection[Any],
    segment: SegmentState,
    version_no: int,
    raw: Any,
    at: int,
    state: str,
    author: Author | None = None,
) -> None:
    fields = {
        "account_id": segment.account_id,
        "version_no": version_no,
        "segment_no": segment.segment_no,
        "at": at,
        "filter": None if raw is None else json_text.dumps(raw).decode(),
        "asked": author and json_text.dumps(author.asked).decode(),
        "by": author and author.by,
        "state": state,
        "previous": segment.serving if segment.serving != version_no else None,
    }
    connection.execute(SQL.create_version, fields)


def evaluate_before_change(account: AccountState, customer: ProjectedCustomer, batch: MembershipBatch) -> None:
    """Before an event changes a customer: add their membership in each version whose build has not reached them."""
    for build in account.builds.values():
        if customer.fresh or customer.customer_no <= build.built_to or customer.position > build.version_no:
            continue
        moment = account.days.moment(build.began_at)
        previous = account.nodes.get(build.previous) if build.previous is not None else None
        was_member = previous is not None and previous.holds(customer.matchable, moment)
        is_member = build.node.holds(customer.matchable, moment)
        if is_member or was_member:
            batch.add_at_edit(
                MembershipAtEdit(
                    account.account_id,
                    build.version_no,
                    build.previous,
                    customer.customer_no,
                    is_member,
                    was_member,
                    build.began_at,
                )
            )


def fill(connection: Connection[Any], account: AccountState, build: Build, size: int) -> None:
    """Fill the next chunk of at most `size` customers; `build.complete` after the last one."""
    bounds = {"account_id": account.account_id, "after": build.built_to, "before": build.version_no, "size": size}
    row = connection.execute(SQL.chunk_end, bounds).fetchone()
    assert row is not None
    last, count = row
    build.complete = count < size
    if count == 0:
        return
    chunk: dict[str, sql.Composable] = {
        "account": sql.Literal(account.account_id),
        "after": sql.Literal(build.built_to),
        "last": sql.Literal(last),
    }
    literals: dict[str, sql.Composable] = {
        "version": sql.Literal(build.version_no),
        "previous": sql.Literal(build.previous or 0),
        "began": sql.Literal(build.began_at),
    }
    # Who was in the version before and does not fit leaves.
    is_of_all = build.previous is not None
    asked = predicate_of_chunk(build.node, account.days.moment(build.began_at), is_of_all=is_of_all, **chunk)
    statement = SQL.fill_chunk if build.previous is not None else SQL.fill_first_chunk
    connection.execute(SQL.plan_for, {"whole_tables": "on"})
    filled = connection.execute(sql.SQL(statement).format(**chunk, **literals, **asked._asdict())).fetchone()
    connection.execute(SQL.plan_for, {"whole_tables": "off"})
    assert filled is not None
    members, joins, leaves = filled
    connection.execute(SQL.advance_build, {"version_no": build.version_no, "built_to": last, "members": members})
    if joins or leaves:
        sizes.add(connection, [sizes.Moved(build.version_no, build.version_no, build.began_at, True, joins, leaves)])
    build.built_to = last


def fill_or_fail(connection: Connection[Any], account: AccountState, segment: SegmentState, size: int) -> None:
    """Fill the next chunk; a filter that the database cannot evaluate fails its own segment only."""
    assert segment.build is not None
    try:
        with connection.transaction():
            fill(connection, account, segment.build, size)
    except (psycopg.DataError, psycopg.ProgrammingError) as broken:
        fail(connection, account, segment, f"{type(broken).__name__}: {broken}")


def purge(connection: Connection[Any], shards: Set[int], size: int) -> bool:
    """Remove up to `size` members of a version out of use, in some shards. Returns whether there was such a version."""
    row = connection.execute(SQL.next_purge, {"shards": list(shards)}).fetchone()
    if row is None:
        return False
    cursor = connection.execute(SQL.purge_chunk, {"version_no": row[0], "size": size})
    if cursor.rowcount < size:
        connection.execute(SQL.purged, {"version_no": row[0]})
    return True


def unfinished(accounts: Iterable[AccountState]) -> list[tuple[AccountState, SegmentState, Build]]:
    """The segments that have a build, oldest edit first."""
    builds = [
        (account, segment, segment.build)
        for account in accounts
        if account.builds
        for segment in account.segments.values()
        if segment.build is not None
    ]
    return sorted(builds, key=lambda each: each[2].version_no)
