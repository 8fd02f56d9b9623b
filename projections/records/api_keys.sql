-- name: authenticate
SELECT account_id, key_id, kind FROM rollcall.holder_of_key(%s::bytea)

-- name: page
SELECT key_id, name, kind, created_at
FROM api_keys
WHERE account_id = %(account_id)s::uuid
  AND (%(created_at)s::timestamptz IS NULL
       OR (created_at, key_id) < (%(created_at)s::timestamptz, %(key_id)s::text))
ORDER BY created_at DESC, key_id DESC
LIMIT %(limit)s::int

-- name: by_id
SELECT key_id, name, kind, created_at FROM api_keys WHERE account_id = %s::uuid AND key_id = %s

-- name: count
SELECT count(*) FROM api_keys WHERE account_id = %s::uuid
