-- name: position
SELECT position, effective_at FROM projection

-- name: next_events
SELECT notification_id, effective_at, topic, state, originator_id, originator_version
FROM stored_events
WHERE notification_id > %(after)s::bigint AND (%(stop)s::bigint IS NULL OR notification_id <= %(stop)s::bigint)
ORDER BY notification_id
LIMIT %(limit)s

-- name: move_position
UPDATE projection
SET position = %(position)s, effective_at = 'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond'
WHERE position = %(before)s
