-- name: of_person
SELECT segment_id
FROM rollcall.favourite_segments
WHERE account_id = %(account_id)s::uuid AND person_id = %(person_id)s::uuid
ORDER BY segment_id
LIMIT %(most)s::int

-- name: add
INSERT INTO rollcall.favourite_segments (account_id, person_id, segment_id)
VALUES (%(account_id)s::uuid, %(person_id)s::uuid, %(segment_id)s::uuid)
ON CONFLICT DO NOTHING

-- name: remove
DELETE FROM rollcall.favourite_segments
WHERE account_id = %(account_id)s::uuid AND person_id = %(person_id)s::uuid AND segment_id = %(segment_id)s::uuid
