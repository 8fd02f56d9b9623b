-- name: sweep
DELETE FROM jobs
WHERE job_id IN (SELECT job_id FROM jobs
                 WHERE account_id = %(account_id)s::uuid AND started_at < %(expired)s::timestamptz
                   AND state <> 'running'
                 ORDER BY started_at LIMIT 10
                 FOR UPDATE SKIP LOCKED)

-- name: begin
INSERT INTO jobs (job_id, account_id, action, segment_id, attribute, value, takes_back, wanted, started_by, started_at,
                  position)
SELECT %(job_id)s::uuid, %(account_id)s::uuid, %(action)s::text, %(segment_id)s::uuid, %(attribute)s::text,
       %(value)s::text, %(takes_back)s::uuid, %(wanted)s::bytea, %(by)s::text, %(now)s::timestamptz,
       coalesce(%(position)s::bigint, rollcall.log_head())
ON CONFLICT DO NOTHING

-- name: by_id
SELECT job_id, action, segment_id, attribute, value, takes_back, wanted, started_by, state, failure_code, failure,
       started_at, finished_at, position, parts, parts_done, total, changed, unchanged, not_found, refused
FROM jobs
WHERE account_id = %s::uuid AND job_id = %s::uuid

-- name: page
SELECT job_id, action, segment_id, attribute, value, takes_back, wanted, started_by, state, failure_code, failure,
       started_at, finished_at, position, parts, parts_done, total, changed, unchanged, not_found, refused
FROM jobs
WHERE account_id = %(account_id)s::uuid
  AND (%(segment_id)s::uuid IS NULL OR segment_id = %(segment_id)s::uuid)
  AND (NOT %(running)s::boolean OR state = 'running')
  AND (%(started_at)s::timestamptz IS NULL
       OR (started_at, job_id) < (%(started_at)s::timestamptz, %(job_id)s::uuid))
ORDER BY started_at DESC, job_id DESC
LIMIT %(limit)s::int

-- name: count
SELECT count(*)
FROM jobs
WHERE account_id = %(account_id)s::uuid AND (%(segment_id)s::uuid IS NULL OR segment_id = %(segment_id)s::uuid)

-- name: running
SELECT account_id, job_id FROM rollcall.running_jobs()

-- name: lock
SELECT FROM jobs
WHERE account_id = %s::uuid AND job_id = %s::uuid AND state = 'running' AND parts IS NULL
FOR UPDATE

-- name: keep_part
INSERT INTO job_parts (job_id, part, account_id, customer_ids) VALUES (%s::uuid, %s::int, %s::uuid, %b::uuid[])

-- name: found
UPDATE jobs
SET parts = %(parts)s::int, total = %(total)s::bigint, position = %(position)s::bigint, wanted = NULL
WHERE account_id = %(account_id)s::uuid AND job_id = %(job_id)s::uuid

-- name: part
SELECT customer_ids FROM job_parts WHERE account_id = %s::uuid AND job_id = %s::uuid AND part = %s::int

-- name: finish_empty
UPDATE jobs
SET state = 'done', finished_at = %(now)s::timestamptz
WHERE account_id = %(account_id)s::uuid AND job_id = %(job_id)s::uuid AND state = 'running' AND parts = 0

-- name: end
WITH ended AS (
    UPDATE jobs
    SET state = %(state)s::text, failure_code = %(code)s::text, failure = %(reason)s::text, wanted = NULL,
        finished_at = %(now)s::timestamptz
    WHERE account_id = %(account_id)s::uuid AND job_id = %(job_id)s::uuid AND state = 'running'
    RETURNING job_id
)
DELETE FROM job_parts p USING ended WHERE p.job_id = ended.job_id

-- name: record_step
-- Moves only from where this runner believes the job to be. Where no event had to be stored, earlier ones of other
-- writers have the same effect: the position includes them.
UPDATE jobs
SET parts_done = parts_done + 1,
    changed = changed + %(changed)s::bigint,
    unchanged = unchanged + %(unchanged)s::bigint,
    not_found = not_found + %(not_found)s::bigint,
    refused = refused + %(refused)s::bigint,
    position = coalesce(%(position)s::bigint, rollcall.log_head()),
    state = CASE WHEN %(finished_at)s::timestamptz IS NULL THEN 'running' ELSE 'done' END,
    finished_at = %(finished_at)s::timestamptz
WHERE account_id = %(account_id)s::uuid AND job_id = %(job_id)s::uuid
  AND state = 'running' AND parts_done = %(part)s::int

-- name: drop_parts
DELETE FROM job_parts WHERE account_id = %s::uuid AND job_id = %s::uuid
