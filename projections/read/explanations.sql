-- name: customer
SELECT customer_no, attributes::text, folded::text, updated_at
FROM customers
WHERE customer_id = %(customer_id)s::uuid AND account_id = %(account_id)s::uuid

-- name: joined
SELECT joined_at FROM members WHERE version_no = %(version_no)s::bigint AND customer_no = %(customer_no)s::bigint

-- name: filter
SELECT filter::text FROM segment_versions WHERE version_no = %(version_no)s::bigint

-- name: events
SELECT notification_id, topic, convert_from(state, 'UTF8')
FROM stored_events
WHERE notification_id = ANY (%(positions)s::bigint[]) AND account_id = %(account_id)s::uuid

-- name: segments_of
SELECT s.segment_id::text
FROM segments s
JOIN members m ON m.version_no = s.serving AND m.customer_no = %(customer_no)s::bigint
WHERE s.segment_id::text = ANY (%(segment_ids)s::text[]) AND s.account_id = %(account_id)s::uuid
