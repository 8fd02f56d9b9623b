-- name: sweep
DELETE FROM imports
WHERE import_id IN (SELECT import_id FROM imports
                    WHERE account_id = %(account_id)s::uuid AND state NOT IN ('running', 'checking')
                      AND (started_at < %(expired)s::timestamptz
                           OR state IN ('uploaded', 'checked') AND started_at < %(unstarted)s::timestamptz)
                    ORDER BY started_at LIMIT 10
                    FOR UPDATE SKIP LOCKED)

-- name: begin
INSERT INTO imports (import_id, account_id, segment_id, file_name, started_at, started_by, state, columns,
                     has_header, position)
SELECT %(import_id)s::uuid, %(account_id)s::uuid, %(segment_id)s::uuid, %(file_name)s::text, %(now)s::timestamptz,
       %(by)s::text, %(state)s::text, %(chosen)s::text[], %(has_header)s::boolean, rollcall.log_head()
ON CONFLICT DO NOTHING

-- name: keep_piece
INSERT INTO import_files (import_id, part, account_id, content) VALUES (%s::uuid, %s::int, %s::uuid, %b::bytea)

-- name: by_id
SELECT import_id, segment_id, file_name, state, failure_code, failure, started_at, finished_at, position, percent,
       rows_done, added, already_members, created_customers, duplicates_in_file, blank, invalid, header,
       started_by, columns, opted_out, has_header
FROM imports
WHERE account_id = %(account_id)s::uuid AND import_id = %(import_id)s::uuid

-- name: page
SELECT import_id, segment_id, file_name, state, failure_code, failure, started_at, finished_at, position, percent,
       rows_done, added, already_members, created_customers, duplicates_in_file, blank, invalid, header,
       started_by, columns, opted_out, has_header
FROM imports
WHERE account_id = %(account_id)s::uuid
  AND (%(segment_id)s::uuid IS NULL OR segment_id = %(segment_id)s::uuid)
  AND (%(started_at)s::timestamptz IS NULL
       OR (started_at, import_id) < (%(started_at)s::timestamptz, %(import_id)s::uuid))
ORDER BY started_at DESC, import_id DESC
LIMIT %(limit)s::int

-- name: count
SELECT count(*)
FROM imports
WHERE account_id = %(account_id)s::uuid AND (%(segment_id)s::uuid IS NULL OR segment_id = %(segment_id)s::uuid)

-- name: begin_again
UPDATE imports
SET state = %(to)s::text, columns = coalesce(%(chosen)s::text[], columns),
    has_header = coalesce(%(has_header)s::boolean, has_header), percent = 0, rows_done = 0, added = 0, already_members = 0, created_customers = 0, duplicates_in_file = 0, blank = 0, invalid = 0, opted_out = 0,
    finished_at = NULL
WHERE account_id = %(account_id)s::uuid AND import_id = %(import_id)s::uuid AND state = ANY (%(from)s::text[])

-- name: drop_errors
DELETE FROM import_errors WHERE account_id = %s::uuid AND import_id = %s::uuid

-- name: errors
SELECT row_number, cells, code, message
FROM import_errors
WHERE account_id = %(account_id)s::uuid AND import_id = %(import_id)s::uuid AND row_number > %(after)s::bigint
ORDER BY row_number
LIMIT %(limit)s::int

-- name: running
SELECT account_id, import_id FROM rollcall.running_imports()

-- name: piece
SELECT content FROM import_files WHERE account_id = %s::uuid AND import_id = %s::uuid AND part = %s::int

-- name: fail
WITH failed AS (
    UPDATE imports
    SET state = 'failed', failure_code = %(code)s::text, failure = %(reason)s::text,
        finished_at = %(now)s::timestamptz
    WHERE account_id = %(account_id)s::uuid AND import_id = %(import_id)s::uuid AND state IN ('checking', 'running')
    RETURNING import_id
), dropped AS (
    DELETE FROM import_erasures e USING failed WHERE e.import_id = failed.import_id
), dropped_names AS (
    DELETE FROM import_erased_names e USING failed WHERE e.import_id = failed.import_id
)
DELETE FROM import_files f USING failed WHERE f.import_id = failed.import_id

-- name: record_step
-- Moves only from where this runner believes the import to be, and only if no customer was erased since it looked.
-- Where no event had to be stored, earlier ones of other writers have the same effect: the position includes them.
UPDATE imports
SET rows_done = rows_done + %(lines)s::bigint,
    added = added + %(added)s::bigint,
    already_members = already_members + %(already_members)s::bigint,
    created_customers = created_customers + %(created_customers)s::bigint,
    duplicates_in_file = duplicates_in_file + %(duplicates_in_file)s::bigint,
    blank = blank + %(blank)s::bigint,
    invalid = invalid + %(invalid)s::bigint,
    percent = %(percent)s::int,
    header = %(header)s::bytea,
    position = coalesce(%(position)s::bigint, rollcall.log_head()),
    opted_out = opted_out + %(opted_out)s::bigint,
    state = CASE WHEN %(finished_at)s::timestamptz IS NULL THEN state ELSE %(ended)s::text END,
    finished_at = %(finished_at)s::timestamptz
WHERE account_id = %(account_id)s::uuid AND import_id = %(import_id)s::uuid
  AND state = %(state)s::text AND rows_done = %(before)s::bigint AND erasures = %(erasures)s::bigint

-- name: keep_errors
INSERT INTO import_errors (account_id, import_id, row_number, cells, code, message, numbers)
SELECT %s::uuid, %s::uuid, row_number, cells, code, message, string_to_array(numbers, ' ')
FROM unnest(%b::bigint[], %b::bytea[], %b::text[], %b::text[], %b::text[])
    AS t (row_number, cells, code, message, numbers)
WHERE NOT EXISTS (SELECT FROM import_erased_names e
                  WHERE e.import_id = %s::uuid AND rollcall.row_holds_name(cells, ARRAY[e.name]))

-- name: erasures
SELECT erasures FROM imports WHERE account_id = %s::uuid AND import_id = %s::uuid

-- name: erased_phones
SELECT phone FROM import_erasures WHERE account_id = %s::uuid AND import_id = %s::uuid AND phone = ANY (%b::text[])

-- name: drop_erasures
DELETE FROM import_erasures WHERE account_id = %s::uuid AND import_id = %s::uuid

-- name: drop_erased_names
DELETE FROM import_erased_names WHERE account_id = %s::uuid AND import_id = %s::uuid

-- name: drop_file
DELETE FROM import_files WHERE account_id = %s::uuid AND import_id = %s::uuid
