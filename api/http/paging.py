"""Pages by keyset: what a request asks of a page (`limit`, `cursor`, `include=total`), and the body of the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, Query, Request

from api.http.access import Reader
from api.http.cursors import parse_cursor, sign_cursor
from api.http.dependencies import ServicesDep
from api.http.parameters import TEXT_PATTERN
from api.http.shapes.pages import PageOf
from domain import json_text

MAX_LIMIT = 200
Row = TypeVar("Row")
Item = TypeVar("Item")

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Rows on a page.")]
Cursor = Annotated[
    str | None,
    Query(max_length=2_000, pattern=TEXT_PATTERN, description="`next_cursor` of the page before."),
]
Include = Annotated[Literal["total"] | None, Query(description="`total` adds the number of rows on all pages.")]


@dataclass(frozen=True, slots=True)
class Paging:
    """What a request asks of a page. `after` is the sort key of the row before it, `scope` the list for cursors."""

    limit: int
    total: bool
    after: list[Any] | None
    scope: bytes
    secret: bytes

    def page(
        self,
        rows: Sequence[Row],
        show: Callable[[Row], Item],
        sort_key: Callable[[Row], Sequence[Any]],
        count: Callable[[], int],
        *,
        more: bool = False,
    ) -> PageOf[Item]:
        """Returns the body of a page; where there is a next one, `rows` holds one row more, or `more` is set."""
        shown = rows[: self.limit]
        more = more or len(rows) > self.limit
        body: PageOf[Item] = {
            "data": [show(row) for row in shown],
            "next_cursor": sign_cursor(self.secret, self.scope, sort_key(shown[-1])) if more else None,
        }
        if self.total:
            body["total"] = count()
        return body

    @property
    def fetch(self) -> int:
        """How many rows to read: one more than the page holds shows whether there is a next one."""
        return self.limit + 1


async def paging(
    request: Request,
    services: ServicesDep,
    who: Reader,
    limit: Limit = 50,
    cursor: Cursor = None,
    include: Include = None,
) -> Paging:
    """Returns the page that a request asks for. Raises `RequestError` where the cursor is not one of this list's."""
    filters = sorted(
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in ("limit", "cursor", "include", "min_position", "fields")
    )
    scope = json_text.dumps([who.account_id, request.url.path, filters])
    after = parse_cursor(services.secret, scope, cursor) if cursor else None
    return Paging(limit, include == "total", after, scope, services.secret)


Page = Annotated[Paging, Depends(paging)]
