-- name: positions
SELECT shard, position FROM shards

-- name: lagging
SELECT account_id, position FROM lagging_accounts

-- name: next_events
-- Of the accounts that do not lag, in the order of the log. Each row, also the only one where there are no events, says
-- where the log ends in this snapshot.
SELECT h.head, e.notification_id, e.effective_at, e.topic, e.state, e.originator_id, e.originator_version, e.account_id
FROM (SELECT least(log_head(), %(last)s::bigint) AS head) AS h
LEFT JOIN LATERAL (SELECT *
                   FROM stored_events
                   WHERE notification_id > %(after)s::bigint AND notification_id <= h.head
                     AND (%(shards)s::int[] IS NULL OR shard_of(account_id) = ANY (%(shards)s::int[]))
                     AND account_id <> ALL (%(lagging)s::uuid[])
                   ORDER BY notification_id
                   LIMIT %(limit)s::int) AS e ON true
ORDER BY e.notification_id

-- name: next_events_of
-- Of some accounts, the same number of each at most.
SELECT e.notification_id, e.effective_at, e.topic, e.state, e.originator_id, e.originator_version, e.account_id
FROM unnest(%(accounts)s::uuid[], %(after)s::bigint[], %(last)s::bigint[]) AS a (account_id, after, last)
CROSS JOIN LATERAL (SELECT *
                    FROM stored_events
                    WHERE account_id = a.account_id AND notification_id > a.after AND notification_id <= a.last
                    ORDER BY notification_id
                    LIMIT %(limit)s::int) AS e
ORDER BY e.account_id, e.notification_id

-- name: move_shards
-- Only from where this worker believes them to be.
UPDATE shards s
SET position = t.position
FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) AS t (shard, before, position)
WHERE s.shard = t.shard AND s.position = t.before

-- name: move_lagging
INSERT INTO lagging_accounts AS l (account_id, position)
SELECT account_id, position FROM unnest(%s::uuid[], %s::bigint[]) AS t (account_id, position)
ON CONFLICT (account_id) DO UPDATE SET position = excluded.position

-- name: no_longer_lagging
DELETE FROM lagging_accounts WHERE account_id = ANY (%s::uuid[])
