-- name: lease
SELECT pg_try_advisory_xact_lock(7305470, hashtext(%s::text))
