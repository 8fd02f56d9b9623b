-- name: join
INSERT INTO workers (renewed_at) VALUES (clock_timestamp()) RETURNING token

-- name: hold_session_lock
SELECT pg_advisory_lock(%(lock)s::int, (%(token)s::bigint %% 2147483647)::int)

-- name: fence
-- Waits for the transaction of the worker that is open, if any.
SELECT pg_advisory_xact_lock(%(lock)s::int, (%(token)s::bigint %% 2147483647)::int)

-- name: renew
UPDATE workers SET renewed_at = clock_timestamp() WHERE token = %s

-- name: workers
-- Each worker, and whether it lives: its session holds its lock, and it does not hang.
SELECT w.token,
       w.renewed_at >= clock_timestamp() - %(expires)s::interval
       AND EXISTS (SELECT FROM pg_locks
                   WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = %(lock)s::oid
                     AND objid = (w.token %% 2147483647)::int::oid
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
FROM workers w
ORDER BY w.token

-- name: owners
SELECT shard, token FROM shard_leases ORDER BY shard

-- name: dismiss
DELETE FROM workers WHERE token = %s

-- name: take
-- What another worker takes in the same instant is its own.
WITH free AS MATERIALIZED (
    SELECT shard FROM shard_leases WHERE shard = ANY (%(shards)s::int[]) AND token IS NULL FOR UPDATE SKIP LOCKED
)
UPDATE shard_leases l SET token = %(token)s FROM free f WHERE l.shard = f.shard
RETURNING l.shard

-- name: give
UPDATE shard_leases SET token = NULL WHERE shard = ANY (%(shards)s::int[]) AND token = %(token)s
