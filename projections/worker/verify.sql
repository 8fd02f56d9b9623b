-- name: differences
-- Of a range of customers, those last evaluated up to {until}. A member that is not a customer at all is always a difference.
SELECT coalesce(c.customer_id::text, 'number ' || m.customer_no), coalesce(c.expected, false)
FROM (
    SELECT c.customer_no, c.customer_id, {predicate} AS expected,
           c.updated_at <= 'epoch'::timestamptz + {until} * interval '1 microsecond' AS compared
    FROM customers c
    WHERE c.account_id = {account} AND c.customer_no > {after} AND c.customer_no <= {last}
) AS c
FULL JOIN (SELECT customer_no
           FROM members
           WHERE version_no = {version} AND customer_no > {after} AND customer_no <= {last}) AS m USING (customer_no)
WHERE coalesce(c.compared, true) AND coalesce(c.expected, false) <> (m.customer_no IS NOT NULL)

-- name: members_among
SELECT customer_no FROM members WHERE version_no = %s AND customer_no = ANY (%b::bigint[])

-- name: static_differences
-- The expected members of a static segment: the last event of each customer and segment decides, up to where the account
-- is projected, and a customer deleted after it is in none.
WITH projected AS MATERIALIZED (
    SELECT a.account_id, coalesce(l.position, s.position) AS position
    FROM accounts a
    JOIN shards s ON s.shard = shard_of(a.account_id)
    LEFT JOIN lagging_accounts l USING (account_id)
), last_moves AS MATERIALIZED (
    SELECT DISTINCT ON (e.segment_id, t.customer_id) e.segment_id, t.customer_id::uuid, e.position, e.member, e.projected
    FROM (SELECT notification_id AS position, topic = %(added)s AS member, p.position AS projected,
                 (convert_from(state, 'UTF8')::jsonb->>'segment_id')::uuid AS segment_id,
                 convert_from(state, 'UTF8')::jsonb->'customer_ids' AS customer_ids
          FROM stored_events
          JOIN projected p USING (account_id)
          WHERE topic IN (%(added)s, %(removed)s) AND notification_id <= p.position) AS e
    CROSS JOIN LATERAL jsonb_array_elements_text(e.customer_ids) AS t (customer_id)
    ORDER BY e.segment_id, t.customer_id, e.position DESC
), expected AS (
    SELECT s.segment_id, t.customer_id::text AS customer
    FROM last_moves t
    JOIN segments s ON s.segment_id = t.segment_id
    WHERE t.member
      AND NOT EXISTS (SELECT FROM stored_events d
                      WHERE d.originator_id = t.customer_id AND d.topic = %(deleted)s
                        AND d.notification_id > t.position
                        AND (d.notification_id <= t.projected OR EXISTS (
                            SELECT
                            FROM backlog_parts b
                            WHERE b.done AND b.account_id = d.account_id AND d.notification_id <= b.last
                              AND shard_of(d.originator_id) %% b.parts = b.part)))
), present AS (
    SELECT s.segment_id, coalesce(c.customer_id::text, 'number ' || m.customer_no) AS customer
    FROM segments s
    JOIN members m ON m.version_no = s.serving
    LEFT JOIN customers c ON c.account_id = s.account_id AND c.customer_no = m.customer_no
    WHERE s.type = 'static'
)
SELECT segment_id, customer, p.customer IS NULL
FROM expected e
FULL JOIN present p USING (segment_id, customer)
WHERE e.customer IS NULL OR p.customer IS NULL
ORDER BY segment_id, customer

-- name: wrong_counts
SELECT s.segment_id, v.members, count(m.customer_no)
FROM segments s
JOIN segment_versions v ON v.version_no = s.serving
LEFT JOIN members m ON m.version_no = v.version_no
GROUP BY s.segment_id, v.members
HAVING v.members <> count(m.customer_no)

-- name: wrong_days
-- Days of which the counts of joins and leaves are not those of the history, of the rows that count or of the others.
SELECT coalesce(s.segment_id::text, 'number ' || v.segment_no), day
FROM (SELECT h.version_no, (h.at AT TIME ZONE a.timezone)::date AS day, h.cause = 'edit' AS by_edit,
             coalesce(h.position <= v.superseded_by, true) AS counts,
             count(*) FILTER (WHERE h.joined) AS joins, count(*) FILTER (WHERE NOT h.joined) AS leaves
      FROM membership_history h
      JOIN segment_versions v USING (version_no)
      JOIN accounts a ON a.account_id = h.account_id
      GROUP BY 1, 2, 3, 4) AS t
FULL JOIN (SELECT d.version_no, d.day, d.by_edit, coalesce(d.beside < v.superseded_by, true) AS counts,
                  sum(d.joins) AS joins, sum(d.leaves) AS leaves
           FROM segment_days d
           JOIN segment_versions v USING (version_no)
           GROUP BY 1, 2, 3, 4) AS d USING (version_no, day, by_edit, counts)
JOIN segment_versions v USING (version_no)
LEFT JOIN segments s ON s.account_id = v.account_id AND s.segment_no = v.segment_no
WHERE (t.joins, t.leaves) IS DISTINCT FROM (d.joins, d.leaves)
ORDER BY 1, 2

-- name: wrong_reach
-- Customers whose narrow row is missing, says something else than their own, or wrongly says whether others have their
-- number; and rows without a customer.
SELECT coalesce(c.customer_id, r.customer_id)
FROM (SELECT account_id, customer_no, customer_id, phone, opted_out, attributes->>'external_id' AS external_id, name,
             number_key(number_sha256((SELECT secret FROM installation), account_id, phone)) AS number_key,
             phone IS NOT NULL AND count(*) OVER (PARTITION BY account_id, phone) > 1 AS shared
      FROM customers) AS c
FULL JOIN reach r ON r.account_id = c.account_id AND r.customer_no = c.customer_no
WHERE (c.customer_id, c.phone, c.number_key, c.opted_out, c.shared, c.external_id, c.name)
    IS DISTINCT FROM (r.customer_id, r.phone, r.number_key, r.opted_out, r.shared, r.external_id, r.name)
ORDER BY 1

-- name: wrong_audiences
-- Audiences that hold more or fewer recipients than they count, or one who is no customer any more.
SELECT a.audience_id, a.copied, coalesce(b.recipients, 0), coalesce(b.customers, 0)
FROM audiences a
LEFT JOIN (SELECT b.audience_no, sum(bit_count(b.bits)) AS recipients, sum(r.customers) AS customers
           FROM audience_blocks b
           CROSS JOIN LATERAL (SELECT count(*) AS customers
                               FROM reach
                               WHERE account_id = b.account_id
                                 AND customer_no >= b.block_no << 9 AND customer_no < (b.block_no + 1) << 9
                                 AND get_bit(b.bits, (customer_no & 511)::int) = 1) AS r
           GROUP BY b.audience_no) AS b ON b.audience_no = a.audience_no
WHERE (a.copied, a.copied) IS DISTINCT FROM (coalesce(b.recipients, 0), coalesce(b.customers, 0))
ORDER BY 1

-- name: wrong_amounts
-- Of the rows that say an amount which has not changed by itself since.
SELECT c.customer_id
FROM amounts a
CROSS JOIN LATERAL (SELECT a.amounts::jsonb->{key} AS known) AS k
JOIN customers c ON c.customer_no = a.customer_no
WHERE a.customer_no > {after} AND a.customer_no <= {last} AND a.known_to >= {since}
  AND coalesce((k.known->>1)::bigint > {until}, true)
  AND c.account_id = {account} AND c.customer_no > {after} AND c.customer_no <= {last}
  AND c.updated_at <= 'epoch'::timestamptz + {until} * interval '1 microsecond'
  AND coalesce(nullif(k.known->0, 'null'), {zero}::jsonb) IS DISTINCT FROM {value}
