"""Customers: one, pages, many at once; and the attributes that they have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Unpack

from rollcall_client.filters import Computed
from rollcall_client.shapes import (
    Attribute,
    AttributeType,
    BulkAnswer,
    BulkLine,
    CountedValue,
    Customer,
    CustomerBody,
    JoinedSegment,
    RejectedLine,
)
from rollcall_client.transport import Transport, part

# Of one request: how many customers, and about how many bytes.
LINES, BYTES = 1_000, 4 << 20


class Customers:
    """What is under `/v1/customers`. A customer is named by `external_id`, or by the server's id."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def put(self, external_id: str, *, if_match: int | None = None, **body: Unpack[CustomerBody]) -> Customer:
        """Create a customer, or change what is named: a value sets, `None` removes, the rest stays."""
        path = f"/v1/customers/{part(external_id)}"
        answer: Customer = self._transport.call("PUT", path, body=body, if_match=if_match)
        return answer

    def get(self, external_id: str) -> Customer:
        """One customer. Raises `NotFound`."""
        answer: Customer = self._transport.call("GET", f"/v1/customers/{part(external_id)}")
        return answer

    def delete(self, external_id: str) -> None:
        """Erase a customer, in the log too."""
        self._transport.call("DELETE", f"/v1/customers/{part(external_id)}")

    def list(self, query: str | None = None) -> Iterator[Customer]:
        """Every customer, newest first; with `query`, those with such beginnings of words in any of their values."""
        yield from self._transport.pages("/v1/customers", query=query)

    def stream(self) -> Iterator[Customer]:
        """Every customer, in one stream from one snapshot, for many of them. Raises `StreamCutOff`."""
        yield from self._transport.stream("/v1/customers")

    def segments(self, external_id: str) -> Iterator[JoinedSegment]:
        """The segments that a customer is in now."""
        yield from self._transport.pages(f"/v1/customers/{part(external_id)}/segments")

    def send(self, customers: Iterable[BulkLine]) -> BulkAnswer:
        """Create or change any number of customers, in requests of a thousand. A rejected one stops no other.

        Raises `Invalid` where none of a request is accepted; those of the requests before it were.
        """
        total: BulkAnswer = {"accepted": 0, "rejected": []}
        before = 0
        for lines in _parts(customers):
            answer: BulkAnswer = self._transport.call(
                "POST",
                "/v1/customers/bulk",
                content=b"\n".join(lines),
                headers={"Content-Type": "application/x-ndjson"},
            )
            total["accepted"] += answer["accepted"]
            total["rejected"] += [_moved(each, before) for each in answer["rejected"]]
            before += len(lines)
        return total


class Attributes:
    """What is under `/v1/attributes`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def declare(self, key: str, kind: AttributeType, label: str | None = None) -> Attribute:
        """Give an attribute its type, which is fixed from then on, and its label."""
        body = {"type": kind, "label": label}
        answer: Attribute = self._transport.call("PUT", f"/v1/attributes/{part(key)}", body=body)
        return answer

    def compute(self, key: str, computed: Computed, label: str | None = None) -> Attribute:
        """Compute an attribute from what customers do. Segments that use it follow a change of its definition."""
        body = {"computed": computed, "label": label}
        answer: Attribute = self._transport.call("PUT", f"/v1/attributes/{part(key)}", body=body)
        return answer

    def remove(self, key: str) -> None:
        """Remove a computed attribute that no filter uses. Raises `Conflict` for any other."""
        self._transport.call("DELETE", f"/v1/attributes/{part(key)}")

    def list(self) -> Iterator[Attribute]:
        """Every attribute, with the operators that it allows."""
        yield from self._transport.pages("/v1/attributes")

    def values(self, key: str, search: str | None = None) -> Iterator[CountedValue]:
        """The values that customers have of an attribute, the most frequent first, or those that hold a text."""
        yield from self._transport.pages(f"/v1/attributes/{part(key)}/values", search=search)


def _parts(customers: Iterable[Mapping[str, object]]) -> Iterator[list[bytes]]:
    lines: list[bytes] = []
    size = 0
    for customer in customers:
        line = json.dumps(customer, ensure_ascii=False).encode()
        if lines and (len(lines) == LINES or size + len(line) > BYTES):
            yield lines
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    if lines:
        yield lines


def _moved(rejected: RejectedLine, lines: int) -> RejectedLine:
    return {**rejected, "line": rejected["line"] + lines}
