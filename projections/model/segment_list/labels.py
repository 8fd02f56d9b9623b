"""Labels, which segments have them, and which segments are archived. Event handlers, called by the worker.

A segment has only labels that exist: one that was deleted before the segment got it is left out.
"""

from __future__ import annotations

from typing import Any

from domain.stored_events import LabelDeleted, LabelSaved, SegmentArchived, SegmentLabelled, SegmentRestored
from domain.values import fold
from projections.model.read_model import ReadModel
from projections.postgres.database import beside

SQL = beside(__file__)


def save(model: ReadModel, event: LabelSaved, _position: int, _at: int) -> None:
    """Insert a label, or change its name and colour."""
    fields = {
        "account_id": event.account_id,
        "label_id": event.label_id,
        "name": event.name,
        "folded_name": fold(event.name),
        "colour": event.colour,
    }
    model.connection.execute(SQL.save, fields)


def delete(model: ReadModel, event: LabelDeleted, _position: int, _at: int) -> None:
    """Delete a label, and remove it from every segment."""
    model.connection.execute(SQL.delete, {"account_id": event.account_id, "label_id": event.label_id})


def set_labels(model: ReadModel, event: SegmentLabelled, _position: int, at: int) -> None:
    """Store the labels of a segment."""
    model.connection.execute(SQL.set_labels, _fields(event, at) | {"label_ids": event.label_ids})


def archive(model: ReadModel, event: SegmentArchived, _position: int, at: int) -> None:
    """Take a segment out of the lists."""
    model.connection.execute(SQL.set_archived, _fields(event, at) | {"archived": True})


def restore(model: ReadModel, event: SegmentRestored, _position: int, at: int) -> None:
    """Take a segment back into the lists."""
    model.connection.execute(SQL.set_archived, _fields(event, at) | {"archived": False})


def _fields(event: SegmentLabelled | SegmentArchived | SegmentRestored, at: int) -> dict[str, Any]:
    return {
        "account_id": event.account_id,
        "segment_id": event.originator_id,
        "version": event.originator_version,
        "at": at,
    }
