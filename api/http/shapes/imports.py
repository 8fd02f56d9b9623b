"""CSV imports: the answer, and how a row is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from projections.records.imports import ImportRow, ImportState

EXAMPLE: dict[str, Any] = {
    "id": "6f1c2d3e-4b5a-4c6d-8e7f-901234567890",
    "segment_id": "0b8f6c1e-5d3a-4f6e-8a51-2f1f4f0c9b77",
    "file_name": "customers.csv",
    "state": "running",
    "percent": 40,
    "lines": 3_000,
    "added": 1_200,
    "already_members": 300,
    "created_customers": 1_480,
    "duplicates_in_file": 12,
    "blank": 1,
    "invalid": 7,
    "opted_out": 3,
    "header": True,
    "columns": None,
    "ignored_columns": ["opted_out"],
    "failure": None,
    "by": "key:3f9a1c",
    "position": 8_812,
    "started_at": "2026-05-20T10:00:00Z",
    "finished_at": None,
}


class ImportFailure(TypedDict):
    """Why an import could not go on."""

    code: str
    detail: str


class Import(TypedDict):
    """A CSV import. `lines` are the rows so far, without the header; each is in exactly one of the six classes.

    While it is `checking` and once it is `checked`, they say what it would do.
    """

    id: UUID
    segment_id: UUID
    file_name: str
    state: ImportState
    percent: Annotated[int, Field(description="How much of the file is imported.", ge=0, le=100)]
    lines: Annotated[int, Field(description="The sum of the six classes.")]
    added: Annotated[int, Field(description="Customers that existed already, now members.")]
    already_members: int
    created_customers: Annotated[int, Field(description="New customers, now members.")]
    duplicates_in_file: Annotated[int, Field(description="Numbers that are further up in the file.")]
    blank: int
    invalid: Annotated[int, Field(description="Rows that errors.csv holds.")]
    opted_out: Annotated[int, Field(description="Of those added or members already: how many have opted out.")]
    header: Annotated[bool, Field(description="Whether the first row names the columns.")]
    columns: Annotated[list[str] | None, Field(description="What the columns hold, where that was said.")]
    ignored_columns: Annotated[
        list[str], Field(description="Columns that are neither phone numbers nor names, so not imported.")
    ]
    failure: ImportFailure | None
    by: Annotated[str | None, Field(description="Who sent it: `person:<id>` or `key:<id>`.")]
    position: Annotated[int, Field(description="For `min_position`: includes everything that was imported so far.")]
    started_at: datetime
    finished_at: datetime | None


def show_import(row: ImportRow, ignored_columns: list[str]) -> Import:
    """Returns an import as `/v1` shows it, with the columns of its file that are not imported."""
    return {
        "id": row.import_id,
        "segment_id": row.segment_id,
        "file_name": row.file_name,
        "state": row.state,
        "percent": row.percent,
        "lines": row.lines,
        "added": row.added,
        "already_members": row.already_members,
        "created_customers": row.created_customers,
        "duplicates_in_file": row.duplicates_in_file,
        "blank": row.blank,
        "invalid": row.invalid,
        "opted_out": row.opted_out,
        "header": row.has_header,
        "columns": row.chosen,
        "ignored_columns": ignored_columns,
        "failure": None if row.failure_code is None else {"code": row.failure_code, "detail": row.failure or ""},
        "by": row.started_by,
        "position": row.position,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
    }
