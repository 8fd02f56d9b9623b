"""The writes of one transaction as a list: made by one thread in memory, executed by another.

The stages of the projection worker add what they have to write; `projections.worker.batch_writer` executes it, in
order, while the next batch is matched. Parameters are complete when they are added: what changes in memory afterwards
does not reach them. Rows that customers share are written last, by one worker at a time where several write of one
account (`projections.worker.backlog`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.sql import Composed

from domain.errors import Corrupt

# The first key of the lock whose second is of an account: of the only transaction that writes its shared rows.
SHARED_LOCK = 7305475
TAKE_TURN = "SELECT pg_advisory_xact_lock(%s::int, hashtext(%s::text))"


class _Write(NamedTuple):
    statement: str | Composed
    parameters: Any
    rows: int | None
    binary: bool


class RowWrites:
    """Statements in the order in which they are executed: those on rows of one customer, then those on shared rows."""

    def __init__(self) -> None:
        self._own: list[_Write] = []
        self._shared: list[_Write] = []

    def add(
        self,
        statement: str | Composed,
        parameters: Any,
        *,
        rows: int | None = None,
        binary: bool = True,
        shared: bool = False,
    ) -> None:
        """Add a statement, which has to touch exactly `rows` rows where that is given.

        `shared`: it reads or writes rows that changes of other customers write too.
        """
        writes = self._shared if shared else self._own
        writes.append(_Write(statement, parameters, rows, binary))

    def execute(self, connection: Connection[Any], in_turn: UUID | None = None) -> None:
        """Execute every statement in the transaction that is open on `connection`.

        `in_turn`: other workers may write of this account now, so shared rows wait until no other does. Raises
        `Corrupt` (`rows_differ`) where one touches fewer or more rows than it has to: memory and tables differ.
        """
        _execute(connection, self._own)
        if self._shared and in_turn is not None:
            connection.execute(TAKE_TURN, [SHARED_LOCK, in_turn])
        _execute(connection, self._shared)


def _execute(connection: Connection[Any], writes: Iterable[_Write]) -> None:
    for statement, parameters, rows, binary in writes:
        touched = connection.execute(statement, parameters, binary=binary).rowcount
        if rows is not None and touched != rows:
            first = str(statement).strip().splitlines()[0]
            raise Corrupt("rows_differ", f"{touched} rows instead of {rows} were touched by: {first}")
