-- name: has_reached
-- A segment that does not exist (deleted, or never created) needs no waiting.
SELECT p.position >= %(wanted)s::bigint
       AND NOT EXISTS (SELECT FROM segments s
                       WHERE s.segment_id = %(segment_id)s::uuid AND s.building <= %(wanted)s::bigint)
FROM projection p

-- name: authenticate
SELECT account_id, key_id, kind FROM rollcall.authenticate(%s::bytea)

-- name: progress
SELECT position, rollcall.log_head() FROM projection

-- name: installation_status
SELECT head, position, waiting_since, recomputing, failed, dead_letters, dead_letters_unpublished
FROM rollcall.standing()

-- name: readiness
SELECT head, position, waiting_since, writable FROM rollcall.readiness()
