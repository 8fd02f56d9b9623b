"""An account: its time zone, country, API keys and attribute types.

Folded from the events of two streams, the account's and its schema's, by `domain.commands.account_reader`.
An attribute's type never changes once it is declared, so a stale copy of a schema can lack attributes
but never be wrong about one; but for a computed attribute, which may have been removed since.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid5

from domain.customer import BUILT_IN
from domain.errors import Invalid
from domain.filters.behaviour.reading import Behaviour
from domain.stored_events import (
    AccountCreated,
    ActivityDeclared,
    ActivityRetentionSet,
    ApiKeyCreated,
    ApiKeyRevoked,
    AttributeComputed,
    AttributeDeclared,
    AttributeRemoved,
    Event,
)
from domain.texts.language import said
from domain.values import AttributeType

KeyKind = Literal["admin", "read", "write", "sdk"]
_NAMESPACE = UUID("8f6e1d3c-6f0b-5b7e-9a55-0d5f3f1c7a21")


class Attribute(NamedTuple):
    """An attribute of an account: its type and its label; of a computed one, its definition as JSON."""

    key: str
    type: AttributeType
    label: str | None
    computed: Any = None


@dataclass
class Account:
    """An account as its events made it."""

    account_id: UUID
    name: str = ""
    timezone: str = "UTC"
    country: str = "US"
    version: int = 0
    keys: set[str] = field(default_factory=set)


@dataclass
class Schema:
    """The attributes and activities of an account; `version` counts declarations."""

    types: dict[str, AttributeType]
    labels: dict[str, str | None]
    version: int = 0
    # The types of the properties of each known activity.
    activities: dict[str, Mapping[str, AttributeType]] = field(default_factory=dict)
    # The definitions of the computed attributes.
    computed: dict[str, Any] = field(default_factory=dict)
    # How many days old an activity becomes before it counts no more.
    kept_days: int | None = None

    def attributes(self) -> dict[str, Attribute]:
        """Every attribute by key, the built-in ones first."""
        return {
            key: Attribute(key, kind, self.labels.get(key), self.computed.get(key)) for key, kind in self.types.items()
        }

    def behaviour(self) -> Behaviour:
        """What filters may ask of behaviour."""
        return Behaviour(self.activities, self.computed, self.kept_days)


def account_id_of(name: str) -> UUID:
    """The id of the account called `name`: derived, so that configuration can name an account."""
    return uuid5(_NAMESPACE, name)


def schema_id_of(account_id: UUID) -> UUID:
    """The id of the stream that holds an account's attribute declarations."""
    return uuid5(account_id, "schema")


def account_of(account_id: UUID, events: Iterable[Event]) -> Account:
    """Fold an account's stream."""
    account = Account(account_id)
    for event in events:
        match event:
            case AccountCreated():
                account.name, account.timezone, account.country = event.name, event.timezone, event.country
            case ApiKeyCreated():
                account.keys.add(event.key_id)
            case ApiKeyRevoked():
                account.keys.discard(event.key_id)
        account.version = event.originator_version
    return account


def schema_of(events: Iterable[Event]) -> Schema:
    """Fold an account's schema stream, beginning with the built-in attributes."""
    schema = Schema(dict(BUILT_IN), {})
    for event in events:
        if isinstance(event, AttributeDeclared):
            schema.types[event.key] = event.type
            schema.labels[event.key] = event.label
            if isinstance(event, AttributeComputed):
                schema.computed[event.key] = event.definition
        elif isinstance(event, AttributeRemoved):
            del schema.types[event.key], schema.labels[event.key], schema.computed[event.key]
        elif isinstance(event, ActivityRetentionSet):
            schema.kept_days = event.days
        elif isinstance(event, ActivityDeclared):
            schema.activities[event.activity] = {**schema.activities.get(event.activity, {}), **event.properties}
        schema.version = event.originator_version
    return schema


class NewSecret(NamedTuple):
    """An API key: its id, the secret, which is shown once, and the hash that is stored."""

    key_id: str
    key: str
    sha256: str


def new_secret(given: str | None) -> NewSecret:
    """A fresh random key of 256 bits, or the one that a person chose.

    A key of such length needs no slow hash. Raises `Invalid` where a chosen one is under 16 characters.
    """
    if given is not None and len(given) < 16:
        raise Invalid.at("/key", "key_too_short", said("a chosen API key needs at least 16 characters"))
    key = given or f"rollcall_{secrets.token_urlsafe(32)}"
    digest = hashlib.sha256(key.encode()).hexdigest()
    return NewSecret(f"key_{digest[:16]}", key, digest)
