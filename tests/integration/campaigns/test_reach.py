"""Reach is decided for the phone number, over all customers who have it, the same at every place that counts it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import Client

from domain.customer import CustomerChange, CustomerData
from tests.support.campaigns import phone
from tests.support.installation import Installation

NONE = {"excluded": 0, "opted_out": 0, "no_phone": 0, "duplicate_phone": 0}


class Shop:
    """Static lists of customers, and a campaign on them, through the API alone."""

    def __init__(self, installation: Installation, client: Client) -> None:
        self._installation, self.client = installation, client

    def members(self, *external_ids: str) -> str:
        """A static segment with some customers."""
        ids = [self.ok("GET", f"/v1/customers/{each}")["id"] for each in external_ids]
        segment = self.ok("POST", "/v1/segments", {"name": "List", "type": "static"})["id"]
        self.ok("POST", f"/v1/segments/{segment}/members", {"customer_ids": ids})
        return str(segment)

    def put(self, external_id: str, **body: Any) -> None:
        self.ok("PUT", f"/v1/customers/{external_id}", body)

    def upload(self, segment: str, csv: str) -> None:
        answered = self.client.post(f"/v1/segments/{segment}/imports", files={"file": ("list.csv", csv.encode())})
        assert answered.status_code == 202
        self._installation.run_imports()
        self._installation.catch_up()

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        answered = self.client.request(method, path, json=body)
        assert answered.is_success, answered.text
        return answered.json() if answered.content else None

    def reach(self, included: list[str], excluded: list[str] | None = None) -> tuple[list[str], dict[str, int]]:
        """The external ids (or phones) of the recipients and the skipped, by page, streams, and frozen: all agree."""
        asked = {"name": "Sale", "segment_ids": included, "exclude_segment_ids": excluded or []}
        campaign = self.ok("POST", "/v1/campaigns", asked)["id"]
        path = f"/v1/campaigns/{campaign}/recipients"
        page = self.ok("GET", f"{path}?include=total&limit=200")
        assert page["total"] == len(page["data"])
        frozen = self.ok("POST", f"/v1/campaigns/{campaign}/audience")
        assert frozen["skipped"] == page["skipped"]
        assert frozen["count"] == page["total"]
        assert self.ok("GET", f"/v1/audiences/{frozen['id']}/recipients?limit=200")["data"] == page["data"]
        streamed = self.client.get(path, headers={"Accept": "application/x-ndjson"}).text.splitlines()
        assert [json.loads(line) for line in streamed[:-1]] == page["data"]
        return [row["external_id"] or row["phone"] for row in page["data"]], page["skipped"]


@pytest.fixture
def shop(installation: Installation, client: Client) -> Shop:
    return Shop(installation, client)


def test_an_opt_out_from_the_crm_holds_for_a_number_that_came_by_csv(shop: Shop) -> None:
    listed = shop.members()
    shop.upload(listed, f"phone\n{phone(1)}\n{phone(2)}\n")
    assert shop.reach([listed]) == ([phone(1), phone(2)], NONE)
    shop.put("crm-1", phone=phone(1), opted_out=True)
    assert shop.reach([listed]) == ([phone(2)], NONE | {"opted_out": 1})


def test_one_opt_out_silences_every_customer_with_that_number(shop: Shop) -> None:
    shop.put("older", phone=phone(1), opted_out=True)
    shop.put("newer", phone=phone(1))
    assert shop.reach([shop.members("older", "newer")]) == ([], NONE | {"opted_out": 2})
    assert shop.reach([shop.members("newer")]) == ([], NONE | {"opted_out": 1})
    shop.put("older", opted_out=False)
    assert shop.reach([shop.members("older", "newer")]) == (["older"], NONE | {"duplicate_phone": 1})


def test_an_exclusion_holds_for_every_customer_with_that_number(shop: Shop) -> None:
    for external_id in ("a", "b", "c"):
        shop.put(external_id, phone=phone(1), opted_out=external_id == "c")
    shop.put("d", phone=phone(2))
    left_out = shop.members("b")
    assert shop.reach([shop.members("a", "c", "d")], [left_out]) == (["d"], NONE | {"excluded": 2})


def test_each_member_is_in_the_first_class_that_fits(shop: Shop) -> None:
    shop.put("recipient", phone=phone(1))
    shop.put("duplicate", phone=phone(1))
    shop.put("out", phone=phone(2), opted_out=True)
    shop.put("out-without-phone", opted_out=True)
    shop.put("no-phone")
    shop.put("excluded", phone=phone(3), opted_out=True)
    members = shop.members("recipient", "duplicate", "out", "out-without-phone", "no-phone", "excluded")
    expected = {"excluded": 1, "opted_out": 2, "no_phone": 1, "duplicate_phone": 1}
    assert shop.reach([members], [shop.members("excluded")]) == (["recipient"], expected)


def test_the_oldest_customer_of_the_audience_is_reached_not_the_oldest_of_all(shop: Shop) -> None:
    for external_id in ("oldest", "older", "newer"):
        shop.put(external_id, phone=phone(1))
    assert shop.reach([shop.members("newer", "older")]) == (["older"], NONE | {"duplicate_phone": 1})


def test_an_erased_opt_out_still_holds_until_a_customer_with_that_number_opts_in(shop: Shop) -> None:
    shop.put("crm-1", phone=phone(1), opted_out=True)
    shop.ok("DELETE", "/v1/customers/crm-1")
    listed = shop.members()
    shop.upload(listed, f"phone,name\n{phone(1)},Ana\n")
    shop.put("crm-2", phone=phone(1))
    out = NONE | {"opted_out": 1}
    assert shop.reach([listed]) == ([], out)
    assert shop.reach([shop.members("crm-2")]) == ([], out)
    shop.put("crm-2", opted_out=False)
    assert shop.reach([listed]) == ([phone(1)], NONE)
    assert shop.reach([shop.members("crm-2")]) == (["crm-2"], NONE)


def test_an_opt_in_of_before_the_erasure_that_arrives_late_lifts_nothing(
    shop: Shop, installation: Installation, account_id: UUID
) -> None:
    shop.put("crm-1", phone=phone(1), opted_out=True)
    before = installation.now()
    shop.ok("DELETE", "/v1/customers/crm-1")
    for at, reached in ((before, []), (installation.now(), ["crm-2"])):
        late = CustomerChange("crm-2", "changed", at, CustomerData(phone=phone(1), opted_out=False))
        installation.rollcall.customers.change(account_id, [late])
        installation.catch_up()
        assert shop.reach([shop.members("crm-2")])[0] == reached


def test_an_opt_in_over_http_lifts_the_opt_out_of_an_erasure_ahead_of_our_clock(
    shop: Shop, installation: Installation, account_id: UUID
) -> None:
    ahead = installation.now() + timedelta(seconds=200)
    data = CustomerData(phone=phone(1), opted_out=True)
    for change in (CustomerChange("crm-1", "changed", ahead, data), CustomerChange("crm-1", "deleted", ahead)):
        installation.rollcall.customers.change(account_id, [change])
    installation.catch_up()
    shop.put("crm-2", phone=phone(1))
    assert shop.reach([shop.members("crm-2")]) == ([], NONE | {"opted_out": 1})
    shop.put("crm-2", opted_out=False)
    assert shop.reach([shop.members("crm-2")]) == (["crm-2"], NONE)


def test_nothing_but_a_keyed_hash_is_kept_of_a_suppressed_number(
    shop: Shop, installation: Installation, account_id: UUID
) -> None:
    other = installation.account("other")
    for account in (account_id, other):
        with installation.open_api(installation.key(account)) as client:
            Shop(installation, client).put("crm-1", phone=phone(1), opted_out=True)
            client.delete("/v1/customers/crm-1").raise_for_status()
    with installation.owner() as owner:
        rows = owner.execute("SELECT account_id, number_sha256 FROM suppressed_numbers").fetchall()
        assert {account for account, _ in rows} == {account_id, other}
        # The rows do not show that two accounts suppress the same number, and the hash needs the secret.
        assert len({digest for _, digest in rows}) == 2
        unkeyed = owner.execute("SELECT sha256(convert_to(%s, 'UTF8'))", [phone(1)]).fetchone()
        assert unkeyed is not None
        assert unkeyed[0] not in {digest for _, digest in rows}
