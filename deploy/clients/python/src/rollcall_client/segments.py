"""Segments: their filters, members, history and changes, and CSV imports into them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from rollcall_client.filters import Filter
from rollcall_client.shapes import (
    Changes,
    Customer,
    FilterTemplate,
    HistoryEntry,
    Import,
    Member,
    MembersAnswer,
    Preview,
    Segment,
    SegmentType,
)
from rollcall_client.transport import PAGE, Transport, part

AT_ONCE = 1_000


class Segments:
    """What is under `/v1/segments`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        name: str,
        *,
        filter: Filter | None = None,  # noqa: A002 - as the API has it
        description: str = "",
        idempotency_key: str | None = None,
    ) -> Segment:
        """Create a segment: with a filter, its members are computed; without one, they are added by hand."""
        kind: SegmentType = "static" if filter is None else "dynamic"
        body: dict[str, Any] = {"name": name, "description": description, "type": kind}
        if filter is not None:
            body["filter"] = filter
        answer: Segment = self._transport.call("POST", "/v1/segments", body=body, idempotency_key=idempotency_key)
        return answer

    def get(self, segment_id: str) -> Segment:
        """One segment. Raises `NotFound`."""
        answer: Segment = self._transport.call("GET", _path(segment_id))
        return answer

    def list(self, name: str | None = None, kind: SegmentType | None = None) -> Iterator[Segment]:
        """Every segment, newest first; those with `name` in their names, those of a kind."""
        yield from self._transport.pages("/v1/segments", name=name, type=kind)

    def edit(
        self,
        segment_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        filter: Filter | None = None,  # noqa: A002 - as the API has it
        if_match: int | None = None,
    ) -> Segment:
        """Change what is given. Raises `StaleVersion` where `if_match` is not the segment's version any more."""
        given = {"name": name, "description": description, "filter": filter}
        body = {field: each for field, each in given.items() if each is not None}
        answer: Segment = self._transport.call("PATCH", _path(segment_id), body=body, if_match=if_match)
        return answer

    def delete(self, segment_id: str) -> None:
        """Delete a segment; campaigns lose it in the same step."""
        self._transport.call("DELETE", _path(segment_id))

    def preview(
        self,
        filter: Filter,  # noqa: A002 - as the API has it
        *,
        conditions: bool = False,
        estimate: bool = False,
    ) -> Preview:
        """Count who matches a filter, which is not stored; each condition too, and at once from a sample."""
        body = {"filter": filter, "conditions": conditions, "estimate": estimate}
        answer: Preview = self._transport.call("POST", "/v1/segments/preview", body=body)
        return answer

    def templates(self) -> Collection[FilterTemplate]:
        """Filters to begin with, for the attributes that the account has."""
        answer: Collection[FilterTemplate] = self._transport.call("GET", "/v1/segments/templates")["data"]
        return answer

    def members(self, segment_id: str, query: str | None = None) -> Iterator[Member]:
        """Every member, newest first, page by page."""
        yield from self._transport.pages(f"{_path(segment_id)}/members", query=query)

    def stream_members(self, segment_id: str) -> Iterator[Member]:
        """Every member, in one stream from one snapshot, for many of them. Raises `StreamCutOff`."""
        yield from self._transport.stream(f"{_path(segment_id)}/members")

    def candidates(self, segment_id: str, query: str | None = None) -> Iterator[Customer]:
        """Every customer that is not in a static segment."""
        yield from self._transport.pages(f"{_path(segment_id)}/candidates", query=query)

    def add_members(self, segment_id: str, customer_ids: Collection[str]) -> MembersAnswer:
        """Put customers into a static segment, by the server's ids. Raises `Conflict` for a dynamic one."""
        total: MembersAnswer = {"added": 0, "already_members": 0, "unknown": []}
        ids = [*customer_ids]
        for start in range(0, max(1, len(ids)), AT_ONCE):
            body = {"customer_ids": ids[start : start + AT_ONCE]}
            answer: MembersAnswer = self._transport.call("POST", f"{_path(segment_id)}/members", body=body)
            total["added"] += answer["added"]
            total["already_members"] += answer["already_members"]
            total["unknown"] += answer["unknown"]
        return total

    def remove_member(self, segment_id: str, customer_id: str) -> None:
        """Take a customer out of a static segment."""
        self._transport.call("DELETE", f"{_path(segment_id)}/members/{part(customer_id)}")

    def history(self, segment_id: str) -> Iterator[HistoryEntry]:
        """Every join and leave, newest first."""
        yield from self._transport.pages(f"{_path(segment_id)}/history")

    def changes(self, segment_id: str, after: int = 0, fields: str | None = None) -> Iterator[Changes]:
        """Joins and leaves after a cursor, in pages, up to now. Keep `next_after` of each page that is dealt with.

        `fields` names what else is to be known of each customer, as in the API. Raises `Gone`, whose `next_after` is
        the cursor to go on with, where changes so old are no longer kept.
        """
        yield from self._changes(f"{_path(segment_id)}/changes", after, fields)

    def all_changes(self, after: int = 0, fields: str | None = None) -> Iterator[Changes]:
        """The same for all segments together."""
        yield from self._changes("/v1/changes", after, fields)

    def _changes(self, path: str, after: int, fields: str | None) -> Iterator[Changes]:
        more = True
        while more:
            asked = {"after": after, "limit": PAGE, "fields": fields}
            page: Changes = self._transport.call("GET", path, params=asked)
            after, more = page["next_after"], page["more"]
            yield page

    def explain(self, segment_id: str, customer_id: str) -> dict[str, Any]:
        """Why a customer is a member, or is not: each condition with its value and its result."""
        answer: dict[str, Any] = self._transport.call(
            "GET", f"{_path(segment_id)}/customers/{part(customer_id)}/explanation"
        )
        return answer

    def import_members(self, segment_id: str, file_name: str, content: bytes) -> Import:
        """Begin to import a CSV file into a static segment; see `get_import` for how far it is."""
        answer: Import = self._transport.call(
            "POST", f"{_path(segment_id)}/imports", files={"file": (file_name, content, "text/csv")}
        )
        return answer

    def get_import(self, import_id: str) -> Import:
        """How far an import is."""
        answer: Import = self._transport.call("GET", f"/v1/imports/{part(import_id)}")
        return answer


def _path(segment_id: str) -> str:
    return f"/v1/segments/{part(segment_id)}"
