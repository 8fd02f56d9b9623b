"""What happens on each event: the table of handlers, and the way of events through it.

Called by the worker. Every stored event type has its row here, and a replay runs the same
handlers as the live worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from domain.instants import micros
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
from projections.model import account_rows, audiences, campaigns, segments, time_steps
from projections.model.behaviour import activities, computed, measures, retention
from projections.model.customers import CustomerBatch
from projections.model.membership import MembershipBatch
from projections.model.read_model import ReadModel
from projections.model.segment_list import labels
from projections.worker import customer_events, metrics, static_members
from projections.worker.customer_run import CustomerRun
from projections.worker.shards.event_reader import TimedEvent

# Both take the event, its position, and its effective time in microseconds since 1970.
RunHandler = Callable[[CustomerRun, Any, int, int], None]
Handler = Callable[[ReadModel, Any, int, int], None]


def finish_time(model: ReadModel, event: Event, _position: int = 0, _at: int = 0) -> None:
    """Take the steps that are left of the time that is passing for the account."""
    flips = MembershipBatch(model.changes)
    time_steps.finish(model.connection, model.account_of(event), flips)
    metrics.count_flips(flips)


def begin_time(model: ReadModel, event: TimePassed, position: int, _at: int) -> None:
    """Let time pass for the account up to the instant that the event names, in steps that other events may precede."""
    finish_time(model, event)
    time_steps.begin(model.connection, model.account_of(event), micros(event.until), position)


def pass_time(model: ReadModel, event: Event, position: int, at: int) -> None:
    """Let time pass for the account up to an event, so that an edit finds every member as of its own instant."""
    finish_time(model, event)
    time_steps.begin(model.connection, model.account_of(event), at, position)
    finish_time(model, event)


def publish_switch(model: ReadModel, event: SegmentRecomputed, position: int, _at: int) -> None:
    """Append to the change stream what the switch to another version changed for readers."""
    model.changes.append_switch(model.connection, event.version_no, position)


def publish_deletion(model: ReadModel, event: SegmentDeleted, position: int, at: int) -> None:
    """Append to the change stream that every member leaves a segment, which is then deleted."""
    model.changes.append_deletion(model.connection, event.originator_id, position, at)


# Events of customers, which are nearly all: handled in runs, each with one read and one write of its customers.
RUN_HANDLERS: dict[type[Event], RunHandler] = {
    CustomerChanged: customer_events.change,
    CustomerDeleted: customer_events.delete,
    ActivityRecorded: customer_events.record_activity,
    StaticMembersAdded: static_members.add,
    StaticMembersRemoved: static_members.remove,
}
# Every other event: handled on its own, by these in order, between two runs. It finds what the run before it wrote.
HANDLERS: dict[type[Event], tuple[Handler, ...]] = {
    AccountCreated: (account_rows.create_account,),
    # Keys are records of the write side: see migrations/0014_rights.sql.
    ApiKeyCreated: (),
    ApiKeyRevoked: (),
    AttributeDeclared: (account_rows.declare_attribute,),
    AttributeComputed: (finish_time, account_rows.declare_attribute, computed.declare),
    AttributeRemoved: (finish_time, computed.remove),
    ActivityDeclared: (activities.declare,),
    ActivityRetentionSet: (finish_time, retention.change),
    TimePassed: (begin_time,),
    SegmentCreated: (pass_time, segments.create),
    SegmentDetailsChanged: (segments.change_details,),
    SegmentFilterChanged: (pass_time, segments.change_filter),
    SegmentLabelled: (labels.set_labels,),
    SegmentArchived: (labels.archive,),
    SegmentRestored: (labels.restore,),
    LabelSaved: (labels.save,),
    LabelDeleted: (labels.delete,),
    MeasureFilled: (pass_time, measures.complete, computed.serve_filled),
    SegmentRefreshed: (pass_time, segments.refresh),
    SegmentRecomputed: (finish_time, segments.switch, publish_switch),
    SegmentDeleted: (pass_time, campaigns.detach_segment, publish_deletion, segments.delete),
    CampaignCreated: (campaigns.create,),
    CampaignRenamed: (campaigns.rename,),
    CampaignAudienceChosen: (campaigns.choose_audience,),
    CampaignDeleted: (campaigns.delete,),
    AudienceFrozen: (pass_time, audiences.freeze),
    AudienceCounted: (pass_time, audiences.record_counts),
}


def in_runs(events: Iterable[TimedEvent]) -> Iterator[tuple[bool, list[TimedEvent]]]:
    """Events in order, those that are handled together as one list; with each list whether it is a run."""
    for is_run, group in groupby(events, key=lambda timed: type(timed.event) in RUN_HANDLERS):
        yield is_run, list(group)


def match_run(
    model: ReadModel, events: Sequence[TimedEvent], members: MembershipBatch, unwritten: CustomerBatch | None
) -> CustomerRun:
    """Bring a run of events to its customers, in memory, and match them against the segments. Raises `Corrupt`.

    `unwritten` are the customers of the run before, which need not be written yet; `members` receives the flips.
    """
    run = CustomerRun(model, members)
    run.load(events, unwritten)
    for position, at, event in events:
        RUN_HANDLERS[type(event)](run, event, position, at)
    return run


def apply(model: ReadModel, events: Iterable[TimedEvent]) -> None:
    """Bring events that belong to no run into the read model, in the transaction that is open."""
    for position, at, event in events:
        for handle in HANDLERS[type(event)]:
            handle(model, event, position, at)
