-- name: running_imports
SELECT import_id, file_name, percent, rows_done
FROM imports
WHERE state = 'running' AND account_id = %(account_id)s::uuid AND segment_id = %(segment_id)s::uuid
ORDER BY started_at, import_id
