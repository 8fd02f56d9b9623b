-- name: accounts
-- Here and below: of the accounts of shards, or of one account.
SELECT account_id, timezone, country, (extract(epoch FROM time_passed_to) * 1000000)::bigint,
       (extract(epoch FROM passing_until) * 1000000)::bigint, passing_position,
       (extract(epoch FROM passed_to) * 1000000)::bigint, passed_customer_no, kept_days, kept_since
FROM accounts
WHERE account_id = %(account_id)s OR shard_of(account_id) = ANY (%(shards)s::int[])

-- name: attributes
SELECT account_id, key, type
FROM attributes
WHERE account_id = %(account_id)s OR shard_of(account_id) = ANY (%(shards)s::int[])

-- name: activities
SELECT account_id, activity, properties
FROM known_activities
WHERE account_id = %(account_id)s OR shard_of(account_id) = ANY (%(shards)s::int[])

-- name: measures
SELECT account_id, key, definition::text, since, filled_to, complete
FROM measures
WHERE NOT dropped AND (account_id = %(account_id)s OR shard_of(account_id) = ANY (%(shards)s::int[]))
ORDER BY since, key

-- name: computed
SELECT account_id, key, definition::text, since, serving
FROM computed_attributes
WHERE account_id = %(account_id)s OR shard_of(account_id) = ANY (%(shards)s::int[])

-- name: segments
SELECT account_id, segment_no, segment_id, name, type, filter::text, serving,
       (SELECT max(version_no) FROM segment_versions v WHERE v.segment_no = s.segment_no)
FROM segments s
WHERE account_id = %(account_id)s OR shard_of(account_id) = ANY (%(shards)s::int[])

-- name: evaluated_versions
-- The versions whose members can flip: served or being built. A failed segment keeps its last members.
SELECT s.account_id, s.segment_id, v.version_no, v.filter::text, v.state, s.waiting, v.previous,
       (extract(epoch FROM v.began_at) * 1000000)::bigint, v.built_to
FROM segments s
JOIN segment_versions v ON v.version_no IN (s.serving, s.building)
WHERE s.type = 'dynamic' AND s.failure IS NULL
  AND (s.account_id = %(account_id)s OR shard_of(s.account_id) = ANY (%(shards)s::int[]))
ORDER BY v.version_no

-- name: freezing
SELECT account_id, audience_id, audience_no, included, left_out, copied_to
FROM audiences
WHERE NOT counted AND NOT complete AND (account_id = %(account_id)s OR shard_of(account_id) = ANY (%(shards)s::int[]))
ORDER BY audience_no
