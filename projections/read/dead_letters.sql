-- name: page
SELECT dead_letter_id, topic, partition, record_offset, record_timestamp, key, value, headers, code, message, attempts,
       first_failed_at, published_at
FROM dead_letters
WHERE account_id = %(account_id)s::uuid AND resolved_at IS NULL
  AND (%(before)s::bigint IS NULL OR dead_letter_id < %(before)s::bigint)
ORDER BY dead_letter_id DESC
LIMIT %(limit)s::int

-- name: sizes
SELECT dead_letter_id,
       coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0) + octet_length(headers::text)
FROM dead_letters
WHERE account_id = %(account_id)s::uuid AND resolved_at IS NULL
  AND (%(before)s::bigint IS NULL OR dead_letter_id < %(before)s::bigint)
ORDER BY dead_letter_id DESC
LIMIT %(limit)s::int

-- name: outlines
SELECT dead_letter_id, topic, partition, record_offset, record_timestamp, NULL, NULL, '[]'::jsonb, code, message,
       attempts, first_failed_at, published_at
FROM dead_letters
WHERE account_id = %(account_id)s::uuid AND resolved_at IS NULL
  AND (%(before)s::bigint IS NULL OR dead_letter_id < %(before)s::bigint)
ORDER BY dead_letter_id DESC
LIMIT %(limit)s::int

-- name: count
SELECT count(*) FROM dead_letters WHERE account_id = %s::uuid AND resolved_at IS NULL

-- name: by_id
SELECT dead_letter_id, topic, partition, record_offset, record_timestamp, key, value, headers, code, message, attempts,
       first_failed_at, published_at
FROM dead_letters
WHERE account_id = %(account_id)s::uuid AND dead_letter_id = %(dead_letter_id)s::bigint AND resolved_at IS NULL
