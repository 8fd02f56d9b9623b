-- name: ahead
-- How far the next events of an account are all of single customers, and no part of them has more than so many; how many
-- those are, and how many the largest part has; and where the first event is that is not of a single customer.
WITH next AS MATERIALIZED (
    SELECT notification_id, topic <> ALL (%(topics)s::text[]) AS is_other,
           row_number() OVER (PARTITION BY shard_of(originator_id) %% %(parts)s::int ORDER BY notification_id) AS nth
    FROM (SELECT notification_id, topic, originator_id
          FROM stored_events
          WHERE account_id = %(account_id)s AND notification_id > %(after)s::bigint
            AND notification_id <= %(last)s::bigint
          ORDER BY notification_id
          LIMIT %(limit)s::int) AS e
), bound AS (
    SELECT coalesce(min(notification_id), 2^62) AS position FROM next WHERE is_other OR nth > %(most)s::int
), ahead AS (
    SELECT notification_id, nth FROM next WHERE notification_id < (SELECT position FROM bound)
)
SELECT (SELECT max(notification_id) FROM ahead), (SELECT count(*) FROM ahead),
       (SELECT coalesce(max(nth), 0) FROM ahead), (SELECT min(notification_id) FROM next WHERE is_other)

-- name: open
INSERT INTO backlog_parts (account_id, part, parts, after, last, defined_at)
SELECT %(account_id)s, part, %(parts)s, %(after)s, %(last)s, %(defined_at)s
FROM generate_series(0, %(parts)s - 1) AS part

-- name: copy
INSERT INTO backlog_parts (account_id, part, parts, after, last, defined_at)
VALUES (%(account_id)s, %(part)s, %(parts)s, %(after)s, %(last)s, %(defined_at)s)
ON CONFLICT DO NOTHING

-- name: wake_workers
SELECT pg_notify('rollcall_parts', '')

-- name: is_any_open
SELECT EXISTS (SELECT FROM backlog_parts WHERE NOT done)

-- name: take
-- One that no other worker has taken: of these accounts first, or a certain one. The lock of its row is held until it is
-- done.
SELECT b.account_id, b.part, b.parts, b.after, b.last, b.defined_at,
       (extract(epoch FROM a.time_passed_to) * 1000000)::bigint
FROM backlog_parts b
JOIN accounts a USING (account_id)
WHERE NOT b.done
  AND b.account_id = coalesce(%(account_id)s, b.account_id) AND b.part = coalesce(%(part)s, b.part)
ORDER BY b.account_id = ANY (%(accounts)s::uuid[]) DESC, b.account_id, b.part
LIMIT 1
FOR UPDATE OF b SKIP LOCKED

-- name: events
SELECT notification_id, effective_at, topic, state, originator_id, originator_version
FROM stored_events
WHERE account_id = %(account_id)s AND notification_id > %(after)s::bigint AND notification_id <= %(last)s::bigint
  AND shard_of(originator_id) %% %(parts)s::int = %(part)s::int
ORDER BY notification_id

-- name: finish
-- Its account's worker may be waiting for it.
WITH finished AS (
    UPDATE backlog_parts
    SET done = true, counts = %(counts)s
    WHERE account_id = %(account_id)s AND part = %(part)s AND NOT done
    RETURNING account_id
)
SELECT pg_notify('rollcall_log_' || shard_of(account_id), '') FROM finished

-- name: finished
-- The accounts of which every part is done.
SELECT account_id, array_agg(counts ORDER BY part)
FROM backlog_parts
WHERE account_id = ANY (%(accounts)s::uuid[])
GROUP BY account_id
HAVING bool_and(done)

-- name: close
DELETE FROM backlog_parts WHERE account_id = %(account_id)s

-- name: divided
SELECT DISTINCT account_id, last FROM backlog_parts WHERE shard_of(account_id) = ANY (%(shards)s::int[])
