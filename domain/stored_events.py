"""Events as they are stored: the frozen models, their stable names and versions.

A stored event must be readable permanently. `type_name` never changes; a change of shape raises `schema_version` and
adds a step to `upcasts` from the version before it. Every type that was ever stored is in `EVENT_TYPES`, with a sample
in tests/unit/domain/stored_events/ that must still load. `domain.commands.event_mapper` makes rows of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

import msgspec

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


class ActedEvent(Event, kw_only=True, frozen=True):
    """An event that a person or a program asked for: `by` is `person:<id>`, `key:<id>`, or `None` where not known."""

    by: str | None = None


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


class AttributeComputed(AttributeDeclared, kw_only=True, frozen=True):
    """An attribute is computed from what customers do, by this definition from now on."""

    type_name = "rollcall.attribute.computed"
    definition: Any


class AttributeRemoved(ActedEvent, kw_only=True, frozen=True):
    """A computed attribute does not exist any more; its key is free."""

    type_name = "rollcall.attribute.removed"
    key: str


class CustomerChanged(Event, kw_only=True, frozen=True):
    """The part of a change that took effect: attribute to new value, `None` where it was removed."""

    type_name = "rollcall.customer.changed"
    created: bool = False
    external_id: str | None = None
    occurred_at: datetime
    values: dict[str, Any]
    source: str | None = None
    change_id: str | None = None
    via: str | None = None  # `domain.instants.Arrival` in short; events of earlier releases have none


class CustomerDeleted(Event, kw_only=True, frozen=True):
    """The customer was deleted, with every value and membership."""

    type_name = "rollcall.customer.deleted"
    occurred_at: datetime
    source: str | None = None
    change_id: str | None = None
    via: str | None = None


class ActivityDeclared(Event, kw_only=True, frozen=True):
    """An activity is known, and these properties of it have types, for good: inferred from their first values."""

    type_name = "rollcall.activity.declared"
    activity: str
    properties: dict[str, Literal["text", "number", "boolean", "date", "datetime", "list"]]


class ActivityRetentionSet(ActedEvent, kw_only=True, frozen=True):
    """From here on an activity counts until it is so many days old, each of 24 hours; `None`: without end."""

    type_name = "rollcall.activity.retention_set"
    days: int | None


class ActivityRecorded(Event, kw_only=True, frozen=True):
    """A customer did something at `time`: on their stream, no change of their version. Once erased, only that stays."""

    type_name = "rollcall.activity.recorded"
    activity: str
    time: datetime
    properties: dict[str, Any]
    source: str | None = None
    activity_id: str | None = None
    via: str | None = None


class SegmentCreated(ActedEvent, kw_only=True, frozen=True):
    """A segment was created. The members of a dynamic one follow from `filter`."""

    type_name = "rollcall.segment.created"
    name: str
    description: str
    type: Literal["static", "dynamic"]
    filter: Any = None


class SegmentDetailsChanged(ActedEvent, kw_only=True, frozen=True):
    """The name or description of the segment changed; its members do not change."""

    type_name = "rollcall.segment.details_changed"
    name: str
    description: str


class SegmentFilterChanged(ActedEvent, kw_only=True, frozen=True):
    """A new version of a dynamic segment's filter; members are recomputed beside the old ones."""

    type_name = "rollcall.segment.filter_changed"
    filter: Any


class SegmentLabelled(ActedEvent, kw_only=True, frozen=True):
    """The labels of the segment are these from now on; one that does not exist any more is left out."""

    type_name = "rollcall.segment.labelled"
    label_ids: list[UUID]


class SegmentArchived(ActedEvent, kw_only=True, frozen=True):
    """The segment is out of lists and choices; its members stay, and stay up to date."""

    type_name = "rollcall.segment.archived"


class SegmentRestored(ActedEvent, kw_only=True, frozen=True):
    """The segment is back in lists and choices."""

    type_name = "rollcall.segment.restored"


class LabelSaved(ActedEvent, kw_only=True, frozen=True):
    """An account has this label, with this name and colour from now on. Labels of an account are one stream."""

    type_name = "rollcall.label.saved"
    label_id: UUID
    name: str
    colour: str


class LabelDeleted(ActedEvent, kw_only=True, frozen=True):
    """The label does not exist any more; segments lose it."""

    type_name = "rollcall.label.deleted"
    label_id: UUID


class SegmentRecomputed(Event, kw_only=True, frozen=True):
    """The members of version `version_no` are complete and are served from here on.

    Appended by the projection worker on a stream of its own, so that it never conflicts with a person's edit. With the
    switch in the log, replay serves each version exactly as long as it was served.
    """

    type_name = "rollcall.segment.recomputed"
    segment_id: UUID
    version_no: int


class SegmentRefreshed(Event, kw_only=True, frozen=True):
    """What a segment's filter names (a segment, a computed attribute) is another now: compute its members anew.

    Appended by the projection worker on a stream of its own; its version is the position of what is new.
    """

    type_name = "rollcall.segment.refreshed"
    segment_id: UUID


class SegmentDeleted(ActedEvent, kw_only=True, frozen=True):
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
    the same phone number is: left out, opted out, or (in version 1 only this) an older recipient; those count as
    `duplicate_phone`. With both in the log, a replay gives the same audience even if a customer was erased since.
    """

    type_name = "rollcall.audience.counted"
    schema_version = 2
    upcasts: ClassVar[dict[int, Upcast]] = {1: lambda state: state | {"duplicate_phone": len(state["passed_over"])}}
    count: int
    opted_out: int
    no_phone: int
    excluded: int
    duplicate_phone: int
    passed_over: list[int]


class StaticMembersAdded(Event, kw_only=True, frozen=True):
    """Customers were added to a static segment: at most 1,000, none of them a member before.

    On a stream of its own, apart from edits of the segment. Customers, or a segment, deleted before are ignored.
    """

    type_name = "rollcall.segment.members_added"
    segment_id: UUID
    customer_ids: list[UUID]
    cause: Literal["manual", "import"]
    by: str | None = None
    copied_from: str | None = None  # `segment:<its name then>`, where they were copied


class StaticMembersRemoved(Event, kw_only=True, frozen=True):
    """Customers were removed from a static segment, all of them members before. On a stream of its own."""

    type_name = "rollcall.segment.members_removed"
    segment_id: UUID
    customer_ids: list[UUID]
    by: str | None = None


class TimePassed(Event, kw_only=True, frozen=True):
    """Time in an account reached `until`: whatever fell due since the last such event flips, each at its own instant.

    Appended by the projection worker, only when something is due. Its version is `until` in microseconds.
    """

    type_name = "rollcall.account.time_passed"
    until: datetime


class MeasureFilled(Event, kw_only=True, frozen=True):
    """What is asked of behaviour (the key of a `Measure`) is known of every customer. Its version: since when asked."""

    type_name = "rollcall.measure.filled"
    measure: str
