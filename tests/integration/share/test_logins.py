"""The command `rollcall share`: made, listed and dropped by people who administer an installation."""

from __future__ import annotations

import re
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import OperationalError

from deploy import commands
from deploy.settings import Settings
from domain.errors import Invalid, NotFound, Refused
from projections.share import logins
from tests.integration.share.conftest import Ours
from tests.support.installation import Installation
from tests.support.postgres import address_of, unique_name


def test_a_share_is_made_listed_and_dropped_by_the_command(installation: Installation) -> None:
    installation.account("shop")
    settings = Settings(database_url=address_of(installation.url))
    name = unique_name()
    url = commands.create_share(settings, name, account="shop", minutes=3, connections=2)
    parts = conninfo_to_dict(url)
    given = conninfo_to_dict(installation.url)
    assert [parts[each] for each in ("host", "port", "dbname")] == [given[each] for each in ("host", "port", "dbname")]
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM customers").fetchone() == (0,)
        (line,) = [each for each in commands.share_lines(settings) if each.startswith(name)]
        assert line.endswith(
            f": account shop, login rollcall_share_{name}, 1 of 2 connections, transactions of 3 min at most"
        )
        with pytest.raises(Refused) as refused:
            commands.create_share(settings, name, account="shop", minutes=3, connections=2)
        assert refused.value.code == "share_exists"
        commands.drop_share(settings, name)
        with pytest.raises(OperationalError):
            connection.execute("SELECT 1")
    with pytest.raises(OperationalError, match=r"authentication failed|does not exist"):
        psycopg.connect(url)
    with pytest.raises(NotFound) as missing:
        commands.drop_share(settings, name)
    assert missing.value.code == "share_not_found"
    assert not [each for each in commands.share_lines(settings) if each.startswith(name)]


def test_a_name_that_cannot_be_a_login_and_limits_that_are_none_are_refused(installation: Installation) -> None:
    for name in ("", "Upper", "1st", "a b", "a;b", 'a"b', "x" * 42, "é"):
        with pytest.raises(Invalid, match=re.escape(repr(name))):
            logins.create(installation.url, name, uuid4(), minutes=5, connections=5)
    for minutes, connections in ((0, 5), (1_441, 5), (5, 0), (5, 101)):
        with pytest.raises(Invalid, match="is not from 1 to"):
            logins.create(installation.url, "x", uuid4(), minutes=minutes, connections=connections)


def test_an_account_that_does_not_exist_is_named(installation: Installation) -> None:
    with pytest.raises(NotFound, match="there is no account called 'nowhere'"):
        commands.create_share(
            Settings(database_url=address_of(installation.url)), "x", account="nowhere", minutes=5, connections=5
        )


def test_a_login_without_the_right_to_make_roles_gets_a_sentence_that_says_who_may(
    installation: Installation, ours: Ours
) -> None:
    name = sql.Identifier(unique_name())
    with installation.owner() as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(name))
        owner.execute(sql.SQL("GRANT rollcall_api, rollcall_worker TO {}").format(name))
        lesser = make_conninfo(installation.url, user=name.as_string().strip('"'), password="x")
        with pytest.raises(Refused, match="CREATEROLE") as refused:
            logins.create(lesser, unique_name(), ours.account, minutes=5, connections=5)
        assert refused.value.code == "missing_rights"
        owner.execute(sql.SQL("DROP ROLE {}").format(name))


def test_a_share_of_a_restored_database_is_listed_and_can_be_dropped_or_made_again(
    installation: Installation, ours: Ours
) -> None:
    """A backup of one database has the row, and another server does not have the login."""
    settings = Settings(database_url=address_of(installation.url))
    name = unique_name()
    with installation.owner() as owner:
        owner.execute("INSERT INTO share_logins VALUES (%s, %s, '1 minute')", [f"rollcall_share_{name}", ours.account])
    (line,) = [each for each in commands.share_lines(settings) if each.startswith(name)]
    assert line.endswith("this server does not have the login")
    logins.create(installation.url, name, ours.account, minutes=5, connections=5)
    commands.drop_share(settings, name)
    with installation.owner() as owner:
        owner.execute("INSERT INTO share_logins VALUES (%s, %s, '1 minute')", [f"rollcall_share_{name}", ours.account])
    commands.drop_share(settings, name)
    assert not [each for each in commands.share_lines(settings) if each.startswith(name)]


def test_a_server_is_named_as_the_owner_reaches_it(installation: Installation, ours: Ours) -> None:
    """Also where it is one of several, or has a certificate to be checked."""
    for given, shown in (
        ("host=db port=5432 dbname=shop sslmode=verify-full", "@db:5432/shop?sslmode=verify-full"),
        ("host=/run/postgresql dbname=shop", "@/shop?host=%2Frun%2Fpostgresql&port="),
        ("host=a,b port=1,2 dbname=shop", "@/shop?host=a%2Cb&port=1%2C2"),
        ("host=::1 port=5432 dbname=a/b", "@[::1]:5432/a%2Fb"),
    ):
        address = logins._address(given, "rollcall_share_x", "secret")
        assert address == f"postgresql://rollcall_share_x:secret{shown}"
        assert conninfo_to_dict(address)["dbname"] == conninfo_to_dict(given)["dbname"]
