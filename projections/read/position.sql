-- name: filters_in_work
SELECT segment_id, unserved_since
FROM segments
WHERE segment_id = ANY (%s::uuid[]) AND unserved_since IS NOT NULL

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
