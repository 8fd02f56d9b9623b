"""A campaign's union: whose members, without whose; the terms that every query about recipients takes.

The rule itself stands in SQL, once for a set (`audiences.sql`) and once for a page and a stream
(`read/recipients.sql`); a test holds them together.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID


class Union(NamedTuple):
    """Filter versions by number: members of one of `included` and of none of `left_out`."""

    account_id: UUID
    included: list[int]
    left_out: list[int]
