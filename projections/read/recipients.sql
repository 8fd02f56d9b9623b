-- name: plan_once
-- Planning a page for its own values takes longer than reading it, and results in the same plan.
SET LOCAL plan_cache_mode = force_generic_plan

-- name: page
-- Merges the first members of each version: these are the first of all, and the rest is not read. Returns the
-- recipients among them, and the last customer number read, also if there is no recipient.
WITH nearest AS MATERIALIZED (
    SELECT DISTINCT m.customer_no
    FROM unnest(%(included)s::bigint[]) AS v (version_no)
    CROSS JOIN LATERAL (SELECT customer_no
                        FROM members
                        WHERE version_no = v.version_no AND customer_no > %(after)s::bigint
                        ORDER BY customer_no
                        LIMIT %(window)s::int) AS m
    ORDER BY m.customer_no
    LIMIT %(window)s::int
)
SELECT n.last, n.members, r.customer_no, r.customer_id, r.external_id, r.phone, r.name
FROM (SELECT max(customer_no) AS last, count(*) AS members FROM nearest) AS n
LEFT JOIN LATERAL (
    SELECT c.customer_no, c.customer_id, c.attributes->>'external_id' AS external_id, c.phone, c.name
    FROM nearest u
    JOIN customers c ON c.account_id = %(account_id)s::uuid AND c.customer_no = u.customer_no
    WHERE c.phone IS NOT NULL AND NOT c.opted_out
      AND NOT EXISTS (SELECT FROM members x
                      WHERE x.version_no = ANY (%(left_out)s::bigint[]) AND x.customer_no = u.customer_no)
      -- Of the others with this number: one who blocks it, or an older one who has it in this audience.
      AND NOT EXISTS (SELECT
                      FROM customers o
                      WHERE o.account_id = %(account_id)s::uuid AND o.phone = c.phone AND o.customer_no <> c.customer_no
                        AND (o.opted_out
                             OR EXISTS (SELECT FROM members x
                                        WHERE x.version_no = ANY (%(left_out)s::bigint[])
                                          AND x.customer_no = o.customer_no)
                             OR o.customer_no < c.customer_no
                                AND EXISTS (SELECT FROM members m
                                            WHERE m.version_no = ANY (%(included)s::bigint[])
                                              AND m.customer_no = o.customer_no)))
      AND NOT EXISTS (SELECT
                      FROM suppressed_numbers s
                      WHERE s.account_id = %(account_id)s::uuid
                        AND s.number_sha256
                            = number_sha256((SELECT secret FROM installation), %(account_id)s::uuid, c.phone))
    ORDER BY u.customer_no
    LIMIT %(limit)s::int
) AS r ON true
ORDER BY r.customer_no

-- name: blocked_numbers
-- The phone numbers that are not reached, and whether because a customer is left out or else opted out: of all
-- customers, and of those erased, as far as one of the `candidates` has the number.
SELECT phone, bool_or(is_excluded) AS is_excluded
FROM (SELECT phone, false AS is_excluded
      FROM customers
      WHERE account_id = %(account_id)s::uuid AND opted_out AND phone IS NOT NULL
      UNION ALL
      SELECT c.phone, true
      FROM (SELECT DISTINCT customer_no FROM members WHERE version_no = ANY (%(left_out)s::bigint[])) AS x
      JOIN customers c ON c.account_id = %(account_id)s::uuid AND c.customer_no = x.customer_no
      WHERE c.phone IS NOT NULL
      UNION ALL
      SELECT c.phone, false
      FROM suppressed_numbers s
      CROSS JOIN installation i
      JOIN candidates c ON number_sha256(i.secret, %(account_id)s::uuid, c.phone) = s.number_sha256
      WHERE s.account_id = %(account_id)s::uuid) AS t
GROUP BY phone

-- name: totals
WITH candidates AS MATERIALIZED (
    SELECT c.phone, c.opted_out, x.customer_no IS NOT NULL AS is_excluded
    FROM (SELECT DISTINCT customer_no FROM members WHERE version_no = ANY (%(included)s::bigint[])) AS u
    JOIN customers c ON c.account_id = %(account_id)s::uuid AND c.customer_no = u.customer_no
    LEFT JOIN (SELECT DISTINCT customer_no FROM members WHERE version_no = ANY (%(left_out)s::bigint[])) AS x
        ON x.customer_no = u.customer_no
), blocked AS MATERIALIZED (
    {blocked_numbers}
), classes AS (
    SELECT c.phone,
           CASE WHEN c.is_excluded OR b.is_excluded THEN 'excluded'
                WHEN c.opted_out OR b.phone IS NOT NULL THEN 'opted_out'
                WHEN c.phone IS NULL THEN 'no_phone'
                ELSE 'sent' END AS class
    FROM candidates c
    LEFT JOIN blocked b ON b.phone = c.phone
)
SELECT count(DISTINCT phone) FILTER (WHERE class = 'sent'),
       count(*) FILTER (WHERE class = 'excluded'),
       count(*) FILTER (WHERE class = 'opted_out'),
       count(*) FILTER (WHERE class = 'no_phone'),
       count(*) FILTER (WHERE class = 'sent') - count(DISTINCT phone) FILTER (WHERE class = 'sent')
FROM classes

-- name: limit_time
SELECT set_config('statement_timeout', %s, true)

-- name: stream
WITH candidates AS MATERIALIZED (
    SELECT c.customer_no, c.customer_id, c.attributes->>'external_id' AS external_id, c.phone, c.name
    FROM (SELECT DISTINCT customer_no FROM members WHERE version_no = ANY (%(included)s::bigint[])) AS u
    JOIN customers c ON c.account_id = %(account_id)s::uuid AND c.customer_no = u.customer_no
    WHERE c.phone IS NOT NULL AND NOT c.opted_out
), blocked AS MATERIALIZED (
    {blocked_numbers}
), shared AS MATERIALIZED (
    SELECT phone, min(customer_no) AS keeper FROM candidates GROUP BY phone HAVING count(*) > 1
)
SELECT {line}
FROM candidates c
LEFT JOIN shared s ON s.phone = c.phone
WHERE (s.keeper IS NULL OR s.keeper = c.customer_no)
  AND NOT EXISTS (SELECT FROM blocked b WHERE b.phone = c.phone)
ORDER BY c.customer_no

-- name: frozen_page
SELECT customer_no, customer_id, external_id, phone, name
FROM audience_recipients
WHERE account_id = %(account_id)s::uuid AND audience_no = %(audience_no)s::bigint AND customer_no > %(after)s::bigint
ORDER BY customer_no
LIMIT %(limit)s::int

-- name: frozen_stream
SELECT {line}
FROM audience_recipients c
WHERE account_id = %(account_id)s::uuid AND audience_no = %(audience_no)s::bigint
ORDER BY customer_no

-- name: line_json
'{"customer_id":"' || c.customer_id::text || '","external_id":' || coalesce(to_json(c.external_id)::text, 'null')
    || ',"phone":"' || c.phone || '","name":' || coalesce(to_json(c.name)::text, 'null') || E'}\n'

-- name: line_csv
c.customer_id::text || ',' || coalesce('"' || replace(c.external_id, '"', '""') || '"', '') || ',' || c.phone || ','
    || coalesce('"' || replace(c.name, '"', '""') || '"', '') || E'\r\n'
