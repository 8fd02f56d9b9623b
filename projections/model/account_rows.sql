-- name: create_account
INSERT INTO accounts (account_id, name, timezone, country, created_at, time_passed_to)
SELECT %(account_id)s, %(name)s, %(timezone)s, %(country)s, instant, instant
FROM (SELECT 'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond' AS instant) AS t

-- name: record_time_passed
UPDATE accounts
SET time_passed_to = 'epoch'::timestamptz + %(until)s::bigint * interval '1 microsecond'
WHERE account_id = %(account_id)s

-- name: create_key
INSERT INTO api_keys (key_id, account_id, name, kind, secret_sha256, created_at)
VALUES (%(key_id)s, %(account_id)s, %(name)s, %(kind)s, %(secret_sha256)s,
        'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond')

-- name: revoke_key
DELETE FROM api_keys WHERE key_id = %(key_id)s

-- name: declare_attribute
INSERT INTO attributes (account_id, key, type, label)
VALUES (%(account_id)s, %(key)s, %(type)s, %(label)s)
ON CONFLICT (account_id, key) DO UPDATE SET label = excluded.label
