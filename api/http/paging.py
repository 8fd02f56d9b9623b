"""Pages by keyset: `limit`, an opaque signed `cursor`, and the total only where it is asked for.

A cursor holds the sort key of the last row and is signed together with the account, the address and
the filters of the page it came from, so that it cannot be made up nor used elsewhere.
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

from api.http.access import Reader
from api.http.context import Here
from api.http.parameters import TEXT_PATTERN
from api.http.problems import RequestError
from domain import json_text
from domain.errors import Invalid

MAX_LIMIT = 200
_SIGNATURE = 16
Row = TypeVar("Row")

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Rows on a page.")]
Cursor = Annotated[
    str | None,
    Query(max_length=2_000, pattern=TEXT_PATTERN, description="`next_cursor` of the page before."),
]
Include = Annotated[Literal["total"] | None, Query(description="`total` adds the number of rows on all pages.")]


@dataclass(frozen=True, slots=True)
class Paging:
    """What a request asks of a page. `after` is the sort key of the row before it."""

    limit: int
    total: bool
    after: list[Any] | None
    scope: bytes
    secret: bytes

    def page(
        self,
        rows: Sequence[Row],
        show: Callable[[Row], dict[str, Any]],
        key: Callable[[Row], Sequence[Any]],
        count: Callable[[], int],
    ) -> dict[str, Any]:
        """The body of a page; `rows` holds one row more than fits where there is a next page."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        body: dict[str, Any] = {
            "data": [show(row) for row in shown],
            "next_cursor": self._cursor(key(shown[-1])) if more else None,
        }
        if self.total:
            body["total"] = count()
        return body

    @property
    def fetch(self) -> int:
        """How many rows to read: one more than the page holds tells whether there is a next one."""
        return self.limit + 1

    def _cursor(self, key: Sequence[Any]) -> str:
        payload = json_text.dumps(list(key))
        return urlsafe_b64encode(_signature(self.secret, self.scope, payload) + payload).decode().rstrip("=")


async def paging(
    request: Request, here: Here, who: Reader, limit: Limit = 50, cursor: Cursor = None, include: Include = None
) -> Paging:
    """The page that a request asks for. Raises where the cursor is not one of this list's."""
    filters = sorted(
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in ("limit", "cursor", "include", "min_position")
    )
    scope = json_text.dumps([who.account_id, request.url.path, filters])
    after = _opened(here.secret, scope, cursor) if cursor else None
    return Paging(limit, include == "total", after, scope, here.secret)


def _opened(secret: bytes, scope: bytes, cursor: str) -> list[Any]:
    try:
        packed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        payload = packed[_SIGNATURE:]
        if hmac.compare_digest(packed[:_SIGNATURE], _signature(secret, scope, payload)):
            opened: list[Any] = json_text.parse(payload)
            return opened
    except (BadBase64, UnicodeEncodeError, Invalid):
        pass
    raise RequestError(
        400,
        "invalid_cursor",
        "not a cursor of this list with these filters; start without one",
        pointer="/query/cursor",
    )


def _signature(secret: bytes, scope: bytes, payload: bytes) -> bytes:
    return hmac.digest(secret, scope + b"\n" + payload, sha256)[:_SIGNATURE]


Page = Annotated[Paging, Depends(paging)]
