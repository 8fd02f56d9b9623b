-- name: country
SELECT country FROM accounts WHERE account_id = %s::uuid

-- name: keys
SELECT key_id, name, kind, created_at
FROM api_keys
WHERE account_id = %(account_id)s::uuid
  AND (%(created_at)s::timestamptz IS NULL
       OR (created_at, key_id) < (%(created_at)s::timestamptz, %(key_id)s::text))
ORDER BY created_at DESC, key_id DESC
LIMIT %(limit)s::int

-- name: count_keys
SELECT count(*) FROM api_keys WHERE account_id = %s::uuid

-- name: attributes
SELECT key, type, label FROM attributes WHERE account_id = %s::uuid ORDER BY key

-- name: wording
SELECT a.timezone, t.key, t.type, t.label
FROM accounts a
LEFT JOIN attributes t USING (account_id)
WHERE a.account_id = %s::uuid

-- name: calendar
SELECT timezone, time_passed_to FROM accounts WHERE account_id = %s::uuid

-- name: key
SELECT key_id, name, kind, created_at FROM api_keys WHERE account_id = %s::uuid AND key_id = %s
