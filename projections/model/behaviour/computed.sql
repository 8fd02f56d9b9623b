-- name: declare
INSERT INTO computed_attributes (account_id, key, definition, measure, since)
VALUES (%(account_id)s, %(key)s, %(definition)s::json, %(measure)s, %(since)s)
ON CONFLICT (account_id, key) DO UPDATE
SET definition = excluded.definition, measure = excluded.measure, since = excluded.since

-- name: serve
UPDATE computed_attributes
SET serving = measure, value = %(value)s, facts = %(facts)s, longest = %(longest)s::bigint * interval '1 microsecond'
WHERE account_id = %(account_id)s AND key = %(key)s

-- name: move
UPDATE computed_attributes
SET after = {after}, until = {until}
WHERE account_id = {account} AND key = {key}

-- name: remove
WITH gone AS (
    DELETE FROM computed_attributes WHERE account_id = %(account_id)s AND key = %(key)s
)
DELETE FROM attributes WHERE account_id = %(account_id)s AND key = %(key)s
