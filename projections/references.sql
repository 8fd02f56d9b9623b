-- name: filters
SELECT s.name, s.type, v.version_no, v.filter::text
FROM segments s
JOIN segment_versions v ON v.segment_no = s.segment_no
WHERE s.segment_id = %(segment_id)s::uuid AND s.account_id = %(account_id)s::uuid
ORDER BY v.version_no
