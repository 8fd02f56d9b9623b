"""Pages by keyset: what a request asks of a page (`limit`, `cursor`, `include=total`), and the body of the answer.

A cursor is where a page ended, as an opaque text that a client sends back for the next one.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, Query, Request

from api.http.access import Caller, Reader
from api.http.dependencies import Services, ServicesDep
from api.http.parameters import TEXT_PATTERN
from api.http.problems import RequestError
from api.http.shapes.pages import PageOf
from domain import json_text
from domain.errors import Invalid

USUAL_LIMIT, MAX_LIMIT = 50, 200
SIGNATURE_BYTES = 16
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
            "next_cursor": _sign_cursor(self.secret, self.scope, sort_key(shown[-1])) if more else None,
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
    limit: Limit = USUAL_LIMIT,
    cursor: Cursor = None,
    include: Include = None,
) -> Paging:
    """Returns the page that a request asks for. Raises `RequestError` where the cursor is not one of this list's."""
    filters = sorted(
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in ("limit", "cursor", "include", "min_position", "fields")
    )
    scope = _scope(who, request.url.path, filters)
    after = _parse_cursor(services.secret, scope, cursor) if cursor else None
    return Paging(limit, include == "total", after, scope, services.secret)


def first_page(services: Services, who: Caller, path: str) -> Paging:
    """Returns the page that a request without a query asks for."""
    return Paging(USUAL_LIMIT, False, None, _scope(who, path, []), services.secret)


def _scope(who: Caller, path: str, filters: list[tuple[str, str]]) -> bytes:
    return json_text.dumps([who.account_id, path, filters])


Page = Annotated[Paging, Depends(paging)]


def _sign_cursor(secret: bytes, scope: bytes, sort_key: Sequence[Any]) -> str:
    """Returns the cursor after the row with this sort key; `scope` is the list, with its account and filters.

    It is signed together with the list, so that it cannot be made up nor used elsewhere.
    """
    payload = json_text.dumps(list(sort_key))
    return urlsafe_b64encode(_signature(secret, scope, payload) + payload).decode().rstrip("=")


def _parse_cursor(secret: bytes, scope: bytes, cursor: str) -> list[Any]:
    """Returns the sort key in a cursor. Raises `RequestError` where it was not signed for this list."""
    try:
        packed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        payload = packed[SIGNATURE_BYTES:]
        if hmac.compare_digest(packed[:SIGNATURE_BYTES], _signature(secret, scope, payload)):
            sort_key: list[Any] = json_text.parse(payload)
            return sort_key
    except (BadBase64, UnicodeEncodeError, Invalid):
        pass
    detail = "not a cursor of this list with these filters; start without one"
    raise RequestError(400, "invalid_cursor", detail, pointer="/query/cursor")


def _signature(secret: bytes, scope: bytes, payload: bytes) -> bytes:
    return hmac.digest(secret, scope + b"\n" + payload, sha256)[:SIGNATURE_BYTES]
