-- name: by_id
SELECT s.segment_no, s.segment_id, s.name, s.description, s.type, s.filter::text, s.version, s.created_at,
       s.updated_at, s.serving, s.building, s.failure, coalesce(v.members, 0), s.label_ids,
       s.archived
FROM segments s
LEFT JOIN segment_versions v ON v.version_no = s.serving
WHERE s.segment_id = %(segment_id)s::uuid AND s.account_id = %(account_id)s::uuid

-- name: page
SELECT s.segment_no, s.segment_id, s.name, s.description, s.type, s.filter::text, s.version, s.created_at,
       s.updated_at, s.serving, s.building, s.failure, coalesce(v.members, 0), s.label_ids,
       s.archived
FROM segments s
LEFT JOIN segment_versions v ON v.version_no = s.serving
WHERE s.account_id = %(account_id)s::uuid AND NOT s.archived
  AND (%(name)s::text IS NULL OR strpos(s.folded_name, %(name)s::text) > 0)
  AND (%(type)s::text IS NULL OR s.type = %(type)s::text)
  AND (%(before)s::bigint IS NULL OR s.segment_no < %(before)s::bigint)
ORDER BY s.segment_no DESC
LIMIT %(limit)s::int

-- name: count
SELECT count(*)
FROM segments s
WHERE s.account_id = %(account_id)s::uuid AND NOT s.archived
  AND (%(name)s::text IS NULL OR strpos(s.folded_name, %(name)s::text) > 0)
  AND (%(type)s::text IS NULL OR s.type = %(type)s::text)

-- name: of_customer
-- By way of the customer's history, whose key begins with the customer: a step for each version, however often they
-- joined and left it. The last entry of the version that is served says whether they are a member. Who stayed when
-- the filter was edited has none, but one of a version before it: only then the members are asked. One row without a
-- segment where the customer is in none.
WITH RECURSIVE customer AS (
    SELECT customer_no
    FROM customers
    WHERE account_id = %(account_id)s::uuid AND customer_id = ANY (%(customer_ids)s::uuid[])
    ORDER BY array_position(%(customer_ids)s::uuid[], customer_id)
    LIMIT 1
), entries AS (
    (SELECT version_no, joined, at
     FROM membership_history
     WHERE customer_no = (SELECT customer_no FROM customer)
     ORDER BY version_no DESC, position DESC, at DESC
     LIMIT 1)
    UNION ALL
    SELECT h.version_no, h.joined, h.at
    FROM entries e
    CROSS JOIN LATERAL (SELECT version_no, joined, at
                        FROM membership_history
                        WHERE customer_no = (SELECT customer_no FROM customer) AND version_no < e.version_no
                        ORDER BY version_no DESC, position DESC, at DESC
                        LIMIT 1) AS h
), last_entries AS (
    SELECT DISTINCT ON (v.segment_no) v.segment_no, e.joined, e.at, v.state = 'serving' AS is_served
    FROM entries e
    JOIN segment_versions v USING (version_no)
    ORDER BY v.segment_no, is_served DESC
)
SELECT s.segment_no, s.segment_id, s.name, s.description, s.type, s.filter::text, s.version, s.created_at,
       s.updated_at, s.serving, s.building, s.failure, coalesce(v.members, 0), s.label_ids,
       s.archived, s.joined_at
FROM customer
LEFT JOIN (
    SELECT s.*, CASE WHEN e.is_served THEN e.at ELSE m.joined_at END AS joined_at
    FROM last_entries e
    JOIN segments s ON s.account_id = %(account_id)s::uuid AND s.segment_no = e.segment_no
    LEFT JOIN LATERAL (SELECT joined_at
                       FROM members
                       WHERE NOT e.is_served AND version_no = s.serving
                         AND customer_no = (SELECT customer_no FROM customer)
                       LIMIT 1) AS m ON true
    WHERE CASE WHEN e.is_served THEN e.joined ELSE m.joined_at IS NOT NULL END
      AND (%(before)s::bigint IS NULL OR s.segment_no < %(before)s::bigint)
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
-- Or that ask about a property of this name.
SELECT name, filter::text
FROM segments
WHERE account_id = %(account_id)s::uuid
  AND jsonb_path_exists(filter::jsonb, '$.**.attribute ? (@ == $key)', jsonb_build_object('key', %(attribute)s::text))
ORDER BY segment_no

-- name: names_referring_to
-- The segments whose filter refers to a segment by its id.
SELECT s.name
FROM segment_uses u
JOIN segments s ON s.account_id = u.account_id AND s.segment_no = u.segment_no
WHERE u.account_id = %(account_id)s::uuid AND u.used_id = %(segment_id)s::text
ORDER BY s.segment_no

-- name: by_ids
SELECT s.segment_no, s.segment_id, s.name, s.description, s.type, s.filter::text, s.version, s.created_at,
       s.updated_at, s.serving, s.building, s.failure, coalesce(v.members, 0), s.label_ids,
       s.archived
FROM segments s
LEFT JOIN segment_versions v ON v.version_no = s.serving
WHERE s.segment_id = ANY (%(segment_ids)s::uuid[]) AND s.account_id = %(account_id)s::uuid

-- name: names_of
SELECT segment_id::text, name
FROM segments
WHERE segment_id = ANY (%(segment_ids)s::uuid[]) AND account_id = %(account_id)s::uuid

-- name: mentioned
-- The segments with one of these ids or, folded, one of these names, which an archived one no longer answers to; of one
-- name the newest.
SELECT segment_id::text, name
FROM segments
WHERE account_id = %(account_id)s::uuid
  AND (segment_id = ANY (%(segment_ids)s::uuid[]) OR NOT archived AND folded_name = ANY (%(names)s::text[]))
ORDER BY segment_no DESC

-- name: users_by_attribute
-- How many segments' filters have a condition on each attribute, and which: some of them, newest first.
-- Node by node, as what is asked about properties of activities names no attributes.
WITH RECURSIVE nodes AS (
    SELECT segment_no, segment_id, name, filter::jsonb AS node
    FROM segments
    WHERE account_id = %(account_id)s::uuid AND filter IS NOT NULL
    UNION ALL
    SELECT n.segment_no, n.segment_id, n.name, inside.node
    FROM nodes n
    CROSS JOIN LATERAL (SELECT node
                        FROM jsonb_array_elements(CASE jsonb_typeof(n.node) WHEN 'array' THEN n.node ELSE '[]' END)
                            AS t (node)
                        UNION ALL
                        SELECT n.node->word
                        FROM unnest(ARRAY['all', 'any', 'not']) AS t (word)
                        WHERE jsonb_typeof(n.node) = 'object' AND n.node ? word) AS inside
)
SELECT key, count(*), (array_agg(segment_id ORDER BY segment_no DESC))[:%(most)s::int],
       (array_agg(name ORDER BY segment_no DESC))[:%(most)s::int]
FROM (SELECT DISTINCT segment_no, segment_id, name, node->>'attribute' AS key
      FROM nodes
      WHERE jsonb_typeof(node) = 'object' AND node ? 'attribute') AS t
GROUP BY key
