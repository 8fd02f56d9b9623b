-- name: plan_for
-- The worker's session probes by key (projections.postgres.database); a chunk is read as a range of each index, and what
-- belongs together is found by hash, which needs no order.
SELECT set_config('enable_hashjoin', %(ranges)s, true),
       set_config('enable_nestloop', (NOT %(ranges)s::boolean)::text, true)

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
WITH members_end AS (
    SELECT min(m.customer_no) AS customer_no
    FROM unnest(%(versions)s::bigint[]) AS v (version_no)
    CROSS JOIN LATERAL (SELECT customer_no
                        FROM members
                        WHERE version_no = v.version_no AND customer_no > %(copied_to)s::bigint
                          AND customer_no < %(audience_no)s::bigint
                        ORDER BY customer_no
                        OFFSET %(most)s::bigint LIMIT 1) AS m
)
SELECT least(e.customer_no, (SELECT customer_no
                             FROM reach
                             WHERE account_id = %(account_id)s AND opted_out AND phone IS NOT NULL
                               AND customer_no > %(copied_to)s::bigint
                               AND customer_no < least(e.customer_no, %(audience_no)s::bigint)
                             ORDER BY customer_no
                             OFFSET %(most)s::bigint LIMIT 1))
FROM members_end e

-- name: copy
-- All chosen members who can be sent to as far as they themselves decide it, and how many are out whatever others say.
-- Where others may decide, because the number is shared or suppressed, those who block it, members or not, and the
-- members with it are set aside until all are copied. Each as of the audience's position: a customer touched after it
-- was copied before that. A number that was shared is set aside for everyone who had it, also where a touched customer
-- has left it by now: that customer was set aside first.
WITH chosen AS (
    SELECT customer_no, bit_or(kind) AS kind
    FROM (SELECT customer_no, 1 AS kind
          FROM members m
          WHERE version_no = ANY (%(included)s::bigint[]) AND {chosen_m}
          UNION ALL
          SELECT customer_no, 2
          FROM members x
          WHERE version_no = ANY (%(left_out)s::bigint[]) AND {chosen_x}
          UNION ALL
          SELECT customer_no, 0
          FROM reach o
          WHERE account_id = %(account_id)s AND opted_out AND phone IS NOT NULL AND {chosen_o}) AS t
    GROUP BY customer_no
), judged AS MATERIALIZED (
    SELECT c.customer_no, c.phone, c.number_key, c.opted_out,
           k.kind IN (1, 3) AS is_member, k.kind IN (2, 3) AS is_excluded,
           c.shared
           OR c.number_key IN (SELECT number_key FROM audience_shared WHERE audience_no = %(audience_no)s
                               UNION ALL
                               SELECT number_key FROM suppressed_numbers
                               WHERE account_id = %(account_id)s AND position <= %(audience_no)s) AS set_aside
    FROM chosen k
    JOIN reach c ON c.account_id = %(account_id)s AND c.customer_no = k.customer_no AND {chosen_c}
    WHERE {and_also}
), copied AS (
    INSERT INTO audience_blocks AS b (account_id, audience_no, block_no, bits)
    SELECT %(account_id)s, %(audience_no)s, customer_no >> 9,
           bit_or(set_bit(repeat('0', 512)::bit(512), (customer_no & 511)::int, 1))
    FROM judged
    WHERE is_member AND NOT is_excluded AND NOT opted_out AND phone IS NOT NULL
    GROUP BY 3
    ON CONFLICT (audience_no, block_no) DO UPDATE SET bits = b.bits | excluded.bits
), shared AS (
    INSERT INTO audience_shared (account_id, audience_no, customer_no, phone, number_key, is_member, is_excluded,
                                 opted_out)
    SELECT %(account_id)s, %(audience_no)s, customer_no, phone, number_key, is_member, is_excluded, opted_out
    FROM judged
    WHERE set_aside
)
UPDATE audiences a
SET copied = a.copied + t.copied, opted_out = a.opted_out + t.opted_out, no_phone = a.no_phone + t.no_phone,
    excluded = a.excluded + t.excluded, copied_to = %(copied_to)s, complete = %(complete)s
FROM (SELECT count(*) FILTER (WHERE NOT is_excluded AND NOT opted_out AND phone IS NOT NULL) AS copied,
             count(*) FILTER (WHERE is_excluded AND set_aside IS NOT TRUE) AS excluded,
             count(*) FILTER (WHERE NOT is_excluded AND opted_out AND set_aside IS NOT TRUE) AS opted_out,
             count(*) FILTER (WHERE NOT is_excluded AND NOT opted_out AND phone IS NULL) AS no_phone
      FROM judged
      WHERE is_member) AS t
WHERE a.account_id = %(account_id)s AND a.audience_no = %(audience_no)s

-- name: is_in_chunk
{table}.customer_no > %(after)s::bigint AND {table}.customer_no <= %(last)s::bigint

-- name: is_not_touched
k.customer_no NOT IN (SELECT customer_no FROM audience_touched WHERE audience_no = %(audience_no)s)

-- name: is_touched
{table}.customer_no = ANY (%(touched)s::bigint[])

-- name: note_touched
INSERT INTO audience_touched (account_id, audience_no, customer_no)
SELECT %(account_id)s, %(audience_no)s, unnest(%(touched)s::bigint[])

-- name: uncounted
SELECT account_id, audience_id, audience_no, opted_out, no_phone, excluded, copied
FROM audiences
WHERE complete AND NOT counted AND account_id = ANY (%s::uuid[])
ORDER BY audience_no

-- name: set_aside
-- The members set aside, by what is decided for their phone number: 1 a customer with it is left out, 2 one opted out,
-- now or before being erased, 3 an older member has it; no row for those who are reached. And who of them was copied.
WITH numbers AS MATERIALIZED (
    SELECT phone, bool_or(is_excluded) AS is_excluded,
           bool_or(opted_out)
           OR EXISTS (SELECT
                      FROM suppressed_numbers s
                      WHERE s.account_id = %(account_id)s AND s.number_key = min(t.number_key)
                        AND s.position <= %(audience_no)s
                        AND s.number_sha256
                            = number_sha256((SELECT secret FROM installation), %(account_id)s, t.phone)) AS opted_out,
           min(customer_no) FILTER (WHERE is_member) AS keeper
    FROM audience_shared t
    WHERE audience_no = %(audience_no)s
    GROUP BY phone
)
SELECT reason, count(*),
       coalesce(array_agg(customer_no ORDER BY customer_no) FILTER (WHERE is_copied), '{}')
FROM (SELECT t.customer_no, NOT t.is_excluded AND NOT t.opted_out AS is_copied,
             CASE WHEN n.is_excluded THEN 1 WHEN n.opted_out THEN 2 WHEN t.customer_no > n.keeper THEN 3 END AS reason
      FROM audience_shared t
      JOIN numbers n ON n.phone = t.phone
      WHERE t.audience_no = %(audience_no)s AND t.is_member) AS d
WHERE reason IS NOT NULL
GROUP BY reason

-- name: taken
-- Some customers by block, and those of the blocks `hit` that have any of them as recipients.
taken AS (
    SELECT account_id, customer_no >> 9 AS block_no,
           bit_or(set_bit(repeat('0', 512)::bit(512), (customer_no & 511)::int, 1)) AS bits
    FROM {customers}
    GROUP BY 1, 2
), hit AS MATERIALIZED (
    SELECT a.account_id, a.audience_no, b.block_no, b.bits & ~t.bits AS bits, b.bits & t.bits AS gone
    FROM taken t
    JOIN audiences a ON a.account_id = t.account_id AND {chosen}
    JOIN audience_blocks b ON b.audience_no = a.audience_no AND b.block_no = t.block_no
    WHERE bit_count(b.bits & t.bits) > 0
), emptied AS (
    DELETE FROM audience_blocks b
    USING hit h
    WHERE b.audience_no = h.audience_no AND b.block_no = h.block_no AND bit_count(h.bits) = 0
), diminished AS (
    UPDATE audience_blocks b
    SET bits = h.bits
    FROM hit h
    WHERE b.audience_no = h.audience_no AND b.block_no = h.block_no AND bit_count(h.bits) > 0
)

-- name: passed_over
(SELECT account_id, unnest(%(passed_over)s::bigint[]) AS customer_no
 FROM audiences
 WHERE audience_id = %(audience_id)s) AS t

-- name: is_audience
a.audience_id = %(audience_id)s

-- name: remove_passed_over
WITH {taken}
UPDATE audiences
SET copied = copied - (SELECT coalesce(sum(bit_count(gone)), 0) FROM hit)
WHERE audience_id = %(audience_id)s

-- name: forget_set_aside
WITH counted AS (
    SELECT audience_no FROM audiences WHERE audience_id = %(audience_id)s
), shared AS (
    DELETE FROM audience_shared t USING counted c WHERE t.audience_no = c.audience_no
)
DELETE FROM audience_touched t USING counted c WHERE t.audience_no = c.audience_no

-- name: record_counts
-- Recipients that are missing by now were erased.
UPDATE audiences
SET counted = true, recipients = %(recipients)s, opted_out = %(opted_out)s, no_phone = %(no_phone)s,
    excluded = %(excluded)s, duplicate_phone = %(duplicate_phone)s, erased = %(recipients)s - copied
WHERE audience_id = %(audience_id)s

-- name: erased
unnest(%b::uuid[], %b::bigint[]) AS t (account_id, customer_no)

-- name: erase
-- A probe for each audience of the account and block of these customers. An audience that is not counted yet counts its
-- erased customers then; a customer set aside because they block a number stays until then.
WITH {taken}, set_aside AS (
    DELETE FROM audience_shared s
    USING hit h
    WHERE s.audience_no = h.audience_no AND s.customer_no >= h.block_no << 9 AND s.customer_no < (h.block_no + 1) << 9
      AND get_bit(h.gone, (s.customer_no & 511)::int) = 1
)
UPDATE audiences a
SET erased = CASE WHEN a.counted THEN a.erased + t.customers ELSE a.erased END, copied = a.copied - t.customers
FROM (SELECT account_id, audience_no, sum(bit_count(gone)) AS customers FROM hit GROUP BY 1, 2) AS t
WHERE a.account_id = t.account_id AND a.audience_no = t.audience_no

-- name: erase_before
-- What they had when audiences were frozen.
DELETE FROM reach_before b
USING unnest(%b::uuid[], %b::bigint[]) AS t (account_id, customer_no)
WHERE b.account_id = t.account_id AND b.customer_no = t.customer_no
