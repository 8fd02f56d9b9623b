-- name: load_filled
SELECT account_id, key, customers, many_values FROM attribute_fill WHERE shard_of(account_id) = ANY (%(shards)s::int[])

-- name: load_values
SELECT account_id, key, value, customers FROM attribute_values WHERE shard_of(account_id) = ANY (%(shards)s::int[])

-- name: put_filled
INSERT INTO attribute_fill (account_id, key, customers, many_values)
SELECT * FROM unnest(%b::uuid[], %b::text[], %b::bigint[], %b::boolean[])
ON CONFLICT (account_id, key) DO UPDATE SET customers = excluded.customers, many_values = excluded.many_values

-- name: delete_filled
DELETE FROM attribute_fill f
USING unnest(%b::uuid[], %b::text[]) AS t (account_id, key)
WHERE f.account_id = t.account_id AND f.key = t.key

-- name: put_values
INSERT INTO attribute_values (account_id, key, value, customers)
SELECT * FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::bigint[])
ON CONFLICT (account_id, key, value) DO UPDATE SET customers = excluded.customers

-- name: delete_values
DELETE FROM attribute_values v
USING unnest(%b::uuid[], %b::text[], %b::text[]) AS t (account_id, key, value)
WHERE v.account_id = t.account_id AND v.key = t.key AND v.value = t.value

-- name: delete_many
DELETE FROM attribute_values v
USING unnest(%b::uuid[], %b::text[]) AS t (account_id, key)
WHERE v.account_id = t.account_id AND v.key = t.key
