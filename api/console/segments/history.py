"""What was: a segment's size over time, and who joined and left it, when and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.console.segments.causes import cause_of, change_of
from api.console.segments.why import words_of
from api.console.web.paging import Paged
from api.console.web.rendering import show, still, unchanged
from api.console.web.session import SignedIn
from api.http.context import Here
from api.http.lookup import require_segment
from api.http.parameters import PathId
from api.http.read_your_writes import snapshot
from domain import json_text
from domain.filters.wording import Words
from projections.read import explanations, history
from projections.read.history import HistoryRow, ServedVersions
from projections.read.segments import SegmentRow

router = APIRouter(prefix="/segments/{segment_id}")
Since = Annotated[Literal["day", "week", "month", "all"], Query(alias="range")]
# How far back, and in how many steps the chart and (with fewer) the table go.
RANGES: dict[str, tuple[timedelta | None, int]] = {
    "day": (timedelta(days=1), 96), "week": (timedelta(days=7), 168), "month": (timedelta(days=30), 120),
    "all": (None, 120),
}  # fmt: skip
TABLE_ROWS = 24
# What takes longer than the first is counted after the page is shown, what takes longer than the second not at all.
AT_ONCE, LONGEST = timedelta(milliseconds=150), timedelta(seconds=20)
Whole = Annotated[bool, Query(description="Wait for the chart, however long it takes.")]
LIST, SIZES = "section#list", "section#sizes"


class Sizes(NamedTuple):
    """Sizes at evenly spaced instants, oldest first."""

    instants: list[datetime]
    sizes: list[int]

    @property
    def chart(self) -> str:
        """What the chart draws: seconds since 1970, and sizes."""
        return json_text.dumps([[round(at.timestamp()) for at in self.instants], self.sizes]).decode()

    @property
    def rows(self) -> list[tuple[datetime, int]]:
        """Fewer of them for reading, newest first, the last one always among them."""
        step = max(1, (len(self.sizes) - 1) // TABLE_ROWS)
        return list(zip(self.instants, self.sizes, strict=True))[::-1][::step]


@router.get("/history")
def show_history(
    request: Request,
    here: Here,
    person: SignedIn,
    segment_id: PathId,
    pager: Paged,
    since: Since = "month",
    whole: Whole = False,
) -> Response:
    """The chart of one range, and the newest joins and leaves."""
    account_id, now = person.account_id, here.rollcall.now()
    # Either part of the page is asked for alone, and often.
    part = request.headers.get("hx-target")
    quick, sizes, entries, causes = True, None, list[HistoryRow](), list[str]()
    with snapshot(here, account_id) as (connection, position):
        if unchanged(request, position):
            return still()
        segment = require_segment(connection, account_id, segment_id)
        words = words_of(connection, account_id)
        source = history.served_versions(connection, account_id, segment.segment_no)
        if part != SIZES:
            entries = history.page(connection, source, before=_before(pager.after), limit=pager.fetch)
            causes = _causes(connection, account_id, entries, frozenset(_attributes(segment.filter)), words)
        if part != LIST:
            instants = instants_of(segment, since, now)
            sizes = _sizes(connection, source, segment, instants, AT_ONCE)
            quick = sizes is not None
            if not quick and (part == SIZES or whole):
                sizes = _sizes(connection, source, segment, instants, LONGEST)
    page = pager.page(entries, _key, None)
    values = {
        "person": person, "active": "segments", "segment": segment, "state": segment.state, "zone": words.zone,
        "position": position, "range": since, "ranges": tuple(RANGES), "sizes": sizes, "page": page,
        "entries": list(zip(page.rows, causes, strict=False)), "per_page": pager.per_page,
        "asked_alone": part is not None or whole, "quick": quick,
    }  # fmt: skip
    return show(request, "history.html", values)


def instants_of(segment: SegmentRow, chosen: str, now: datetime) -> list[datetime]:
    """The instants of a range, evenly spaced, both ends included; none before the segment was there."""
    span, steps = RANGES[chosen]
    first = segment.created_at if span is None else max(segment.created_at, now - span)
    step = max(now - first, timedelta(seconds=1)) / steps
    return [now - step * (steps - index) for index in range(steps + 1)]


def _sizes(
    connection: Any, source: ServedVersions, segment: SegmentRow, instants: list[datetime], within: timedelta
) -> Sizes | None:
    found = history.sizes_back_from(connection, source, segment.members, instants, within=within)
    return None if found is None else Sizes(instants, found)


def _causes(
    connection: Any, account_id: UUID, entries: list[HistoryRow], reads: frozenset[str], words: Words
) -> list[str]:
    told = explanations.events(connection, account_id, [each.position for each in entries])
    return [
        change_of(told.get(each.position), reads, words)
        if each.cause == "change"
        else cause_of(each.cause, each.joined, told.get(each.position))
        for each in entries
    ]


def _attributes(raw: Any) -> Iterator[str]:
    """The attributes that a filter in JSON form names."""
    if isinstance(raw, list):
        for each in raw:
            yield from _attributes(each)
    elif isinstance(raw, dict):
        if "attribute" in raw:
            yield raw["attribute"]
        for key in ("all", "any", "not"):
            yield from _attributes(raw.get(key))


def _key(entry: HistoryRow) -> str:
    return f"{entry.at.isoformat()}_{entry.customer_no}_{entry.position}_{entry.version_no}"


def _before(after: str) -> tuple[datetime, int, int, int] | None:
    """The place that a key names; the beginning where it names none."""
    try:
        at, customer_no, position, version_no = after.split("_")
        instant = datetime.fromisoformat(at)
        numbers = int(customer_no), int(position), int(version_no)
    except ValueError:
        return None
    return (instant, *numbers) if instant.tzinfo is not None and max(numbers) < 2**63 else None
