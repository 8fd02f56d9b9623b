-- name: hold_model
SELECT pg_advisory_xact_lock(%s)

-- name: model_and_token
-- Which read model the table names lead to, and which worker may write it.
SELECT 'projection'::regclass::oid::bigint, token FROM worker_lease
