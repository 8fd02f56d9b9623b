"""The Segments page, deleting a segment, and the protection of every page of the console."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from httpx import Client

from domain.campaign import CampaignDraft
from domain.segment import SegmentDraft, SegmentType
from tests.support.installation import Installation

pytestmark = pytest.mark.attributes(plan="text")

GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]


def create(installation: Installation, account_id: UUID, name: str, kind: SegmentType = "dynamic") -> UUID:
    draft = SegmentDraft(name, f"about {name}", kind, GOLD if kind == "dynamic" else None)
    return installation.rollcall.segments.create(account_id, draft).id


def names_on(page: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="[^"]+"[^>]*>([^<]+)</a>', page)


def next_of(page: str, rel: str = "next") -> str | None:
    found = re.search(rf'href="([^"]+)" rel="{rel}"', page)
    return found.group(1).replace("&amp;", "&") if found else None


def up_to_date_page(installation: Installation, console: Client, address: str) -> str:
    """Returns a page once it shows everything that is in the log."""
    installation.catch_up()
    return console.get(address).text


def test_each_segment_shows_name_type_filters_members_and_when_it_was_created(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    create(installation, account_id, "Gold <b>customers</b>")
    create(installation, account_id, "By hand", "static")
    page = up_to_date_page(installation, console, "/console/segments")
    assert names_on(page) == ["By hand", "Gold &lt;b&gt;customers&lt;/b&gt;"]
    assert "about By hand" in page
    assert "Plan equals gold" in page
    assert "No filters" in page
    assert re.search(r'<time datetime="[^"]+Z" title="[^"]+ Europe/Lisbon" class="relative">', page)


def test_the_filter_panel_searches_by_name_and_by_type(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    kinds: dict[str, SegmentType] = {"Gold": "dynamic", "Golden list": "static", "Silver": "dynamic"}
    for name, kind in kinds.items():
        create(installation, account_id, name, kind)
    assert names_on(up_to_date_page(installation, console, "/console/segments?name=gold")) == ["Golden list", "Gold"]
    assert names_on(console.get("/console/segments?name=gold&type=dynamic").text) == ["Gold"]
    assert "No segment matches" in console.get("/console/segments?name=bronze").text


def test_a_long_list_is_paged_forward_and_back_with_any_number_of_rows(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    for number in range(23):
        create(installation, account_id, f"Segment {number:02}")
    first = up_to_date_page(installation, console, "/console/segments?rows=10")
    second = console.get(next_of(first) or "").text
    third = console.get(next_of(second) or "").text
    walked = names_on(first) + names_on(second) + names_on(third)
    assert walked == [f"Segment {number:02}" for number in reversed(range(23))]
    assert "1–10 of 23" in first
    assert "21–23 of 23" in third
    assert next_of(third) is None
    assert names_on(console.get(next_of(third, "prev") or "").text) == names_on(second)
    assert names_on(console.get(next_of(second, "prev") or "").text) == names_on(first)
    assert next_of(first, "prev") is None


def test_an_open_page_gets_only_what_is_new(installation: Installation, account_id: UUID, console: Client) -> None:
    page = up_to_date_page(installation, console, "/console/segments")
    seen = re.search(r'"Rollcall-Seen": "(\d+)"', page)
    assert seen is not None
    assert console.get("/console/segments", headers={"Rollcall-Seen": seen.group(1)}).status_code == 204
    create(installation, account_id, "New one")
    installation.catch_up()
    assert names_on(console.get("/console/segments", headers={"Rollcall-Seen": seen.group(1)}).text) == ["New one"]


def test_before_a_segment_is_deleted_its_campaigns_are_named_and_which_would_have_no_audience(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold, other = create(installation, account_id, "Gold"), create(installation, account_id, "Other")
    for name, included, excluded in [("Alone", [gold], []), ("Both", [gold, other], []), ("Without", [other], [gold])]:
        installation.rollcall.campaigns.create(account_id, CampaignDraft(name, included, excluded))
    page = up_to_date_page(installation, console, f"/console/segments/{gold}/delete")
    left = {
        item.split("<")[0].split(" —")[0].strip()
        for item in re.findall(r"<li>(.*?)</li>", page, re.S)
        if "will have no audience" in item
    }
    assert left == {"Alone", "Without"}
    assert "3 campaigns" in page
    answer = console.post(f"/console/segments/{gold}/delete")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/segments")
    shown = console.get("/console/segments").text
    assert names_on(shown) == ["Other"]
    assert "Gold was deleted" in shown


def test_a_segment_that_other_filters_use_cannot_be_deleted_and_the_dialog_names_them(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold = create(installation, account_id, "Gold")
    nested = [{"attribute": "segment", "operator": "in", "value": [str(gold)]}]
    installation.rollcall.segments.create(account_id, SegmentDraft("Uses gold", "", "dynamic", nested))
    page = up_to_date_page(installation, console, f"/console/segments/{gold}/delete")
    assert "Uses gold" in page
    assert "Delete Segment" not in page
    answer = console.post(f"/console/segments/{gold}/delete")
    assert answer.status_code == 409
    assert "Uses gold" in answer.text


def test_a_segment_of_another_account_is_not_found(installation: Installation, console: Client) -> None:
    theirs = create(installation, installation.account("theirs"), "Theirs", "static")
    installation.catch_up()
    assert "Theirs" not in console.get("/console/segments").text
    answer = console.get(f"/console/segments/{theirs}/delete")
    assert answer.status_code == 404
    assert "Theirs" not in answer.text
    assert console.post(f"/console/segments/{theirs}/delete").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "", "Origin": "null"},
    ],
)
def test_requests_from_another_site_change_nothing(
    installation: Installation, account_id: UUID, console: Client, headers: dict[str, str]
) -> None:
    gold = create(installation, account_id, "Gold")
    installation.catch_up()
    if not headers["Sec-Fetch-Site"]:
        del console.headers["Sec-Fetch-Site"]
        headers = {name: value for name, value in headers.items() if value}
    answer = console.post(f"/console/segments/{gold}/delete", headers=headers)
    assert answer.status_code == 403
    assert names_on(console.get("/console/segments").text) == ["Gold"]


def test_every_page_forbids_scripts_and_frames_from_elsewhere_and_an_unknown_address_is_a_page(console: Client) -> None:
    for address, status in [("/console/segments", 200), ("/console/nowhere", 404), ("/console/segments?rows=7", 400)]:
        answer = console.get(address)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
    assert console.get("/", follow_redirects=True).url.path == "/console/overview"
