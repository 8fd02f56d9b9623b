"""Looking for the customers of a whole search, for the API and the console: one way to read its filter and to wait.

A page of them is looked for; a list of all of them is streamed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from api.http.dependencies import Services
from api.http.lists.streams import Listed
from api.http.read_your_writes import Waits, snapshot, wait_for_scan_place
from domain.filters.conditions import Node
from domain.filters.customer_search import CustomerSearch
from domain.formats.fields import Fields
from projections.read.preview import within_time_limit
from projections.read.searches import found
from projections.read.searches.found import Wanted
from projections.read.streams import lines
from projections.read.streams.lines import LineFormat

Found = TypeVar("Found")


def look(
    services: Services,
    account_id: UUID,
    search: CustomerSearch,
    work: Callable[[Any, Wanted, int], Found],
    *,
    waits: bool = True,
) -> Waits[Found]:
    """Returns what `work` finds, in one snapshot, with the search as of it and its position.

    A filter may mean that every customer is looked at, so it waits for a place as previews do, unless `work` looks at
    few in any case. Raises `Invalid` where the search cannot be read, `Unavailable` where it takes too long.
    """
    node, alone = _node(services, account_id, search), None
    if node is not None and waits:
        alone = yield from wait_for_scan_place()
    with (
        snapshot(services, account_id) as (connection, position),
        within_time_limit(connection, alone=bool(alone)),
    ):
        wanted = found.prepare(connection, account_id, search, node, services.rollcall.now())
        return work(connection, wanted, position)


def all_found(
    services: Services, account_id: UUID, search: CustomerSearch, form: LineFormat, chosen: Callable[[Any], Fields]
) -> Callable[[Any], Listed]:
    """Returns what `api.http.lists.streams.stream` lists: everybody who is found in its snapshot, oldest first.

    Raises `Invalid` where the filter cannot be read. Customers are tested as they are read: the number of streams is
    limited, so none waits for a place.
    """
    node = _node(services, account_id, search)

    def listed(connection: Any) -> Listed:
        fields = chosen(connection)
        wanted = found.prepare(connection, account_id, search, node, services.rollcall.now())
        return Listed(fields.names, lines.of_found(connection, wanted, fields, form))

    return listed


def _node(services: Services, account_id: UUID, search: CustomerSearch) -> Node | None:
    return None if search.filter is None else services.rollcall.segments.parse_filter(account_id, search.filter)
