-- name: load
SELECT customer_no, known_to, amounts FROM amounts WHERE customer_no = ANY (%b::bigint[])

-- name: write
INSERT INTO amounts (account_id, customer_no, known_to, amounts)
SELECT account_id, customer_no, known_to, amounts
FROM unnest(%b::uuid[], %b::bigint[], %b::bigint[], %b::text[]) AS t (account_id, customer_no, known_to, amounts)
ON CONFLICT (customer_no) DO UPDATE SET known_to = excluded.known_to, amounts = excluded.amounts

-- name: remove
DELETE FROM amounts WHERE customer_no = ANY (%s::bigint[])
