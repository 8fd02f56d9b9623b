-- name: by_id
SELECT customer_no, customer_id, version, created_at, updated_at, attributes::text
FROM customers
WHERE customer_id = %(customer_id)s::uuid AND account_id = %(account_id)s::uuid

-- name: page
SELECT customer_no, customer_id, version, created_at, updated_at, attributes::text
FROM customers
WHERE account_id = %(account_id)s::uuid
  AND (%(before)s::bigint IS NULL OR customer_no < %(before)s::bigint)
ORDER BY customer_no DESC
LIMIT %(limit)s::int

-- name: search
SELECT customer_no, customer_id, version, created_at, updated_at, attributes::text
FROM customers
WHERE account_id = %(account_id)s::uuid
  AND (%(before)s::bigint IS NULL OR customer_no < %(before)s::bigint)
  AND search @@ (to_tsquery('simple', %(words)s) || to_tsquery('simple', %(phones)s))
ORDER BY customer_no DESC
LIMIT %(limit)s::int

-- name: count
SELECT count(*) FROM customers WHERE account_id = %(account_id)s::uuid

-- name: count_search
SELECT count(*)
FROM customers
WHERE account_id = %(account_id)s::uuid
  AND search @@ (to_tsquery('simple', %(words)s) || to_tsquery('simple', %(phones)s))
