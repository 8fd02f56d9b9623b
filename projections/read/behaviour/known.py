"""What is known of activities: their properties with types, and the values that facts have of a property.

Used by `api.v1.activity_types` and the console's filter builder. Values are those of the newest customers, with the
number of facts that have each: facts are too many to be counted whole at each question.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain.filters.operators import OPERATORS
from domain.values import AttributeType, fold
from projections.postgres.database import beside
from projections.read import accounts
from projections.read.attributes.known import NEWEST, ValueCount, value_of

SQL = beside(__file__)
# So many facts are looked at.
MOST_FACTS = 10_000
# What operators take that look at today or now: of a property, which is dated like its fact, they cannot be asked.
MOVING = frozenset({"period", "count", "positive_count", "year_days", "return_period"})


class ActivityType(NamedTuple):
    """An activity that was recorded at least once, and the types of its properties."""

    name: str
    properties: Mapping[str, AttributeType]


class FactValues(NamedTuple):
    """Values of a property, the most frequent first, each with its facts; of `among` facts that were looked at."""

    values: list[ValueCount]
    among: int


def activities(connection: Connection[TupleRow], account_id: UUID) -> list[ActivityType]:
    """Returns every activity that the account knows, by name."""
    return [ActivityType(*each) for each in sorted(accounts.activities(connection, account_id).items())]


def values(
    connection: Connection[TupleRow], account_id: UUID, of: tuple[str, str], kind: AttributeType, search: str = ""
) -> FactValues:
    """Returns the values of a property that hold `search`, in any case; `of` names the activity and the property."""
    activity, key = of
    asked = {"account_id": account_id, "activity": activity, "key": key, "newest": NEWEST, "most": MOST_FACTS}
    rows = connection.execute(SQL.values, asked).fetchall()
    wanted = fold(search.strip())
    found = [ValueCount(value_of(kind, text), count) for text, count, _ in rows if wanted in fold(text)]
    return FactValues(found, rows[0][2] if rows else 0)


def operators_of_property(kind: AttributeType) -> list[str]:
    """Returns the names of the operators that conditions on a property of this type may use."""
    return [each.name for each in OPERATORS[kind].values() if each.takes not in MOVING]
