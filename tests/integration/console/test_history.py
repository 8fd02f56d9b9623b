"""The history of a segment in the console: its size over time, and who joined and left, when and why."""

from __future__ import annotations

import html
import json
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import Client

from api.console.segments.history import QUICK_LIMIT
from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft, SegmentEdit
from projections.read import history
from projections.read import segments as read_segments
from tests.support.clock import Clock
from tests.support.installation import Installation

pytestmark = [pytest.mark.starts_at(datetime(2026, 11, 3, 14, tzinfo=UTC)), pytest.mark.attributes(plan="text")]
GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]


@pytest.fixture
def gold(installation: Installation, account_id: UUID) -> UUID:
    made = installation.rollcall.segments.create(account_id, SegmentDraft("Gold", "", "dynamic", GOLD)).id
    installation.project()
    return made


@pytest.fixture
def console(installation: Installation, account_id: UUID, gold: UUID) -> Iterator[Client]:
    with installation.open_console(account_id) as client:
        yield client


def store_change(
    installation: Installation,
    account_id: UUID,
    number: int,
    plan: str,
    source: str | None = None,
    change_id: str | None = None,
) -> UUID:
    data = CustomerData(name=f"Customer {number:02}", attributes={"plan": plan})
    change = CustomerChange(f"c{number}", "changed", installation.now(), data, source, change_id)
    found = installation.rollcall.customers.change(account_id, [change]).outcomes[0].customer_id
    assert found is not None
    return found


def rows_of(page: str) -> list[list[str]]:
    """Returns the text of each cell of the joins and leaves: customer, change, when, reason."""
    body = page.partition('aria-label="Joins and leaves"')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in re.split(r"</t[hd]>", row)[:4]]
        for row in body.split("</tr>")[:-1]
    ]


def chart_of(page: str) -> Any:
    found = re.search(r'data-chart="([^"]+)"', page)
    assert found is not None
    return json.loads(html.unescape(found.group(1)))


def test_joins_and_leaves_are_listed_newest_first_with_their_cause(
    installation: Installation, account_id: UUID, gold: UUID, console: Client, clock: Clock
) -> None:
    first = store_change(installation, account_id, 1, "gold", "/crm", "a-1")
    clock.at += timedelta(minutes=1)
    store_change(installation, account_id, 1, "silver")
    clock.at += timedelta(minutes=1)
    store_change(installation, account_id, 2, "silver")
    store_change(installation, account_id, 2, "gold", "/shop", "b-1")
    installation.project()
    page = console.get(f"/console/segments/{gold}/history").text
    assert rows_of(page) == [
        ["Customer 02", "+ Joined", "Nov 3, 2026, 14:02:00", "Plan changed to gold, from /shop"],
        ["Customer 01", "− Left", "Nov 3, 2026, 14:01:00", "Plan changed to silver"],
        ["Customer 01", "+ Joined", "Nov 3, 2026, 14:00:00", "The customer was new, and Plan is gold, from /crm"],
    ]
    assert f"/console/segments/{gold}/customers/{first}/why" in page
    assert "1 member now" in page


def test_edits_imports_and_manual_changes_are_distinct_causes(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    ana = store_change(installation, account_id, 1, "gold")
    listed = installation.rollcall.segments.create(account_id, SegmentDraft("List", "", "static", None)).id
    installation.rollcall.members.add(account_id, listed, [ana])
    installation.rollcall.members.remove_one(account_id, listed, ana)
    later = installation.rollcall.segments.create(account_id, SegmentDraft("Later", "", "dynamic", GOLD)).id
    installation.project()
    assert [row[3] for row in rows_of(console.get(f"/console/segments/{listed}/history").text)] == [
        "Removed by hand",
        "Added by hand",
    ]
    assert rows_of(console.get(f"/console/segments/{later}/history").text)[0][3] == "The segment was created"


def test_the_history_shows_nothing_of_an_erased_customer(
    installation: Installation, account_id: UUID, gold: UUID, console: Client
) -> None:
    for number in (1, 2):
        store_change(installation, account_id, number, "gold", "/crm", f"a-{number}")
    installation.project()
    installation.rollcall.customers.change(
        account_id, [CustomerChange("c1", "deleted", installation.now(), CustomerData())]
    )
    installation.project()
    page = console.get(f"/console/segments/{gold}/history").text
    assert [row[0] for row in rows_of(page)] == ["Customer 02"]
    assert "Customer 01" not in page
    assert "1 member now" in page


def test_a_long_history_is_paged_forward_and_back(
    installation: Installation, account_id: UUID, gold: UUID, console: Client, clock: Clock
) -> None:
    for number in range(23):
        # Some at one instant: their order is kept too.
        clock.at += timedelta(seconds=number % 2)
        store_change(installation, account_id, number, "gold")
    installation.project()
    address: str | None = f"/console/segments/{gold}/history?rows=10"
    pages = []
    while address:
        page = console.get(address).text
        pages.append([row[0] for row in rows_of(page)])
        following = re.search(r'href="([^"]+)" rel="next"', page)
        address = html.unescape(following.group(1)) if following else None
    assert [len(each) for each in pages] == [10, 10, 3]
    assert sorted(name for names in pages for name in names) == [f"Customer {number:02}" for number in range(23)]
    back = re.search(r'href="([^"]+)" rel="prev"', page)
    assert back is not None
    assert [row[0] for row in rows_of(console.get(html.unescape(back.group(1))).text)] == pages[1]
    assert console.get(f"/console/segments/{gold}/history?after=nonsense").status_code == 200


@pytest.mark.parametrize("chosen", ["day", "week", "month", "all"])
def test_the_chart_ends_with_the_current_members_and_the_table_agrees(
    installation: Installation, account_id: UUID, gold: UUID, console: Client, clock: Clock, chosen: str
) -> None:
    for number in range(5):
        clock.at += timedelta(minutes=1)
        store_change(installation, account_id, number, "gold")
    store_change(installation, account_id, 4, "silver")
    clock.at += timedelta(minutes=1)
    installation.project()
    page = console.get(f"/console/segments/{gold}/history?range={chosen}").text
    times, sizes = chart_of(page)
    assert (sizes[0], sizes[-1], max(sizes)) == (0, 4, 4)
    assert times[-1] == clock.at.timestamp()
    table = page.partition("<details>")[2].partition("</details>")[0]
    shown = [int(each) for each in re.findall(r'class="number">(\d+)<', table)]
    assert shown[0] == 4
    assert set(shown) <= set(sizes)


def test_the_size_counted_back_from_now_equals_the_size_counted_from_the_beginning(
    installation: Installation, account_id: UUID, gold: UUID, clock: Clock
) -> None:
    chance = random.Random(7)
    began = clock.at
    for _ in range(150):
        clock.at += timedelta(seconds=chance.randrange(90))
        store_change(installation, account_id, chance.randrange(12), chance.choice(["gold", "silver"]))
    installation.project()
    with installation.database.transaction(account_id) as connection:
        segment = read_segments.by_id(connection, account_id, gold)
        assert segment is not None
        source = history.served_versions(connection, account_id, segment.segment_no)
        span = (clock.at - began) / 40
        for first in (0, 13, 39):
            points = [began + span * step for step in range(first, 41)]
            forwards = history.sizes(connection, source, points)
            backwards = history.sizes_back_from(
                connection, source, segment.members, points, within=timedelta(minutes=1)
            )
            assert backwards == forwards
            assert first or len(set(forwards)) > 3


def test_each_part_of_the_page_can_be_loaded_alone_and_gets_only_what_is_new(
    installation: Installation, account_id: UUID, gold: UUID, console: Client
) -> None:
    store_change(installation, account_id, 1, "gold")
    installation.project()
    address = f"/console/segments/{gold}/history"
    listed = console.get(address, headers={"HX-Request": "true", "HX-Target": "section#list"}).text
    assert "data-chart" not in listed
    assert len(rows_of(listed)) == 1
    sizes = console.get(address, headers={"HX-Request": "true", "HX-Target": "section#sizes"}).text
    assert chart_of(sizes)[1][-1] == 1
    assert rows_of(sizes) == []
    seen = re.search(r'"Rollcall-Seen": "(\d+)"', listed)
    assert seen is not None
    assert console.get(address, headers={"Rollcall-Seen": seen.group(1)}).status_code == 204


def test_a_slow_chart_is_loaded_after_the_page_and_without_javascript_on_demand(
    installation: Installation, account_id: UUID, gold: UUID, console: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_change(installation, account_id, 1, "gold")
    installation.project()
    counted = history.sizes_back_from

    def takes_long(*asked: Any, within: timedelta) -> list[int] | None:
        return None if within == QUICK_LIMIT else counted(*asked, within=within)

    monkeypatch.setattr(history, "sizes_back_from", takes_long)
    address = f"/console/segments/{gold}/history"
    page = console.get(address).text
    assert "Counting who joined and left" in page
    assert 'hx-trigger="load"' in page
    assert len(rows_of(page)) == 1
    alone = console.get(address, headers={"HX-Request": "true", "HX-Target": "section#sizes"}).text
    assert chart_of(alone)[1][-1] == 1
    assert 'hx-trigger="every 60s"' in alone
    on_demand = re.search(r'<noscript><a href="([^"]+)">Wait for it</a>', page)
    assert on_demand is not None
    assert chart_of(console.get(html.unescape(on_demand.group(1))).text)[1][-1] == 1


def test_a_count_that_exceeds_its_time_limit_is_cancelled_and_the_snapshot_stays_usable(
    installation: Installation, account_id: UUID, gold: UUID, clock: Clock
) -> None:
    installation.project()
    with installation.owner() as owner:
        owner.execute(
            "INSERT INTO membership_history SELECT n, v.version_no, v.version_no, %s + n * interval '1 ms', true,"
            " 'change', account_id FROM segment_versions v, generate_series(1, 60000) AS n",
            [clock.at],
        )
    with installation.database.transaction(account_id) as connection:
        segment = read_segments.by_id(connection, account_id, gold)
        assert segment is not None
        source = history.served_versions(connection, account_id, segment.segment_no)
        points = [clock.at, clock.at + timedelta(hours=1)]
        span = timedelta(milliseconds=1)
        assert history.sizes_back_from(connection, source, 60_000, points, within=span) is None
        assert history.sizes_back_from(connection, source, 60_000, points, within=timedelta(minutes=1)) == [0, 60_000]


def test_the_history_of_another_account_is_not_found(installation: Installation, console: Client) -> None:
    other = installation.account("theirs")
    theirs = installation.rollcall.segments.create(other, SegmentDraft("Theirs", "", "static", None)).id
    installation.project()
    answer = console.get(f"/console/segments/{theirs}/history")
    assert answer.status_code == 404
    assert "Theirs" not in answer.text


@pytest.mark.parametrize("microseconds", [1, 7, 333_333, 999_999, 59_999_983])
def test_the_chart_begins_at_the_creation_with_the_members_of_that_moment_whenever_it_is_looked_at(
    installation: Installation, account_id: UUID, console: Client, clock: Clock, microseconds: int
) -> None:
    """Rounded to a microsecond before the creation, it would begin with none, in some pictures and not in others."""
    store_change(installation, account_id, 1, "gold")
    made = installation.rollcall.segments.create(account_id, SegmentDraft("Late", "", "dynamic", GOLD)).id
    installation.project()
    for _ in range(3):
        clock.at += timedelta(microseconds=microseconds)
        _, sizes = chart_of(console.get(f"/console/segments/{made}/history?range=all").text)
        assert set(sizes) == {1}


def test_each_day_has_its_joins_and_leaves_and_an_edit_is_marked(
    installation: Installation, account_id: UUID, gold: UUID, console: Client, clock: Clock
) -> None:
    store_change(installation, account_id, 1, "gold")
    clock.at += timedelta(days=1)
    for plan in ("silver", "gold", "silver"):
        store_change(installation, account_id, 1, plan)
    silver = [{"attribute": "plan", "operator": "equals", "value": "silver"}]
    installation.rollcall.segments.edit(account_id, gold, SegmentEdit(filter=silver), None)
    installation.project()
    page = console.get(f"/console/segments/{gold}/history").text
    days = page.partition('id="days"')[2].partition("</section>")[0]
    times, joins, leaves = chart_of(days)
    assert times[-1] - times[0] == 86_400
    assert (joins, leaves) == ([1, 2], [0, -2])
    assert f'data-marks="[{clock.at.timestamp():.0f}]"' in days
    shown = re.findall(r'row">([^<]+)<.*?number">(\d+)<.*?number">(\d+)<.*?number">(\d+)<', days)
    assert shown == [("2026-11-04", "2", "2", "1"), ("2026-11-03", "1", "0", "1")]
