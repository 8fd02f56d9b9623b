"""Do one thing to many customers, a part at a time: events, counts and the place in the job in one transaction.

Called by `api.jobs.customers`, in the order of the parts. The events about members of a segment are the job's own
stream, one a part, which is how the job can be taken back: for exactly the customers that it changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID

from domain.commands.account_reader import AccountReader
from domain.commands.changes.change_batch import ChangeBatch
from domain.commands.log import Log, MemberChanges, Writes
from domain.commands.members import members_added, members_removed
from domain.commands.segments import SegmentCommands
from domain.customer import BUILT_IN, CustomerChange
from domain.errors import Invalid, NotFound
from domain.jobs.job import JobAction, JobCounts, JobPart, JobStep, JobTask, Reversal, list_with, list_without
from domain.stored_events import Event, StaticMembersAdded, StaticMembersRemoved
from domain.texts.language import said
from domain.values import BadValue, normalise

StaticChange = StaticMembersAdded | StaticMembersRemoved


class JobCommands:
    """Jobs."""

    def __init__(self, log: Log, accounts: AccountReader, segments: SegmentCommands) -> None:
        self._log = log
        self._accounts = accounts
        self._segments = segments

    def checked(self, account_id: UUID, task: JobTask) -> JobTask:
        """The task in normal form. Raises `Invalid`; `NotFound`, `Refused` where the segment is not a static one."""
        if task.segment_id is not None:
            self._segments.require_static(account_id, task.segment_id)
            return task
        types = BUILT_IN | self._accounts.schema(account_id).types
        kind = types.get(task.attribute or "")
        if kind is None:
            raise Invalid.at(
                "/attribute",
                "unknown_attribute",
                said("there is no attribute %(attribute)s; declare it", attribute=task.attribute),
            )
        if task.attribute in self._accounts.schema(account_id).computed:
            detail = said(
                "%(attribute)s is computed from what customers do; name an attribute that can be set",
                attribute=task.attribute,
            )
            raise Invalid.at("/attribute", "computed_attribute", detail)
        if kind != "list":
            detail = said(
                "%(attribute)s holds a %(kind)s; name an attribute that holds a list",
                attribute=task.attribute,
                kind=kind,
            )
            raise Invalid.at("/attribute", "attribute_type_mismatch", detail)
        value = normalise("text", task.value)
        if not isinstance(value, str):
            wrong = (
                value if isinstance(value, BadValue) else BadValue("value_missing", said("is empty; write the value"))
            )
            raise Invalid.at("/value", wrong.code, wrong.detail)
        return task._replace(value=value)

    def reversal(self, account_id: UUID, position: int) -> Reversal:
        """What takes back the static change, of any size, that this position of the log is part of.

        Raises `NotFound` where no change of members by hand, by import or by job is there.
        """
        change_id = self._log.store.stream_at(account_id, position)
        first = None if change_id is None else next(self._changes(account_id, change_id), None)
        if change_id is None or first is None:
            detail = said(
                "at position %(position)s is no change of the members of a static segment; take one from its history",
                position=position,
            )
            raise NotFound("change_not_found", detail)
        self._segments.require_static(account_id, first.segment_id)
        action: JobAction = "remove" if isinstance(first, StaticMembersAdded) else "add"
        return Reversal(change_id, action, first.segment_id)

    def customers_of_change(self, account_id: UUID, change_id: UUID) -> Iterator[Sequence[UUID]]:
        """The customers that a static change added or removed, at most `PART` at a time."""
        return (each.customer_ids for each in self._changes(account_id, change_id))

    def _changes(self, account_id: UUID, change_id: UUID) -> Iterator[StaticChange]:
        stream = self._log.stream(account_id, change_id)
        return (each for each in stream if isinstance(each, StaticMembersAdded | StaticMembersRemoved))

    def do_part(self, account_id: UUID, task: JobTask, part: JobPart) -> JobStep:
        """Do a job's next part. Raises `NotFound` where the segment was deleted, `Refused` where the job has ended."""
        decide = self._decide_members if task.segment_id is not None else self._decide_values

        def append_part() -> JobStep:
            events, writes, counts = decide(account_id, task, part)
            step = JobStep(task.job_id, part.number, counts, part.is_last, self._log.now())
            self._log.append(account_id, events, writes._replace(job_step=step))
            return step

        return self._log.retry(append_part, partial(self._accounts.drop_schema, account_id))

    def _decide_members(
        self, account_id: UUID, task: JobTask, part: JobPart
    ) -> tuple[Sequence[Event], Writes, JobCounts]:
        segment_id, ids = task.segment_id, part.customer_ids
        assert segment_id is not None
        self._segments.require_static(account_id, segment_id)
        existing = self._log.store.existing_customers(account_id, ids)
        members = self._log.store.static_members(account_id, segment_id, list(existing))
        moved = sorted(existing - members if task.action == "add" else members)
        counts = JobCounts(len(moved), len(existing) - len(moved), len(ids) - len(existing))
        if not moved:
            return (), Writes(), counts
        stream = self._log.envelope(account_id, task.job_id, part.number)
        if task.action == "add":
            changes = MemberChanges(segment_id, added=moved)
            added = members_added(stream, segment_id, moved, "manual", task.by, task.value)
            return [added], Writes(members=changes), counts
        changes = MemberChanges(segment_id, removed=moved)
        return [members_removed(stream, segment_id, moved, task.by)], Writes(members=changes), counts

    def _decide_values(
        self, account_id: UUID, task: JobTask, part: JobPart
    ) -> tuple[Sequence[Event], Writes, JobCounts]:
        key, value, ids = task.attribute or "", task.value or "", part.customer_ids
        states = self._log.store.customer_states(account_id, ids)
        there = [each for each, state in states.items() if state.exists]
        account, schema = self._accounts.kept_account(account_id), self._accounts.kept_schema(account_id)
        batch = ChangeBatch(account, replace(schema), states, self._log.now(), self._log.skew)
        refused = 0
        for customer_id in there:
            state = states[customer_id]
            members = (state.value(key) or ((), 0))[0] or ()
            assert isinstance(members, tuple)
            wanted = (list_with if task.action == "tag" else list_without)(members, value)
            if isinstance(wanted, BadValue):
                refused += 1
            elif wanted != members:
                change = CustomerChange(
                    state.external_id, "changed", None, source=f"job:{task.job_id}", customer_id=customer_id
                )
                batch.fold_values(customer_id, change, {key: wanted})
        changed = len(batch.events)
        counts = JobCounts(changed, len(there) - changed - refused, len(ids) - len(there), refused)
        return batch.events, Writes(batch.states_to_store()), counts
