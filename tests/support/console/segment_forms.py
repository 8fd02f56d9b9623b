"""The form of a segment as a browser without scripts handles it, and what the tests of it put in and look at."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import Any
from uuid import UUID

from httpx import Client, Response

from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft
from domain.values import AttributeType
from projections.read import segments
from projections.read.segments import SegmentRow
from tests.support.installation import Installation

GOLD = {"attribute": "plan", "operator": "equals", "value": "gold"}
PREMIUM = {"attribute": "premium_customer", "operator": "equals", "value": True}
NEW = "/console/segments/new"


def declared(installation: Installation) -> UUID:
    """A new account with attributes of a few types."""
    account_id = installation.account()
    types: dict[str, AttributeType] = {
        "plan": "text", "premium_customer": "boolean", "birthdate": "date", "score": "number",
    }  # fmt: skip
    for key, kind in types.items():
        installation.rollcall.attributes.declare(account_id, key, kind, None)
    return account_id


def customers(installation: Installation, account_id: UUID, **plans: str) -> None:
    now = installation.rollcall.now()
    changes = [
        CustomerChange(name, "changed", now, CustomerData(name=name.title(), attributes={"plan": plan}), "/crm", name)
        for name, plan in plans.items()
    ]
    installation.rollcall.customers.change(account_id, changes)
    installation.catch_up()


def create(installation: Installation, account_id: UUID, name: str, *nodes: Any) -> UUID:
    draft = SegmentDraft(name, "", "dynamic", list(nodes)) if nodes else SegmentDraft(name)
    segment_id = installation.rollcall.segments.create(account_id, draft).id
    installation.catch_up()
    return segment_id


def fields_of(page: str) -> dict[str, str]:
    """What a browser would send of the page's form, one text for each name."""
    form = page[page.index('<form class="segment-form"') :]
    sent = {}
    for tag in re.findall(r"<input[^>]*>", form):
        kind, name, value = (
            unescape(found.group(1)) if (found := re.search(rf'\b{attribute}="([^"]*)"', tag)) else ""
            for attribute in ("type", "name", "value")
        )
        if name and (kind not in ("checkbox", "radio") or " checked" in tag):
            sent[name] = value
    for name, options in re.findall(r'<select[^>]*\bname="([^"]+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options)
        sent[name] = unescape(chosen.group(1)) if chosen else ""
    for name, text in re.findall(r'<textarea[^>]*\bname="([^"]+)"[^>]*>\n?(.*?)</textarea>', form, re.S):
        sent[name] = unescape(text)
    return sent


def posted(console: Client, address: str, **fields: str) -> Response:
    return console.post(address, data={name.replace("__", "-"): text for name, text in fields.items()})


def stored(installation: Installation, account_id: UUID, name: str) -> SegmentRow:
    deadline = time.monotonic() + 30
    while True:
        installation.catch_up()
        with installation.database.transaction(account_id) as connection:
            (row,) = segments.page(connection, account_id, name=name, kind=None, before=None, limit=9)
        if row.building is None:
            return row
        assert time.monotonic() < deadline, "the segment is never computed"
