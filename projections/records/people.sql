-- name: list_people
SELECT person_id, name, email, password_hash IS NOT NULL, created_at, language
FROM people
WHERE account_id = %s::uuid
ORDER BY created_at, person_id

-- name: by_id
SELECT person_id, name, email, password_hash IS NOT NULL, created_at, language
FROM people
WHERE account_id = %(account_id)s::uuid AND person_id = %(person_id)s::uuid

-- name: find_by_email
SELECT person_id, name, email, password_hash IS NOT NULL, created_at, language
FROM people
WHERE account_id = %(account_id)s::uuid AND lower(email) = lower(%(email)s::text)

-- name: lock_account
SELECT pg_advisory_xact_lock(hashtextextended('people of ' || %s::text, 0))

-- name: add_owner
INSERT INTO people (person_id, account_id, name, created_at)
SELECT %(person_id)s::uuid, %(account_id)s::uuid, %(name)s::text, %(now)s::timestamptz
WHERE NOT EXISTS (SELECT FROM people WHERE account_id = %(account_id)s::uuid)

-- name: first_person
SELECT person_id FROM people WHERE account_id = %s::uuid ORDER BY created_at, person_id LIMIT 1

-- name: add
INSERT INTO people (person_id, account_id, name, email, created_at)
VALUES (%(person_id)s::uuid, %(account_id)s::uuid, %(name)s::text, %(email)s::text, %(now)s::timestamptz)

-- name: change
UPDATE people
SET name = %(name)s::text, email = %(email)s::text
WHERE account_id = %(account_id)s::uuid AND person_id = %(person_id)s::uuid

-- name: choose_language
UPDATE people
SET language = %(language)s::text
WHERE account_id = %(account_id)s::uuid AND person_id = %(person_id)s::uuid

-- name: remove
DELETE FROM people WHERE account_id = %(account_id)s::uuid AND person_id = %(person_id)s::uuid

-- name: credentials_of
SELECT account_id, person_id, password_hash FROM rollcall.person_of_email(%s::text)

-- name: password_hash
SELECT password_hash FROM people WHERE account_id = %(account_id)s::uuid AND person_id = %(person_id)s::uuid

-- name: set_password
UPDATE people
SET password_hash = %(hashed)s::text
WHERE account_id = %(account_id)s::uuid AND person_id = %(person_id)s::uuid

-- name: end_links
DELETE FROM sign_in_links WHERE account_id = %(account_id)s::uuid AND person_id = %(person_id)s::uuid

-- name: end_other_sessions
DELETE FROM sessions
WHERE account_id = %(account_id)s::uuid AND person_id = %(person_id)s::uuid AND token_sha256 <> %(keep)s::bytea

-- name: rehash
UPDATE people
SET password_hash = %(new)s::text
WHERE account_id = %(account_id)s::uuid AND person_id = %(person_id)s::uuid AND password_hash = %(old)s::text
