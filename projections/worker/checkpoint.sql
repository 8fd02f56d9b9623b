-- name: tables
SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r' ORDER BY relname

-- name: definition
SELECT obj_description(to_regnamespace(%s), 'pg_namespace')

-- name: position
SELECT least((SELECT min(position) FROM {schema}.shards), (SELECT min(position) FROM {schema}.lagging_accounts))
