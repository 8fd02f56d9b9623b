"""The read model as rows that can be compared: what a replay must give again, and nothing that depends on a rhythm."""

from __future__ import annotations

from typing import Any

import psycopg

COUNTS = "v.state IN ('serving', 'retired') AND (v.superseded_by IS NULL OR h.position <= v.superseded_by)"
ASKED = (
    "(d.key NOT LIKE '#%' OR EXISTS (SELECT FROM measures m WHERE m.account_id = d.account_id AND NOT m.dropped"
    " AND m.key = split_part(d.key, '@', 1)))"
)
SNAPSHOT = {
    "customers": """SELECT account_id, customer_no, customer_id, position, version, created_at, updated_at, phone, name,
                           attributes::text, folded::text, search::text FROM customers ORDER BY customer_no""",
    "reach": "SELECT * FROM reach ORDER BY customer_no",
    "opt-outs": "SELECT * FROM opt_out_days ORDER BY account_id, customer_no, day",
    "attributes": "SELECT account_id, key, type, label FROM attributes ORDER BY 1, 2",
    "computed": """SELECT account_id, key, definition::text, measure, since, serving FROM computed_attributes
                   ORDER BY 1, 2""",
    "attribute_fill": "SELECT * FROM attribute_fill ORDER BY account_id, key",
    "attribute_values": "SELECT * FROM attribute_values ORDER BY account_id, key, value",
    "segments": """SELECT account_id, segment_no, segment_id, name, description, type, filter::text, version,
                          created_at, updated_at, serving, building, failure, label_ids, archived, unserved_since
                   FROM segments ORDER BY segment_no""",
    "uses": "SELECT * FROM segment_uses ORDER BY segment_no, used_id",
    "labels": "SELECT * FROM labels ORDER BY label_id",
    "versions": """SELECT version_no, segment_no, account_id, filter::text, asked::text, by, began_at, state, previous,
                          superseded_by
                   FROM segment_versions ORDER BY version_no""",
    "counts": "SELECT version_no, v.members FROM segment_versions v JOIN segments ON version_no = serving ORDER BY 1",
    "members": """SELECT version_no, customer_no, joined_at, position, m.account_id
                  FROM members m JOIN segments s ON s.serving = m.version_no ORDER BY 1, 2""",
    "history": f"""SELECT version_no, customer_no, h.position, at, joined, cause, h.account_id
                   FROM membership_history h JOIN segment_versions v USING (version_no)
                   WHERE {COUNTS} ORDER BY 1, 2, 3, 4""",
    "sizes": """SELECT version_no, day, d.beside, by_edit, joins, leaves, d.account_id
                FROM segment_days d JOIN segment_versions v USING (version_no)
                WHERE v.state IN ('serving', 'retired') AND (v.superseded_by IS NULL OR d.beside < v.superseded_by)
                ORDER BY 1, 2, 3, 4""",
    # Of what is no longer asked, rows are removed later.
    "days": f"SELECT * FROM customer_days d WHERE {ASKED} ORDER BY d",
    "instants": f"SELECT * FROM customer_instants d WHERE {ASKED} ORDER BY d",
    "activities": "SELECT * FROM activities ORDER BY customer_no, time, position",
    "measures": """SELECT account_id, key, definition::text, since, filled_to, complete
                   FROM measures WHERE NOT dropped ORDER BY 1, 2""",
    "campaigns": "SELECT * FROM campaigns ORDER BY campaign_no",
    "audiences": """SELECT account_id, audience_no, audience_id, campaign_id, frozen_at, included, left_out, counted,
                           recipients, opted_out, no_phone, excluded, duplicate_phone, erased
                    FROM audiences ORDER BY audience_no""",
    "recipients": """SELECT b.account_id, b.audience_no, r.customer_no, r.customer_id,
                            p.external_id, p.phone, p.name
                     FROM audience_blocks b
                     JOIN reach r ON r.account_id = b.account_id AND r.customer_no >> 9 = b.block_no
                                 AND get_bit(b.bits, (r.customer_no & 511)::int) = 1
                     CROSS JOIN LATERAL (SELECT audience_no, external_id, phone, name FROM reach_before
                                         WHERE customer_no = r.customer_no AND audience_no >= b.audience_no
                                         UNION ALL SELECT 2^62, r.external_id, r.phone, r.name
                                         ORDER BY 1 LIMIT 1) AS p
                     ORDER BY 2, 3""",
    "blocks": "SELECT * FROM audience_blocks ORDER BY audience_no, block_no",
    "reach before": "SELECT * FROM reach_before ORDER BY customer_no, audience_no",
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
