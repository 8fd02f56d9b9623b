-- name: limit
-- Returns the limit that was in force.
SELECT was.statement_timeout, set_config('statement_timeout', %s, true)
FROM (SELECT current_setting('statement_timeout') AS statement_timeout OFFSET 0) AS was

-- name: restore
SELECT set_config('statement_timeout', %s, true)
