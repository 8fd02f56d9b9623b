"""The overview, in the console and over the API: what changed today, and what needs attention."""

from __future__ import annotations

from uuid import UUID

import pytest
from httpx import Client

from domain.customer import CustomerChange
from projections.worker.rebuild import rebuild
from tests.support.campaigns import campaign, customer, phone, segment, text_of
from tests.support.clock import Clock
from tests.support.installation import Installation

pytestmark = pytest.mark.attributes(plans="list")


def test_an_empty_account_is_invited_to_begin(console: Client) -> None:
    shown = text_of(console.get("/console/overview").text)
    assert "Nothing needs attention." in shown
    assert "No segments yet" in shown
    assert "Opted out today 0" in shown


def test_the_overview_shows_movers_opt_outs_and_what_was_sent(
    installation: Installation, account_id: UUID, console: Client, key: str
) -> None:
    gold, silver = (segment(installation, account_id, plan) for plan in ("gold", "silver"))
    segment(installation, account_id, "unused")
    for number in range(1, 6):
        customer(installation, account_id, f"c{number}", "gold", phone=phone(number))
    customer(installation, account_id, "c1", "silver", phone=phone(1))
    customer(installation, account_id, "new", phone=phone(9), opted_out=True)
    for opted_out in (True, False, True):
        customer(installation, account_id, "c2", "gold", phone=phone(2), opted_out=opted_out)
    sale = campaign(installation, account_id, [gold], [silver])
    installation.catch_up()
    with installation.open_api(key) as client:
        frozen = client.post(f"/v1/campaigns/{sale}/audience").json()
        read = client.get("/v1/overview").json()
    assert [(each["name"], each["joins"], each["leaves"], each["members"]) for each in read["movers"]] == [
        ("gold", 5, 1, 4),
        ("silver", 1, 0, 1),
    ]
    # Who comes opted out has not opted out today.
    assert (read["opt_outs"], read["opt_ins"]) == (2, 1)
    assert read["segments"] == {"total": 3, "recomputing": 0, "failed": 0, "unused": 1}
    assert [each["id"] for each in read["campaigns"]] == [sale]
    assert [each["id"] for each in read["audiences"]] == [frozen["id"]]
    shown = text_of(console.get("/console/overview").text)
    assert "Segments 3 Used in nothing 1 Opted out today 2 1 opted in again" in shown
    assert "gold +4 5 1 4 silver +1 1 0 1" in shown
    assert "Sale 3 recipients" in shown


def test_what_needs_attention_comes_with_a_link_to_act(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    silver = segment(installation, account_id, "silver")
    made = campaign(installation, account_id, [segment(installation, account_id, "gold")], [silver])
    console.post(f"/console/segments/{silver}/delete")
    with installation.owner() as owner:
        owner.execute("UPDATE segments SET failure = 'the attribute is a list now'")
        owner.execute(
            "INSERT INTO imports (import_id, account_id, segment_id, file_name, state, failure, started_at,"
            " finished_at, position) VALUES (gen_random_uuid(), %s, gen_random_uuid(), 'guests.csv', 'failed',"
            " 'the segment was deleted', now(), now(), 0)", [account_id]
        )  # fmt: skip
    page = console.get("/console/overview").text
    shown = text_of(page)
    assert "Failed gold The attribute is a list now." in shown
    assert "Import failed guests.csv The segment was deleted." in shown
    assert "Needs an audience Sale A segment of it was deleted: choose again." in shown
    assert f'href="/console/campaigns/{made}"' in page


def erase(installation: Installation, account_id: UUID, external_id: str) -> None:
    installation.rollcall.customers.change(account_id, [CustomerChange(external_id, "deleted", installation.now())])


def test_yesterdays_opt_outs_are_not_todays_and_a_replay_counts_the_same(
    installation: Installation, account_id: UUID, clock: Clock
) -> None:
    for name in ("a", "erased later", "erased at once"):
        customer(installation, account_id, name, phone=phone(1))
        customer(installation, account_id, name, phone=phone(1), opted_out=True)
        if name != "erased at once":
            installation.project()
    erase(installation, account_id, "erased at once")
    clock.passes(days=1)
    customer(installation, account_id, "a", phone=phone(1), opted_out=False)
    installation.project()

    def counted() -> list[tuple[int, int]]:
        query = "SELECT sum(opt_outs)::int, sum(opt_ins)::int FROM opt_out_days GROUP BY day ORDER BY day"
        with installation.owner() as owner:
            return owner.execute(query).fetchall()

    assert counted() == [(2, 0), (0, 1)]
    erase(installation, account_id, "erased later")
    installation.project()
    assert counted() == [(1, 0), (0, 1)]
    rebuild(installation.url)
    assert counted() == [(1, 0), (0, 1)]


def test_an_overview_that_shows_the_same_is_not_sent_again(console: Client) -> None:
    page = console.get("/console/overview").text
    seen = page.partition('"Rollcall-Seen": "')[2].partition('"')[0]
    again = console.get("/console/overview", headers={"HX-Request": "true", "Rollcall-Seen": seen})
    assert again.status_code == 204
