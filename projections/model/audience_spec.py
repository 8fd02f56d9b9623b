"""The segments of a campaign as filter versions: the parameters of every query about recipients.

The rule itself is in SQL, once for a set (`audiences.sql`) and once for a page and a stream (`read/recipients.sql`);
a test holds the two together.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID


class AudienceSpec(NamedTuple):
    """Filter versions by number: members of one of `included` and of none of `left_out`."""

    account_id: UUID
    included: list[int]
    left_out: list[int]
