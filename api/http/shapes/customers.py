"""How a customer looks in JSON, and how one is addressed; used by every module that answers with customers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.customer import BUILT_IN
from projections.read.customers import CustomerRow

EXAMPLE: dict[str, Any] = {
    "id": "5a0c3b52-8f0e-5c3e-9d0a-1a2b3c4d5e6f",
    "external_id": "crm-1001",
    "phone": "+351912345678",
    "name": "Ana Sá",
    "attributes": {"plan": "gold", "last_order": "2026-05-20"},
    "tags": ["vip"],
    "opted_out": False,
    "created_at": "2026-05-20T10:00:00Z",
    "updated_at": "2026-05-20T10:00:00Z",
}


def show_row(row: CustomerRow) -> dict[str, Any]:
    """A row as CONTRACT shows it."""
    return show_values(row.customer_id, row.values, row.created_at, row.updated_at)


def show_values(
    customer_id: UUID, values: Mapping[str, Any], created_at: datetime, updated_at: datetime
) -> dict[str, Any]:
    """A customer as CONTRACT shows it; `values` holds every attribute, built-in ones too."""
    return {
        "id": customer_id,
        "external_id": values.get("external_id"),
        "phone": values.get("phone"),
        "name": values.get("name"),
        "attributes": {key: value for key, value in values.items() if key not in BUILT_IN},
        "tags": values.get("tags", []),
        "opted_out": values.get("opted_out", False),
        "created_at": created_at,
        "updated_at": updated_at,
    }
