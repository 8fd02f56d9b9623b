-- name: newest
-- The latest joins in the segment's history, by index, reduced to those who are members of this version and match:
-- every member is in some version's history at their joined_at. Fewer than the limit if too many have left again or
-- do not match. DISTINCT because two versions may have the same join: one was built while the other was served.
WITH joins AS MATERIALIZED (
    SELECT h.customer_no, h.at
    FROM segment_versions v
    JOIN segment_versions s ON s.segment_no = v.segment_no AND s.state IN ('serving', 'retired')
    CROSS JOIN LATERAL (SELECT customer_no, at
                        FROM membership_history
                        WHERE version_no = s.version_no AND joined
                          AND (at, customer_no) < (%(joined_at)s::timestamptz, %(customer_no)s::bigint)
                        ORDER BY at DESC, customer_no DESC
                        LIMIT %(window)s::int) AS h
    WHERE v.version_no = %(version_no)s::bigint
    ORDER BY h.at DESC, h.customer_no DESC
    LIMIT %(window)s::int
), newest AS MATERIALIZED (
    SELECT m.customer_no, m.joined_at
    FROM (SELECT DISTINCT customer_no, at FROM joins) AS t
    JOIN members m ON m.version_no = %(version_no)s::bigint AND m.customer_no = t.customer_no AND m.joined_at = t.at
    WHERE %(everyone)s::boolean
       OR EXISTS (SELECT FROM customers c
                  WHERE c.account_id = %(account_id)s::uuid AND c.customer_no = m.customer_no
                    AND c.search @@ (%(words)s::tsquery || %(phones)s::tsquery))
    ORDER BY m.joined_at DESC, m.customer_no DESC
    LIMIT %(limit)s::int
)
SELECT c.customer_no, c.customer_id, c.version, c.created_at, c.updated_at, m.joined_at
FROM newest m
JOIN customers c ON c.account_id = %(account_id)s::uuid AND c.customer_no = m.customer_no
ORDER BY m.joined_at DESC, m.customer_no DESC

-- name: page
-- The page is selected from the members alone; only its customers are looked up.
SELECT c.customer_no, c.customer_id, c.version, c.created_at, c.updated_at, m.joined_at
FROM (SELECT customer_no, joined_at
      FROM members
      WHERE version_no = %(version_no)s::bigint
        AND (%(joined_at)s::timestamptz IS NULL
             OR (joined_at, customer_no) < (%(joined_at)s::timestamptz, %(customer_no)s::bigint))
      ORDER BY joined_at DESC, customer_no DESC
      LIMIT %(limit)s::int) m
JOIN customers c ON c.account_id = %(account_id)s::uuid AND c.customer_no = m.customer_no
ORDER BY m.joined_at DESC, m.customer_no DESC

-- name: search
-- Matches were found by index (as for customers), and are reduced to members; only the page's customers are looked up.
SELECT c.customer_no, c.customer_id, c.version, c.created_at, c.updated_at, m.joined_at
FROM (SELECT m.customer_no, m.joined_at
      FROM unnest(%(matches)s::bigint[]) AS found (customer_no)
      JOIN members m ON m.version_no = %(version_no)s::bigint AND m.customer_no = found.customer_no
      WHERE %(joined_at)s::timestamptz IS NULL
         OR (m.joined_at, m.customer_no) < (%(joined_at)s::timestamptz, %(customer_no)s::bigint)
      ORDER BY m.joined_at DESC, m.customer_no DESC
      LIMIT %(limit)s::int) m
JOIN customers c ON c.account_id = %(account_id)s::uuid AND c.customer_no = m.customer_no
ORDER BY m.joined_at DESC, m.customer_no DESC

-- name: matches
-- The customers who match; no more than one more than are few.
SELECT coalesce(array_agg(customer_no), '{}')
FROM rollcall.customers_found(%(words)s::tsquery || %(phones)s::tsquery, NULL, %(few)s::int + 1)
    AS found (customer_no)

-- name: search_many
-- So many match that testing the members one by one, newest first, soon fills a page.
SELECT c.customer_no, c.customer_id, c.version, c.created_at, c.updated_at, m.joined_at
FROM (SELECT customer_no, joined_at
      FROM members
      WHERE version_no = %(version_no)s::bigint
        AND (%(joined_at)s::timestamptz IS NULL
             OR (joined_at, customer_no) < (%(joined_at)s::timestamptz, %(customer_no)s::bigint))
      ORDER BY joined_at DESC, customer_no DESC
      OFFSET 0) m
CROSS JOIN LATERAL (SELECT *
                    FROM customers c
                    WHERE c.account_id = %(account_id)s::uuid AND c.customer_no = m.customer_no
                    OFFSET 0) c
WHERE c.search @@ (%(words)s::tsquery || %(phones)s::tsquery)
ORDER BY m.joined_at DESC, m.customer_no DESC
LIMIT %(limit)s::int

-- name: count
SELECT count(*) FROM members WHERE version_no = %(version_no)s::bigint AND account_id = %(account_id)s::uuid

-- name: count_search
SELECT count(*)
FROM rollcall.customers_found(%(words)s::tsquery || %(phones)s::tsquery, NULL, NULL)
    AS found (customer_no)
JOIN members m ON m.version_no = %(version_no)s::bigint AND m.customer_no = found.customer_no

-- name: count_among
SELECT count(*)
FROM unnest(%(matches)s::bigint[]) AS found (customer_no)
JOIN members m ON m.version_no = %(version_no)s::bigint AND m.customer_no = found.customer_no

-- name: count_few
-- The members among the first `most` matching customers, and how many those customers are.
SELECT count(m.customer_no), count(*)
FROM rollcall.customers_found(%(words)s::tsquery || %(phones)s::tsquery, NULL, %(most)s::int)
    AS found (customer_no)
LEFT JOIN members m ON m.version_no = %(version_no)s::bigint AND m.customer_no = found.customer_no

-- name: candidates
SELECT c.customer_no, c.customer_id, c.version, c.created_at, c.updated_at
FROM customers c
WHERE c.account_id = %(account_id)s::uuid
  AND (%(before)s::bigint IS NULL OR c.customer_no < %(before)s::bigint)
  AND NOT EXISTS (SELECT FROM members m WHERE m.version_no = %(version_no)s::bigint AND m.customer_no = c.customer_no)
ORDER BY c.customer_no DESC
LIMIT %(limit)s::int

-- name: search_candidates
SELECT c.customer_no, c.customer_id, c.version, c.created_at, c.updated_at
FROM rollcall.candidates_found(%(words)s::tsquery || %(phones)s::tsquery,
                               %(version_no)s::bigint, %(before)s::bigint, %(limit)s::int) AS found (customer_no)
JOIN customers c ON c.account_id = %(account_id)s::uuid AND c.customer_no = found.customer_no
ORDER BY c.customer_no DESC

-- name: count_candidates
SELECT (SELECT count(*) FROM customers WHERE account_id = %(account_id)s::uuid)
     - (SELECT count(*) FROM members WHERE version_no = %(version_no)s::bigint AND account_id = %(account_id)s::uuid)

-- name: count_search_candidates
SELECT count(*)
FROM rollcall.candidates_found(%(words)s::tsquery || %(phones)s::tsquery,
                               %(version_no)s::bigint, NULL, NULL)

-- name: count_few_candidates
SELECT count(*)
FROM rollcall.candidates_found(%(words)s::tsquery || %(phones)s::tsquery,
                               %(version_no)s::bigint, NULL, %(most)s::int)

-- name: count_few_others
SELECT count(*)
FROM (SELECT
      FROM customers c
      WHERE c.account_id = %(account_id)s::uuid
        AND NOT EXISTS (SELECT FROM members m
                        WHERE m.version_no = %(version_no)s::bigint AND m.customer_no = c.customer_no)
      LIMIT %(most)s::int) AS others
