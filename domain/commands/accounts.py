"""Commands on accounts, API keys and attributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from domain.account import Account, Attribute, KeyKind, account_id_of, new_secret, schema_id_of
from domain.calendar import zone_of
from domain.commands.account_reader import AccountReader
from domain.commands.log import Log, Saved
from domain.customer import RESERVED
from domain.errors import Invalid, NotFound, Refused
from domain.phones import is_country
from domain.segment import check_texts
from domain.stored_events import AccountCreated, ApiKeyCreated, ApiKeyRevoked, AttributeDeclared
from domain.values import ATTRIBUTE_TYPES, AttributeType, is_attribute_key, is_missing, is_one_line


class NewKey(NamedTuple):
    """A fresh API key; `key` is shown this once."""

    id: str
    key: str
    position: int


class AccountCommands:
    """Accounts."""

    def __init__(self, log: Log, accounts: AccountReader) -> None:
        self._log = log
        self._accounts = accounts

    def create(self, name: str, timezone: str, country: str) -> Saved:
        """Create the account called `name`. Raises `Invalid`; `Refused` (`account_exists`)."""
        if is_missing(name) or len(name) > 200 or not is_one_line(name):
            raise Invalid.at("/name", "invalid_name", "needs 1 to 200 printable characters")
        zone_of(timezone)
        if not is_country(country):
            raise Invalid.at("/country", "unknown_country", f"{country!r} is not a two-letter country code such as PT")
        account_id = account_id_of(name)
        envelope = self._log.envelope(account_id, account_id, 0)
        event = AccountCreated(**envelope, name=name, timezone=timezone, country=country)
        position = self._log.append_once(account_id, event)
        if position is None:
            raise Refused("account_exists", f"there is an account called {name!r} already")
        return Saved(account_id, 1, position)

    def require(self, account_id: UUID) -> Account:
        """The account as its events made it. Raises `NotFound`."""
        return self._accounts.require(account_id)


class KeyCommands:
    """API keys."""

    def __init__(self, log: Log, accounts: AccountReader) -> None:
        self._log = log
        self._accounts = accounts

    def create(
        self, account_id: UUID, name: str, kind: KeyKind, secret: str | None = None, *, by: str | None = None
    ) -> NewKey:
        """Create an API key, random unless `secret` is given; `by` is the key of the request itself, if it has one.

        Raises `Invalid`, `NotFound`, `Refused`.
        """
        name, _ = check_texts(name, "")
        fresh = new_secret(secret)

        def append_created() -> NewKey:
            account = self._accounts.require(account_id)
            _check_key(account, by)
            if fresh.key_id in account.keys:
                raise Refused("key_exists", "this key was created before")
            event = ApiKeyCreated(
                **self._log.envelope(account_id, account_id, account.version),
                key_id=fresh.key_id,
                name=name,
                kind=kind,
                secret_sha256=fresh.sha256,
            )
            return NewKey(fresh.key_id, fresh.key, self._log.append(account_id, [event]))

        return self._log.retry(append_created)

    def revoke(self, account_id: UUID, key_id: str, *, by: str | None = None) -> int:
        """Revoke a key. Returns the position after it; `by` is as in `create`. Raises `NotFound`, `Refused`."""

        def append_revoked() -> int:
            account = self._accounts.require(account_id)
            _check_key(account, by)
            if key_id not in account.keys:
                raise NotFound("key_not_found", "no such API key in this account")
            event = ApiKeyRevoked(**self._log.envelope(account_id, account_id, account.version), key_id=key_id)
            return self._log.append(account_id, [event])

        return self._log.retry(append_revoked)


class AttributeCommands:
    """Attributes and their types."""

    def __init__(self, log: Log, accounts: AccountReader) -> None:
        self._log = log
        self._accounts = accounts

    def all(self, account_id: UUID) -> dict[str, Attribute]:
        """Every attribute of the account by key, built-in ones first."""
        return self._accounts.schema(account_id).attributes()

    def declare(
        self, account_id: UUID, key: str, kind: AttributeType, label: str | None, used_by: Sequence[str] = ()
    ) -> Saved:
        """Declare the type or the label of an attribute; `used_by` are the names of segments that read it.

        Raises `Invalid`; `Refused` where the attribute has another type already.
        """
        if not is_attribute_key(key) or key in RESERVED:
            raise Invalid.at("/key", "invalid_attribute_key", "a-z, 0-9 and _, a letter first, and not a built-in name")
        if kind not in ATTRIBUTE_TYPES:
            raise Invalid.at("/type", "unknown_type", f"needs one of {', '.join(ATTRIBUTE_TYPES)}")
        label = check_texts(label, "")[0] if label and label.strip() else None

        def append_declared() -> Saved:
            schema = self._accounts.schema(account_id)
            declared = schema.types.get(key)
            if declared is not None and declared != kind:
                if used_by:
                    detail = (
                        f"{key} is a {declared} and read by: {', '.join(used_by)}; use another key for another type"
                    )
                    raise Refused("attribute_in_use", detail)
                raise Refused("attribute_type_fixed", f"{key} is a {declared}; use another key for another type")
            if declared == kind and schema.labels.get(key) == label:
                return Saved(schema_id_of(account_id), schema.version, self._log.head())
            envelope = self._log.envelope(account_id, schema_id_of(account_id), schema.version)
            event = AttributeDeclared(**envelope, key=key, type=kind, label=label)
            return Saved(event.originator_id, event.originator_version, self._log.append(account_id, [event]))

        return self._log.retry(append_declared)


def _check_key(account: Account, by: str | None) -> None:
    """Refuse a request whose own key was revoked after it began, so that it cannot leave another key behind."""
    if by is not None and by not in account.keys:
        raise Refused("key_revoked", "the API key of this request was revoked meanwhile; use another")
