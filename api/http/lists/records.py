"""Records as lines of text, NDJSON or CSV, where the database does not write them: of changes."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

from domain import json_text
from domain.formats.fields import ATTRIBUTE
from projections.read.streams.lines import LineFormat


def lines_of(records: Iterable[Mapping[str, Any]], columns: Sequence[str], form: LineFormat) -> bytes:
    """Returns a line for each record; CSV has the values of `columns`, lists and objects in JSON."""
    if form == "json":
        return b"".join(json_text.dumps(record) + b"\n" for record in records)
    text = StringIO()
    csv.writer(text).writerows([_cell(_value(record, name)) for name in columns] for record in records)
    return text.getvalue().encode()


def _value(record: Mapping[str, Any], name: str) -> Any:
    if not name.startswith(ATTRIBUTE):
        return record[name]
    return record["attributes"][name.removeprefix(ATTRIBUTE)]


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json_text.dumps(value).decode().strip('"')
