-- name: change
UPDATE accounts SET kept_days = %(days)s::int, kept_since = %(since)s::bigint WHERE account_id = %(account_id)s::uuid

-- name: remove_all
DELETE FROM activities
WHERE account_id = %(account_id)s::uuid
  AND time <= 'epoch'::timestamptz + %(before)s::bigint * interval '1 microsecond'

-- name: remove_old
-- Of the next customers; the last of them, NULL where there is none.
WITH next AS MATERIALIZED (
    SELECT customer_no
    FROM customers
    WHERE account_id = %(account_id)s::uuid AND customer_no > %(after)s::bigint
    ORDER BY customer_no
    LIMIT %(size)s::int
), gone AS (
    DELETE FROM activities a
    USING next n
    WHERE a.customer_no = n.customer_no
      AND a.time <= 'epoch'::timestamptz + %(before)s::bigint * interval '1 microsecond'
)
SELECT max(customer_no) FROM next
