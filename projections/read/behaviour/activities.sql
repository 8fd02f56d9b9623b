-- name: page
SELECT time, position, activity, properties::text
FROM activities
WHERE account_id = %(account_id)s::uuid AND customer_no = %(customer_no)s::bigint
  AND (%(time)s::timestamptz IS NULL OR (time, position) < (%(time)s::timestamptz, %(position)s::bigint))
ORDER BY time DESC, position DESC
LIMIT %(limit)s::int

-- name: count
SELECT count(*)
FROM activities
WHERE account_id = %(account_id)s::uuid AND customer_no = %(customer_no)s::bigint
