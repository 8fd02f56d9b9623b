"""What an open page and a form say once that which they are about was deleted."""

from __future__ import annotations

from uuid import UUID

import pytest
from httpx import Client

from domain.campaign import CampaignDraft
from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft
from tests.support.campaigns import text_of
from tests.support.installation import Installation

pytestmark = pytest.mark.attributes(plan="text")
FILTER = [{"attribute": "plan", "operator": "equals", "value": "gold"}]


def test_an_open_page_learns_what_was_deleted_and_the_way_back(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    commands = installation.rollcall
    segment = commands.segments.create(account_id, SegmentDraft("Gone")).id
    campaign = commands.campaigns.create(account_id, CampaignDraft("Spring", [segment])).id
    commands.segments.delete(account_id, segment, None)
    commands.campaigns.delete(account_id, campaign, None)
    installation.catch_up()
    says = {
        f"segments/{segment}/manage": "This segment was deleted. Back to the segments",
        f"segments/{segment}/history": "This segment was deleted. Back to the segments",
        f"campaigns/{campaign}": "This campaign was deleted. Back to the campaigns",
        f"customers/{segment}": "This customer was erased. Back to the customers",
        f"webhooks/{segment}": "This webhook was deleted. Back to the webhooks",
    }
    for path, text in says.items():
        live = console.get(f"/console/{path}", headers={"HX-Request": "true", "Rollcall-Part": "list"})
        assert (live.status_code, text_of(live.text).strip()) == (404, text)
        assert "data-gone" in live.text
        whole = console.get(f"/console/{path}")
        assert f'href="/console/{path.partition("/")[0]}">Back' in whole.text, "a page that was never open: no message"
        assert "data-gone" not in whole.text


def test_what_was_typed_about_something_deleted_is_the_form_of_a_new_one(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    commands = installation.rollcall
    kept = commands.segments.create(account_id, SegmentDraft("Kept")).id
    segment = commands.segments.create(account_id, SegmentDraft("Gone", "", "dynamic", FILTER)).id
    campaign = commands.campaigns.create(account_id, CampaignDraft("Spring", [kept])).id
    commands.segments.delete(account_id, segment, None)
    commands.campaigns.delete(account_id, campaign, None)
    installation.catch_up()
    typed = {"name": "Summer", "segments": str(kept), "version": "1"}
    again = console.post(f"/console/campaigns/{campaign}/edit", data=typed)
    assert again.status_code == 404
    assert "This campaign was deleted while you were editing it." in again.text
    assert 'action="/console/campaigns/new"' in again.text
    assert 'value="Summer"' in again.text
    assert f'value="{kept}" checked' in again.text

    builder = {"filter-match": "all", "filter-0-attribute": "plan", "filter-0-operator": "equals",
               "filter-0-value": "silver", "builder_action": "x"}  # fmt: skip
    typed = {"name": "Typed", "description": "More", "version": "1", "action": "save"} | builder
    again = console.post(f"/console/segments/{segment}/edit", data=typed)
    assert again.status_code == 404
    assert "This segment was deleted while you were editing it." in again.text
    assert 'action="/console/segments/new"' in again.text
    assert 'value="Typed"' in again.text
    assert "silver" in again.text
    assert 'name="dynamic" value="on" aria-describedby="dynamic-hint" checked' in again.text


def test_an_edit_of_an_erased_customer_leads_back_to_the_customers(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    change = CustomerChange("ana", "changed", installation.now(), CustomerData(name="Ana"))
    ((ana,),) = [installation.rollcall.customers.change(account_id, [change]).outcomes]
    installation.rollcall.customers.change(account_id, [CustomerChange("ana", "deleted", installation.now())])
    installation.catch_up()
    answer = console.post(f"/console/customers/{ana.customer_id}/edit", data={"name": "Anna"})
    assert answer.status_code == 404
    assert "This customer was erased. Back to the customers" in text_of(answer.text)
