-- name: insert
INSERT INTO dead_letters (account_id, topic, partition, record_offset, record_timestamp, key, value, headers, code,
                          message, first_failed_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)

-- name: only_relay
-- Whether no other process is publishing. The letters themselves stay unlocked while the broker is waited for: an
-- erasure deletes those about its customer, and holds the log's lock.
SELECT pg_try_advisory_xact_lock(7305471)

-- name: unpublished
SELECT dead_letter_id, topic, partition, record_offset, record_timestamp, key, value, headers, code, message, attempts,
       first_failed_at
FROM dead_letters
WHERE published_at IS NULL AND resolved_at IS NULL
ORDER BY dead_letter_id
LIMIT %s

-- name: mark_published
UPDATE dead_letters SET published_at = %s WHERE dead_letter_id = ANY (%s::bigint[])

-- name: unresolved
SELECT dead_letter_id, topic, partition, record_offset, record_timestamp, key, value, headers, code, message, attempts,
       first_failed_at
FROM dead_letters
WHERE account_id = %s::uuid AND dead_letter_id = %s::bigint AND resolved_at IS NULL

-- name: resolve
UPDATE dead_letters
SET resolved_at = %s, attempts = attempts + 1
WHERE account_id = %s::uuid AND dead_letter_id = %s::bigint AND resolved_at IS NULL

-- name: fail_again
UPDATE dead_letters
SET code = %s, message = %s, attempts = attempts + 1
WHERE account_id = %s::uuid AND dead_letter_id = %s::bigint
RETURNING attempts
