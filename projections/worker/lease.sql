-- name: is_free
-- The holder's session has ended, or the holder hangs. A worker of a version without leases holds one lock instead,
-- while this version is being installed.
WITH held AS (
    SELECT classid, objid, objsubid
    FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
SELECT FROM worker_lease l
WHERE NOT EXISTS (SELECT FROM held WHERE objsubid = 1 AND classid = 0::oid AND objid = %(lock)s::oid)
  AND (l.renewed_at < clock_timestamp() - %(expires)s::interval
       OR NOT EXISTS (SELECT FROM held
                      WHERE objsubid = 2 AND classid = %(lock)s::oid AND objid = (l.token %% 2147483647)::int::oid))

-- name: take
UPDATE worker_lease SET token = token + 1, renewed_at = clock_timestamp() RETURNING token

-- name: hold_session_lock
SELECT pg_advisory_lock(%(lock)s::int, (%(token)s::bigint %% 2147483647)::int)

-- name: renew
UPDATE worker_lease SET renewed_at = clock_timestamp() WHERE token = %s
