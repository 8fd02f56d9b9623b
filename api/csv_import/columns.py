"""What the columns of a file hold: as a person or a program says it, or as the header does.

A column is `phone`, `name`, `attributes.<key>` with the type that a new attribute gets (`attributes.age:number`), or
empty: not imported. Several columns of phone numbers are tried from the left; several of names are put together.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from api.csv_import.headers import name_columns, phone_columns
from domain.account import Attribute
from domain.customer import RESERVED
from domain.errors import Invalid
from domain.import_lines import parse_value_cell
from domain.texts.language import said
from domain.values import ATTRIBUTE_TYPES, AttributeType, BadValue, is_attribute_key

PHONE, NAME, ATTRIBUTE = "phone", "name", "attributes."
POINTER = "/query/columns"


class AttributeColumn(NamedTuple):
    """A column whose cells become an attribute."""

    place: int
    key: str
    type: AttributeType


class Columns(NamedTuple):
    """Which columns hold what."""

    phones: list[int]
    names: list[int]
    attributes: list[AttributeColumn]


def columns_by_header(header: Sequence[str]) -> Columns:
    """Returns what the header says; no attributes: those are for somebody to choose."""
    return Columns(phone_columns(header), name_columns(header), [])


def columns_by_choice(chosen: Sequence[str]) -> Columns:
    """Returns what was chosen, checked before by `checked_columns`."""
    held = list(enumerate(chosen))
    attributes = [
        AttributeColumn(index, key, kind)  # type: ignore[arg-type]
        for index, each in held
        if each.startswith(ATTRIBUTE)
        for key, _, kind in [each.removeprefix(ATTRIBUTE).partition(":")]
    ]
    return Columns(
        [index for index, each in held if each == PHONE], [index for index, each in held if each == NAME], attributes
    )


def checked_columns(chosen: Sequence[str], attributes: Mapping[str, Attribute]) -> list[str]:
    """Returns what was chosen, with the type of each attribute. Raises `Invalid`. `attributes` are all there are."""
    checked = [_checked(each.strip(), attributes) for each in chosen]
    if PHONE not in checked:
        raise Invalid.at(POINTER, "no_phone_column", said("say which column holds the phone numbers"))
    keys = [each.partition(":")[0] for each in checked if each.startswith(ATTRIBUTE)]
    if twice := [each for each in keys if keys.count(each) > 1]:
        raise Invalid.at(POINTER, "column_twice", said("two columns cannot both become %(column)s", column=twice[0]))
    return checked


def _checked(column: str, attributes: Mapping[str, Attribute]) -> str:
    if column in ("", PHONE, NAME):
        return column
    key, _, kind = column.removeprefix(ATTRIBUTE).partition(":")
    if not column.startswith(ATTRIBUTE) or not is_attribute_key(key) or key in RESERVED:
        detail = said(
            "%(column)s is not phone, name, or attributes. and a key of a-z, 0-9 and _ that is not built in",
            column=column,
        )
        raise Invalid.at(POINTER, "unknown_column", detail)
    attribute = attributes.get(key)
    if attribute is not None and attribute.computed is not None:
        detail = said(
            "%(key)s is computed from what customers do, so it cannot be set; do not import this column", key=key
        )
        raise Invalid.at(POINTER, "computed_attribute", detail)
    known = attribute and attribute.type
    if known is None and kind not in ATTRIBUTE_TYPES:
        detail = said("%(key)s is a new attribute: add its type, such as attributes.%(key)s:text", key=key)
        raise Invalid.at(POINTER, "type_missing", detail)
    if known is not None and kind and kind != known:
        raise Invalid.at(
            POINTER,
            "attribute_type_mismatch",
            said("%(key)s holds a %(known)s, not a %(kind)s", key=key, known=known, kind=kind),
        )
    return f"{ATTRIBUTE}{key}:{known or kind}"


def key_from(title: str, taken: Sequence[str] = ()) -> str:
    """Returns a key for a new attribute that is called `title`, none of those that are taken."""
    key = re.sub(r"[^a-z0-9]+", "_", _in_ascii(title)).strip("_")[:50]
    key = key if is_attribute_key(key) else f"column_{key}".rstrip("_")
    number, unique = 2, key
    while unique in taken or unique in RESERVED:
        unique, number = f"{key}_{number}", number + 1
    return unique


def _in_ascii(title: str) -> str:
    return unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()


def infer_type(cells: Sequence[str], country: str) -> AttributeType:
    """Returns the type that every cell which is not blank can be read as; text where there is none."""
    given = [each for each in cells if each.strip()]
    kinds: tuple[AttributeType, ...] = ("boolean", "number", "date", "datetime")
    for kind in kinds:
        if given and not any(isinstance(parse_value_cell(kind, each, country), BadValue) for each in given):
            # What begins with a zero is a code, such as one of a place: as a number it would lose it.
            if kind == "number" and any(re.match(r"\s*0\d", each) for each in given):
                return "text"
            return kind
    return "text"
