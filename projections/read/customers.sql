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
SELECT c.customer_no, c.customer_id, c.version, c.created_at, c.updated_at, c.attributes::text
FROM rollcall.customers_found(%(words)s::tsquery || %(phones)s::tsquery,
                              %(before)s::bigint, %(limit)s::int) AS found (customer_no)
JOIN customers c ON c.account_id = %(account_id)s::uuid AND c.customer_no = found.customer_no
ORDER BY c.customer_no DESC

-- name: count
SELECT count(*) FROM customers WHERE account_id = %(account_id)s::uuid

-- name: count_search
SELECT count(*)
FROM rollcall.customers_found(%(words)s::tsquery || %(phones)s::tsquery, NULL, NULL)
