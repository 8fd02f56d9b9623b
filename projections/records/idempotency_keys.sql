-- name: sweep
-- A few of the account's expired rows at each request keep the table at a day's worth.
DELETE FROM idempotency_keys
WHERE (account_id, key) IN (SELECT account_id, key
                            FROM idempotency_keys
                            WHERE account_id = %(account_id)s::uuid AND started_at < %(expired)s::timestamptz
                            LIMIT 10
                            FOR UPDATE SKIP LOCKED)

-- name: claim
-- No row comes back where another request holds the key.
INSERT INTO idempotency_keys AS held (account_id, key, request_hash, started_at)
VALUES (%(account_id)s::uuid, %(key)s::text, %(request_hash)s::bytea, %(now)s::timestamptz)
ON CONFLICT (account_id, key) DO UPDATE
SET request_hash = excluded.request_hash, started_at = excluded.started_at,
    status = NULL, headers = NULL, body = NULL
WHERE held.started_at < %(expired)s::timestamptz
   OR (held.status IS NULL AND held.request_hash = excluded.request_hash
       AND held.started_at < %(abandoned)s::timestamptz)
RETURNING true

-- name: earlier
SELECT request_hash, status, headers, body
FROM idempotency_keys
WHERE account_id = %(account_id)s::uuid AND key = %(key)s::text

-- name: complete
UPDATE idempotency_keys
SET status = %(status)s::int, headers = %(headers)s::jsonb, body = %(body)s::bytea
WHERE account_id = %(account_id)s::uuid AND key = %(key)s::text

-- name: forget
DELETE FROM idempotency_keys
WHERE account_id = %(account_id)s::uuid AND key = %(key)s::text AND status IS NULL
