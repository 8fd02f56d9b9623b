-- name: plan_for
-- The worker's session probes by key (projections.postgres.database); a chunk is read as a range of each index.
SELECT set_config('enable_hashjoin', %(ranges)s, true), set_config('enable_mergejoin', %(ranges)s, true)

-- name: create
INSERT INTO audiences (account_id, audience_no, audience_id, campaign_id, frozen_at, included, left_out)
VALUES (%(account_id)s, %(audience_no)s, %(audience_id)s, %(campaign_id)s,
        'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond', %(included)s::bigint[],
        %(left_out)s::bigint[])

-- name: lists
SELECT segment_ids, exclude_segment_ids, lost_excluded FROM campaigns WHERE campaign_id = %(campaign_id)s

-- name: chunk_end
-- The last customer of the next chunk: up to there no version has more than `most` members; NULL where none has more.
SELECT min(m.customer_no)
FROM unnest(%(included)s::bigint[]) AS v (version_no)
CROSS JOIN LATERAL (SELECT customer_no
                    FROM members
                    WHERE version_no = v.version_no AND customer_no > %(copied_to)s::bigint
                      AND customer_no < %(audience_no)s::bigint
                    ORDER BY customer_no
                    OFFSET %(most)s::bigint LIMIT 1) AS m

-- name: copy
-- All chosen members who can be sent to, also those whose phone number an older customer keeps, and how many cannot;
-- each as of the audience's position. A customer touched after it was copied before that.
WITH judged AS MATERIALIZED (
    SELECT c.customer_no, c.customer_id, c.attributes->>'external_id' AS external_id, c.phone, c.name,
           CASE WHEN x.customer_no IS NOT NULL THEN 'excluded'
                WHEN c.attributes->'opted_out' = 'true'::jsonb THEN 'opted_out'
                WHEN c.phone IS NULL THEN 'no_phone'
                ELSE 'sent' END AS class
    FROM (SELECT DISTINCT customer_no
          FROM members m
          WHERE version_no = ANY (%(included)s::bigint[]) AND {chosen_m}) AS u
    JOIN customers c ON c.account_id = %(account_id)s AND c.customer_no = u.customer_no AND {chosen_c}
    LEFT JOIN (SELECT DISTINCT customer_no
               FROM members x
               WHERE version_no = ANY (%(left_out)s::bigint[]) AND {chosen_x}) AS x
        ON x.customer_no = u.customer_no
    WHERE c.position <= %(audience_no)s
), copied AS (
    INSERT INTO audience_recipients (account_id, audience_no, customer_no, customer_id, external_id, phone, name)
    SELECT %(account_id)s, %(audience_no)s, customer_no, customer_id, external_id, phone, name
    FROM judged
    WHERE class = 'sent'
    ORDER BY customer_no
)
UPDATE audiences a
SET opted_out = a.opted_out + t.opted_out, no_phone = a.no_phone + t.no_phone, excluded = a.excluded + t.excluded,
    copied_to = %(copied_to)s, complete = %(complete)s
FROM (SELECT count(*) FILTER (WHERE class = 'opted_out') AS opted_out,
             count(*) FILTER (WHERE class = 'no_phone') AS no_phone,
             count(*) FILTER (WHERE class = 'excluded') AS excluded
      FROM judged) AS t
WHERE a.account_id = %(account_id)s AND a.audience_no = %(audience_no)s

-- name: is_in_chunk
{table}.customer_no > %(after)s::bigint AND {table}.customer_no <= %(last)s::bigint

-- name: is_touched
{table}.customer_no = ANY (%(touched)s::bigint[])

-- name: uncounted
SELECT a.account_id, a.audience_id, a.audience_no, a.opted_out, a.no_phone, a.excluded,
       (SELECT count(*) FROM audience_recipients r WHERE r.audience_no = a.audience_no)
FROM audiences a
WHERE a.complete AND NOT a.counted
ORDER BY a.audience_no

-- name: passed_over
-- The customers who share a phone number with an older recipient. Phone numbers are grouped by their hashes, which
-- takes less than half the time of grouping texts; the numbers themselves decide among those found.
WITH shared AS MATERIALIZED (
    SELECT hashtextextended(phone, 0) AS hash
    FROM audience_recipients
    WHERE audience_no = %(audience_no)s
    GROUP BY 1
    HAVING count(*) > 1
), among AS MATERIALIZED (
    SELECT customer_no, phone
    FROM audience_recipients
    WHERE audience_no = %(audience_no)s AND hashtextextended(phone, 0) IN (SELECT hash FROM shared)
)
SELECT customer_no
FROM (SELECT customer_no, min(customer_no) OVER (PARTITION BY phone) AS keeper FROM among) AS t
WHERE customer_no > keeper
ORDER BY customer_no

-- name: remove_passed_over
DELETE FROM audience_recipients r
USING audiences a
WHERE a.audience_id = %(audience_id)s AND r.audience_no = a.audience_no
  AND r.customer_no = ANY (%(passed_over)s::bigint[])

-- name: record_counts
-- Recipients that are missing by now were erased.
UPDATE audiences a
SET counted = true, recipients = %(recipients)s, opted_out = %(opted_out)s, no_phone = %(no_phone)s,
    excluded = %(excluded)s, duplicate_phone = %(duplicate_phone)s,
    erased = %(recipients)s - (SELECT count(*) FROM audience_recipients r WHERE r.audience_no = a.audience_no)
WHERE a.audience_id = %(audience_id)s

-- name: erase
-- One probe per audience of the account. An audience that is not counted yet counts its erased customers then.
WITH gone AS (
    DELETE FROM audience_recipients r
    USING audiences a, unnest(%b::uuid[], %b::bigint[]) AS t (account_id, customer_no)
    WHERE a.account_id = t.account_id AND r.audience_no = a.audience_no AND r.customer_no = t.customer_no
    RETURNING r.audience_no, r.account_id
)
UPDATE audiences a
SET erased = a.erased + t.customers
FROM (SELECT account_id, audience_no, count(*) AS customers FROM gone GROUP BY 1, 2) AS t
WHERE a.account_id = t.account_id AND a.audience_no = t.audience_no AND a.counted
