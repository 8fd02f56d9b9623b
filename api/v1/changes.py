"""The change stream: `/v1/changes`, of all segments, and `/v1/segments/{id}/changes`, of one.

By cursor what `rollcall.memberships.v1` publishes: by page, all in one stream, or followed as server-sent events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response

from api.http.access import Reader
from api.http.dependencies import Services, ServicesDep
from api.http.lists import following
from api.http.lists.fields import ChangeFields, Chosen
from api.http.lists.records import lines_of
from api.http.lists.streams import Listed, form_of, stream
from api.http.lookup import require_segment
from api.http.paging import Limit
from api.http.parameters import PathId
from api.http.problems import RequestError
from api.http.read_your_writes import snapshot
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.memberships import EXAMPLE_CHANGE, Changes
from api.http.shapes.openapi import answers, or_streams
from domain.formats.fields import Fields
from projections.read.streams import changes
from projections.read.streams.changes import ChangesPage
from projections.read.streams.lines import LineFormat, Lines

router = APIRouter(prefix="/v1", tags=["changes"], route_class=AccountRoute)
NUMBER = {"ge": 0, "le": 2**63 - 1}
After = Annotated[int, Query(**NUMBER, description="`next_after` of the answer before; 0 for all.")]
LastEventId = Annotated[
    int | None,
    Header(alias="Last-Event-ID", **NUMBER, description="Of the last event that was seen; counts instead of `after`."),
]
# Changes in a piece of a stream.
PIECE = 2_000
EXAMPLE = {"data": [EXAMPLE_CHANGE], "next_after": 1204, "more": False}


class Source(NamedTuple):
    """What is read in one snapshot: changes after a cursor, with the fields of the customer."""

    read: Callable[[int, int], ChangesPage]
    fields: Fields
    last: int


Open = Callable[[Any], Source]


@router.get(
    "/segments/{segment_id}/changes",
    operation_id="list_changes",
    response_model=Changes,
    responses=or_streams(answers({200: ("Changes, oldest first.", EXAMPLE)}, 404, 410, 504), "a change"),
)
def list_changes(
    request: Request,
    services: ServicesDep,
    caller: Reader,
    segment_id: PathId,
    fields: ChangeFields,
    after: After = 0,
    limit: Limit = 50,
) -> Response:
    """List who joined and left, in the order in which readers saw it.

    Changes are kept for some weeks. A cursor older than that is answered with 410 `changes_forgotten`: read the
    segment's members again, then ask from the `next_after` that the answer names. `fields` adds fields of the customer,
    as they are now, to each change. With `Accept: application/x-ndjson` or `text/csv` all of them come in one stream.
    """
    account_id = caller.account_id

    def opened(connection: Any) -> Source:
        segment, chosen = require_segment(connection, account_id, segment_id), fields(connection)
        last = _require_kept(services, connection, after, segment.segment_no, "the segment's members")

        def read(after: int, limit: int) -> ChangesPage:
            return changes.of_segment(connection, account_id, segment.segment_no, chosen, after=after, limit=limit)

        return Source(read, chosen, last)

    return _answer(request, services, account_id, opened, after, limit)


@router.get(
    "/changes",
    operation_id="list_all_changes",
    response_model=Changes,
    responses=or_streams(answers({200: ("Changes, oldest first.", EXAMPLE)}, 410, 504), "a change", followed=True),
)
def list_all_changes(
    request: Request,
    services: ServicesDep,
    caller: Reader,
    fields: ChangeFields,
    after: After = 0,
    limit: Limit = 50,
    last_event_id: LastEventId = None,
) -> Response:
    """List who joined and left any segment, in the order in which readers saw it; for cursors see `list_changes`.

    With `Accept: application/x-ndjson` or `text/csv` all of them come in one stream. With `Accept: text/event-stream`
    they come as they happen: the `id` of an event is its number, and a client that comes back with `Last-Event-ID`
    misses nothing. The stream ends when the key is revoked, and when the server ends.
    """
    account_id = caller.account_id
    if request.state.accepted != following.MEDIA_TYPE:
        opened = _of_account(services, account_id, fields, after)
        return _answer(request, services, account_id, opened, after, limit)
    start = after if last_event_id is None else last_event_id
    with snapshot(services, account_id) as (connection, position):
        _of_account(services, account_id, fields, start)(connection)

    def read(after: int) -> following.Seen:
        with snapshot(services, account_id) as (connection, _):
            source = _of_account(services, account_id, fields, after)(connection)
            found = source.read(after, PIECE)
            records = [each.record(source.fields) for each in found.changes]
            return following.Seen(records, _next_after(found, source, after), found.more)

    return following.follow(services, caller, position, start, read)


def _of_account(services: Services, account_id: UUID, fields: Chosen, after: int) -> Open:
    def opened(connection: Any) -> Source:
        chosen = fields(connection)
        born = changes.first_position(connection, account_id)
        last = _require_kept(services, connection, after, born, "the members of each segment")

        def read(after: int, limit: int) -> ChangesPage:
            return changes.of_account(connection, account_id, chosen, after=after, limit=limit)

        return Source(read, chosen, last)

    return opened


def _answer(request: Request, services: Services, account_id: UUID, opened: Open, after: int, limit: int) -> Response:
    """A page of changes, or all of them after a cursor in one stream."""
    if form := form_of(request):

        def listed(connection: Any) -> Listed:
            source = opened(connection)
            columns = list(dict.fromkeys((*changes.RECORD, *source.fields.names)))
            return Listed(columns, _lines(source, columns, form, after))

        return stream(services, account_id, form, listed)
    with snapshot(services, account_id) as (connection, position):
        source = opened(connection)
        found = source.read(after, limit)
    data = [each.record(source.fields) for each in found.changes]
    return answer({"data": data, "next_after": _next_after(found, source, after), "more": found.more}, position)


def _lines(source: Source, columns: list[str], form: LineFormat, after: int) -> Lines:
    found = ChangesPage([], more=True)
    while found.more:
        found = source.read(after, PIECE)
        if found.changes:
            yield lines_of([each.record(source.fields) for each in found.changes], columns, form), len(found.changes)
            after = found.changes[-1].change_no


def _next_after(found: ChangesPage, source: Source, after: int) -> int:
    """The cursor after a page: past what is not of this list too, so that one used now and then is never too old."""
    return found.changes[-1].change_no if found.more else max(after, source.last)


def _require_kept(services: Services, connection: Any, after: int, born: int, members: str) -> int:
    """Returns the last change of all. Raises `RequestError` (410) where some after a cursor are not there any more.

    `born` is the log position before which there can be none, `members` what to read instead.
    """
    kept = changes.kept(connection)
    remedy = f"read {members} again, then ask for the changes after={kept.last}"
    if after < kept.forgotten_to and born <= kept.forgotten_position:
        raise RequestError(
            410, "changes_forgotten", f"changes so old are no longer kept; {remedy}", pointer="/query/after",
            next_after=kept.last,
        )  # fmt: skip
    if after > kept.last and after > _last_of_primary(services):
        raise RequestError(
            410, "changes_unknown", f"there is no change {after}, as after a database was restored; {remedy}",
            pointer="/query/after", next_after=kept.last,
        )  # fmt: skip
    return kept.last


def _last_of_primary(services: Services) -> int:
    """The last change; the snapshot may be of a replica that does not have it yet."""
    with services.quick_database.single() as connection:
        return changes.kept(connection).last
