"""Frozen audiences in the console, and recipients as files."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from httpx import Client

from domain.customer import customer_id_of
from tests.support.campaigns import campaign, created, crowd, customer, hidden, phone, text_of
from tests.support.installation import Installation

pytestmark = pytest.mark.attributes(plans="list")


def test_a_frozen_audience_stays_the_same_after_changes_and_after_its_campaign_is_deleted(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold, silver, staff = crowd(installation, account_id)
    made = campaign(installation, account_id, [gold, silver], [staff])
    installation.catch_up()
    token = hidden(console.get(f"/console/campaigns/{made}/freeze").text, "token")
    for _ in range(2):
        answer = console.post(f"/console/campaigns/{made}/freeze", data={"token": token})
        assert answer.headers["location"] == f"/console/campaigns/{made}"
    page = console.get(f"/console/campaigns/{made}").text
    assert "Frozen: 3 recipients" in page
    audiences = re.findall(r'href="(/console/audiences/[0-9a-f-]+)"', page)
    assert len(audiences) == 1
    before = [console.get(f"{audiences[0]}/recipients.{ending}") for ending in ("csv", "ndjson")]
    customer(installation, account_id, "a", phone=phone(1), opted_out=True, name="Other name")
    customer(installation, account_id, "late", "gold", phone=phone(9))
    console.post(f"/console/segments/{gold}/delete")
    console.post(f"/console/campaigns/{made}/delete")
    after = [console.get(f"{audiences[0]}/recipients.{ending}") for ending in ("csv", "ndjson")]
    assert [answer.content for answer in after] == [answer.content for answer in before]
    assert "Ana <Sá>" in after[0].text
    assert len(after[0].text.splitlines()) == 1 + 3
    assert [answer.headers["content-type"].partition(";")[0] for answer in after] == [
        "text/csv",
        "application/x-ndjson",
    ]
    assert all("attachment" in answer.headers["content-disposition"] for answer in after)
    kept = text_of(console.get(audiences[0]).text)
    assert "Audience of a deleted campaign" in kept
    assert "3 recipients" in kept
    assert "Deleted campaign 3" in text_of(console.get("/console/audiences").text)
    installation.rollcall.customers.erase(account_id, [customer_id_of(account_id, "both")])
    installation.catch_up()
    assert "3 recipients, 1 erased since" in text_of(console.get(audiences[0]).text)


def test_current_recipients_are_downloaded_as_a_file_named_after_the_campaign(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold, silver, _ = crowd(installation, account_id)
    address = created(console, name='Été "24"/7', segments=[gold, silver])
    answer = console.get(f"{address}/recipients.csv")
    lines = answer.text.splitlines()
    assert lines[0] == "customer_id,external_id,phone,name"
    assert len(lines) == 1 + 4
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"Ete-24-7-recipients.csv\"; filename*=UTF-8''"
        "%C3%89t%C3%A9%20%2224%22%2F7%20recipients.csv"
    )
    assert console.get(f"{address}/recipients.xls").status_code in (400, 404)
