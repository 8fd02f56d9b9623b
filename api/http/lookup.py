"""From the id in an address to the row that it names, or 404 `<noun>_not_found`.

Used by the endpoints of `/v1` and by the console. A `parse_` function raises `NotFound` for a text that is no id,
a `require_` function also where the account has no such row, and so does an `ask_for_` function, which reads by itself,
in one round trip.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TypeVar
from uuid import UUID

from api.http.dependencies import Services
from api.http.parameters import parse_uuid
from api.reads import Reads
from domain.customer import customer_id_of
from domain.errors import NotFound, Refused, Unavailable
from projections.model.audience_spec import AudienceSpec
from projections.read import campaigns, customers, explanations, segments
from projections.read.campaigns import AudienceRow, CampaignRow
from projections.read.customers import CustomerRow
from projections.read.explanations import MembershipExplanation
from projections.read.segments import SegmentRow
from projections.records import imports
from projections.records.imports import ImportRow

Row = TypeVar("Row")


def parse_segment_id(text: str) -> UUID:
    """Returns the segment id in a text. Raises `NotFound`."""
    return _require(parse_uuid(text), "segment")


def parse_campaign_id(text: str) -> UUID:
    """Returns the campaign id in a text. Raises `NotFound`."""
    return _require(parse_uuid(text), "campaign")


def parse_audience_id(text: str) -> UUID:
    """Returns the audience id in a text. Raises `NotFound`."""
    return _require(parse_uuid(text), "audience")


def parse_label_id(text: str) -> UUID:
    """Returns the label id in a text. Raises `NotFound`."""
    return _require(parse_uuid(text), "label")


def parse_webhook_id(text: str) -> UUID:
    """Returns the webhook id in a text. Raises `NotFound`."""
    return _require(parse_uuid(text), "webhook")


def require_customer(connection: Any, account_id: UUID, text: str) -> CustomerRow:
    """Returns the customer with this id or external id. Raises `NotFound`."""
    found = connection.execute(*customers.question(account_id, customer_ids_of(account_id, text))).fetchone()
    return customers.row_of(_require(found, "customer"))


def require_segment(connection: Any, account_id: UUID, text: str) -> SegmentRow:
    """Returns the segment whose id is in a text. Raises `NotFound`."""
    return _require(segments.by_id(connection, account_id, parse_segment_id(text)), "segment")


def require_campaign(connection: Any, account_id: UUID, text: str) -> CampaignRow:
    """Returns the campaign whose id is in a text. Raises `NotFound`."""
    return _require(campaigns.by_id(connection, account_id, parse_campaign_id(text)), "campaign")


def require_audience(connection: Any, account_id: UUID, text: str) -> AudienceRow:
    """Returns the frozen audience whose id is in a text, counted or not. Raises `NotFound`."""
    return _require(campaigns.audience(connection, account_id, parse_audience_id(text)), "audience")


def require_counted_audience(connection: Any, account_id: UUID, text: str) -> AudienceRow:
    """Returns the frozen audience whose id is in a text. Raises `NotFound`; `Unavailable` while it is being frozen."""
    row = require_audience(connection, account_id, text)
    if not row.counted:
        raise Unavailable("audience_not_ready", "the audience is being frozen; ask again in a moment")
    return row


def require_import(services: Services, account_id: UUID, text: str) -> ImportRow:
    """Returns the CSV import whose id is in a text. Raises `NotFound`."""
    import_id = _require(parse_uuid(text), "import")
    with services.database.transaction(account_id) as connection:
        return _require(imports.by_id(connection, account_id, import_id), "import")


def customer_ids_of(account_id: UUID, text: str) -> list[UUID]:
    """Returns the ids that a text may mean: itself where it looks like one, then that of this external id."""
    return [each for each in (parse_uuid(text), customer_id_of(account_id, text)) if each is not None]


def ask_for_customer(reads: Reads, account_id: UUID, text: str) -> tuple[CustomerRow, int]:
    """Returns the customer with this id or external id, and the position. Raises `NotFound`."""
    (found,), position = reads.ask(account_id, customers.question(account_id, customer_ids_of(account_id, text)))
    return customers.row_of(_require(next(iter(found), None), "customer")), position


def ask_for_segment(reads: Reads, account_id: UUID, text: str) -> tuple[SegmentRow, str, int]:
    """Returns the segment whose id is in a text, its filter as a sentence, and the position. Raises `NotFound`."""
    found, _, position = segments.ask_summed_up(
        reads, account_id, segments.question(account_id, parse_segment_id(text))
    )
    segment, summary, _ = _require(next(iter(found), None), "segment")
    return segment, summary, position


def require_explanation(connection: Any, account_id: UUID, segment: SegmentRow, text: str) -> MembershipExplanation:
    """Returns why the customer whose id is in a text is in a segment or not. Raises `NotFound`."""
    customer_id = _require(parse_uuid(text), "customer")
    return _require(explanations.of_membership(connection, account_id, segment, customer_id), "customer")


def served_audience(connection: Any, account_id: UUID, campaign_id: UUID) -> AudienceSpec | None:
    """Returns the versions that a campaign's segments serve now; `None` where it has no recipients.

    Raises `NotFound`, and `Refused` where a segment was never computed: that is not the same as an empty one.
    """
    found = campaigns.with_served(connection, account_id, campaign_id)
    row, included, left_out = _require(found, "campaign")
    if row.needs_audience:
        return None
    for segment_id, version in zip([*row.segment_ids, *row.exclude_segment_ids], [*included, *left_out], strict=True):
        if version is None:
            detail = f"segment {segment_id} has no members yet; ask again when it is current"
            raise Refused("segment_not_computed", detail)
    return AudienceSpec(account_id, [each for each in included if each], [each for each in left_out if each])


def require_computed(connection: Any, account_id: UUID, campaign_id: UUID) -> None:
    """Raises `Refused` where a segment of the campaign was never computed."""
    with suppress(NotFound):  # the read models may not have the campaign yet
        served_audience(connection, account_id, campaign_id)


def require_any(rows: Sequence[object], noun: str) -> None:
    """Raises `NotFound` where an answer has no row at all."""
    _require(rows or None, noun)


def _require(row: Row | None, noun: str) -> Row:
    if row is None:
        raise NotFound(f"{noun}_not_found", f"no such {noun} in this account")
    return row
