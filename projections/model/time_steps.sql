-- name: mark_touched
-- A version being built whose chunk comes later does not evaluate them as of the edit again.
UPDATE customers
SET position = %(position)s
WHERE account_id = %(account_id)s AND customer_no = ANY (%(numbers)s::bigint[]) AND position < %(position)s
