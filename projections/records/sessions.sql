-- name: session_of
SELECT account_id, person_id, name, email, by_link, created_at, language
FROM rollcall.reader_of_session(%(token)s::bytea, %(now)s::timestamptz, %(idle)s::interval, %(longest)s::interval)

-- name: sweep_sessions
DELETE FROM sessions WHERE account_id = %(account_id)s::uuid AND expires_at <= %(now)s::timestamptz

-- name: begin
-- The lock makes a replaced password wait for us, and then end this session too; or us wait, and begin none.
INSERT INTO sessions (token_sha256, account_id, person_id, by_link, created_at, seen_at, expires_at)
SELECT %(token)s::bytea, account_id, person_id, %(verified)s::text IS NULL, %(now)s::timestamptz, %(now)s::timestamptz,
       %(expires_at)s::timestamptz
FROM people
WHERE account_id = %(account_id)s::uuid AND person_id = %(person_id)s::uuid
  AND (%(verified)s::text IS NULL OR password_hash = %(verified)s::text)
FOR SHARE

-- name: end
DELETE FROM sessions WHERE account_id = %(account_id)s::uuid AND token_sha256 = %(token)s::bytea

-- name: sweep_links
DELETE FROM sign_in_links WHERE account_id = %(account_id)s::uuid AND expires_at <= %(now)s::timestamptz

-- name: make_link
INSERT INTO sign_in_links (token_sha256, account_id, person_id, expires_at)
VALUES (%(token)s::bytea, %(account_id)s::uuid, %(person_id)s::uuid, %(expires_at)s::timestamptz)

-- name: person_of_link
SELECT rollcall.person_of_link(%(token)s::bytea, %(now)s::timestamptz)

-- name: use_link
SELECT account_id, person_id, chooses_password FROM rollcall.use_sign_in_link(%(token)s::bytea, %(now)s::timestamptz)

-- name: begin_attempt
SELECT rollcall.begin_attempt(%(subject)s::text, %(now)s::timestamptz, %(most)s::int, %(within)s::interval)

-- name: withdraw_attempt
SELECT rollcall.withdraw_attempt(%(subject)s::text, %(at)s::timestamptz, %(most)s::int)

-- name: forgive_attempts
SELECT rollcall.forgive_attempts(%s::text)
