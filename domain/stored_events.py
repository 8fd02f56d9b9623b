"""Events as they are stored: the frozen models, their stable names and versions, and the mapper.

A stored event must be readable permanently. `type_name` never changes; a change of shape raises
`schema_version` and adds a step to `upcasts` from the version before it. Every type that was ever
stored is in `EVENT_TYPES`, with a sample in tests/unit/domain/stored_events/ that must still load.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

import msgspec
from eventsourcing.persistence import Mapper, StoredEvent

from domain import json_text

State = dict[str, Any]
Upcast = Callable[[State], State]


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fact about one aggregate of one account; `recorded_at` is when Rollcall learned of it."""

    type_name: ClassVar[str]
    schema_version: ClassVar[int] = 1
    upcasts: ClassVar[dict[int, Upcast]] = {}

    originator_id: UUID
    originator_version: int
    account_id: UUID
    recorded_at: datetime


class AccountCreated(Event, kw_only=True, frozen=True):
    """An account exists; its time zone decides "today", its country how national phone numbers read."""

    type_name = "rollcall.account.created"
    name: str
    timezone: str
    country: str


class ApiKeyCreated(Event, kw_only=True, frozen=True):
    """An API key was created; only the SHA-256 of its secret is kept."""

    type_name = "rollcall.account.api_key_created"
    key_id: str
    name: str
    kind: Literal["admin", "read", "write", "sdk"]
    secret_sha256: str


class ApiKeyRevoked(Event, kw_only=True, frozen=True):
    """An API key was revoked."""

    type_name = "rollcall.account.api_key_revoked"
    key_id: str


class AttributeDeclared(Event, kw_only=True, frozen=True):
    """An attribute has a type, for good: declared by a person or inferred from its first value."""

    type_name = "rollcall.attribute.declared"
    key: str
    type: Literal["text", "number", "boolean", "date", "datetime", "list"]
    label: str | None = None


class CustomerChanged(Event, kw_only=True, frozen=True):
    """The part of a change that took effect: attribute to new value, `None` where it was removed."""

    type_name = "rollcall.customer.changed"
    created: bool = False
    external_id: str | None = None
    occurred_at: datetime
    values: dict[str, Any]
    source: str | None = None
    change_id: str | None = None
    # `domain.instants.Arrival` in short; events of earlier releases have none.
    via: str | None = None


class CustomerDeleted(Event, kw_only=True, frozen=True):
    """The customer was deleted, with every value and membership."""

    type_name = "rollcall.customer.deleted"
    occurred_at: datetime
    source: str | None = None
    change_id: str | None = None
    via: str | None = None


class SegmentCreated(Event, kw_only=True, frozen=True):
    """A segment was created. The members of a dynamic one follow from `filter`."""

    type_name = "rollcall.segment.created"
    name: str
    description: str
    type: Literal["static", "dynamic"]
    filter: Any = None


class SegmentDetailsChanged(Event, kw_only=True, frozen=True):
    """The name or description of the segment changed; its members do not change."""

    type_name = "rollcall.segment.details_changed"
    name: str
    description: str


class SegmentFilterChanged(Event, kw_only=True, frozen=True):
    """A new version of a dynamic segment's filter; members are recomputed beside the old ones."""

    type_name = "rollcall.segment.filter_changed"
    filter: Any


class SegmentRecomputed(Event, kw_only=True, frozen=True):
    """The members of version `version_no` are complete and are served from here on.

    Appended by the projection worker on a stream of its own, so that it never conflicts with a person's edit.
    With the switch in the log, replay serves each version exactly as long as it was served.
    """

    type_name = "rollcall.segment.recomputed"
    segment_id: UUID
    version_no: int


class SegmentRefreshed(Event, kw_only=True, frozen=True):
    """A segment that this one's filter names has another filter now: compute this one's members anew.

    Appended by the projection worker on a stream of its own; its version is the position of that filter.
    """

    type_name = "rollcall.segment.refreshed"
    segment_id: UUID


class SegmentDeleted(Event, kw_only=True, frozen=True):
    """The segment was deleted; its customers stay."""

    type_name = "rollcall.segment.deleted"


class CampaignCreated(Event, kw_only=True, frozen=True):
    """A campaign exists, for the members of some segments without those of others."""

    type_name = "rollcall.campaign.created"
    name: str
    segment_ids: list[UUID]
    exclude_segment_ids: list[UUID]


class CampaignRenamed(Event, kw_only=True, frozen=True):
    """The name of the campaign changed; its audience does not change, even if segments of it were deleted."""

    type_name = "rollcall.campaign.renamed"
    name: str


class CampaignAudienceChosen(Event, kw_only=True, frozen=True):
    """A person chose one list or both; a list that is `None` was not mentioned and stays as it is."""

    type_name = "rollcall.campaign.audience_chosen"
    segment_ids: list[UUID] | None
    exclude_segment_ids: list[UUID] | None


class CampaignDeleted(Event, kw_only=True, frozen=True):
    """The campaign was deleted; its frozen audiences stay."""

    type_name = "rollcall.campaign.deleted"


class AudienceFrozen(Event, kw_only=True, frozen=True):
    """The recipients of a campaign as they are at this position, kept permanently. Begins the audience's own stream."""

    type_name = "rollcall.audience.frozen"
    campaign_id: UUID


class AudienceCounted(Event, kw_only=True, frozen=True):
    """The result of freezing an audience: how many recipients, and how many were left out for which reason.

    Appended by the projection worker. `passed_over` are the customers left out because of what another customer with
    the same phone number is: left out, opted out, or an older recipient; only the last count as `duplicate_phone`. With
    both in the log, a replay gives the same audience even if a customer was erased since.
    """

    type_name = "rollcall.audience.counted"
    schema_version = 2
    # Before, only an older recipient was a reason to be passed over.
    upcasts: ClassVar[dict[int, Upcast]] = {1: lambda state: state | {"duplicate_phone": len(state["passed_over"])}}
    count: int
    opted_out: int
    no_phone: int
    excluded: int
    duplicate_phone: int
    passed_over: list[int]


class StaticMembersAdded(Event, kw_only=True, frozen=True):
    """Customers were added to a static segment: at most 1,000, none of them a member before.

    On a stream of its own, so that members never contend with edits of the segment. Customers that were deleted before
    this event are ignored, and so is the event if the segment was.
    """

    type_name = "rollcall.segment.members_added"
    segment_id: UUID
    customer_ids: list[UUID]
    cause: Literal["manual", "import"]


class StaticMembersRemoved(Event, kw_only=True, frozen=True):
    """Customers were removed from a static segment, all of them members before. On a stream of its own."""

    type_name = "rollcall.segment.members_removed"
    segment_id: UUID
    customer_ids: list[UUID]


class TimePassed(Event, kw_only=True, frozen=True):
    """Time in an account reached `until`: whatever fell due since the last such event flips, each at its own instant.

    Appended by the projection worker, only when something is due. Its version is `until` in microseconds.
    """

    type_name = "rollcall.account.time_passed"
    until: datetime


EVENT_TYPES: dict[str, type[Event]] = {
    event_type.type_name: event_type
    for event_type in (
        AccountCreated,
        ApiKeyCreated,
        ApiKeyRevoked,
        AttributeDeclared,
        CustomerChanged,
        CustomerDeleted,
        SegmentCreated,
        SegmentDetailsChanged,
        SegmentFilterChanged,
        SegmentRecomputed,
        SegmentRefreshed,
        SegmentDeleted,
        CampaignCreated,
        CampaignRenamed,
        CampaignAudienceChosen,
        CampaignDeleted,
        AudienceFrozen,
        AudienceCounted,
        StaticMembersAdded,
        StaticMembersRemoved,
        TimePassed,
    )
}

_IDENTITY = ("originator_id", "originator_version")
_VERSION_KEY = "schema_version"


class EventMapper(Mapper[UUID]):
    """Between events and rows of the log: JSON with exact numbers, upcasting on the way back."""

    def __init__(self) -> None:
        """Needs no transcoder: the events are pydantic models."""

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        """The row for an event."""
        state = msgspec.structs.asdict(domain_event)
        for key in _IDENTITY:
            del state[key]
        if state.get("via", "") is None:
            del state["via"]
        if domain_event.schema_version > 1:
            state[_VERSION_KEY] = domain_event.schema_version
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=domain_event.type_name,
            state=json_text.dumps(state),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """The event of a row, brought up to the newest version of its type."""
        return load_event(
            stored_event.topic, stored_event.state, stored_event.originator_id, stored_event.originator_version
        )


def load_event(topic: str, state: bytes, originator_id: Any, originator_version: int) -> Event:
    """The event stored under `topic`. Raises `KeyError` for a type this version of Rollcall does not know."""
    event_type = EVENT_TYPES[topic]
    fields = json_text.loads(state)
    for version in range(fields.pop(_VERSION_KEY, 1), event_type.schema_version):
        fields = event_type.upcasts[version](fields)
    fields["originator_id"] = originator_id
    fields["originator_version"] = originator_version
    return msgspec.convert(fields, event_type)
