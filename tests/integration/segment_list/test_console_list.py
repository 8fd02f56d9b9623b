"""The Segments page beyond names: order, labels, favourites, the archive, and what is done with ticked segments."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from httpx import Client

from domain.campaign import CampaignDraft
from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft, SegmentEdit
from tests.support.clock import Clock
from tests.support.installation import Installation

pytestmark = pytest.mark.attributes(plan="text")
GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]


def create(installation: Installation, account_id: UUID, name: str, raw: object = None) -> UUID:
    draft = SegmentDraft(name, "", "static" if raw is None else "dynamic", raw)
    return installation.rollcall.segments.create(account_id, draft).id


def names_on(console: Client, address: str) -> list[str]:
    page = console.get(f"/console/segments{address}")
    assert page.status_code == 200, page.text
    return re.findall(r'<th scope="row"><a href="[^"]+"[^>]*>([^<]+)</a>', page.text)


def test_sorted_pages_follow_one_another_also_where_the_last_row_was_deleted(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    made = [create(installation, account_id, f"{'ab'[nth % 2]} {nth:02}") for nth in range(12)]
    installation.catch_up()
    first = console.get("/console/segments?sort=name&rows=10").text
    address = next(iter(re.findall(r'href="([^"]+)" rel="next"', first))).replace("&amp;", "&")
    assert names_on(console, address.removeprefix("/console/segments")) == ["b 09", "b 11"]
    assert re.search(r'<th scope="col" aria-sort="ascending">', first)
    installation.rollcall.segments.delete(account_id, made[7], None)
    installation.catch_up()
    assert names_on(console, "?sort=name&rows=10")[0] == "a 00"


@pytest.mark.starts_at(datetime(2026, 5, 1, 10, tzinfo=UTC))
def test_the_sizes_of_thirty_days_are_a_picture_with_words_and_today_a_number(
    installation: Installation, account_id: UUID, clock: Clock
) -> None:
    create(installation, account_id, "Gold", GOLD)
    for nth, days in enumerate((0, 10, 30)):
        clock.at += timedelta(days=days)
        change = CustomerChange(f"c{nth}", "changed", clock.at, CustomerData(attributes={"plan": "gold"}))
        installation.rollcall.customers.change(account_id, [change])
    installation.project()
    with installation.open_console(account_id) as console:
        row = console.get("/console/segments").text
    assert 'aria-label="Last 30 days: 2 members at first, 3 now"' in row
    points = next(iter(re.findall(r'<polyline points="([^"]+)"', row))).split()
    assert len(points) == 30
    # Flat at the bottom until yesterday, then at the top.
    assert {each.split(",")[1] for each in points[:-1]} == {"21.0"}
    assert points[-1] == "85.0,3.0"
    assert "+1 today" in row
    assert "Current" not in row


def test_a_favourite_is_one_of_the_person_who_marked_it(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    mine = create(installation, account_id, "Mine")
    create(installation, account_id, "Other")
    installation.catch_up()
    console.post(f"/console/segments/{mine}/favourite", data={"favourite": "yes"})
    assert names_on(console, "?show=favourites") == ["Mine"]
    star = console.post(
        f"/console/segments/{mine}/favourite", data={"favourite": "no"}, headers={"HX-Request": "true"}
    ).text
    assert 'aria-pressed="false"' in star
    assert names_on(console, "?show=favourites") == []


def test_ticked_segments_are_labelled_archived_and_deleted_and_who_did_it_is_in_the_log(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    ids = [create(installation, account_id, name) for name in ("One", "Two", "Named")]
    create(installation, account_id, "Naming", [{"attribute": "segment", "operator": "in", "value": [str(ids[2])]}])
    installation.rollcall.campaigns.create(account_id, CampaignDraft("Spring", [ids[0]]))
    installation.catch_up()
    typed = {"action": "save", "name-of-label": "Loyalty", "colour": "teal"}
    console.post("/console/segments/labels", data=typed)
    taken = console.post("/console/segments/labels", data=typed | {"name-of-label": "loyalty"})
    assert (taken.status_code, "another name" in taken.text) == (422, True)
    label = installation.rollcall.segments.labels(account_id)[0]
    ticked = {"ticked": " ".join(map(str, ids[:2]))}
    console.post("/console/segments/selected", data=ticked | {"do": "labels", f"label-{label.label_id}": "on"})
    installation.catch_up()
    assert names_on(console, f"?label={label.label_id}") == ["Two", "One"]
    assert names_on(console, "?show=unused") == ["Naming", "Two"]

    console.post("/console/segments/selected", data={"do": "archive", "ticked": str(ids[1])})
    installation.catch_up()
    assert names_on(console, "?show=archived") == ["Two"]
    assert "Two" not in names_on(console, "")
    console.post("/console/segments/selected", data={"do": "restore", "ticked": str(ids[1])})

    asked = console.get("/console/segments/selected", params={"do": "delete", "segment_id": list(map(str, ids))}).text
    assert "used by Naming" in asked
    assert "will have no audience" in asked
    console.post("/console/segments/selected", data={"do": "delete", "ticked": " ".join(map(str, ids))})
    installation.catch_up()
    assert names_on(console, "") == ["Naming", "Named"]
    with installation.owner() as owner:
        did = owner.execute(
            "SELECT DISTINCT convert_from(state, 'UTF8')::json->>'by' FROM stored_events "
            "WHERE topic IN ('rollcall.segment.labelled', 'rollcall.segment.archived', 'rollcall.segment.deleted')"
        ).fetchall()
        (person,) = owner.execute("SELECT 'person:' || person_id FROM people").fetchall()
    assert did == [person]


def test_a_segment_made_today_has_grown_today_in_the_list_as_on_the_overview(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    for nth in range(2):
        change = CustomerChange(f"c{nth}", "changed", installation.now(), CustomerData(attributes={"plan": "gold"}))
        installation.rollcall.customers.change(account_id, [change])
    saved = installation.rollcall.segments.create(account_id, SegmentDraft("Gold", "", "dynamic", GOLD))
    installation.computed(account_id, saved)
    assert "+2 today" in console.get("/console/segments").text
    assert '<span class="move joined">+2</span>' in console.get("/console/overview").text


def test_an_archived_segment_says_so_on_its_own_pages_and_is_restored_or_deleted_from_there(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    segment = create(installation, account_id, "Away", GOLD)
    installation.rollcall.segments.edit(account_id, segment, SegmentEdit(archived=True), None)
    installation.catch_up()
    base = f"/console/segments/{segment}"
    pages = {page: console.get(f"{base}/{page}").text for page in ("manage", "edit", "history")}
    for page, text in pages.items():
        restore = f"/console/segments/selected?do=restore&amp;segment_id={segment}&amp;back="
        assert '<span class="badge">Archived</span>' in text, page
        assert restore in text, page
    assert f'href="{base}/versions"' in pages["history"]
    menu = pages["manage"][pages["manage"].index('id="menu-more"') :]
    for path in (
        f"{base}/versions",
        f"{base}/copy",
        f"do=labels&amp;segment_id={segment}",
        f"{base}/delete?leaves=true",
    ):
        assert path in menu

    headers = {"HX-Request": "true", "HX-Target": "dialog#dialog"}
    form = {"do": "restore", "ticked": str(segment), "back": f"{base}/history"}
    restored = console.post("/console/segments/selected", data=form, headers=headers)
    assert restored.headers["HX-Redirect"] == f"{base}/history"
    assert "Archived" not in console.get(f"{base}/history").text
    deleted = console.post(f"{base}/delete?leaves=true", headers=headers)
    assert deleted.headers["HX-Redirect"] == "/console/segments"
    assert "Away was deleted" in console.get("/console/segments").text


def test_a_notice_says_what_really_happened_to_each_segment(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    one, two, named = (create(installation, account_id, name) for name in ("One", "Two", "Named"))
    create(installation, account_id, "Naming", [{"attribute": "segment", "operator": "in", "value": [str(named)]}])
    label, lost = (installation.rollcall.segments.save_label(account_id, None, each, "red").id for each in "ab")
    installation.rollcall.segments.edit(account_id, one, SegmentEdit(label_ids=[label, lost]), None)
    installation.rollcall.segments.delete_label(account_id, lost)
    installation.catch_up()

    def notice(deed: str, *ids: UUID, **more: str) -> str:
        data = {"do": deed, "ticked": " ".join(map(str, ids))} | more
        answer = console.post("/console/segments/selected", data=data, follow_redirects=True)
        shown = re.search(r'<div class="notice">([^<]+)', answer.text)
        return shown[1].strip() if shown else f"{answer.status_code} {answer.text}"

    on = {f"label-{label}": "on"}
    assert notice("labels", one, **on) == "Nothing was changed"
    assert notice("labels", one, two, **on) == "1 segment was labelled"
    assert notice("labels", two, **{f"label-{label}": "off"}) == "1 segment was labelled"
    assert notice("restore", two) == "Nothing was changed"
    installation.rollcall.segments.delete(account_id, two, None)
    installation.catch_up()
    assert notice("labels", two, **on) == "1 segment was deleted meanwhile"
    assert notice("delete", two) == "1 segment was already deleted"
    assert notice("delete", one, two, named) == (
        "1 segment was deleted; 1 segment was already deleted; 1 segment is used by filters"
    )
    again = notice("labels", named, **{f"label-{lost}": "on"}, **on)
    assert again.startswith("422")
    assert "A label you chose was deleted meanwhile." in again
    assert str(lost) not in again
    assert re.search(rf'name="label-{label}".*?<option value="on" selected>', again, re.DOTALL)


def test_a_label_is_made_while_segments_are_labelled_and_deleted_once_it_is_asked(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    one, two = (create(installation, account_id, name) for name in ("One", "Two"))
    old = installation.rollcall.segments.save_label(account_id, None, "Old", "red").id
    installation.rollcall.segments.edit(account_id, one, SegmentEdit(label_ids=[old], archived=True), None)
    installation.catch_up()
    form = {"do": "labels", "ticked": f"{one} {two}", f"label-{old}": "", "new-name": "New", "new-colour": "teal"}
    made = console.post("/console/segments/selected", data=form | {"action": "create"}).text
    new = next(each.label_id for each in installation.rollcall.segments.labels(account_id) if each.name == "New")
    assert re.search(rf'name="label-{new}".*?<option value="on" selected>', made, re.DOTALL)
    assert "As it is: on 1 of 2" in made
    taken = console.post("/console/segments/selected", data=form | {"action": "create"})
    assert taken.status_code == 422
    assert 'value="New"' in taken.text

    address = f"/console/segments/labels/{old}/delete"
    assert "1 segment has this label and loses it." in console.get(address).text
    assert "The label was deleted" in console.post(address, follow_redirects=True).text
    assert "The label was already deleted" in console.post(address, follow_redirects=True).text
    typed = {"action": f"save {old}", f"name-{old}": "Older", f"colour-{old}": "green"}
    lost = console.post("/console/segments/labels", data=typed)
    assert lost.status_code == 422
    assert "This label was deleted meanwhile." in lost.text
    assert 'value="Older"' in lost.text


def test_an_archived_segment_is_offered_only_where_it_is_used_already(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    old, new = (create(installation, account_id, name) for name in ("Old", "New"))
    in_old = [{"attribute": "segment", "operator": "in", "value": [str(old)]}]
    uses = create(installation, account_id, "Uses", in_old)
    campaign = installation.rollcall.campaigns.create(account_id, CampaignDraft("Spring", [old])).id
    installation.rollcall.segments.edit(account_id, old, SegmentEdit(archived=True), None)
    installation.catch_up()
    assert str(old) not in console.get("/console/filters/segments?search=o").text
    form = {
        "filter-match": "all",
        "filter-0-attribute": "segment",
        "filter-0-operator": "in",
        "action": "more:filter-0",
    }
    typed = {
        name: console.post("/console/customers/filter", data=form | {"filter-0-more": name}).text
        for name in ("New", "Old")
    }
    assert [str(each) in text for each, text in ((new, typed["New"]), (old, typed["Old"]))] == [True, False]
    assert "Old" in console.get(f"/console/segments/{uses}/edit").text
    offered = [console.get(f"/console/campaigns/{each}").text for each in ("new", f"{campaign}/edit")]
    assert [text.count(f'value="{old}"') for text in offered] == [0, 1]
    assert "Every segment is chosen" not in offered[1]


def test_an_edit_says_nothing_of_labels_and_keeps_them(installation: Installation, account_id: UUID) -> None:
    commands = installation.rollcall.segments
    label = commands.save_label(account_id, None, "Loyalty", "teal").id
    segment = create(installation, account_id, "One")
    commands.edit(account_id, segment, SegmentEdit(label_ids=[label]), None)
    commands.edit(account_id, segment, SegmentEdit(name="Two"), None)
    assert commands.read(account_id, segment).label_ids == [label]
