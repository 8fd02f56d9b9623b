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

-- name: changes_of_erased
-- Of customers whose erasure is in the log and not yet projected. Their events are empty already, so that they may be in
-- other segments in the new model than the change stream says: those of the old one; where the step of a switch that
-- they are part of is not appended yet, those of the version before it.
    SELECT v.account_id, v.segment_no, v.version_no, e.customer_no, e.position, e.at, n.customer_no IS NOT NULL AS joined,
           'deletion' AS cause, row_number() OVER (ORDER BY e.position, e.customer_no, v.version_no) AS nth
    FROM (SELECT DISTINCT ON (c.customer_no) c.account_id, c.customer_no, d.notification_id AS position,
                 'epoch'::timestamptz + d.effective_at * interval '1 microsecond' AS at
          FROM stored_events d
          JOIN {next}.shards s ON s.shard = shard_of(d.account_id)
          LEFT JOIN {next}.lagging_accounts l ON l.account_id = d.account_id
          JOIN {live}.customers c ON c.account_id = d.account_id AND c.customer_id = d.originator_id
          WHERE d.topic = 'rollcall.customer.deleted' AND d.notification_id > coalesce(l.position, s.position)
            AND d.notification_id > least((SELECT min(position) FROM {next}.shards),
                                          (SELECT min(position) FROM {next}.lagging_accounts))
          ORDER BY c.customer_no, d.notification_id) AS e
    JOIN {next}.segment_versions v ON v.account_id = e.account_id AND v.state = 'serving'
    CROSS JOIN LATERAL (SELECT CASE WHEN EXISTS (SELECT FROM switches_to_append a
                                                 WHERE a.version_no = v.version_no AND a.appended_to < e.customer_no)
                                    THEN v.previous ELSE v.version_no END AS version_no) AS known
    LEFT JOIN {live}.members o ON o.version_no = known.version_no AND o.customer_no = e.customer_no
    LEFT JOIN {next}.members n ON n.version_no = known.version_no AND n.customer_no = e.customer_no
    WHERE (o.customer_no IS NULL) <> (n.customer_no IS NULL)

-- name: parts
SELECT account_id, part, parts, after, last, defined_at, done FROM {live}.backlog_parts ORDER BY account_id, part
