"""What tests of campaigns share: a crowd to reach, segments of it, a page, and a frozen audience in every way."""

from __future__ import annotations

import html
import json
import re
from random import Random
from typing import Any
from uuid import UUID

from httpx import Client

from domain.campaign import CampaignDraft
from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft
from projections.postgres.database import Database
from projections.read import recipients
from projections.read.recipients import FrozenRecipients, RecipientRow
from tests.support.installation import Installation


def customer(installation: Installation, account_id: UUID, external_id: str, *plans: str, **data: Any) -> None:
    body = CustomerData.model_validate({"attributes": {"plans": list(plans)}, **data})
    change = CustomerChange(external_id, "changed", installation.now(), body)
    installation.rollcall.customers.change(account_id, [change])


def segment(installation: Installation, account_id: UUID, plan: str, *, computed: bool = True) -> str:
    raw = [{"attribute": "plans", "operator": "includes_any", "value": [plan]}]
    saved = installation.rollcall.segments.create(account_id, SegmentDraft(plan, "", "dynamic", raw))
    if computed:
        installation.computed(account_id, saved)
    return str(saved.id)


def campaign(
    installation: Installation, account_id: UUID, included: list[str], excluded: list[str] | None = None
) -> str:
    draft = CampaignDraft("Sale", [UUID(each) for each in included], [UUID(each) for each in excluded or []])
    return str(installation.rollcall.campaigns.create(account_id, draft).id)


def phone(number: int) -> str:
    return f"+3519100000{number:02}"


def crowd(installation: Installation, account_id: UUID) -> tuple[str, str, str]:
    """One customer for each reason to be reached or not; the segments gold, silver and staff."""
    customer(installation, account_id, "a", "gold", phone=phone(1), name="Ana <Sá>")
    customer(installation, account_id, "both", "gold", "silver", phone=phone(2))
    customer(installation, account_id, "same-phone", "silver", phone=phone(1))
    customer(installation, account_id, "out", "silver", phone=phone(4), opted_out=True)
    customer(installation, account_id, "no-phone", "silver")
    customer(installation, account_id, "left-out", "silver", "staff", phone=phone(6))
    customer(installation, account_id, "z", "silver", phone=phone(8))
    gold, silver, staff = (segment(installation, account_id, plan) for plan in ("gold", "silver", "staff"))
    return gold, silver, staff


def text_of(page: str) -> str:
    """What a person reads: without tags, spaces as one."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split()).replace(" ,", ",")


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, f"no field {name}"
    return found.group(1)


def created(console: Client, **form: Any) -> str:
    """The address of a campaign that the form made."""
    token = hidden(console.get("/console/campaigns/new").text, "token")
    answer = console.post("/console/campaigns/new", data={"token": token, **form})
    assert answer.status_code == 303, text_of(answer.text)
    return answer.headers["location"]


def read_frozen(database: Database, frozen: FrozenRecipients, chance: Random) -> dict[UUID, tuple[str, str | None]]:
    """Phone number and name of each recipient, by page, which must be those of a stream, and as many as are counted."""
    with database.snapshot(frozen.account_id) as (connection, _):
        paged: list[RecipientRow] = []
        while page := recipients.frozen_page(
            connection, frozen, after=paged[-1].customer_no if paged else None, limit=chance.choice([1, 3, 50])
        ):
            paged += page
        lines = list(recipients.frozen_lines(connection, frozen, "json"))
        assert recipients.count_frozen(connection, frozen) == len(paged)
    written = [json.loads(line) for text, _ in lines for line in text.splitlines()]
    rows = [(str(row.customer_id), row.phone, row.name) for row in paged]
    assert [(row["customer_id"], row["phone"], row["name"]) for row in written] == rows
    assert sum(count for _, count in lines) == len(rows)
    return {row.customer_id: (row.phone, row.name) for row in paged}
