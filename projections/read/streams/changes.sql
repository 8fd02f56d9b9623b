-- name: shown
-- The changes `t` with what is shown of them, up to the one that fills a page, and how many there are. Of the customer
-- the values with `keys`, or all of them, as they are now: NULL once erased. Each is looked up by key, whatever
-- statistics say of tables that grew since.
SELECT change_no, account_id, segment_id, segment_name, customer_id, version_no, customer_no, position, at, joined, cause,
       chosen::text, created_at, updated_at, found
FROM (SELECT t.change_no, t.account_id,
             coalesce(g.segment_id, (SELECT originator_id FROM stored_events
                                     WHERE notification_id = t.segment_no AND account_id = t.account_id)) AS segment_id,
             coalesce(t.segment_name, g.name) AS segment_name,
             coalesce(c.customer_id, (SELECT originator_id FROM stored_events
                                      WHERE notification_id = t.customer_no AND account_id = t.account_id))
                 AS customer_id,
             t.version_no, t.customer_no, t.position, t.at, t.joined, t.cause, c.chosen, c.created_at, c.updated_at,
             count(*) OVER () AS found, sum(coalesce(c.size, 0)) OVER (ORDER BY t.change_no) - c.size AS before
      FROM ({changes}) AS t
      LEFT JOIN LATERAL (SELECT segment_id, name
                         FROM segments
                         WHERE account_id = t.account_id AND segment_no = t.segment_no
                         OFFSET 0) AS g ON true
      LEFT JOIN LATERAL (SELECT *,
                                CASE WHEN pg_column_compression(chosen) IS NULL THEN pg_column_size(chosen)
                                     ELSE octet_length(chosen::text) END AS size
                         FROM (SELECT customer_id, created_at, updated_at,
                                      CASE WHEN %(needs_all)s::boolean THEN attributes
                                           ELSE (SELECT coalesce(jsonb_object_agg(key, attributes->key), '{{}}')
                                                 FROM unnest(%(keys)s::text[]) AS k (key)
                                                 WHERE attributes ? key) END AS chosen
                               FROM (SELECT customer_id, created_at, updated_at,
                                            CASE WHEN attributes ?& %(keys)s::text[] THEN attributes
                                                 ELSE with_computed(account_id, customer_no, attributes)
                                            END AS attributes
                                     FROM customers
                                     WHERE account_id = t.account_id AND customer_no = t.customer_no
                                     OFFSET 0) AS values_now
                               OFFSET 0) AS customer
                         OFFSET 0) AS c ON true) AS sized
WHERE coalesce(before, 0) < %(most)s::bigint
ORDER BY change_no

-- name: of_segment
-- Reads as many blocks as hold the changes of a page.
SELECT t.change_no, b.account_id, b.segment_no, b.segment_name, b.version_no, t.customer_no, t.position, t.at, t.joined,
       t.cause
FROM (SELECT *, sum(cardinality(change_nos)) OVER (ORDER BY last_no) - cardinality(change_nos) AS before
      FROM (SELECT *
            FROM membership_change_blocks
            WHERE account_id = %(account_id)s::uuid AND segment_no = %(segment_no)s::bigint
              AND last_no > %(after)s::bigint
            ORDER BY last_no
            LIMIT %(limit)s::int) AS next) AS b
CROSS JOIN LATERAL unnest(b.change_nos, b.customer_nos, b.positions, b.instants, b.joined, b.causes)
    AS t (change_no, customer_no, position, at, joined, cause)
WHERE b.before < %(limit)s::int + 10000 AND t.change_no > %(after)s::bigint
ORDER BY t.change_no
LIMIT %(limit)s::int

-- name: of_account
-- Whole batches, whose blocks hold each other's neighbours: from that of the last change read on, until they hold a page.
SELECT m.change_no, m.account_id, m.segment_no, m.segment_name, m.version_no, m.customer_no, m.position, m.at, m.joined,
       m.cause
FROM (WITH RECURSIVE batches (batch_no, changes) AS (
          SELECT coalesce((SELECT max(batch_no)
                           FROM membership_change_blocks
                           WHERE account_id = %(account_id)s::uuid AND batch_no <= %(after)s::bigint), 0) - 1, 0::bigint
          UNION ALL
          SELECT next.batch_no, b.changes + next.changes
          FROM batches b
          CROSS JOIN LATERAL (SELECT k.batch_no,
                                     sum((SELECT count(*) FROM unnest(k.change_nos) AS no
                                          WHERE no > %(after)s::bigint))::bigint AS changes
                              FROM membership_change_blocks k
                              WHERE k.account_id = %(account_id)s::uuid
                                AND k.batch_no = (SELECT min(batch_no)
                                                  FROM membership_change_blocks
                                                  WHERE account_id = %(account_id)s::uuid AND batch_no > b.batch_no)
                              GROUP BY k.batch_no) AS next
          WHERE b.changes < %(limit)s::int
      ) SELECT min(batch_no) AS first, max(batch_no) AS last FROM batches) AS page
JOIN membership_changes m
    ON m.account_id = %(account_id)s::uuid AND m.batch_no >= page.first AND m.batch_no <= page.last
   AND m.change_no > %(after)s::bigint
ORDER BY m.change_no
LIMIT %(limit)s::int

-- name: first_position
SELECT notification_id FROM stored_events WHERE account_id = %s::uuid ORDER BY notification_id LIMIT 1

-- name: kept
SELECT f.change_no, f.position, l.change_no FROM forgotten_changes f CROSS JOIN last_membership_change l

-- name: published_to
SELECT change_no FROM published_changes FOR UPDATE SKIP LOCKED

-- name: next_changes
-- Of the batches that hold them: the one in which the last published change is, and those that follow.
WITH bounds AS (
    SELECT (SELECT max(batch_no) FROM membership_change_blocks WHERE batch_no <= %(after)s::bigint) AS present,
           (SELECT min(batch_no) FROM membership_change_blocks WHERE batch_no > %(after)s::bigint) AS next
)
SELECT m.change_no, m.account_id, m.segment_no, m.segment_name, m.version_no, m.customer_no, m.position, m.at, m.joined,
       m.cause
FROM membership_changes m
WHERE m.batch_no >= (SELECT coalesce(present, next) FROM bounds)
  AND m.batch_no <= (SELECT coalesce(next, present) FROM bounds) + %(limit)s::int
  AND m.change_no > %(after)s::bigint
ORDER BY m.change_no
LIMIT %(limit)s::int

-- name: move_on
UPDATE published_changes SET change_no = %s
