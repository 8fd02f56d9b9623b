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
-- One probe of the primary key of members per segment: there is no index by customer, and none is needed.
SELECT s.segment_no, s.segment_id, s.name, s.description, s.type, s.filter::text, s.version, s.created_at,
       s.updated_at, s.serving, s.building, s.failure, coalesce(v.members, 0), m.joined_at
FROM segments s
JOIN members m ON m.version_no = s.serving AND m.customer_no = %(customer_no)s::bigint
LEFT JOIN segment_versions v ON v.version_no = s.serving
WHERE s.account_id = %(account_id)s::uuid
  AND (%(before)s::bigint IS NULL OR s.segment_no < %(before)s::bigint)
ORDER BY s.segment_no DESC
LIMIT %(limit)s::int

-- name: count_of_customer
SELECT count(*)
FROM segments s
JOIN members m ON m.version_no = s.serving AND m.customer_no = %(customer_no)s::bigint
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
