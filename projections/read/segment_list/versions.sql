-- name: versions
-- Each with what joined less what left while it counted, and how much of that its own edit caused.
SELECT v.version_no, v.asked::text, v.began_at, v.by, v.state IN ('serving', 'retired'),
       coalesce(d.net, 0)::bigint, coalesce(d.edited, 0)::bigint
FROM segment_versions v
LEFT JOIN LATERAL (
    SELECT sum(joins - leaves) AS net, sum(joins - leaves) FILTER (WHERE by_edit) AS edited
    FROM segment_days
    WHERE version_no = v.version_no AND v.state IN ('serving', 'retired')
      AND (v.superseded_by IS NULL OR beside < v.superseded_by)
) AS d ON true
WHERE v.account_id = %(account_id)s::uuid AND v.segment_no = %(segment_no)s::bigint
ORDER BY v.version_no DESC

-- name: filter_of
SELECT asked::text
FROM segment_versions
WHERE account_id = %(account_id)s::uuid AND segment_no = %(segment_no)s::bigint
  AND version_no = %(version_no)s::bigint AND asked IS NOT NULL

-- name: names_of_actors
SELECT 'person', person_id::text, name
FROM rollcall.people
WHERE account_id = %(account_id)s::uuid AND person_id::text = ANY (%(people)s::text[])
UNION ALL
SELECT 'key', key_id, name
FROM rollcall.api_keys
WHERE account_id = %(account_id)s::uuid AND key_id = ANY (%(keys)s::text[])
