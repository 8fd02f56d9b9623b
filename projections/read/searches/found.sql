-- name: words
-- Quoted as one: what is typed never becomes a part of a statement.
({}::tsquery || {}::tsquery)

-- name: by_words
SELECT customer_no FROM rollcall.customers_found({words}, {before}, {size}) AS found (customer_no)

-- name: by_id
-- What is typed looks like an id of ours, and may be an external id.
SELECT customer_no
FROM (SELECT customer_no FROM rollcall.customers_found({words}, {before}, {size}) AS found (customer_no)
      UNION
      SELECT customer_no
      FROM customers
      WHERE account_id = {account} AND customer_id = {id}
        AND ({before}::bigint IS NULL OR customer_no < {before}::bigint)) AS found
ORDER BY customer_no DESC
LIMIT {size}

-- name: by_member
SELECT customer_no
FROM members
WHERE version_no = {version} AND account_id = {account} AND ({before}::bigint IS NULL OR customer_no < {before}::bigint)
ORDER BY customer_no DESC
LIMIT {size}

-- name: by_number
SELECT customer_no
FROM customers
WHERE account_id = {account} AND ({before}::bigint IS NULL OR customer_no < {before}::bigint)
ORDER BY customer_no DESC
LIMIT {size}

-- name: has_words
c.search @@ {words}

-- name: is_member
EXISTS (SELECT FROM members m WHERE m.version_no = {version} AND m.customer_no = c.customer_no)

-- name: is_no_member
NOT EXISTS (SELECT FROM members m WHERE m.version_no = {version} AND m.customer_no = c.customer_no)

-- name: are_few
SELECT count(*) <= {few}::int FROM rollcall.customers_found({words}, NULL, {few}::int + 1)

-- name: look_among
-- The newest matches among the candidates, and the last candidate unless there are no more.
WITH candidates AS MATERIALIZED ({candidates}), matching AS (
    SELECT c.customer_no
    FROM candidates n
    JOIN customers c ON c.account_id = {account} AND c.customer_no = n.customer_no
    WHERE {rest}
    ORDER BY c.customer_no DESC
    LIMIT {limit}
)
SELECT (SELECT coalesce(array_agg(customer_no ORDER BY customer_no DESC), '{{}}') FROM matching),
       CASE WHEN count(*) = {size}::int THEN min(customer_no) END
FROM candidates

-- name: look_at_customers
-- The same, where the candidates are the next customers. (Under row-level security, only a bare comparison becomes a
-- condition of the index.)
WITH last_one AS MATERIALIZED (
    SELECT CASE WHEN count(*) = {size}::int THEN min(customer_no) ELSE 0 END AS customer_no FROM ({candidates}) AS n
), matching AS (
    SELECT c.customer_no
    FROM customers c
    WHERE c.account_id = {account} AND ({before}::bigint IS NULL OR c.customer_no < {before}::bigint)
      AND c.customer_no >= (SELECT customer_no FROM last_one) AND {rest}
    ORDER BY c.customer_no DESC
    LIMIT {limit}
)
SELECT (SELECT coalesce(array_agg(customer_no ORDER BY customer_no DESC), '{{}}') FROM matching),
       (SELECT nullif(customer_no, 0) FROM last_one)

-- name: look_at_all
-- The same among all the others: hardly any of the newer ones matched, so it is one scan, put in order afterwards.
WITH matching AS MATERIALIZED (
    SELECT c.customer_no
    FROM customers c
    WHERE c.account_id = {account} AND ({before}::bigint IS NULL OR c.customer_no < {before}::bigint) AND {rest}
)
SELECT coalesce((array_agg(customer_no ORDER BY customer_no DESC))[:{limit}], '{{}}'), NULL FROM matching

-- name: count_candidates
SELECT count(*) FROM ({candidates}) AS candidates

-- name: count_customers
SELECT count(*) FROM customers c WHERE c.account_id = {account} AND {rest}

-- name: count_among
SELECT count(*)
FROM ({candidates}) AS n
JOIN customers c ON c.account_id = {account} AND c.customer_no = n.customer_no
WHERE {rest}

-- name: all_candidates
-- Everybody who matches, oldest first, read bit by bit; beside them no instant of joining.
SELECT customer_no, NULL::timestamptz FROM ({candidates}) AS candidates ORDER BY customer_no

-- name: all_customers
SELECT c.customer_no, NULL::timestamptz
FROM customers c
WHERE c.account_id = {account} AND {rest}
ORDER BY c.customer_no

-- name: all_among
SELECT c.customer_no, NULL::timestamptz
FROM ({candidates}) AS n
JOIN customers c ON c.account_id = {account} AND c.customer_no = n.customer_no
WHERE {rest}
ORDER BY c.customer_no

-- name: rows
SELECT c.customer_no, c.customer_id, c.version, c.created_at, c.updated_at
FROM unnest(%(numbers)s::bigint[]) WITH ORDINALITY AS n (customer_no, place)
JOIN customers c ON c.account_id = %(account_id)s::uuid AND c.customer_no = n.customer_no
ORDER BY n.place
