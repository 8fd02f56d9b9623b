-- name: by_id
SELECT s.segment_no, s.segment_id, s.name, s.description, s.type, s.filter::text, s.version, s.created_at,
       s.updated_at, s.serving, s.building, s.failure, coalesce(v.members, 0)
FROM segments s
LEFT JOIN segment_versions v ON v.version_no = s.serving
WHERE s.segment_id = %(segment_id)s::uuid AND s.account_id = %(account_id)s::uuid

-- name: page
SELECT s.segment_no, s.segment_id, s.name, s.description, s.type, s.filter::text, s.version, s.created_at,
       s.updated_at, s.serving, s.building, s.failure, coalesce(v.members, 0)
FROM segments s
LEFT JOIN segment_versions v ON v.version_no = s.serving
WHERE s.account_id = %(account_id)s::uuid
  AND (%(name)s::text IS NULL OR strpos(s.folded_name, %(name)s::text) > 0)
  AND (%(type)s::text IS NULL OR s.type = %(type)s::text)
  AND (%(before)s::bigint IS NULL OR s.segment_no < %(before)s::bigint)
ORDER BY s.segment_no DESC
LIMIT %(limit)s::int

-- name: count
SELECT count(*)
FROM segments s
WHERE s.account_id = %(account_id)s::uuid
  AND (%(name)s::text IS NULL OR strpos(s.folded_name, %(name)s::text) > 0)
  AND (%(type)s::text IS NULL OR s.type = %(type)s::text)

-- name: of_customer
-- From a customer to their segments by way of their history, whose key begins with the customer: who is in a version has
-- an entry of it, or of a version of the same segment before it. One step for each version, however often the customer
-- joined and left it; then one probe of the members that are served for each segment. One row without a segment where
-- the customer is in none.
WITH RECURSIVE customer AS (
    SELECT customer_no
    FROM customers
    WHERE account_id = %(account_id)s::uuid AND customer_id = ANY (%(customer_ids)s::uuid[])
    ORDER BY array_position(%(customer_ids)s::uuid[], customer_id)
    LIMIT 1
), been_in (version_no) AS (
    (SELECT version_no
     FROM membership_history
     WHERE customer_no = (SELECT customer_no FROM customer)
     ORDER BY version_no
     LIMIT 1)
    UNION ALL
    SELECT (SELECT h.version_no
            FROM membership_history h
            WHERE h.customer_no = (SELECT customer_no FROM customer) AND h.version_no > b.version_no
            ORDER BY h.version_no
            LIMIT 1)
    FROM been_in b
    WHERE b.version_no IS NOT NULL
)
SELECT s.segment_no, s.segment_id, s.name, s.description, s.type, s.filter::text, s.version, s.created_at,
       s.updated_at, s.serving, s.building, s.failure, coalesce(v.members, 0), s.joined_at
FROM customer
LEFT JOIN (
    SELECT s.*, m.joined_at
    FROM (SELECT DISTINCT v.segment_no FROM been_in JOIN segment_versions v USING (version_no)) AS b
    JOIN segments s ON s.account_id = %(account_id)s::uuid AND s.segment_no = b.segment_no
    CROSS JOIN LATERAL (SELECT joined_at
                        FROM members
                        WHERE version_no = s.serving AND customer_no = (SELECT customer_no FROM customer)
                        LIMIT 1) AS m
    WHERE %(before)s::bigint IS NULL OR s.segment_no < %(before)s::bigint
) AS s ON true
LEFT JOIN segment_versions v ON v.version_no = s.serving
ORDER BY s.segment_no DESC
LIMIT %(limit)s::int

-- name: count_of_customer
SELECT count(*)
FROM segments s
JOIN members m ON m.version_no = s.serving
    AND m.customer_no = (SELECT customer_no
                         FROM customers
                         WHERE account_id = %(account_id)s::uuid AND customer_id = ANY (%(customer_ids)s::uuid[])
                         ORDER BY array_position(%(customer_ids)s::uuid[], customer_id)
                         LIMIT 1)
WHERE s.account_id = %(account_id)s::uuid

-- name: names_using_attribute
SELECT name
FROM segments
WHERE account_id = %(account_id)s::uuid
  AND jsonb_path_exists(filter::jsonb, '$.**.attribute ? (@ == $key)', jsonb_build_object('key', %(attribute)s::text))
ORDER BY segment_no

-- name: names_referring_to
-- The segments whose filter refers to a segment by its id.
SELECT name
FROM segments
WHERE account_id = %(account_id)s::uuid
  AND jsonb_path_exists(filter::jsonb, '$.** ? (@.attribute == "segment").value[*] ? (@ == $id)',
                        jsonb_build_object('id', %(segment_id)s::text))
ORDER BY segment_no

-- name: by_ids
SELECT s.segment_no, s.segment_id, s.name, s.description, s.type, s.filter::text, s.version, s.created_at,
       s.updated_at, s.serving, s.building, s.failure, coalesce(v.members, 0)
FROM segments s
LEFT JOIN segment_versions v ON v.version_no = s.serving
WHERE s.segment_id = ANY (%(segment_ids)s::uuid[]) AND s.account_id = %(account_id)s::uuid

-- name: names_of
SELECT segment_id::text, name
FROM segments
WHERE segment_id = ANY (%(segment_ids)s::uuid[]) AND account_id = %(account_id)s::uuid

-- name: counts_by_attribute
-- How many segments' filters have a condition on each attribute.
SELECT key, count(*)
FROM (SELECT DISTINCT s.segment_no, attribute #>> '{}' AS key
      FROM segments s
      CROSS JOIN LATERAL jsonb_path_query(s.filter::jsonb, '$.**.attribute') AS attribute
      WHERE s.account_id = %(account_id)s::uuid) AS t
GROUP BY key

-- name: all_names
SELECT segment_id, name FROM segments WHERE account_id = %s::uuid ORDER BY folded_name, segment_no
