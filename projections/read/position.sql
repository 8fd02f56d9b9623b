-- name: filters_in_work
-- An edit counts from its own event on, also where its version was begun again by a later one.
SELECT segment_id, CASE WHEN edited > coalesce(serving, 0) THEN edited ELSE building END
FROM segments
WHERE segment_id = ANY (%s::uuid[]) AND building IS NOT NULL

-- name: positions
SELECT account_id, position FROM rollcall.positions_of(%s::uuid[])

-- name: progress
SELECT position, rollcall.log_head() FROM projection

-- name: shard_lags
SELECT shard, rollcall.log_head() - position FROM shards ORDER BY shard

-- name: installation_status
SELECT head, position, waiting_since, recomputing, failed, dead_letters, dead_letters_unpublished
FROM rollcall.standing()

-- name: readiness
SELECT head, position, waiting_since, writable FROM rollcall.readiness()
