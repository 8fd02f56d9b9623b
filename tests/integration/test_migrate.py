"""`migrate` refuses a database in which searches would go wrong, before it writes anything into it."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from domain.errors import Corrupt
from projections.migrate import migrate
from tests.installation import unique_name


@pytest.mark.parametrize(
    ("made_with", "code"),
    [
        ("ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'", "wrong_encoding"),
        ("ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'C'", "wrong_locale"),
    ],
)
def test_a_database_that_does_not_know_all_letters_is_refused(postgres_url: str, made_with: str, code: str) -> None:
    name = unique_name()
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(sql.SQL(f"CREATE DATABASE {{}} TEMPLATE template0 {made_with}").format(sql.Identifier(name)))
        url = make_conninfo(postgres_url, dbname=name)
        with pytest.raises(Corrupt) as refused:
            migrate(url)
        assert refused.value.code == code
        with psycopg.connect(url) as database:
            assert database.execute("SELECT to_regnamespace('rollcall')").fetchone() == (None,)
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
