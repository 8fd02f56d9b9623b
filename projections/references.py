"""What a filter version means by the segments that it names: their filters as they were when it was set.

Used by the worker's state when it is loaded, and by explanations. A named segment that is edited afterwards
brings a new version of its own; the older one goes on to mean what it meant.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from domain import json_text
from domain.filters import Reference, Segments
from projections.database import beside

SQL = beside(__file__)


class _Known(NamedTuple):
    """A segment with every filter it had, oldest first, each with its version's number."""

    name: str
    type: Any
    filters: list[tuple[int, Any]]


@dataclass(slots=True)
class References:
    """The segments of one account, each read once, when it is first asked for."""

    connection: Connection[Any]
    account_id: UUID
    _known: dict[str, _Known | None] = field(default_factory=dict)

    def as_of(self, version_no: int) -> Segments:
        """What segments stood for when a version was set."""

        def reference(segment_id: str) -> Reference | None:
            if segment_id not in self._known:
                self._known[segment_id] = self._read(segment_id)
            known = self._known[segment_id]
            if known is None:
                return None
            filters = [each for set_at, each in known.filters if set_at <= version_no]
            return Reference(known.name, known.type, filters[-1] if filters else None)

        return reference

    def _read(self, segment_id: str) -> _Known | None:
        try:
            wanted = UUID(segment_id)
        except ValueError:
            return None
        rows = self.connection.execute(SQL.filters, {"account_id": self.account_id, "segment_id": wanted}).fetchall()
        if not rows:
            return None
        filters = [(row[2], None if row[3] is None else json_text.loads(row[3])) for row in rows]
        return _Known(rows[0][0], rows[0][1], filters)
