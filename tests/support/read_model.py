"""The read model as rows that can be compared: what a replay must give again, and nothing that depends on a rhythm."""

from __future__ import annotations

from typing import Any

import psycopg

COUNTS = "v.state IN ('serving', 'retired') AND (v.superseded_by IS NULL OR h.position <= v.superseded_by)"
SNAPSHOT = {
    "customers": """SELECT account_id, customer_no, customer_id, position, version, created_at, updated_at, phone, name,
                           attributes::text, folded::text, search::text FROM customers ORDER BY customer_no""",
    "reach": "SELECT * FROM reach ORDER BY customer_no",
    "attributes": "SELECT account_id, key, type, label FROM attributes ORDER BY 1, 2",
    "segments": """SELECT account_id, segment_no, segment_id, name, description, type, filter::text, version,
                          created_at, updated_at, serving, building, failure FROM segments ORDER BY segment_no""",
    "versions": """SELECT version_no, segment_no, account_id, filter::text, began_at, state, previous, superseded_by
                   FROM segment_versions ORDER BY version_no""",
    "counts": "SELECT version_no, v.members FROM segment_versions v JOIN segments ON version_no = serving ORDER BY 1",
    "members": """SELECT version_no, customer_no, joined_at, position, m.account_id
                  FROM members m JOIN segments s ON s.serving = m.version_no ORDER BY 1, 2""",
    "history": f"""SELECT version_no, customer_no, h.position, at, joined, cause, h.account_id
                   FROM membership_history h JOIN segment_versions v USING (version_no)
                   WHERE {COUNTS} ORDER BY 1, 2, 3, 4""",
    "days": "SELECT * FROM customer_days ORDER BY customer_days",
    "instants": "SELECT * FROM customer_instants ORDER BY customer_instants",
    "campaigns": "SELECT * FROM campaigns ORDER BY campaign_no",
    "audiences": """SELECT account_id, audience_no, audience_id, campaign_id, frozen_at, included, left_out, counted,
                           recipients, opted_out, no_phone, excluded, duplicate_phone, erased
                    FROM audiences ORDER BY audience_no""",
    "recipients": "SELECT * FROM audience_recipients ORDER BY audience_no, customer_no",
    "accounts": "SELECT * FROM accounts ORDER BY account_id",
    "position": "SELECT position FROM projection",
}


def read_model(database_url: str) -> dict[str, list[Any]]:
    """Every row that counts, by table, in a fixed order; all of one snapshot."""
    options = (
        "-c search_path=rollcall_model,rollcall -c timezone=UTC -c default_transaction_isolation=repeatable\\ read"
    )
    with psycopg.connect(database_url, options=options) as owner:
        return {name: owner.execute(query).fetchall() for name, query in SNAPSHOT.items()}
