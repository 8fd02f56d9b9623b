-- name: events_by_shard
-- That are left to replay: all, or those after a checkpoint.
SELECT rollcall.shard_of(e.account_id), count(*)
FROM rollcall.stored_events e
WHERE e.notification_id > (SELECT min(position) FROM {next}.shards)
GROUP BY 1

-- name: first_set_aside
SELECT first_position
FROM rollcall.log_parts
WHERE set_aside IS NOT NULL AND last_position > (SELECT min(position) FROM {next}.shards)
ORDER BY first_position
LIMIT 1

-- name: reached
-- The first shard is the last: those without events stay at 0.
SELECT coalesce(min(position), 0) FROM {next}.shards WHERE position > 0

-- name: live_state
-- In one snapshot: the positions, and how far time has passed in each account for which it is passing. By way of JSON,
-- because the model in use may be of a release that had no such columns.
SELECT p.shards, p.lagging, a.account_id, (a.fields->>'passing_position')::bigint,
       (extract(epoch FROM (a.fields->>'time_passed_to')::timestamptz) * 1000000)::bigint,
       (a.fields->>'passed_customer_no')::bigint
FROM ({positions}) AS p
LEFT JOIN (SELECT account_id, to_jsonb(t) AS fields FROM {live}.accounts t) AS a
    ON a.fields->>'passing_position' IS NOT NULL

-- name: positions
SELECT (SELECT jsonb_object_agg(shard, position) FROM {live}.shards) AS shards,
       (SELECT coalesce(jsonb_object_agg(account_id, position), '{{}}') FROM {live}.lagging_accounts) AS lagging

-- name: position_before_shards
-- Of the model of a release that had one position for all accounts.
SELECT (SELECT jsonb_object_agg(shard, p.position) FROM generate_series(0, 63) AS shard) AS shards, '{{}}'::jsonb AS lagging
FROM {live}.projection p

-- name: parts
SELECT account_id, part, parts, after, last, defined_at, done FROM {live}.backlog_parts ORDER BY account_id, part
