"""Pages of the console's lists: keyset paging like the API's, but with a way back.

An address contains the key after which its page begins and those of the pages before it (the trail), as plain text:
they give access to nothing that the user cannot see anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, Query, Request

from api.console.web.rendering import with_query
from api.http.parameters import TEXT_PATTERN
from projections.read.preview import MAX_SECONDS

ROWS_PER_PAGE = (10, 25, 50, 100)
# A page waits so long for its rows; if they take longer, the browser asks for them after the page, and waits so long.
AT_ONCE, AT_LAST = timedelta(milliseconds=100), timedelta(seconds=MAX_SECONDS)
TRAIL_SEPARATOR = "~"
MAX_TRAIL = 50
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list, and the addresses of its neighbours (`None` where there is none).

    `total` is `None` for a list that is too long to count.
    """

    rows: Sequence[Any]
    per_page: int
    first: int
    total: int | None
    previous: str | None
    next: str | None
    choices: tuple[int, ...] = ROWS_PER_PAGE

    @property
    def last(self) -> int:
        """The number of the page's last row, counted from 1."""
        return self.first + len(self.rows) - 1


@dataclass(frozen=True, slots=True)
class Pager:
    """The page of a list that an address asks for."""

    path: str
    other_params: dict[str, str]
    per_page: int
    after: str
    trail: tuple[str, ...]
    is_follow_up: bool

    @property
    def span(self) -> timedelta:
        """How long the rows may take."""
        return AT_LAST if self.is_follow_up else AT_ONCE

    @property
    def limit(self) -> int:
        """How many rows to read: one more than the page has shows whether there is a next page."""
        return self.per_page + 1

    @property
    def later(self) -> str:
        """The address of the same page for a browser that waits for its rows."""
        return self._address(self.after, self.trail, whole="true")

    @property
    def after_number(self) -> int | None:
        """The key after which the page begins, for lists whose keys are numbers."""
        return int(self.after) if self.after.isascii() and self.after.isdigit() and len(self.after) < 19 else None

    def page(
        self, rows: Sequence[Row], key: Callable[[Row], str], total: int | None, *, more: bool = False
    ) -> ListPage:
        """Returns the page with these rows; `key` returns the key of a row, after which the next page begins.

        Where there is a next page, `rows` holds one row more than fits, or `more` is set.
        """
        shown = rows[: self.per_page]
        more = more or len(rows) > self.per_page
        trail = (*self.trail, self.after) if self.after else self.trail
        first = (len(self.trail) + bool(self.after)) * self.per_page + 1
        return ListPage(
            shown,
            self.per_page,
            (first if total is None else min(total, first)) if shown else 0,
            total,
            self._address(self.trail[-1] if self.trail else "", self.trail[:-1]) if self.after else None,
            self._address(key(shown[-1]), trail) if more else None,
        )

    def _address(self, after: str, trail: Sequence[str], **others: str) -> str:
        steps = TRAIL_SEPARATOR.join(trail)
        return with_query(self.path, **self.other_params, **others, rows=self.per_page, after=after, trail=steps)


def pager(
    request: Request,
    rows: Literal["10", "25", "50", "100"] = "25",
    after: Annotated[str, Query(max_length=100, pattern=TEXT_PATTERN)] = "",
    trail: Annotated[str, Query(max_length=6_000, pattern=TEXT_PATTERN)] = "",
    whole: Annotated[bool, Query(description="Wait for rows that take longer than a page may.")] = False,
) -> Pager:
    """Returns the page of a list that an address asks for."""
    other_params = {
        name: value for name, value in request.query_params.items() if name not in ("rows", "after", "trail", "whole")
    }
    steps = tuple(step for step in trail.split(TRAIL_SEPARATOR) if step)[-MAX_TRAIL:]
    return Pager(request.url.path, other_params, int(rows), after, steps, whole)


Paged = Annotated[Pager, Depends(pager)]
