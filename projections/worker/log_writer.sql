-- name: hold_model
SELECT pg_advisory_xact_lock(%s)

-- name: model_oid
-- Which read model the table names lead to.
SELECT 'projection'::regclass::oid::bigint
