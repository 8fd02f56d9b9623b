"""Taking the lines of a CSV in: customers, members, counts and the place in the file, in one transaction.

A phone number means the oldest customer who has it; one that nobody has becomes a customer. A name fills
only an empty one, and nothing else of a customer is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.change_batch import ChangeBatch
from domain.customer import CustomerChange, CustomerState, customer_id_of_phone
from domain.customer_commands import CustomerCommands
from domain.import_lines import Counts, ImportChunk, ImportStep, Line, LineError
from domain.log import Moved, Writes
from domain.member_commands import MemberCommands
from domain.stored_events import Event
from domain.values import Value


class ImportCommands(CustomerCommands, MemberCommands):
    """CSV imports."""

    def take_in_lines(self, account_id: UUID, chunk: ImportChunk) -> ImportStep:
        """Take in the next rows of an import. Raises `NotFound` where the segment was deleted."""

        def write() -> ImportStep:
            self.read_static(account_id, chunk.segment_id)
            phones = [line.phone for line in chunk.lines]
            known = self._log_of_accounts.customers_by_phone(account_id, phones) if phones else {}
            targets = [known.get(phone) or customer_id_of_phone(account_id, phone) for phone in phones]
            states = self._log_of_accounts.customer_states(account_id, targets) if targets else {}
            there = [each for each in targets if each in states and states[each].exists]
            members = self._log_of_accounts.static_members(account_id, chunk.segment_id, there) if there else set()
            now = self.now()
            batch = ChangeBatch(self._cached_account(account_id), replace(self._cached_schema(account_id)), states, now)
            refused = _take_in(batch, chunk, targets, now)
            fresh = sorted({each for each in targets if each not in members and each not in refused})
            existing = len(there) - len(members)
            step = ImportStep(
                chunk.import_id, chunk.before,
                Counts(
                    existing, len(members), len(fresh) - existing, chunk.duplicates, chunk.blank,
                    len(chunk.errors) + len(refused),
                ),
                sorted([*chunk.errors, *refused.values()]), chunk.percent, chunk.header, chunk.finished, now,
            )  # fmt: skip
            events: list[Event] = list(batch.events)
            if fresh:
                events.append(self.members_added(account_id, chunk.segment_id, fresh, "import"))
            moved = Moved(chunk.segment_id, added=fresh)
            self._put(account_id, events, Writes(batch.states_written(), moved=moved, import_step=step))
            return step

        return self._repeat(write, account_id)


def _take_in(
    batch: ChangeBatch, chunk: ImportChunk, targets: Sequence[UUID], now: datetime
) -> dict[UUID, LineError]:  # fmt: skip
    """Fold the lines in; those of people who were erased later than now, by another machine's clock, are refused."""
    refused: dict[UUID, LineError] = {}
    source = f"import:{chunk.import_id}"
    for line, cells, target in zip(chunk.lines, chunk.cells, targets, strict=True):
        values = _news(batch.states.get(target), line)
        if values:
            change = CustomerChange(None, "changed", now, source=source, customer_id=target)
            batch.take_values(target, change, values)
            if batch.outcomes.pop().customer is None:
                refused[target] = LineError(line.row, cells, "customer_erased", "was erased just now; try again later")
    return refused


def _news(state: CustomerState | None, line: Line) -> dict[str, Value | None]:
    """What a line says that is not known yet."""
    if state is None or not state.exists:
        return {"phone": line.phone} if line.name is None else {"phone": line.phone, "name": line.name}
    nameless = state.values.get("name", (None, 0))[0] is None
    return {"name": line.name} if line.name is not None and nameless else {}
