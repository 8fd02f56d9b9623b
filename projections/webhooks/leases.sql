-- name: hold_session_lock
SELECT pg_advisory_lock(%(lock)s::int, %(number)s::int)

-- name: lease
-- `lease_no` is compared again under the row's lock: another process may have leased it since the list was made.
WITH living AS MATERIALIZED (
    SELECT objid::bigint AS holder
    FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = %(lock)s::int::oid
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
), free AS MATERIALIZED (
    SELECT w.webhook_id, w.lease_no, w.slow,
           row_number() OVER (PARTITION BY w.slow ORDER BY w.due_at, w.webhook_id) AS nth
    FROM webhooks w
    WHERE w.webhook_id <> ALL (%(in_hand)s::uuid[])
      AND (w.holder IS NULL OR w.holder = %(number)s::int OR w.leased_until < clock_timestamp()
           OR w.holder NOT IN (SELECT holder FROM living))
      AND (w.test_id IS NOT NULL
           OR w.state = 'active' AND w.due_at <= %(now)s::timestamptz
              AND (w.full_send IS NOT NULL OR w.pending_to IS NOT NULL
                   OR EXISTS (SELECT
                              FROM membership_change_blocks b
                              WHERE b.account_id = w.account_id AND b.batch_no > w.change_no - 10000
                                AND b.last_no > w.change_no)))
), chosen AS MATERIALIZED (
    SELECT w.webhook_id
    FROM webhooks w
    JOIN free f ON f.webhook_id = w.webhook_id AND f.lease_no = w.lease_no
    WHERE f.nth <= CASE WHEN f.slow THEN %(slow_places)s::int ELSE %(places)s::int END
    ORDER BY f.slow, f.nth
    LIMIT %(places)s::int
    FOR UPDATE OF w SKIP LOCKED
)
UPDATE webhooks w
SET holder = %(number)s::int, lease_no = w.lease_no + 1, leased_until = clock_timestamp() + %(lease)s::interval
FROM chosen c
WHERE w.webhook_id = c.webhook_id
RETURNING w.account_id, w.webhook_id, w.lease_no, w.slow

-- name: give_back
UPDATE webhooks SET holder = NULL, leased_until = NULL WHERE webhook_id = %s::uuid AND lease_no = %s::bigint

-- name: pass_over_quiet
-- Of one snapshot: a change that is committed later has a greater number than the last one here.
UPDATE webhooks w
SET change_no = l.change_no
FROM last_membership_change l
WHERE w.state = 'active' AND w.full_send IS NULL AND w.pending_to IS NULL AND w.change_no < l.change_no
  AND NOT EXISTS (SELECT
                  FROM membership_change_blocks b
                  WHERE b.account_id = w.account_id AND b.batch_no > w.change_no - 10000 AND b.last_no > w.change_no)
