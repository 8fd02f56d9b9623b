-- name: lock_and_notify
-- One writer at a time from the first position drawn to the commit, so that no reader passes over a
-- position that becomes visible later. Only the worker of the account's shard is notified.
SELECT pg_advisory_xact_lock(7305466), pg_notify('rollcall_log_' || shard_of(%s::uuid), '')

-- name: move_heads
SELECT rollcall.move_heads(%s::uuid, %b::uuid[], %b::bigint[], %b::bigint[]) AS moved

-- name: extend_log
SELECT rollcall.extend_log()

-- name: append_events
-- In the order of the arrays. The effective time never runs back, whatever the clocks of the writers say.
INSERT INTO stored_events (account_id, originator_id, originator_version, topic, state, effective_at)
SELECT %s::uuid, originator_id, originator_version, topic, state,
       greatest(recorded_at, (SELECT rollcall.log_time()))
FROM unnest(%b::uuid[], %b::bigint[], %b::text[], %b::bytea[], %b::bigint[])
    AS t (originator_id, originator_version, topic, state, recorded_at)
RETURNING notification_id

-- name: account_events
-- Found by the stream alone, as `existing_segments`: see migrations/0029.
SELECT originator_id, originator_version, topic, state
FROM stored_events
WHERE account_id IS NOT DISTINCT FROM %s::uuid AND originator_id = %s::uuid
ORDER BY originator_version

-- name: stream_at
SELECT originator_id FROM stored_events WHERE account_id = %s::uuid AND notification_id = %s::bigint

-- name: existing_segments
SELECT originator_id
FROM stored_events
WHERE account_id IS NOT DISTINCT FROM %s::uuid AND originator_id = ANY (%b::uuid[])
GROUP BY originator_id
HAVING bool_or(topic = 'rollcall.segment.created') AND NOT bool_or(topic = 'rollcall.segment.deleted')

-- name: filters_position
SELECT coalesce(greatest(
           (SELECT max(notification_id)
            FROM stored_events
            WHERE account_id = %(account_id)s::uuid
              AND topic IN ('rollcall.segment.created', 'rollcall.segment.filter_changed', 'rollcall.segment.deleted')),
           (SELECT max(notification_id)
            FROM stored_events
            WHERE account_id = %(account_id)s::uuid AND originator_id = %(schema_id)s::uuid
              AND topic = 'rollcall.attribute.removed')), 0) AS position

-- name: filters_with
SELECT originator_id
FROM (SELECT DISTINCT ON (originator_id) originator_id, topic, state, min(notification_id) OVER of_segment AS segment_no
      FROM stored_events
      WHERE account_id = %s::uuid
        AND topic IN ('rollcall.segment.created', 'rollcall.segment.filter_changed', 'rollcall.segment.deleted')
      WINDOW of_segment AS (PARTITION BY originator_id)
      ORDER BY originator_id, notification_id DESC) AS newest
WHERE topic <> 'rollcall.segment.deleted' AND position(convert_to(%s::text, 'UTF8') IN state) > 0
ORDER BY segment_no

-- name: move_tracking
-- Each source moves only from where this writer believes it to be. Returns one that is elsewhere, if any is.
WITH asked AS (
    SELECT name, "offset", previous
    FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS t (name, "offset", previous)
), moved AS (
    UPDATE notification_tracking t
    SET notification_id = a."offset"
    FROM asked a
    WHERE t.application_name = a.name AND t.notification_id = a.previous
    RETURNING a.name
), begun AS (
    INSERT INTO notification_tracking (application_name, notification_id)
    SELECT name, "offset"
    FROM asked
    WHERE previous IS NULL
    ON CONFLICT (application_name) DO NOTHING
    RETURNING application_name
)
SELECT name
FROM asked
WHERE name NOT IN (SELECT name FROM moved UNION ALL SELECT application_name FROM begun)
LIMIT 1

-- name: tracked
SELECT notification_id FROM notification_tracking WHERE application_name = %s::text

-- name: erase_rows_by_name
SELECT rollcall.erase_rows_by_name(%b::uuid[], %b::bigint[])

-- name: erase_customers
SELECT rollcall.erase_customers(%b::uuid[], %b::bigint[])
