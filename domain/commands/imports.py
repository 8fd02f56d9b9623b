"""Ingest the lines of a CSV file: customers, members, counts and the place in the file, in one transaction.

A phone number means the oldest customer who has it; a number that no customer has creates one. A name is set only
where the customer has none, attributes where columns were chosen to hold them; nothing else of a customer is changed. A
file counts as older than an erasure that happens while it is ingested: the lines of that customer are refused, and
nothing of theirs is kept.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from uuid import UUID

from domain.commands.account_reader import AccountReader
from domain.commands.changes.change_batch import ChangeBatch
from domain.commands.customer_state import CustomerState
from domain.commands.log import Log, MemberChanges, Writes
from domain.commands.members import members_added
from domain.commands.segments import SegmentCommands
from domain.customer import CustomerChange, customer_id_of_phone
from domain.import_lines import Counts, ImportChunk, ImportLine, ImportLineError, ImportStep
from domain.values import Value

# So few that a customer and their membership are mostly in the same batch of the projection.
TOGETHER = 250


class ImportCommands:
    """CSV imports."""

    def __init__(self, log: Log, accounts: AccountReader, segments: SegmentCommands) -> None:
        self._log = log
        self._accounts = accounts
        self._segments = segments

    def ingest(self, account_id: UUID, chunk: ImportChunk) -> ImportStep:
        """Ingest the next rows of an import, or of a check, which finds out the same and changes nothing.

        Raises `NotFound` where the segment was deleted.
        """

        def append_chunk() -> ImportStep:
            self._segments.require_static(account_id, chunk.segment_id)
            store = self._log.store
            phones = [line.phone for line in chunk.lines]
            within = [number for each in chunk.errors for number in each.numbers]
            erasures, erased = store.import_erasures(account_id, chunk.import_id, [*phones, *within])
            owners = store.customers_by_phone(account_id, phones) if phones else {}
            targets = [owners.get(phone) or customer_id_of_phone(account_id, phone) for phone in phones]
            states = store.customer_states(account_id, targets) if targets else {}
            there = [each for each, state in states.items() if state.exists]
            members = store.static_members(account_id, chunk.segment_id, there) if there else set()
            now = self._log.now()
            account, schema = self._accounts.kept_account(account_id), self._accounts.kept_schema(account_id)
            batch = ChangeBatch(account, replace(schema), states, now, self._log.skew, chunk.arrival)
            ingest = _ChunkIngest(batch, chunk, members, erased)
            fresh: list[UUID] = []
            for start in range(0, len(targets), TOGETHER):
                group = ingest.add_lines(chunk.lines[start : start + TOGETHER], targets[start : start + TOGETHER])
                if group:
                    # The import's own stream, by which it can be taken back: for exactly those it added.
                    stream = self._log.envelope(account_id, chunk.import_id, chunk.before + start)
                    batch.events.append(members_added(stream, chunk.segment_id, group, "import", chunk.by))
                fresh += group
            step = ImportStep(
                chunk.import_id,
                chunk.before,
                erasures,
                ingest.counts(),
                sorted(ingest.errors),
                chunk.percent,
                chunk.header,
                chunk.finished,
                now,
                ingest.opted_out,
                chunk.is_check,
            )
            if chunk.is_check:
                self._log.append(account_id, [], Writes(import_step=step))
                return step
            changes = MemberChanges(chunk.segment_id, added=fresh)
            self._log.append(
                account_id, batch.events, Writes(batch.states_to_store(), members=changes, import_step=step)
            )
            return step

        return self._log.retry(append_chunk, partial(self._accounts.drop_schema, account_id))


class _ChunkIngest:
    """Folds the lines of a chunk into its batch, and counts each in one class."""

    def __init__(
        self,
        batch: ChangeBatch,
        chunk: ImportChunk,
        members: AbstractSet[UUID],
        erased: AbstractSet[str],
    ) -> None:
        self._batch, self._chunk, self._erased = batch, chunk, erased
        self._source = f"import:{chunk.import_id}"
        self._members = set(members)
        self._classes: Tally[str] = Tally()
        self.opted_out = 0
        self.errors = [
            each if erased.isdisjoint(each.numbers) else each._replace(cells=(), numbers=()) for each in chunk.errors
        ]

    def add_lines(self, lines: Sequence[ImportLine], targets: Sequence[UUID]) -> list[UUID]:
        """Fold in some lines. Returns the customers that they add to the segment."""
        fresh = []
        for line, target in zip(lines, targets, strict=True):
            result = self._ingest_line(line, target)
            self._classes[result] += 1
            if result in ("added", "created_customers"):
                self._members.add(target)
                fresh.append(target)
        return fresh

    def _ingest_line(self, line: ImportLine, target: UUID) -> str:
        if line.phone in self._erased:
            return self._refuse(line)
        state = self._batch.states.get(target)
        if state is None:
            self._batch.fold_new(target, self._source, _new_values(None, line))
            return "created_customers"
        existed = state.exists
        self.opted_out += state.opted_out
        values = _new_values(state, line)
        if values:
            change = CustomerChange(None, "changed", None, source=self._source, customer_id=target)
            self._batch.fold_values(target, change, values)
        if target in self._members:
            return "already_members"
        return "added" if existed else "created_customers"

    def _refuse(self, line: ImportLine) -> str:
        message = "the customer was erased while the file was imported; upload this row again to create them anew"
        self.errors.append(ImportLineError(line.row, (), "customer_erased", message))
        return "invalid"

    def counts(self) -> Counts:
        """The classes of all rows of the chunk."""
        tally, chunk = self._classes, self._chunk
        return Counts(
            tally["added"],
            tally["already_members"],
            tally["created_customers"],
            chunk.duplicates,
            chunk.blank,
            len(self.errors),
        )


def _new_values(state: CustomerState | None, line: ImportLine) -> dict[str, Value | None]:
    """The values of a line that the customer does not have yet, and those that they get anyway."""
    values: dict[str, Value | None] = dict(line.values)
    if state is None or not state.exists:
        values["phone"] = line.phone
    if line.name is not None and (state is None or (state.value("name") or (None, 0))[0] is None):
        values["name"] = line.name
    return values
