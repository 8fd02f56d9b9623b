"""The History page of a segment: its size over time, and who joined and left, when and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response

from api.console.segments.causes import describe_cause, describe_change
from api.console.web.language import language_of
from api.console.web.paging import Paged
from api.console.web.rendering import is_unchanged, nothing_new, show
from api.console.web.session import SignedIn
from api.http.dependencies import ServicesDep
from api.http.lookup import require_segment
from api.http.parameters import PathId
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from domain import json_text
from domain.filters.wording import Words
from domain.instants import micros
from projections.read import accounts, explanations, history, segments
from projections.read.history import HistoryRow, ServedVersions
from projections.read.segment_list import sizes as segment_sizes
from projections.read.segment_list.sizes import Day
from projections.read.segments import SegmentRow

router = APIRouter(prefix="/segments/{segment_id}", route_class=AccountRoute)
Since = Annotated[Literal["day", "week", "month", "all"], Query(alias="range")]
# How far back the chart goes, and in how many steps.
RANGES: dict[str, tuple[timedelta | None, int]] = {
    "day": (timedelta(days=1), 96),
    "week": (timedelta(days=7), 168),
    "month": (timedelta(days=30), 120),
    "all": (None, 120),
}
# How many days the chart of joins and leaves shows in each range.
DAYS = {"day": 7, "week": 7, "month": 30, "all": 365}
TABLE_ROWS = 24
# The page waits at most this long for the chart; otherwise the browser requests it after the page.
QUICK_LIMIT = timedelta(milliseconds=100)
# What takes longer than this is not counted at all.
TIME_LIMIT = timedelta(seconds=20)
Whole = Annotated[bool, Query(description="Wait for the chart, however long it takes.")]
LIST_PART, CHART_PART, DAYS_PART = "section#list", "section#sizes", "section#days"


class Sizes(NamedTuple):
    """Sizes at evenly spaced instants, oldest first."""

    instants: list[datetime]
    sizes: list[int]

    @property
    def chart(self) -> str:
        """The chart's data as JSON: seconds since 1970, and sizes."""
        return json_text.dumps([[round(at.timestamp()) for at in self.instants], self.sizes]).decode()

    @property
    def rows(self) -> list[tuple[datetime, int]]:
        """At most about `TABLE_ROWS` of them for the table, newest first, always with the last one."""
        step = max(1, (len(self.sizes) - 1) // TABLE_ROWS)
        return list(zip(self.instants, self.sizes, strict=True))[::-1][::step]


class Moves(NamedTuple):
    """Joins and leaves by day, oldest first."""

    days: list[Day]
    zone: ZoneInfo

    @property
    def chart(self) -> str:
        """The chart's data as JSON: noon of each day in seconds since 1970, joins, and leaves below zero."""
        noons = [round(datetime.combine(each.day, time(12), self.zone).timestamp()) for each in self.days]
        return json_text.dumps(
            [noons, [each.joins for each in self.days], [-each.leaves for each in self.days]]
        ).decode()

    @property
    def rows(self) -> list[Day]:
        """The days on which somebody joined or left, newest first."""
        return [each for each in reversed(self.days) if each.joins or each.leaves]


class Chart(NamedTuple):
    """The sizes, `None` where they could not be counted in time; `quick` says whether they took no noticeable time."""

    sizes: Sizes | None
    quick: bool


@router.get("/history")
def show_history(
    request: Request,
    services: ServicesDep,
    user: SignedIn,
    segment_id: PathId,
    pager: Paged,
    since: Since = "month",
    whole: Whole = False,
) -> Response:
    """Shows the chart of one range, and the newest joins and leaves. Each part of the page can be requested alone."""
    account_id, now = user.account_id, services.rollcall.now()
    part = request.headers.get("hx-target")
    chart, entries, causes = Chart(None, quick=True), list[HistoryRow](), list[str]()
    with snapshot(services, account_id) as (connection, position):
        if is_unchanged(request, position):
            return nothing_new()
        segment = require_segment(connection, account_id, segment_id)
        words = segments.words(connection, account_id, ()).spoken(language_of(request))
        source = history.served_versions(connection, account_id, segment.segment_no)
        if part not in (CHART_PART, DAYS_PART):
            entries = history.page(connection, source, before=_parse_key(pager.after), limit=pager.limit)
            causes = _causes(connection, account_id, entries, frozenset(_attributes_in(segment.filter)), words)
        moves = None if part in (LIST_PART, CHART_PART) else _moves(connection, account_id, segment, since, now)
        edits = history.edits(connection, account_id, segment.segment_no)
        if part not in (LIST_PART, DAYS_PART):
            chart = _chart(connection, source, segment, instants_of(segment, since, now), part == CHART_PART or whole)
    page = pager.page(entries, _key_of, None)
    values = {
        "segment": segment,
        "state": segment.state,
        "zone": words.zone,
        "position": position,
        "range": since,
        "ranges": tuple(RANGES),
        "sizes": chart.sizes,
        "quick": chart.quick,
        "moves": moves,
        "edits": edits,
        "marks": json_text.dumps([round(at.timestamp()) for at in edits]).decode(),
        "page": page,
        "entries": list(zip(page.rows, causes, strict=False)),
        "per_page": pager.per_page,
        "is_follow_up": part is not None or whole,
    }
    return show(request, "history.html", values)


def instants_of(segment: SegmentRow, chosen: str, now: datetime) -> list[datetime]:
    """Returns the instants of a range, evenly spaced, both ends included; none before the segment was created."""
    span, steps = RANGES[chosen]
    first = segment.created_at if span is None else max(segment.created_at, now - span)
    last = max(now, first + timedelta(seconds=1))
    step = (last - first) / steps
    # The first one exactly: rounded to before the segment was created, it would begin with no member in some pictures.
    return [first + step * index for index in range(steps)] + [last]


def _chart(
    connection: Any, source: ServedVersions, segment: SegmentRow, instants: list[datetime], can_wait: bool
) -> Chart:
    for limit in (QUICK_LIMIT, TIME_LIMIT) if can_wait else (QUICK_LIMIT,):
        sizes = history.sizes_back_from(connection, source, segment.members, instants, within=limit)
        if sizes is not None:
            return Chart(Sizes(instants, sizes), quick=limit == QUICK_LIMIT)
    return Chart(None, quick=False)


def _moves(connection: Any, account_id: UUID, segment: SegmentRow, chosen: str, now: datetime) -> Moves:
    calendar, _ = accounts.calendar(connection, account_id)
    first = calendar.day_of(micros(now)) - timedelta(days=DAYS[chosen] - 1)
    days = segment_sizes.days(connection, account_id, [segment], first, calendar, now)
    return Moves(days[segment.segment_no], calendar.zone)


def _causes(
    connection: Any, account_id: UUID, entries: list[HistoryRow], reads: frozenset[str], words: Words
) -> list[str]:
    events = explanations.events(connection, account_id, [each.position for each in entries])
    return [
        describe_change(events.get(each.position), reads, words)
        if each.cause == "change"
        else describe_cause(each.cause, each.joined, events.get(each.position))
        for each in entries
    ]


def _attributes_in(raw: Any) -> Iterator[str]:
    """Yields the attributes that a filter in JSON form uses."""
    if isinstance(raw, list):
        for each in raw:
            yield from _attributes_in(each)
    elif isinstance(raw, dict):
        if "attribute" in raw:
            yield raw["attribute"]
        for key in ("all", "any", "not"):
            yield from _attributes_in(raw.get(key))


def _key_of(entry: HistoryRow) -> str:
    return f"{entry.at.isoformat()}_{entry.customer_no}_{entry.position}_{entry.version_no}"


def _parse_key(after: str) -> tuple[datetime, int, int, int] | None:
    """Returns the row that a page begins after; `None`, the beginning, for anything that is no key."""
    try:
        at, customer_no, position, version_no = after.split("_")
        instant = datetime.fromisoformat(at)
        numbers = int(customer_no), int(position), int(version_no)
    except ValueError:
        return None
    return (instant, *numbers) if instant.tzinfo is not None and max(numbers) < 2**63 else None
