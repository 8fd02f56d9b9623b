"""A search finds exactly those who fit all of it, whichever part narrows it most and however few it looks at a time."""

from __future__ import annotations

import json
import re
from uuid import UUID

import pytest

from domain.customer import CustomerChange, CustomerData
from domain.errors import Invalid
from domain.filters.customer_search import CustomerSearch
from domain.formats.fields import Fields
from domain.segment import SegmentDraft
from projections.read.searches import found
from projections.read.streams import lines
from tests.support.installation import Installation

GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]
PEOPLE = [(("Ana", "Rui", "Anabela")[n % 3], ("gold", "silver")[n % 5 == 0], n % 4 == 0) for n in range(60)]


class Crowd:
    """Sixty customers; every fourth is in a list, those with a gold plan in a dynamic segment."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.account_id = installation.account()
        rollcall = installation.rollcall
        rollcall.attributes.declare(self.account_id, "plan", "text", None)
        changes = [
            CustomerChange(
                f"c{number}",
                "changed",
                installation.now(),
                CustomerData(name=f"{name} {number}", phone=f"+35191200{number:04d}", attributes={"plan": plan}),
            )
            for number, (name, plan, _) in enumerate(PEOPLE)
        ]
        outcomes = rollcall.customers.change(self.account_id, changes).outcomes
        self.listed = rollcall.segments.create(self.account_id, SegmentDraft("List", "", "static", None)).id
        self.gold = rollcall.segments.create(self.account_id, SegmentDraft("Gold", "", "dynamic", GOLD)).id
        chosen = [each.customer_id for each, (_, _, is_listed) in zip(outcomes, PEOPLE, strict=True) if is_listed]
        rollcall.members.add(self.account_id, self.listed, chosen)
        installation.project()

    def ask(self, search: CustomerSearch) -> tuple[list[str], int, int]:
        """The names of all found, page by page, and how many there are, counted to the end and up to five.

        A stream holds the same, oldest first.
        """
        names: list[str] = []
        before = None
        node = None
        if search.filter is not None:
            node = self.installation.rollcall.segments.parse_filter(self.account_id, search.filter)
        with self.installation.database.transaction(self.account_id) as connection:
            wanted = found.prepare(connection, self.account_id, search, node, self.installation.now())
            more = True
            while more:
                rows, more = found.page(connection, wanted, before=before, limit=25)
                names += [row.values["name"] for row in rows]
                before = rows[-1].customer_no if rows else before
            streamed = lines.of_found(connection, wanted, Fields(("name",)), "json")
            assert [json.loads(line)["name"] for piece, _ in streamed for line in piece.splitlines()] == names[::-1]
            return names, found.count(connection, wanted), found.count(connection, wanted, most=5)


@pytest.fixture
def crowd(installation: Installation) -> Crowd:
    return Crowd(installation)


@pytest.fixture(params=["usual", "small windows", "one scan", "many match"])
def plan(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "small windows":
        monkeypatch.setattr(found, "FIRST_WINDOW", 8)
        monkeypatch.setattr(found, "GROWTH", 1)
    if request.param == "one scan":
        monkeypatch.setattr(found, "MANY", 0)
    if request.param == "many match":
        monkeypatch.setattr(found, "FEW", 0)


@pytest.mark.usefixtures("plan")
def test_all_that_is_asked_holds_of_those_who_are_found(crowd: Crowd) -> None:
    for text, pattern in (("", ""), ("ana", "Ana"), ("912 00001", r" 1\d$"), ("zebra", "zebra")):
        for where in (None, GOLD, {"not": GOLD}, []):
            for inside, outside in (
                (None, None),
                (crowd.listed, None),
                (None, crowd.listed),
                (crowd.gold, crowd.listed),
            ):
                fitting = [
                    f"{name} {number}"
                    for number, (name, plan, is_listed) in reversed(list(enumerate(PEOPLE)))
                    if re.search(pattern, f"{name} {number}")
                    and (where is None or (where != [] and (plan == "gold") == isinstance(where, list)))
                    and (inside is None or (is_listed if inside == crowd.listed else plan == "gold"))
                    and (outside is None or not is_listed)
                ]
                asked = CustomerSearch(text, where, inside, outside)
                assert crowd.ask(asked) == (fitting, len(fitting), min(len(fitting), 6)), asked


def test_numbers_and_ids_of_all_found_come_piece_by_piece(crowd: Crowd) -> None:
    with crowd.installation.database.transaction(crowd.account_id) as connection:
        wanted = found.prepare(connection, crowd.account_id, CustomerSearch("rui"), None, crowd.installation.now())
        first = found.ids(connection, wanted, before=None, limit=15)
        rest = found.ids(connection, wanted, before=first[-1][0], limit=15)
    assert len({*first, *rest}) == 20
    assert [*first, *rest] == sorted({*first, *rest}, reverse=True)


def test_a_segment_that_does_not_exist_is_named(crowd: Crowd) -> None:
    with pytest.raises(Invalid, match="no such segment") as refused:
        crowd.ask(CustomerSearch(not_in_segment=UUID(int=7)))
    assert refused.value.errors[0].pointer == "/not_in_segment"
