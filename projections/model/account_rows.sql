-- name: create_account
INSERT INTO accounts (account_id, timezone, country, time_passed_to)
VALUES (%(account_id)s, %(timezone)s, %(country)s, 'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond')

-- name: record_time
UPDATE accounts
SET time_passed_to = 'epoch'::timestamptz + %(time_passed_to)s::bigint * interval '1 microsecond',
    passing_until = 'epoch'::timestamptz + %(until)s::bigint * interval '1 microsecond',
    passing_position = %(position)s::bigint,
    passed_to = 'epoch'::timestamptz + %(passed_to)s::bigint * interval '1 microsecond',
    passed_customer_no = %(customer_no)s::bigint
WHERE account_id = %(account_id)s

-- name: declare_attribute
INSERT INTO attributes (account_id, key, type, label)
VALUES (%(account_id)s, %(key)s, %(type)s, %(label)s)
ON CONFLICT (account_id, key) DO UPDATE SET type = excluded.type, label = excluded.label
