-- name: hold_model
-- Keeps a rebuild from replacing the model, and the other workers from dismissing this one.
SELECT pg_advisory_xact_lock_shared(%(model)s),
       pg_advisory_xact_lock(%(worker)s::int, (%(token)s::bigint %% 2147483647)::int)

-- name: model_and_lease
-- Which read model the table names lead to, and whether the worker was not dismissed. The identity is that of a row's
-- table: a name alone ('shards'::regclass) may be resolved as it was before the lock was waited for.
SELECT tableoid::bigint,
       %(token)s::bigint IS NULL OR EXISTS (SELECT FROM workers WHERE token = %(token)s::bigint)
FROM shards
LIMIT 1
