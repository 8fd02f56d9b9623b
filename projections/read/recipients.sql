-- name: plan_once
-- Planning a page for its own values takes longer than reading it, and results in the same plan.
SET LOCAL plan_cache_mode = force_generic_plan

-- name: plan_each
-- A large window is read in order, side by side with the members; a plan for any window would look up each member.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_nestloop', 'off', true)

-- name: plan_blocks
-- Nor does a plan for any block look up each of its customers.
SET LOCAL enable_nestloop = off

-- name: window_end
-- The last customer of the window after a customer: up to there no version has more than `most` members; NULL where
-- none has more.
SELECT min(m.customer_no)
FROM unnest(%(included)s::bigint[]) AS v (version_no)
CROSS JOIN LATERAL (SELECT customer_no
                    FROM members
                    WHERE version_no = v.version_no AND customer_no > %(after)s::bigint
                    ORDER BY customer_no
                    OFFSET %(most)s::int LIMIT 1) AS m

-- name: recipients
-- The recipients `c` among the customers of a window, each once.
(SELECT DISTINCT ON (customer_no) customer_no
 FROM members
 WHERE version_no = ANY (%(included)s::bigint[])
   AND customer_no > %(after)s::bigint AND customer_no <= %(last)s::bigint
 ORDER BY customer_no) AS u
JOIN reach c
    ON c.account_id = %(account_id)s::uuid AND c.customer_no = u.customer_no
   AND c.customer_no > %(after)s::bigint AND c.customer_no <= %(last)s::bigint
WHERE c.phone IS NOT NULL AND NOT c.opted_out
  AND NOT EXISTS (SELECT
                  FROM members x
                  WHERE x.version_no = ANY (%(left_out)s::bigint[]) AND x.customer_no = c.customer_no
                    AND x.customer_no > %(after)s::bigint AND x.customer_no <= %(last)s::bigint)
  -- Whether the number's key is among the few suppressed ones costs little; the hash, only where it is.
  AND (c.number_key NOT IN (SELECT number_key FROM suppressed_numbers WHERE account_id = %(account_id)s::uuid)
       OR NOT EXISTS (SELECT
                      FROM suppressed_numbers s
                      WHERE s.account_id = %(account_id)s::uuid AND s.number_key = c.number_key
                        AND s.number_sha256
                            = number_sha256((SELECT secret FROM installation), %(account_id)s::uuid, c.phone)))
  -- Of the others with a shared number: one who blocks it, or an older one who has it in this audience.
  AND (NOT c.shared
       OR NOT EXISTS (SELECT
                      FROM reach o
                      WHERE o.account_id = %(account_id)s::uuid AND o.number_key = c.number_key AND o.phone = c.phone
                        AND o.customer_no <> c.customer_no
                        AND (o.opted_out
                             OR EXISTS (SELECT FROM members x
                                        WHERE x.version_no = ANY (%(left_out)s::bigint[])
                                          AND x.customer_no = o.customer_no)
                             OR o.customer_no < c.customer_no
                                AND EXISTS (SELECT FROM members m
                                            WHERE m.version_no = ANY (%(included)s::bigint[])
                                              AND m.customer_no = o.customer_no))))

-- name: page
SELECT c.customer_no, c.customer_id, c.external_id, c.phone, c.name
FROM {recipients}
ORDER BY c.customer_no
LIMIT %(limit)s::int

-- name: lines
-- Joined to one text, so that no line is handled by itself on its way.
SELECT count(*), convert_to(string_agg({line}, '' ORDER BY r.customer_no), 'UTF8')
FROM (SELECT c.customer_no, c.customer_id, c.external_id, c.phone, c.name FROM {recipients}) AS r

-- name: wide_lines
-- The same with what `reach` does not hold, up to the line that fills a piece: how many, their text, the last customer,
-- and how many recipients and bytes of attributes there are in the window.
SELECT count(*) FILTER (WHERE r.before < %(most)s::bigint),
       convert_to(string_agg({line}, '' ORDER BY r.customer_no) FILTER (WHERE r.before < %(most)s::bigint), 'UTF8'),
       max(r.customer_no) FILTER (WHERE r.before < %(most)s::bigint), count(*), sum(r.size)::bigint
FROM (SELECT *, sum(size) OVER (ORDER BY customer_no ROWS UNBOUNDED PRECEDING) - size AS before
      FROM (SELECT c.customer_no, c.customer_id, c.external_id, c.phone, c.name, d.opted_out, {values},
                   d.created_at, d.updated_at,
                   CASE WHEN pg_column_compression(d.attributes) IS NULL THEN pg_column_size(d.attributes)
                        ELSE octet_length(d.attributes::text) END AS size
            FROM (SELECT c.customer_no, c.customer_id, c.external_id, c.phone, c.name FROM {recipients}) AS c
            JOIN customers d
                ON d.account_id = %(account_id)s::uuid AND d.customer_no = c.customer_no
               AND d.customer_no > %(after)s::bigint AND d.customer_no <= %(last)s::bigint) AS sized) AS r

-- name: totals
-- Customers without anything special are only counted, by whether they are excluded; the few others are classed.
WITH suppressed AS MATERIALIZED (
    SELECT c.customer_no, c.phone, c.shared
    FROM suppressed_numbers s
    JOIN reach c
        ON c.account_id = %(account_id)s::uuid AND c.number_key = s.number_key
       AND number_sha256((SELECT secret FROM installation), %(account_id)s::uuid, c.phone) = s.number_sha256
    WHERE s.account_id = %(account_id)s::uuid
), special AS MATERIALIZED (
    SELECT customer_no, phone, opted_out, shared,
           customer_no IN (SELECT customer_no FROM members WHERE version_no = ANY (%(left_out)s::bigint[]))
               AS is_excluded
    FROM (SELECT customer_no, phone, opted_out, shared
          FROM reach
          WHERE account_id = %(account_id)s::uuid AND (opted_out OR phone IS NULL OR shared)
            AND customer_no NOT IN (SELECT customer_no FROM suppressed)
          UNION ALL
          SELECT customer_no, phone, true, shared FROM suppressed) AS t
), counted AS MATERIALIZED (
    SELECT count(*) AS members,
           count(*) FILTER (WHERE s.customer_no IS NULL
                                  AND u.customer_no IN (SELECT customer_no
                                                        FROM members
                                                        WHERE version_no = ANY (%(left_out)s::bigint[]))) AS excluded,
           array_agg(s.customer_no) FILTER (WHERE s.customer_no IS NOT NULL) AS special
    FROM (SELECT DISTINCT ON (customer_no) customer_no
          FROM members
          WHERE version_no = ANY (%(included)s::bigint[])
          ORDER BY customer_no) AS u
    LEFT JOIN special s ON s.customer_no = u.customer_no
), numbers AS MATERIALIZED (
    SELECT phone, bool_or(is_excluded) AS is_excluded, bool_or(opted_out) AS opted_out
    FROM special
    WHERE shared
    GROUP BY phone
), classes AS (
    SELECT s.phone,
           CASE WHEN s.is_excluded OR n.is_excluded THEN 'excluded'
                WHEN s.opted_out OR n.opted_out THEN 'opted_out'
                WHEN s.phone IS NULL THEN 'no_phone'
                ELSE 'sent' END AS class
    FROM unnest((SELECT special FROM counted)) AS t (customer_no)
    JOIN special s ON s.customer_no = t.customer_no
    LEFT JOIN numbers n ON s.shared AND n.phone = s.phone
)
SELECT t.members - t.excluded - c.members + c.reached, t.excluded + c.excluded, c.opted_out, c.no_phone,
       c.sent - c.reached
FROM counted t,
     (SELECT count(*) AS members,
             count(*) FILTER (WHERE class = 'sent') AS sent,
             count(DISTINCT phone) FILTER (WHERE class = 'sent') AS reached,
             count(*) FILTER (WHERE class = 'excluded') AS excluded,
             count(*) FILTER (WHERE class = 'opted_out') AS opted_out,
             count(*) FILTER (WHERE class = 'no_phone') AS no_phone
      FROM classes) AS c

-- name: frozen_blocks
-- The blocks of an audience from that of a customer on, up to that of another.
(SELECT block_no, bits
 FROM audience_blocks
 WHERE account_id = %(account_id)s::uuid AND audience_no = %(audience_no)s::bigint
   AND block_no >= %(after)s::bigint >> 9 AND block_no <= %(last)s::bigint >> 9)

-- name: frozen_here_only
-- The same with those who are not in another audience.
(SELECT h.block_no, h.bits & ~coalesce(o.bits, 0::bit(512)) AS bits
 FROM audience_blocks h
 LEFT JOIN audience_blocks o
     ON o.audience_no = %(not_in)s::bigint AND o.block_no = h.block_no
    AND o.block_no >= %(after)s::bigint >> 9 AND o.block_no <= %(last)s::bigint >> 9
 WHERE h.account_id = %(account_id)s::uuid AND h.audience_no = %(audience_no)s::bigint
   AND h.block_no >= %(after)s::bigint >> 9 AND h.block_no <= %(last)s::bigint >> 9)

-- name: frozen
-- The blocks `b`, in order; of the first one, only those after the customer.
(SELECT block_no,
        CASE WHEN block_no = %(after)s::bigint >> 9
             THEN bits << ((%(after)s::bigint & 511) + 1)::int >> ((%(after)s::bigint & 511) + 1)::int
             ELSE bits END AS bits
 FROM {blocks} AS w
 WHERE bit_count(bits) > 0
 ORDER BY block_no) AS b

-- name: count_frozen
SELECT coalesce(sum(bit_count(b.bits)), 0) FROM {frozen}

-- name: frozen_window
-- The first blocks that hold so many recipients: the last customer of these, and how many blocks they are.
SELECT (block_no << 9) + 511, blocks
FROM (SELECT b.block_no, sum(bit_count(b.bits)) OVER before AS recipients, count(*) OVER before AS blocks
      FROM {frozen}
      WINDOW before AS (ORDER BY b.block_no ROWS UNBOUNDED PRECEDING)) AS t
WHERE recipients >= %(limit)s::int
ORDER BY block_no
LIMIT 1

-- name: frozen_looked_up
-- The first recipients `c` of a window, each looked up.
(SELECT n.customer_no, r.customer_id, CASE WHEN k.is_kept THEN k.external_id ELSE r.external_id END AS external_id,
        CASE WHEN k.is_kept THEN k.phone ELSE r.phone END AS phone,
        CASE WHEN k.is_kept THEN k.name ELSE r.name END AS name
 FROM (SELECT (b.block_no << 9) + p.place AS customer_no
       FROM {frozen}
       CROSS JOIN generate_series(0, 511) AS p (place)
       WHERE get_bit(b.bits, p.place) = 1
       ORDER BY 1
       LIMIT %(limit)s::int) AS n
 CROSS JOIN LATERAL (SELECT customer_id, external_id, phone, name
                     FROM reach
                     WHERE account_id = %(account_id)s::uuid AND customer_no = n.customer_no
                     OFFSET 0) AS r
 LEFT JOIN LATERAL (SELECT true AS is_kept, external_id, phone, name
                    FROM reach_before
                    WHERE account_id = %(account_id)s::uuid AND customer_no = n.customer_no
                      AND audience_no >= %(audience_no)s::bigint
                    ORDER BY audience_no
                    LIMIT 1) AS k ON true) AS c

-- name: frozen_by_block
-- The recipients `c` of a window in which blocks hold many.
(SELECT r.*
 FROM {frozen}
 CROSS JOIN LATERAL (SELECT * FROM {recipients} AS r OFFSET 0) AS r) AS c

-- name: frozen_of_block
-- The recipients of a block, in order beside all its customers.
(SELECT t.customer_no, t.customer_id, CASE WHEN k.is_kept THEN k.external_id ELSE t.external_id END AS external_id,
        CASE WHEN k.is_kept THEN k.phone ELSE t.phone END AS phone,
        CASE WHEN k.is_kept THEN k.name ELSE t.name END AS name
 FROM reach t
 LEFT JOIN (SELECT DISTINCT ON (customer_no) customer_no, true AS is_kept, external_id, phone, name
            FROM reach_before
            WHERE account_id = %(account_id)s::uuid AND audience_no >= %(audience_no)s::bigint
              AND customer_no >= b.block_no << 9 AND customer_no < (b.block_no + 1) << 9
            ORDER BY customer_no, audience_no) AS k ON k.customer_no = t.customer_no
 WHERE t.account_id = %(account_id)s::uuid
   AND t.customer_no >= b.block_no << 9 AND t.customer_no < (b.block_no + 1) << 9
   AND get_bit(b.bits, (t.customer_no & 511)::int) = 1)

-- name: frozen_lines
SELECT count(*), convert_to(string_agg({line}, '' ORDER BY r.customer_no), 'UTF8'), NULL::bigint
FROM (SELECT c.* FROM {recipients}) AS r

-- name: frozen_lines_by_block
-- The lines of a window in which blocks hold many; those of a block are in order without being sorted.
SELECT coalesce(sum(r.recipients), 0)::bigint, convert_to(string_agg(r.lines, '' ORDER BY b.block_no), 'UTF8'), NULL::bigint
FROM {frozen}
CROSS JOIN LATERAL (SELECT count(*) AS recipients, string_agg({line}, '' ORDER BY r.customer_no) AS lines
                    FROM {recipients} AS r
                    OFFSET 0) AS r

-- name: frozen_wide_lines
-- Lines of recipients with what was not frozen, as it is now; see `wide_lines`.
SELECT count(*), convert_to(string_agg({line}, '' ORDER BY r.customer_no), 'UTF8'), max(r.customer_no)
FROM (SELECT c.*, d.*, sum(d.size) OVER (ORDER BY c.customer_no ROWS UNBOUNDED PRECEDING) - d.size AS before
      FROM {recipients}
      LEFT JOIN LATERAL (SELECT opted_out, {values}, created_at, updated_at,
                                CASE WHEN pg_column_compression(attributes) IS NULL THEN pg_column_size(attributes)
                                     ELSE octet_length(attributes::text) END AS size
                         FROM customers
                         WHERE account_id = %(account_id)s::uuid AND customer_no = c.customer_no
                         OFFSET 0) AS d ON true) AS r
WHERE coalesce(r.before, 0) < %(most)s::bigint
