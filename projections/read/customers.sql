-- name: by_ids
SELECT customer_no, customer_id, version, created_at, updated_at,
       CASE WHEN EXISTS (SELECT FROM computed_attributes WHERE account_id = %(account_id)s::uuid)
            THEN with_computed(account_id, customer_no, attributes) ELSE attributes END::text
FROM customers
WHERE customer_id = ANY (%(customer_ids)s::uuid[]) AND account_id = %(account_id)s::uuid
ORDER BY array_position(%(customer_ids)s::uuid[], customer_id)

-- name: page
SELECT customer_no, customer_id, version, created_at, updated_at
FROM customers
WHERE account_id = %(account_id)s::uuid
  AND (%(before)s::bigint IS NULL OR customer_no < %(before)s::bigint)
ORDER BY customer_no DESC
LIMIT %(limit)s::int

-- name: search
SELECT c.customer_no, c.customer_id, c.version, c.created_at, c.updated_at
FROM rollcall.customers_found(%(words)s::tsquery || %(phones)s::tsquery,
                              %(before)s::bigint, %(limit)s::int) AS found (customer_no)
JOIN customers c ON c.account_id = %(account_id)s::uuid AND c.customer_no = found.customer_no
ORDER BY c.customer_no DESC

-- name: count
SELECT count(*) FROM customers WHERE account_id = %(account_id)s::uuid

-- name: count_search
SELECT count(*)
FROM rollcall.customers_found(%(words)s::tsquery || %(phones)s::tsquery, NULL, NULL)

-- name: attributes
-- The attributes of these customers in order, up to the one that fills a page. The size of what is stored as it is costs
-- nothing to know; what is compressed has to be unpacked.
WITH RECURSIVE fitting (place, total) AS (
    SELECT 0, 0::bigint
    UNION ALL
    SELECT f.place + 1,
           f.total + coalesce((SELECT CASE WHEN pg_column_compression(c.attributes) IS NULL
                                           THEN pg_column_size(c.attributes)
                                           ELSE octet_length(c.attributes::text) END
                               FROM customers c
                               WHERE c.account_id = %(account_id)s::uuid
                                 AND c.customer_no = (%(numbers)s::bigint[])[f.place + 1]), 0)
    FROM fitting f
    WHERE f.place < cardinality(%(numbers)s::bigint[]) AND f.total < %(most)s::bigint
)
SELECT CASE WHEN EXISTS (SELECT FROM computed_attributes WHERE account_id = %(account_id)s::uuid)
            THEN with_computed(c.account_id, c.customer_no, c.attributes) ELSE c.attributes END::text
FROM unnest((%(numbers)s::bigint[])[:(SELECT max(place) FROM fitting)]) WITH ORDINALITY AS t (customer_no, place)
LEFT JOIN customers c ON c.account_id = %(account_id)s::uuid AND c.customer_no = t.customer_no
ORDER BY t.place

-- name: chosen
SELECT customer_no,
       CASE WHEN %(needs_all)s::boolean THEN attributes
            ELSE (SELECT coalesce(jsonb_object_agg(key, attributes->key), '{}')
                  FROM unnest(%(keys)s::text[]) AS k (key)
                  WHERE attributes ? key) END::text,
       created_at, updated_at
FROM (SELECT customer_no, created_at, updated_at,
             CASE WHEN EXISTS (SELECT FROM computed_attributes WHERE account_id = %(account_id)s::uuid)
                  THEN with_computed(account_id, customer_no, attributes) ELSE attributes END AS attributes
      FROM customers
      WHERE account_id = %(account_id)s::uuid AND customer_no = ANY (%(numbers)s::bigint[])
      OFFSET 0) AS c
