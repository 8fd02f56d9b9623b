-- name: plan_for
-- The worker's session probes by key (projections.database); a union is read whole.
SELECT set_config('enable_hashjoin', %(whole_tables)s, true), set_config('enable_mergejoin', %(whole_tables)s, true),
       set_config('enable_seqscan', %(whole_tables)s, true)

-- name: create
INSERT INTO audiences (account_id, audience_no, audience_id, campaign_id, frozen_at)
VALUES (%(account_id)s, %(audience_no)s, %(audience_id)s, %(campaign_id)s,
        'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond')

-- name: lists
SELECT segment_ids, exclude_segment_ids, lost_excluded FROM campaigns WHERE campaign_id = %(campaign_id)s

-- name: freeze
-- Everybody who could be sent to, also those whose phone number an older one keeps.
INSERT INTO audience_recipients (account_id, audience_no, customer_no, customer_id, external_id, phone, name)
SELECT c.account_id, %(audience_no)s, c.customer_no, c.customer_id, c.attributes->>'external_id', c.phone, c.name
FROM (SELECT DISTINCT customer_no FROM members WHERE version_no = ANY (%(included)s::bigint[])) AS u
JOIN customers c ON c.account_id = %(account_id)s AND c.customer_no = u.customer_no
WHERE c.phone IS NOT NULL AND c.attributes->'opted_out' IS DISTINCT FROM 'true'::jsonb
  AND NOT EXISTS (SELECT FROM members x
                  WHERE x.version_no = ANY (%(left_out)s::bigint[]) AND x.customer_no = u.customer_no)
ORDER BY c.customer_no

-- name: count
WITH classes AS (
    SELECT CASE WHEN x.customer_no IS NOT NULL THEN 'excluded'
                WHEN c.attributes->'opted_out' = 'true'::jsonb THEN 'opted_out'
                WHEN c.phone IS NULL THEN 'no_phone'
                ELSE 'sent' END AS class
    FROM (SELECT DISTINCT customer_no FROM members WHERE version_no = ANY (%(included)s::bigint[])) AS u
    JOIN customers c ON c.account_id = %(account_id)s AND c.customer_no = u.customer_no
    LEFT JOIN (SELECT DISTINCT customer_no FROM members WHERE version_no = ANY (%(left_out)s::bigint[])) AS x
        ON x.customer_no = u.customer_no
), phones AS (
    SELECT count(*) AS candidates, count(DISTINCT phone) AS phones
    FROM audience_recipients
    WHERE audience_no = %(audience_no)s
)
UPDATE audiences a
SET opted_out = t.opted_out, no_phone = t.no_phone, excluded = t.excluded, recipients = p.phones,
    duplicate_phone = p.candidates - p.phones
FROM (SELECT count(*) FILTER (WHERE class = 'opted_out') AS opted_out,
             count(*) FILTER (WHERE class = 'no_phone') AS no_phone,
             count(*) FILTER (WHERE class = 'excluded') AS excluded
      FROM classes) AS t, phones p
WHERE a.account_id = %(account_id)s AND a.audience_no = %(audience_no)s

-- name: uncounted
SELECT account_id, audience_id, audience_no, recipients, opted_out, no_phone, excluded
FROM audiences
WHERE NOT counted
ORDER BY audience_no

-- name: passed_over
-- Whoever shares a phone number with an older recipient.
SELECT customer_no
FROM (SELECT customer_no, min(customer_no) OVER (PARTITION BY phone) AS keeper
      FROM audience_recipients
      WHERE audience_no = %(audience_no)s) AS t
WHERE customer_no > keeper
ORDER BY customer_no

-- name: pass_over
DELETE FROM audience_recipients r
USING audiences a
WHERE a.audience_id = %(audience_id)s AND r.audience_no = a.audience_no
  AND r.customer_no = ANY (%(passed_over)s::bigint[])

-- name: counted
-- Who is missing by now was erased.
UPDATE audiences a
SET counted = true, recipients = %(recipients)s, opted_out = %(opted_out)s, no_phone = %(no_phone)s,
    excluded = %(excluded)s, duplicate_phone = %(duplicate_phone)s,
    erased = %(recipients)s - (SELECT count(*) FROM audience_recipients r WHERE r.audience_no = a.audience_no)
WHERE a.audience_id = %(audience_id)s

-- name: erase
-- One probe per audience of the account; before an audience is counted nobody needs to be told.
WITH gone AS (
    DELETE FROM audience_recipients r
    USING audiences a, unnest(%b::uuid[], %b::bigint[]) AS t (account_id, customer_no)
    WHERE a.account_id = t.account_id AND r.audience_no = a.audience_no AND r.customer_no = t.customer_no
    RETURNING r.audience_no, r.account_id
)
UPDATE audiences a
SET erased = a.erased + t.persons
FROM (SELECT account_id, audience_no, count(*) AS persons FROM gone GROUP BY 1, 2) AS t
WHERE a.account_id = t.account_id AND a.audience_no = t.audience_no AND a.counted
