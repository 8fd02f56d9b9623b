"""Binary columns arrive in the database as the values they were made of: one or many, some missing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from projections.postgres.arrays import Bigints, Booleans, Byteas, Texts, Uuids, column

ONE, OTHER = UUID(int=1), UUID(int=2**128 - 1)


@pytest.mark.parametrize(
    ("made", "kind", "values"),
    [
        (Uuids, "uuid", [ONE]),
        (Uuids, "uuid", [ONE, ONE, ONE]),
        (Uuids, "uuid", [ONE, OTHER, ONE]),
        (Uuids, "uuid", [OTHER, ONE]),
        (Texts, "text", ["import"] * 3),
        (Texts, "text", ["Zoé", "", None, "Zoé"]),
        (Texts, "text", [None, None]),
        (Texts, "text", ["a", "ü", "a"]),
        (Byteas, "bytea", [b"\0\xff", b""]),
        (Byteas, "bytea", [b"{}", b"{}"]),
        (Bigints, "bigint", [0, -1, 2**63 - 1]),
        (Booleans, "boolean", [True, False]),
        (column, "text", [None, "x"]),
        (column, "uuid", [ONE, OTHER]),
        (column, "bigint", [None, 3]),
    ],
)
def test_a_column_is_read_as_it_was_written(database_url: str, made: Any, kind: str, values: list[Any]) -> None:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(f"SELECT x FROM unnest(%b::{kind}[]) AS t (x)", [made(values)], binary=True)
        assert [row[0] for row in found] == values


@pytest.mark.parametrize("made", [Uuids, Texts, Byteas, Bigints, Booleans])
def test_a_column_may_be_empty(database_url: str, made: Any) -> None:
    kind = {Uuids: "uuid", Texts: "text", Byteas: "bytea", Bigints: "bigint", Booleans: "boolean"}[made]
    with psycopg.connect(database_url) as connection:
        assert connection.execute(f"SELECT count(*) FROM unnest(%b::{kind}[])", [made([])]).fetchone() == (0,)
