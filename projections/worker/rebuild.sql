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
-- The events of an erased customer are empty from the moment at which the erasure is stored. So the new model may have
-- them in other segments than the old one, by which the change stream was written: those whose erasure is not projected
-- yet; and of a switch of which steps are left, those in the version before it.
    WITH erased AS (
        SELECT DISTINCT ON (c.customer_no) c.account_id, c.customer_no, d.notification_id AS position,
               'epoch'::timestamptz + d.effective_at * interval '1 microsecond' AS at
        FROM stored_events d
        JOIN {next}.shards s ON s.shard = shard_of(d.account_id)
        LEFT JOIN {next}.lagging_accounts l ON l.account_id = d.account_id
        JOIN {live}.customers c ON c.account_id = d.account_id AND c.customer_id = d.originator_id
        WHERE d.topic = 'rollcall.customer.deleted' AND d.notification_id > coalesce(l.position, s.position)
          AND d.notification_id > least((SELECT min(position) FROM {next}.shards),
                                        (SELECT min(position) FROM {next}.lagging_accounts))
        ORDER BY c.customer_no, d.notification_id
    ), known AS (
        SELECT v.account_id, v.segment_no, v.version_no, e.customer_no, e.position, e.at,
               o.customer_no IS NOT NULL AS before, n.customer_no IS NOT NULL AS joined
        FROM erased e
        JOIN {next}.segment_versions v ON v.account_id = e.account_id AND v.state = 'serving'
        LEFT JOIN {live}.members o ON o.version_no = v.version_no AND o.customer_no = e.customer_no
        LEFT JOIN {next}.members n ON n.version_no = v.version_no AND n.customer_no = e.customer_no
        WHERE NOT EXISTS (SELECT FROM switches_to_append a
                          WHERE a.version_no = v.version_no AND a.appended_to < e.customer_no
                            AND NOT EXISTS (SELECT FROM switched_customers k
                                            WHERE k.version_no = a.version_no AND k.customer_no = e.customer_no))
        UNION ALL
        SELECT a.account_id, a.segment_no, a.version_no, m.customer_no, a.position, v.began_at, m.before, m.joined
        FROM switches_to_append a
        JOIN {next}.segment_versions v USING (version_no)
        CROSS JOIN LATERAL (
            SELECT coalesce(n.customer_no, o.customer_no) AS customer_no, o.customer_no IS NOT NULL AS before,
                   n.customer_no IS NOT NULL AS joined
            FROM (SELECT customer_no FROM {live}.members
                  WHERE version_no = a.previous AND customer_no > a.appended_to) AS o
            FULL JOIN (SELECT customer_no FROM {next}.members
                       WHERE version_no = a.previous AND customer_no > a.appended_to) AS n USING (customer_no)
        ) AS m
        WHERE NOT EXISTS (SELECT FROM switched_customers k
                          WHERE k.version_no = a.version_no AND k.customer_no = m.customer_no)
    )
    SELECT account_id, segment_no, version_no, customer_no, position, at, joined, 'deletion' AS cause,
           row_number() OVER (ORDER BY position, customer_no, version_no) AS nth
    FROM known
    WHERE before <> joined

-- name: parts
SELECT account_id, part, parts, after, last, defined_at, done FROM {live}.backlog_parts ORDER BY account_id, part
