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
-- The last customer of the next chunk: up to there no version has more than `most` members, and no more than so many
-- customers have opted out; NULL where none has more.
SELECT min(t.customer_no)
FROM (SELECT m.customer_no
      FROM unnest(%(versions)s::bigint[]) AS v (version_no)
      CROSS JOIN LATERAL (SELECT customer_no
                          FROM members
                          WHERE version_no = v.version_no AND customer_no > %(copied_to)s::bigint
                            AND customer_no < %(audience_no)s::bigint
                          ORDER BY customer_no
                          OFFSET %(most)s::bigint LIMIT 1) AS m
      UNION ALL
      (SELECT customer_no
       FROM customers
       WHERE account_id = %(account_id)s AND opted_out AND phone IS NOT NULL
         AND customer_no > %(copied_to)s::bigint AND customer_no < %(audience_no)s::bigint
       ORDER BY customer_no
       OFFSET %(most)s::bigint LIMIT 1)) AS t

-- name: copy
-- All chosen members who can be sent to as far as they themselves decide it, those who block a phone number, members or
-- not, and how many members are out whatever others say; each as of the audience's position. A customer touched after
-- it was copied before that.
WITH chosen AS (
    SELECT customer_no, bool_or(is_member) AS is_member, bool_or(is_excluded) AS is_excluded
    FROM (SELECT customer_no, true AS is_member, false AS is_excluded
          FROM members m
          WHERE version_no = ANY (%(included)s::bigint[]) AND {chosen_m}
          UNION ALL
          SELECT customer_no, false, true
          FROM members x
          WHERE version_no = ANY (%(left_out)s::bigint[]) AND {chosen_x}
          UNION ALL
          SELECT customer_no, false, false
          FROM customers o
          WHERE account_id = %(account_id)s AND opted_out AND phone IS NOT NULL AND {chosen_o}) AS t
    GROUP BY customer_no
), judged AS MATERIALIZED (
    SELECT c.customer_no, c.customer_id, c.attributes->>'external_id' AS external_id, c.phone, c.name, c.opted_out,
           k.is_member, k.is_excluded
    FROM chosen k
    JOIN customers c ON c.account_id = %(account_id)s AND c.customer_no = k.customer_no AND {chosen_c}
    WHERE c.position <= %(audience_no)s
), copied AS (
    INSERT INTO audience_recipients (account_id, audience_no, customer_no, customer_id, external_id, phone, name)
    SELECT %(account_id)s, %(audience_no)s, customer_no, customer_id, external_id, phone, name
    FROM judged
    WHERE is_member AND NOT is_excluded AND NOT opted_out AND phone IS NOT NULL
    ORDER BY customer_no
), blocked AS (
    INSERT INTO audience_blocked (account_id, audience_no, customer_no, phone, is_member, is_excluded)
    SELECT %(account_id)s, %(audience_no)s, customer_no, phone, is_member, is_excluded
    FROM judged
    WHERE phone IS NOT NULL AND (is_excluded OR opted_out)
)
UPDATE audiences a
SET opted_out = a.opted_out + t.opted_out, no_phone = a.no_phone + t.no_phone, excluded = a.excluded + t.excluded,
    copied_to = %(copied_to)s, complete = %(complete)s
FROM (SELECT count(*) FILTER (WHERE is_excluded) AS excluded,
             count(*) FILTER (WHERE NOT is_excluded AND opted_out AND phone IS NULL) AS opted_out,
             count(*) FILTER (WHERE NOT is_excluded AND NOT opted_out AND phone IS NULL) AS no_phone
      FROM judged
      WHERE is_member) AS t
WHERE a.account_id = %(account_id)s AND a.audience_no = %(audience_no)s

-- name: is_in_chunk
{table}.customer_no > %(after)s::bigint AND {table}.customer_no <= %(last)s::bigint

-- name: is_touched
{table}.customer_no = ANY (%(touched)s::bigint[])

-- name: uncounted
-- Members with a phone number who opted out are excluded where another customer with that number is.
SELECT a.account_id, a.audience_id, a.audience_no, a.opted_out + b.opted_out, a.no_phone, a.excluded + b.excluded,
       (SELECT count(*) FROM audience_recipients r WHERE r.audience_no = a.audience_no)
FROM audiences a
CROSS JOIN LATERAL (
    SELECT coalesce(sum(members) FILTER (WHERE is_excluded), 0) AS excluded,
           coalesce(sum(members) FILTER (WHERE NOT is_excluded), 0) AS opted_out
    FROM (SELECT bool_or(is_excluded) AS is_excluded, count(*) FILTER (WHERE is_member AND NOT is_excluded) AS members
          FROM audience_blocked
          WHERE audience_no = a.audience_no
          GROUP BY phone) AS t) AS b
WHERE a.complete AND NOT a.counted
ORDER BY a.audience_no

-- name: passed_over
-- The customers copied whose phone number is not theirs to be reached at, each with the first reason that applies:
-- 1 another customer with the number is left out, 2 one opted out, now or before being erased, 3 an older one has it.
-- Phone numbers are grouped by their hashes, which takes less than half the time of grouping texts; the numbers
-- themselves decide among those found.
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
), blocked AS MATERIALIZED (
    SELECT phone, CASE WHEN bool_or(is_excluded) THEN 1 ELSE 2 END AS reason
    FROM audience_blocked
    WHERE audience_no = %(audience_no)s
    GROUP BY phone
)
SELECT customer_no, min(reason)
FROM (SELECT r.customer_no, b.reason
      FROM blocked b
      JOIN audience_recipients r ON r.phone = b.phone AND r.audience_no = %(audience_no)s
      UNION ALL
      SELECT c.customer_no, 2
      FROM suppressed_numbers s
      CROSS JOIN installation i
      JOIN audience_recipients c ON number_sha256(i.secret, %(account_id)s, c.phone) = s.number_sha256
      WHERE c.audience_no = %(audience_no)s AND s.position <= c.audience_no
        AND s.account_id = %(account_id)s
      UNION ALL
      SELECT customer_no, 3
      FROM (SELECT customer_no, min(customer_no) OVER (PARTITION BY phone) AS keeper FROM among) AS t
      WHERE customer_no > keeper) AS t
GROUP BY customer_no
ORDER BY customer_no

-- name: remove_passed_over
DELETE FROM audience_recipients r
USING audiences a
WHERE a.audience_id = %(audience_id)s AND r.audience_no = a.audience_no
  AND r.customer_no = ANY (%(passed_over)s::bigint[])

-- name: forget_blocked
DELETE FROM audience_blocked b USING audiences a WHERE a.audience_id = %(audience_id)s AND b.audience_no = a.audience_no

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
