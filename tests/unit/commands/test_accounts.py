"""Accounts, their API keys and the types of their attributes."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from domain.account import account_id_of
from domain.stored_events import AccountCreated, ApiKeyCreated, ApiKeyRevoked, AttributeDeclared
from tests.support.commands.given_when_then import ACCOUNT, Command, Scene, assert_events, assert_refused, happened

SECRET = "a chosen key of enough letters"
KEY_ID = f"key_{hashlib.sha256(SECRET.encode()).hexdigest()[:16]}"


def account(name: str, timezone: str = "UTC", country: str = "PT") -> Command[Any]:
    return lambda rollcall: rollcall.accounts.create(name, timezone, country)


def key(secret: str | None = SECRET, name: str = "CRM", by: str | None = None) -> Command[Any]:
    return lambda rollcall: rollcall.keys.create(ACCOUNT, name, "write", secret, by=by)


def revoke(key_id: str = KEY_ID, by: str | None = None) -> Command[Any]:
    return lambda rollcall: rollcall.keys.revoke(ACCOUNT, key_id, by=by)


def declare(
    key: str = "plan", kind: Any = "text", label: str | None = None, used_by: tuple[str, ...] = ()
) -> Command[Any]:
    return lambda rollcall: rollcall.attributes.declare(ACCOUNT, key, kind, label, used_by)


def test_an_account_is_created_once_under_its_name() -> None:
    created = happened(AccountCreated, name="shop", timezone="Europe/Lisbon", country="PT")
    saved = assert_events([], account("shop", "Europe/Lisbon"), [created])
    assert saved.id == account_id_of("shop")
    assert_refused([account("shop")], account("shop"), "account_exists")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (account(" "), "invalid_name"),
        (account("x" * 201), "invalid_name"),
        (account("a\nb"), "invalid_name"),
        (account("shop", "Lisbon"), "unknown_timezone"),
        (account("shop", "UTC", "Portugal"), "unknown_country"),
    ],
)
def test_an_account_needs_a_name_a_time_zone_and_a_country(command: Command[Any], code: str) -> None:
    assert_refused([], command, code)


def test_only_the_hash_of_a_key_is_stored() -> None:
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    created = happened(ApiKeyCreated, key_id=KEY_ID, name="CRM", kind="write", secret_sha256=digest)
    made = assert_events([], key(name=" CRM "), [created])
    assert (made.id, made.key) == (KEY_ID, SECRET)
    fresh = assert_events([], key(secret=None), [happened(ApiKeyCreated)])
    assert len(fresh.key) > 40


def test_a_key_is_refused_where_it_is_short_or_was_created_before() -> None:
    assert_refused([], key(secret="short"), "key_too_short")
    assert_refused([], key(name=" "), "name_required")
    assert_refused([key()], key(name="other"), "key_exists")


def test_a_key_is_revoked_once() -> None:
    assert_events([key()], revoke(), [happened(ApiKeyRevoked, key_id=KEY_ID)])
    assert_refused([key(), revoke()], revoke(), "key_not_found")
    assert_refused([], revoke(), "key_not_found")


def test_a_revoked_key_creates_and_revokes_no_other() -> None:
    """A request may begin before its key is revoked and end afterwards."""
    history = [key(), key("another key of enough letters"), revoke()]
    assert_refused(history, key("a third key of enough letters", by=KEY_ID), "key_revoked")
    assert_refused(history, revoke(KEY_ID, by=KEY_ID), "key_revoked")


def test_an_attribute_gets_its_type_and_keeps_it() -> None:
    assert_events([], declare(label=" Plan "), [happened(AttributeDeclared, key="plan", type="text", label="Plan")])
    assert_refused([declare()], declare(kind="number"), "attribute_type_fixed")
    refused = assert_refused([declare()], declare(kind="number", used_by=("Gold",)), "attribute_in_use")
    assert "Gold" in refused.detail


def test_a_label_can_be_changed_and_an_equal_declaration_makes_no_event() -> None:
    history = [declare(label="Plan")]
    assert_events(history, declare(label="Tariff"), [happened(AttributeDeclared, label="Tariff")])
    assert_events(history, declare(label=" "), [happened(AttributeDeclared, label=None)])
    assert assert_events(history, declare(label="Plan"), []).version == 1


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (declare("phone"), "invalid_attribute_key"),
        (declare("Plan"), "invalid_attribute_key"),
        (declare(kind="money"), "unknown_type"),
        (declare(label="x" * 201), "text_too_long"),
    ],
)
def test_an_attribute_that_cannot_be_declared_is_refused(command: Command[Any], code: str) -> None:
    assert_refused([], command, code)


def test_the_attributes_of_an_account_begin_with_the_built_in_ones() -> None:
    attributes = Scene([declare(label="Plan")]).rollcall.attributes.all(ACCOUNT)
    assert next(iter(attributes)) == "phone"
    assert (attributes["plan"].type, attributes["plan"].label) == ("text", "Plan")


def test_an_account_that_does_not_exist_has_no_keys() -> None:
    unknown = account_id_of("unknown")
    assert_refused([], lambda rollcall: rollcall.accounts.require(unknown), "account_not_found")
    assert_refused([], lambda rollcall: rollcall.keys.create(unknown, "CRM", "read"), "account_not_found")
