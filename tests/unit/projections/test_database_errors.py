"""Which errors of PostgreSQL mean "try later": by SQLSTATE, whatever class psycopg gives them."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.errors import lookup
from psycopg_pool import PoolTimeout

from domain.errors import Unavailable
from projections.postgres.database import database_errors

LATER = (
    "08000 08001 08003 08004 08006 25006 25P03 25P04 40001 40P01 53000 53100 53200 53300 55006 55P03 57014 57P01 "
    "57P02 57P03 57P05 58000 58030"
)
NOT_LATER = "22001 22P05 23505 23514 28P01 42501 42P01 42883 54000 54001 XX000 XX001"


@pytest.mark.parametrize("state", LATER.split())
def test_what_may_succeed_later_is_unavailable(state: str) -> None:
    with pytest.raises(Unavailable, match="try again") as caught, database_errors():
        raise lookup(state)("as the server says it")
    assert caught.value.code == "database_unavailable"


@pytest.mark.parametrize("state", NOT_LATER.split())
def test_what_never_succeeds_stays_an_error(state: str) -> None:
    with pytest.raises(lookup(state)), database_errors():
        raise lookup(state)("as the server says it")


@pytest.mark.parametrize("error", [psycopg.OperationalError("no connection"), PoolTimeout("none free")])
def test_no_connection_is_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable), database_errors():
        raise error


def test_a_mistake_of_ours_without_a_code_stays_an_error() -> None:
    with pytest.raises(psycopg.ProgrammingError), database_errors():
        raise psycopg.ProgrammingError("the query has 2 placeholders")


@pytest.mark.parametrize(("state", "reason"), [("25006", "read-only"), ("53100", "disk is full")])
def test_the_reason_is_in_the_answer(state: str, reason: str) -> None:
    with pytest.raises(Unavailable, match=reason), database_errors():
        raise lookup(state)("as the server says it")
