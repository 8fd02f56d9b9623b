-- name: save_process
INSERT INTO kafka_processes AS p (process, role, code, detail, reported_at)
VALUES (%(process)s::uuid, %(role)s::text, %(code)s::text, %(detail)s::text, %(at)s::timestamptz)
ON CONFLICT (process) DO UPDATE
SET code = excluded.code, detail = excluded.detail, reported_at = excluded.reported_at

-- name: save_lags
-- In one order, so that two processes that both believe they read a partition never wait for each other in a circle.
INSERT INTO partition_lags AS l (topic, partition, account_id, lag, reported_at)
SELECT t.topic, t.partition, t.account_id, t.lag, %(at)s::timestamptz
FROM unnest(%(topics)s::text[], %(partitions)s::int[], %(accounts)s::uuid[], %(lags)s::bigint[])
     AS t (topic, partition, account_id, lag)
ORDER BY t.topic, t.partition
ON CONFLICT (topic, partition) DO UPDATE
SET account_id = excluded.account_id, lag = excluded.lag, reported_at = excluded.reported_at

-- name: forget
WITH processes AS (DELETE FROM kafka_processes WHERE reported_at < %(silent)s::timestamptz)
DELETE FROM partition_lags WHERE reported_at < %(silent)s::timestamptz

-- name: forget_process
DELETE FROM kafka_processes WHERE process = %s::uuid

-- name: processes
SELECT role, code, detail FROM kafka_processes WHERE reported_at > %s::timestamptz ORDER BY code IS NULL, role, detail

-- name: topics_of_account
SELECT coalesce(c.name, l.topic), coalesce(c.records, 0), coalesce(c.invalid, 0), c.last_at,
       CASE WHEN l.lag_at > %(silent)s::timestamptz THEN l.lag END
FROM (SELECT name, sum(count)::bigint AS records,
             coalesce(sum(count) FILTER (WHERE result = 'invalid'), 0)::bigint AS invalid, max(last_at) AS last_at
      FROM received_counts WHERE account_id = %(account_id)s::uuid AND subject = 'record' GROUP BY name) c
FULL JOIN (SELECT topic, sum(lag)::bigint AS lag, min(reported_at) AS lag_at
           FROM partition_lags WHERE account_id = %(account_id)s::uuid GROUP BY topic) l ON l.topic = c.name
ORDER BY 1

-- name: all_topics
SELECT topic, records, invalid, last_at, CASE WHEN lag_at > %s::timestamptz THEN lag END FROM rollcall.kafka_topics()
