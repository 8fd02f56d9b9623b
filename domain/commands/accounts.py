"""Commands on accounts, API keys and attributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from domain.account import Account, Attribute, KeyKind, account_id_of, new_secret, schema_id_of
from domain.calendar import zone_of
from domain.commands.account_reader import AccountReader
from domain.commands.log import Log, Saved, Writes
from domain.commands.segments import segments_with
from domain.customer import RESERVED
from domain.errors import Invalid, NotFound, Refused
from domain.filters.nesting import attributes_named
from domain.filters.parsing import parse_computed
from domain.phones import is_country
from domain.segment import check_texts
from domain.stored_events import (
    AccountCreated,
    ActivityRetentionSet,
    ApiKeyCreated,
    ApiKeyRevoked,
    AttributeComputed,
    AttributeDeclared,
    AttributeRemoved,
)
from domain.texts.language import said
from domain.values import ATTRIBUTE_TYPES, AttributeType, is_attribute_key, is_missing, is_one_line

# A hundred years.
MAX_KEPT_DAYS = 36_600


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
            raise Invalid.at("/name", "invalid_name", said("needs 1 to 200 printable characters"))
        zone_of(timezone)
        if not is_country(country):
            raise Invalid.at(
                "/country",
                "unknown_country",
                said("%(country)s is not a two-letter country code such as PT", country=repr(country)),
            )
        account_id = account_id_of(name)
        envelope = self._log.envelope(account_id, account_id, 0)
        event = AccountCreated(**envelope, name=name, timezone=timezone, country=country)
        position = self._log.append_once(account_id, event)
        if position is None:
            raise Refused("account_exists", said("there is an account called %(name)s already", name=repr(name)))
        return Saved(account_id, 1, position)

    def require(self, account_id: UUID) -> Account:
        """The account as its events made it. Raises `NotFound`."""
        return self._accounts.require(account_id)

    def keep_activities(self, account_id: UUID, days: int | None, *, by: str | None = None) -> int:
        """Let an activity count until it is so many days old; `None`: without end. Returns the position after it.

        Raises `Invalid`, `NotFound`.
        """
        if days is not None and not 1 <= days <= MAX_KEPT_DAYS:
            detail = said(
                "needs a whole number from 1 to %(max_kept_days)s, or null to keep activities without end",
                max_kept_days=MAX_KEPT_DAYS,
            )
            raise Invalid.at("/days", "invalid_retention", detail)

        def append_set() -> int:
            self._accounts.require(account_id)
            schema = self._accounts.schema(account_id)
            if schema.kept_days == days:
                return self._log.head()
            envelope = self._log.envelope(account_id, schema_id_of(account_id), schema.version)
            return self._log.append(account_id, [ActivityRetentionSet(**envelope, by=by, days=days)])

        return self._log.retry(append_set)


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
                raise Refused("key_exists", said("this key was created before"))
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
                raise NotFound("key_not_found", said("no such API key in this account"))
            event = ApiKeyRevoked(**self._log.envelope(account_id, account_id, account.version), key_id=key_id)
            return self._log.append(account_id, [event])

        return self._log.retry(append_revoked)


class AttributeCommands:
    """Attributes: their types, and the definitions of those that are computed from what customers do."""

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
        _check_attribute_key(key)
        if kind not in ATTRIBUTE_TYPES:
            raise Invalid.at("/type", "unknown_type", said("needs one of %(known)s", known=", ".join(ATTRIBUTE_TYPES)))
        label = _checked_label(label)

        def append_declared() -> Saved:
            schema = self._accounts.schema(account_id)
            declared = schema.types.get(key)
            if key in schema.computed:
                detail = said(
                    "%(key)s is computed from what customers do: send its definition as computed, or use another key",
                    key=key,
                )
                raise Refused("attribute_is_computed", detail)
            if declared is not None and declared != kind:
                if used_by:
                    detail = said(
                        "%(key)s is a %(declared)s and read by: %(known)s; use another key for another type",
                        key=key,
                        declared=declared,
                        known=", ".join(used_by),
                    )
                    raise Refused("attribute_in_use", detail)
                raise Refused(
                    "attribute_type_fixed",
                    said("%(key)s is a %(declared)s; use another key for another type", key=key, declared=declared),
                )
            if declared == kind and schema.labels.get(key) == label:
                return Saved(schema_id_of(account_id), schema.version, self._log.head())
            envelope = self._log.envelope(account_id, schema_id_of(account_id), schema.version)
            event = AttributeDeclared(**envelope, key=key, type=kind, label=label)
            return Saved(event.originator_id, event.originator_version, self._log.append(account_id, [event]))

        return self._log.retry(append_declared)

    def compute(
        self, account_id: UUID, key: str, definition: Any, label: str | None, kind: AttributeType | None = None
    ) -> Saved:
        """Declare a computed attribute, or give it another definition or label; `kind` is the type that is expected.

        Raises `Invalid` with the place of each mistake in the definition; `Refused` where the attribute is not
        computed, or has a value of another type.
        """
        _check_attribute_key(key)
        label = _checked_label(label)

        def append_declared() -> Saved:
            schema = self._accounts.schema(account_id)
            measure = parse_computed(definition, schema.activities)
            if kind not in (None, measure.type):
                detail = said(
                    "the definition gives a %(type)s, not a %(kind)s; leave the type out", type=measure.type, kind=kind
                )
                raise Invalid.at("/type", "attribute_type_mismatch", detail)
            declared = schema.types.get(key)
            if declared is not None and key not in schema.computed:
                raise Refused(
                    "attribute_not_computed",
                    said(
                        "customers' data sets %(key)s, a %(declared)s; use another key, or define that",
                        key=key,
                        declared=declared,
                    ),
                )
            if declared not in (None, measure.type):
                detail = said(
                    "%(key)s is a %(declared)s and this gives a %(type)s; use another key, or remove it first",
                    key=key,
                    declared=declared,
                    type=measure.type,
                )
                raise Refused("attribute_type_fixed", detail)
            if schema.computed.get(key) == measure.definition and schema.labels.get(key) == label:
                return Saved(schema_id_of(account_id), schema.version, self._log.head())
            envelope = self._log.envelope(account_id, schema_id_of(account_id), schema.version)
            event = AttributeComputed(
                **envelope, key=key, type=measure.type, label=label, definition=measure.definition
            )
            return Saved(event.originator_id, event.originator_version, self._log.append(account_id, [event]))

        return self._log.retry(append_declared)

    def remove(self, account_id: UUID, key: str, *, by: str | None = None) -> int:
        """Remove a computed attribute that no filter uses; its key is free. Returns the position after it.

        Raises `NotFound`; `Refused` where filters use it, or where it is not computed: a type is permanent.
        """

        def append_removed() -> int:
            as_of = self._log.store.filters_position(account_id)
            schema = self._accounts.schema(account_id)
            if key not in schema.types:
                raise NotFound("attribute_not_found", said("no such attribute in this account"))
            if key not in schema.computed:
                detail = said("customers' data sets %(key)s; only a computed attribute can be removed", key=key)
                raise Refused("attribute_not_computed", detail)
            found = segments_with(self._log, account_id, f'"{key}"')
            if names := [each.name for each in found if key in attributes_named(each.filter)]:
                detail = said(
                    "%(key)s is used by the filters of: %(known)s; change these first", key=key, known=", ".join(names)
                )
                raise Refused("attribute_in_use", detail)
            envelope = self._log.envelope(account_id, schema_id_of(account_id), schema.version)
            event = AttributeRemoved(**envelope, by=by, key=key)
            return self._log.append(account_id, [event], Writes(filters_as_of=as_of))

        return self._log.retry(append_removed)


def _check_attribute_key(key: str) -> None:
    if not is_attribute_key(key) or key in RESERVED:
        raise Invalid.at(
            "/key", "invalid_attribute_key", said("a-z, 0-9 and _, a letter first, and not a built-in name")
        )


def _checked_label(label: str | None) -> str | None:
    return check_texts(label, "")[0] if label and label.strip() else None


def _check_key(account: Account, by: str | None) -> None:
    """Refuse a request whose own key was revoked after it began, so that it cannot leave another key behind."""
    if by is not None and by not in account.keys:
        raise Refused("key_revoked", said("the API key of this request was revoked meanwhile; use another"))
