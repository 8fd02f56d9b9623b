"""Segments: one, pages of them, those of one customer. Used by the API and the console.

The member count is that of the served version, from the same snapshot as the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Protocol, Self
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain import json_text
from domain.filters.nesting import attributes_named, segments_named
from domain.filters.wording import Words
from domain.segment import SegmentDraft, SegmentType
from domain.values import fold
from projections.postgres.database import Question, beside
from projections.read import accounts

SQL = beside(__file__)
# How many filters a process keeps as they were read.
READ_FILTERS = 10_000


class Answers(Protocol):
    """What answers questions from one snapshot."""

    def ask(self, account_id: UUID, *questions: Question) -> tuple[list[list[TupleRow]], int]:
        """The rows of each answer, and the last event that they include."""


class SegmentRow(NamedTuple):
    """A segment with the member count of its served version."""

    segment_no: int
    segment_id: UUID
    name: str
    description: str
    type: SegmentType
    filter: Any
    version: int
    created_at: datetime
    updated_at: datetime
    serving: int | None
    building: int | None
    failure: str | None
    members: int
    label_ids: list[UUID]
    archived: bool

    @classmethod
    def not_yet_projected(
        cls, segment_id: UUID, version: int, draft: SegmentDraft, at: datetime, position: int
    ) -> Self:
        """Returns the segment as it will be once `position` is projected: no members, recomputing if dynamic."""
        dynamic = draft.type == "dynamic"
        return cls(
            segment_no=0,
            segment_id=segment_id,
            name=draft.name.strip(),
            description=draft.description.strip(),
            type=draft.type,
            filter=(draft.filter or []) if dynamic else None,
            version=version,
            created_at=at,
            updated_at=at,
            serving=None,
            building=position if dynamic else None,
            failure=None,
            members=0,
            label_ids=sorted(set(draft.label_ids)),
            archived=False,
        )

    @property
    def state(self) -> Literal["current", "recomputing", "failed"]:
        """Whether the members are those of the newest filter."""
        return "failed" if self.failure is not None else "recomputing" if self.building is not None else "current"


def row_of(columns: tuple[Any, ...]) -> SegmentRow:
    """Returns the segment in the first 15 columns of a row, in the order that every query selects."""
    return SegmentRow._make((*columns[:5], _read_filter(columns[5]).raw, *columns[6:15]))


class _ReadFilter(NamedTuple):
    raw: Any
    named: frozenset[str]


@lru_cache(maxsize=READ_FILTERS)
def _read_filter(text: str | None) -> _ReadFilter:
    """Filters change seldom and are read often. What is returned is shared: nothing may change it."""
    raw = None if text is None else json_text.loads(text)
    return _ReadFilter(raw, frozenset(segments_named(raw)))


@lru_cache(maxsize=READ_FILTERS)
def _summary(text: str | None, words: Words) -> str:
    return words.summary(_read_filter(text).raw)


def by_id(connection: Connection[TupleRow], account_id: UUID, segment_id: UUID) -> SegmentRow | None:
    """Returns the segment with this id in this account."""
    found = connection.execute(*question(account_id, segment_id)).fetchone()
    return row_of(found) if found else None


def question(account_id: UUID, segment_id: UUID) -> Question:
    """Asks for the segment with this id in this account."""
    return Question(SQL.by_id, {"account_id": account_id, "segment_id": segment_id})


def page(
    connection: Connection[TupleRow],
    account_id: UUID,
    *,
    name: str | None,
    kind: str | None,
    before: int | None,
    limit: int,
) -> list[SegmentRow]:
    """Returns a page of the segments, but archived ones, whose name contains `name`, of type `kind`, newest first."""
    found = connection.execute(
        SQL.page,
        {"account_id": account_id, "name": _folded(name), "type": kind, "before": before, "limit": limit},
    )
    return [row_of(row) for row in found]


def count(connection: Connection[TupleRow], account_id: UUID, *, name: str | None, kind: str | None) -> int:
    """Returns how many segments `page` finds in all."""
    row = connection.execute(SQL.count, {"account_id": account_id, "name": _folded(name), "type": kind}).fetchone()
    return int(row[0]) if row else 0


def _folded(name: str | None) -> str | None:
    return None if name is None else fold(name)


def of_customer(account_id: UUID, customer_ids: Sequence[UUID], *, before: int | None, limit: int) -> Question:
    """Asks for a page of the segments of the first of these customers that exists, newest segment first.

    The answer has no row where there is no such customer, and an empty one where the customer is in no segment.
    """
    asked = {"account_id": account_id, "customer_ids": customer_ids, "before": before, "limit": limit}
    return Question(SQL.of_customer, asked)


def count_of_customer(account_id: UUID, customer_ids: Sequence[UUID]) -> Question:
    """Asks how many segments the first of these customers that exists is in."""
    return Question(SQL.count_of_customer, {"account_id": account_id, "customer_ids": customer_ids})


def names_using_attribute(connection: Connection[TupleRow], account_id: UUID, attribute: str) -> list[str]:
    """Returns the names of the segments whose filter has a condition on an attribute."""
    found = connection.execute(SQL.names_using_attribute, {"account_id": account_id, "attribute": attribute})
    return [str(name) for name, raw in found if attribute in attributes_named(_read_filter(raw).raw)]


def names_referring_to(connection: Connection[TupleRow], account_id: UUID, segment_id: UUID) -> list[str]:
    """Returns the names of the segments whose filter refers to another segment."""
    found = connection.execute(SQL.names_referring_to, {"account_id": account_id, "segment_id": str(segment_id)})
    return [str(name) for (name,) in found]


def by_ids(connection: Connection[TupleRow], account_id: UUID, segment_ids: Collection[UUID]) -> dict[UUID, SegmentRow]:
    """Returns those of `segment_ids` that are in this account, by id."""
    found = connection.execute(SQL.by_ids, {"account_id": account_id, "segment_ids": list(segment_ids)})
    return {row.segment_id: row for row in map(row_of, found)}


class Users(NamedTuple):
    """How many segments have a filter that reads an attribute, and some of them: ids and names."""

    number: int = 0
    ids: tuple[UUID, ...] = ()
    names: tuple[str, ...] = ()


def users_by_attribute(connection: Connection[TupleRow], account_id: UUID, most: int) -> dict[str, Users]:
    """Returns the segments that use each attribute, by key: their number, and at most `most` of them."""
    found = connection.execute(SQL.users_by_attribute, {"account_id": account_id, "most": most})
    return {str(key): Users(count, tuple(ids), tuple(names)) for key, count, ids, names in found}


def mentioned(connection: Connection[TupleRow], account_id: UUID, texts: Collection[str]) -> dict[str, str]:
    """Returns the names, by id, of the segments whose id or whole name is one of these texts.

    An archived one is found by its id alone: what uses it keeps it, and no new choice names it.
    """
    asked = {"account_id": account_id, "names": [fold(text) for text in texts], "segment_ids": _ids_among(texts)}
    return {segment_id: str(name) for segment_id, name in connection.execute(SQL.mentioned, asked)}


def words(connection: Connection[TupleRow], account_id: UUID, filters: Iterable[Any] = ()) -> Words:
    """Returns what `accounts.words` does, with the names of the segments that `filters` refer to."""
    named = set[str]().union(*(segments_named(raw) for raw in filters))
    names = connection.execute(*_names_question(account_id, named)).fetchall() if named else []
    return accounts.words(connection, account_id, names)


class SummedUp(NamedTuple):
    """A segment with its filter as a sentence, and the further columns of its row."""

    segment: SegmentRow
    summary: str
    further: TupleRow


def ask_summed_up(
    reads: Answers, account_id: UUID, asked: Question, *more: Question
) -> tuple[list[SummedUp], list[list[TupleRow]], int]:
    """Asks for segments. Returns them, the answers to `more`, and the position of all of it. Raises `Unavailable`.

    Which segments the filters name is known only from the answer; where they name some, all is asked again with their
    names, so that the answer is from one snapshot.
    """
    named: frozenset[str] = frozenset()
    while True:
        names = [_names_question(account_id, named)] if named else []
        answers, position = reads.ask(account_id, asked, accounts.words_question(account_id), *more, *names)
        needed = frozenset[str]().union(*(_read_filter(row[5]).named for row in answers[0]))
        if needed <= named:
            words = accounts.words_of(answers[1], answers[-1] if names else [])
            found = [SummedUp(row_of(row), _summary(row[5], words), row[15:]) for row in answers[0]]
            return found, answers[2 : 2 + len(more)], position
        named |= needed


def _names_question(account_id: UUID, segment_ids: Iterable[str]) -> Question:
    asked = {"account_id": account_id, "segment_ids": [UUID(each) for each in segment_ids]}
    return Question(SQL.names_of, asked)


def _ids_among(texts: Iterable[str]) -> list[UUID]:
    found = []
    for text in texts:
        with suppress(ValueError):
            found.append(UUID(text))
    return found
