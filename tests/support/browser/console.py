"""An account of the running command with a person signed in to its console, and its API to put data in.

Used by the fixtures of `tests/browser` and by `tests.browser.screenshots`. The data goes in over HTTP with the
account's API key, as other programs send it; what a test looks at, it looks at in the browser.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from httpx import Client
from playwright.sync_api import Browser, StorageState

from domain.account import account_id_of
from tests.support.http_client import http_client
from tests.support.installation import Installation
from tests.support.running_product import ApiClient, RunningProduct, eventually

TYPES = {
    "plan": "text", "premium_customer": "boolean", "birthdate": "date", "score": "number", "last_order": "datetime",
    "likes": "list",
}  # fmt: skip
DEFAULT_ACCOUNT = "default"


@contextmanager
def without_kafka(home: Path, *arguments: str) -> Iterator[RunningProduct]:
    """A running `rollcall up` without Kafka, stopped at the end."""
    product = RunningProduct(home, *arguments, ROLLCALL_KAFKA_BOOTSTRAP_SERVERS="none")
    try:
        yield product
    finally:
        product.close()


@contextmanager
def new_account(product: RunningProduct, name: str) -> Iterator[Console]:
    """The console of a new account in the running product."""
    with closing(Installation(product.database_url)) as installation:
        account_id = installation.account(name, timezone="UTC")
        key = installation.key(account_id)
        link = f"{product.url}{installation.owner_link(account_id)}"
    eventually(product.is_up_to_date)
    with http_client(product.url, headers={"Authorization": f"Bearer {key}"}) as http:
        yield Console(product, name, http, link)


class Console(ApiClient):
    """The console of an account; `session` is what the browser keeps of the person who is signed in."""

    def __init__(self, product: RunningProduct, account: str, http: Client, link: str) -> None:
        super().__init__(http)
        self.product = product
        self.account = account
        self.url = product.url
        self.link = link  # signs the owner in, once
        self.rows = product.rows
        self.session: StorageState | None = None
        self._numbers = count(1)

    def sign_in(self, browser: Browser) -> None:
        """Follow the owner's one-time link and keep the session: without a page, which takes ten times as long."""
        context = browser.new_context()
        try:
            entered = context.request.post(self.link, headers={"Sec-Fetch-Site": "same-origin"})
            assert entered.url == f"{self.url}/console/overview"
            self.session = context.storage_state()
        finally:
            context.close()

    def declare(self) -> None:
        """Declare the attributes of `TYPES`."""
        for key, kind in TYPES.items():
            label = {"label": "Premium customer"} if key == "premium_customer" else {}
            self.ok("PUT", f"/v1/attributes/{key}", json={"type": kind, **label})

    def segment(self, name: str, node: Any = None, *, description: str = "", members: Sequence[str] = ()) -> str:
        """A new segment's id: dynamic where there is a filter, else static with those customers as its members."""
        body: dict[str, Any] = {
            "name": name,
            "description": description,
            "type": "static" if node is None else "dynamic",
        }
        made: str = self.ok("POST", "/v1/segments", json=body if node is None else body | {"filter": node})["id"]
        if members:
            self.ok("POST", f"/v1/segments/{made}/members", json={"customer_ids": list(members)})
        self.wait_until_visible()
        return made

    def customer(self, name: str, **data: Any) -> str:
        """A new customer's id, with its own phone number unless `data` says another."""
        number = next(self._numbers)
        body = {"name": name, "phone": f"+35191{number + 3_000_000:07d}", **data}
        made: str = self.ok("PUT", f"/v1/customers/customer-{number}", json=body)["id"]
        return made

    def change(self, customer_id: str, **data: Any) -> None:
        """Send a change of a customer that `customer` made."""
        external_id = self.ok("GET", f"/v1/customers/{customer_id}")["external_id"]
        self.ok("PUT", f"/v1/customers/{external_id}", json=data)

    def campaign(self, name: str, *segment_ids: str) -> str:
        """A new campaign's id."""
        made: str = self.ok("POST", "/v1/campaigns", json={"name": name, "segment_ids": list(segment_ids)})["id"]
        self.wait_until_visible()
        return made

    def set_aside(self, value: str, message: str) -> str:
        """A new dead letter's id. Without Kafka nothing is ingested, so it is stored as ingest would store it."""
        query = (
            "INSERT INTO rollcall.dead_letters (account_id, topic, partition, record_offset, record_timestamp, key,"
            " value, headers, code, message, first_failed_at)"
            " VALUES (%s, 'rollcall.customers.v1', 3, 1288, 1779271200123, 'crm-1', %s, %s,"
            " 'attribute_type_mismatch', %s, now()) RETURNING dead_letter_id"
        )
        headers = {
            "ce_specversion": "1.0", "ce_type": "rollcall.customer.changed.v1", "ce_source": "/crm", "ce_id": "a-1",
            "ce_subject": "crm-1", "ce_time": "2026-05-20T10:00:00Z",
        }  # fmt: skip
        stored = json.dumps([[name, text.encode().hex()] for name, text in headers.items()])
        with psycopg.connect(self.product.database_url) as owner:
            row = owner.execute(query, [account_id_of(self.account), value.encode(), stored, message]).fetchone()
        assert row is not None
        return str(row[0])

    def wait_until_visible(self) -> None:
        """Wait until everything sent so far can be read."""
        eventually(self.product.is_up_to_date, 30)
