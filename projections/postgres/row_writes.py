"""The writes of one transaction as a list: made by one thread in memory, executed by another.

The stages of the projection worker add what they have to write; `projections.worker.batch_writer` executes it, in
order, while the next batch is matched. Parameters are complete when they are added: what changes in memory afterwards
does not reach them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.sql import Composed

from domain.errors import Corrupt


class _Write(NamedTuple):
    statement: str | Composed
    parameters: Any
    rows: int | None
    binary: bool


class RowWrites:
    """Statements in the order in which they must be executed."""

    def __init__(self) -> None:
        self._writes: list[_Write] = []

    def add(self, statement: str | Composed, parameters: Any, *, rows: int | None = None, binary: bool = True) -> None:
        """Add a statement, which has to touch exactly `rows` rows where that is given."""
        self._writes.append(_Write(statement, parameters, rows, binary))

    def execute(self, connection: Connection[Any]) -> None:
        """Execute every statement in the transaction that is open on `connection`.

        Raises `Corrupt` (`rows_differ`) where one touches fewer or more rows than it has to: memory and tables differ.
        """
        for statement, parameters, rows, binary in self._writes:
            touched = connection.execute(statement, parameters, binary=binary).rowcount
            if rows is not None and touched != rows:
                first = str(statement).strip().splitlines()[0]
                raise Corrupt("rows_differ", f"{touched} rows instead of {rows} were touched by: {first}")
