"""Between events and rows of the log: the table of every type that was ever stored, and upcasting on the way back.

Used by `domain.commands.log` and the projection worker. Every type in `EVENT_TYPES` has a sample in
tests/unit/domain/stored_events/ that must still load.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from eventsourcing.persistence import Mapper, StoredEvent

from domain import json_text
from domain.stored_events import (
    AccountCreated,
    ActivityDeclared,
    ActivityRecorded,
    ActivityRetentionSet,
    ApiKeyCreated,
    ApiKeyRevoked,
    AttributeComputed,
    AttributeDeclared,
    AttributeRemoved,
    AudienceCounted,
    AudienceFrozen,
    CampaignAudienceChosen,
    CampaignCreated,
    CampaignDeleted,
    CampaignRenamed,
    CustomerChanged,
    CustomerDeleted,
    Event,
    LabelDeleted,
    LabelSaved,
    MeasureFilled,
    SegmentArchived,
    SegmentCreated,
    SegmentDeleted,
    SegmentDetailsChanged,
    SegmentFilterChanged,
    SegmentLabelled,
    SegmentRecomputed,
    SegmentRefreshed,
    SegmentRestored,
    StaticMembersAdded,
    StaticMembersRemoved,
    TimePassed,
)

EVENT_TYPES: dict[str, type[Event]] = {
    event_type.type_name: event_type
    for event_type in (
        AccountCreated,
        ApiKeyCreated,
        ApiKeyRevoked,
        AttributeDeclared,
        AttributeComputed,
        AttributeRemoved,
        CustomerChanged,
        CustomerDeleted,
        ActivityDeclared,
        ActivityRetentionSet,
        ActivityRecorded,
        SegmentCreated,
        SegmentDetailsChanged,
        SegmentFilterChanged,
        SegmentLabelled,
        SegmentArchived,
        SegmentRestored,
        LabelSaved,
        LabelDeleted,
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
        MeasureFilled,
        TimePassed,
    )
}

_IDENTITY = ("originator_id", "originator_version")
_VERSION_KEY = "schema_version"
# Fields that the rows of earlier releases do not have: left out where there is nothing to say.
_LEFT_OUT = ("via", "by", "copied_from")


class EventMapper(Mapper[UUID]):
    """Between events and rows of the log: JSON with exact numbers, upcasting on the way back."""

    def __init__(self) -> None:
        """Needs no transcoder: the events are pydantic models."""

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        """The row for an event."""
        state = msgspec.structs.asdict(domain_event)
        for key in _IDENTITY:
            del state[key]
        for key in _LEFT_OUT:
            if state.get(key, "") is None:
                del state[key]
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
