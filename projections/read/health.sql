-- name: running_imports
SELECT i.import_id, i.segment_id, s.name, i.file_name, i.rows_done, i.percent, i.started_at
FROM imports i
LEFT JOIN segments s ON s.segment_id = i.segment_id AND s.account_id = %(account_id)s::uuid
WHERE i.account_id = %(account_id)s::uuid AND i.state = 'running'
ORDER BY i.started_at

-- name: pending_segments
SELECT s.segment_id, s.name, s.failure, v.began_at
FROM segments s
LEFT JOIN segment_versions v ON v.version_no = s.building
WHERE s.account_id = %(account_id)s::uuid AND (s.failure IS NOT NULL OR s.building IS NOT NULL)
ORDER BY s.failure IS NULL, s.segment_no DESC
LIMIT %(limit)s::int

-- name: timed_filters
-- Only operators of days, hours and periods depend on time; a false match costs one evaluation.
SELECT v.version_no, v.filter::text
FROM segment_versions v
JOIN segments s ON s.account_id = v.account_id AND s.segment_no = v.segment_no
WHERE v.account_id = %(account_id)s::uuid AND v.version_no IN (s.serving, s.building) AND s.failure IS NULL
  AND v.filter::text ~ '_(days|hours|period)'
