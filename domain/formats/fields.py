"""Chosen fields of a customer, such as `external_id,phone,attributes.plan`: what they are, and how they are shown.

`api` parses what a request asks for and `deploy.settings` what records on Kafka carry; pages, streams and change
records show them. What always holds: each chosen field is in every record, null where the customer has no such value;
of an erased customer all are null.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from domain.customer import BUILT_IN
from domain.errors import Invalid
from domain.values import is_attribute_key

ATTRIBUTE = "attributes."
OF_CUSTOMER = ("id", "external_id", "phone", "name", "attributes", "tags", "opted_out", "created_at", "updated_at")
OF_MEMBER = (*OF_CUSTOMER, "joined_at")
# Of the customer in a change record, which names the customer as `customer_id`.
OF_CHANGE = OF_CUSTOMER[1:]
OF_RECIPIENT = ("customer_id", *OF_CHANGE)
MOST = 100
# What a living customer has where nothing was ever set.
_UNSET: dict[str, Any] = {"tags": [], "opted_out": False}


@dataclass(frozen=True, slots=True)
class Fields:
    """Fields in the order in which they are shown, each once; `attributes` stands for all of them."""

    names: tuple[str, ...]

    @property
    def keys(self) -> list[str]:
        """The stored values that they are made of, by key; all of them are needed where `needs_all`."""
        return [name.removeprefix(ATTRIBUTE) for name in self.names]

    @property
    def needs_all(self) -> bool:
        """Whether every attribute is shown."""
        return "attributes" in self.names

    def of(self, values: Mapping[str, Any] | None, **own: Any) -> dict[str, Any]:
        """Returns the fields of a customer with these stored values, built-in ones among them; `None` if erased.

        `own` are those that are not stored values, such as `id` and `created_at`.
        """
        shown: dict[str, Any] = {}
        for name in self.names:
            if name in own:
                shown[name] = own[name]
            elif name.startswith(ATTRIBUTE):
                key = name.removeprefix(ATTRIBUTE)
                shown.setdefault("attributes", {})[key] = None if values is None else values.get(key)
            elif values is None:
                shown[name] = None
            elif name == "attributes":
                shown[name] = {key: value for key, value in values.items() if key not in BUILT_IN}
            else:
                shown[name] = values.get(name, _UNSET.get(name))
        return shown


def parse_fields(text: str, offered: Collection[str], attributes: Collection[str] | None, pointer: str) -> Fields:
    """Returns the fields that a text names, separated by commas, of those `offered`.

    `attributes` are the keys that the account has; `None`: of any account. Raises `Invalid` at `pointer` for a field
    that there is not, and names the nearest one.
    """
    names = list(dict.fromkeys(each.strip() for each in text.split(",")))
    if len(names) > MOST:
        raise Invalid.at(pointer, "too_many_fields", f"{len(names)} fields; name at most {MOST}, or `attributes`")
    for name in names:
        key = name.removeprefix(ATTRIBUTE)
        is_attribute = name.startswith(ATTRIBUTE) and "attributes" in offered and is_attribute_key(key)
        if name not in offered and not (is_attribute and (attributes is None or key in attributes)):
            raise Invalid.at(pointer, "unknown_field", _unknown(name, offered, attributes or ()))
    if "attributes" in names:
        names = [name for name in names if not name.startswith(ATTRIBUTE)]
    return Fields(tuple(names))


def parse_change_fields(text: str, attributes: Collection[str] | None, pointer: str) -> Fields:
    """Returns the fields of the customer in change records: `external_id`, and those that a text names.

    Raises `Invalid` as `parse_fields` does.
    """
    return Fields(tuple(dict.fromkeys(["external_id", *parse_fields(text, OF_CHANGE, attributes, pointer).names])))


CUSTOMER_FIELDS, MEMBER_FIELDS = Fields(OF_CUSTOMER), Fields(OF_MEMBER)
CHANGE_FIELDS = Fields(("external_id",))
RECIPIENT_FIELDS = Fields(("customer_id", "external_id", "phone", "name"))


def _unknown(name: str, offered: Collection[str], attributes: Collection[str]) -> str:
    if not name:
        return f"a field without a name; name some of {', '.join(offered)}, separated by commas"
    own = [ATTRIBUTE + key for key in attributes]
    if name in attributes and "attributes" in offered:
        nearest = ATTRIBUTE + name
    else:
        nearest = difflib.get_close_matches(name, [*offered, *own], n=1, cutoff=0.0)[0]
    also = " or attributes.<key>" if "attributes" in offered else ""
    shown = name if len(name) <= 70 else f"{name[:67]}..."
    return f"there is no field {shown!r}; did you mean {nearest}? The fields are {', '.join(offered)}{also}"
