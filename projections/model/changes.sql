-- name: plan_for
-- The worker's session probes by key (projections.postgres.database); two versions are compared whole.
SELECT set_config('enable_hashjoin', %(whole_tables)s, true), set_config('enable_mergejoin', %(whole_tables)s, true),
       set_config('enable_seqscan', %(whole_tables)s, true)

-- name: append_flips
-- Of served versions only: what another version changes is appended when it is switched to.
INSERT INTO membership_changes (account_id, segment_no, version_no, customer_no, position, at, joined, cause)
SELECT t.account_id, v.segment_no, t.version_no, t.customer_no, t.position,
       'epoch'::timestamptz + t.at * interval '1 microsecond', t.joined, t.cause
FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::boolean[], %b::text[], %b::uuid[])
    AS t (customer_no, version_no, position, at, joined, cause, account_id)
JOIN segment_versions v ON v.version_no = t.version_no AND v.state = 'serving'
ORDER BY t.position, t.at

-- name: append_switch
-- Nothing where the version was cancelled before it was served. A leave carries the instant of the edit.
INSERT INTO membership_changes (account_id, segment_no, version_no, customer_no, position, at, joined, cause)
SELECT v.account_id, v.segment_no, v.version_no, d.customer_no, %(position)s, coalesce(d.joined_at, v.began_at),
       d.joined_at IS NOT NULL, 'edit'
FROM segment_versions v
CROSS JOIN LATERAL (
    SELECT coalesce(n.customer_no, o.customer_no) AS customer_no, n.joined_at
    FROM (SELECT customer_no, joined_at FROM members WHERE version_no = v.version_no) AS n
    FULL JOIN (SELECT customer_no FROM members WHERE version_no = v.previous) AS o USING (customer_no)
    WHERE n.customer_no IS NULL OR o.customer_no IS NULL
) AS d
WHERE v.version_no = %(version_no)s AND v.state = 'serving'
ORDER BY d.customer_no

-- name: append_deletion
INSERT INTO membership_changes (account_id, segment_no, version_no, customer_no, position, at, joined, cause)
SELECT v.account_id, v.segment_no, v.version_no, m.customer_no, %(position)s::bigint,
       'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond', false, 'segment_deleted'
FROM stored_events e
JOIN segment_versions v ON v.segment_no = e.notification_id AND v.superseded_by = %(position)s::bigint
JOIN members m ON m.version_no = v.version_no
WHERE e.originator_id = %(segment_id)s AND e.originator_version = 1
ORDER BY m.customer_no

-- name: of_segment
SELECT c.change_no, c.account_id, s.originator_id, p.originator_id, c.version_no, c.customer_no, c.position, c.at,
       c.joined, c.cause
FROM (SELECT *
      FROM membership_changes
      WHERE account_id = %(account_id)s::uuid AND segment_no = %(segment_no)s::bigint AND change_no > %(after)s::bigint
      ORDER BY change_no
      LIMIT %(limit)s::int) AS c
JOIN stored_events s ON s.notification_id = c.segment_no AND s.account_id = %(account_id)s::uuid
JOIN stored_events p ON p.notification_id = c.customer_no AND p.account_id = %(account_id)s::uuid
ORDER BY c.change_no

-- name: kept
SELECT change_no, position, rollcall.last_change() FROM forgotten_changes

-- name: forget
-- From the oldest on, up to the first that is not old enough; `position` is the latest of all removed ones.
WITH next AS MATERIALIZED (
    SELECT change_no, position, at >= %(before)s::timestamptz AS kept
    FROM membership_changes
    WHERE change_no > (SELECT change_no FROM forgotten_changes)
      AND (NOT %(published_only)s::boolean OR change_no <= (SELECT change_no FROM published_changes))
    ORDER BY change_no
    LIMIT %(limit)s::int
), old AS MATERIALIZED (
    SELECT change_no, position FROM next WHERE change_no < coalesce((SELECT min(change_no) FROM next WHERE kept), 2^62)
), gone AS (
    DELETE FROM membership_changes c USING old o WHERE c.change_no = o.change_no
)
UPDATE forgotten_changes f
SET change_no = t.change_no, position = greatest(f.position, t.position)
FROM (SELECT max(change_no) AS change_no, max(position) AS position FROM old) AS t
WHERE t.change_no IS NOT NULL

-- name: published_to
SELECT change_no FROM published_changes FOR UPDATE SKIP LOCKED

-- name: next_changes
SELECT c.change_no, c.account_id, s.originator_id, p.originator_id, c.version_no, c.customer_no, c.position, c.at,
       c.joined, c.cause
FROM (SELECT * FROM membership_changes WHERE change_no > %(after)s::bigint ORDER BY change_no LIMIT %(limit)s::int) AS c
JOIN stored_events s ON s.notification_id = c.segment_no
JOIN stored_events p ON p.notification_id = c.customer_no
ORDER BY c.change_no

-- name: move_on
UPDATE published_changes SET change_no = %s
